"""The workflow registry of an environment: names, and the code they stand for.

In the cloud a run names its workflow; which code that is, the registry says and
never the run. A run record is written by whoever starts runs, and must not be
able to choose a module to import.
"""

import json
from collections.abc import Iterator

from analemma.errors import TargetInvalid
from analemma.hardware.ports import Record, RecordStore
from analemma.kernelspace import layout
from analemma.records.run import WorkflowRef


class WorkflowRegistry:
    """The workflows deployed to one environment."""

    def __init__(self, records: RecordStore, environment: str) -> None:
        self._records = records
        self._environment = environment
        self._partition = layout.workflows_partition(environment)

    def get(self, name: str) -> WorkflowRef:
        """Return the workflow called ``name``.

        Raises:
            TargetInvalid: the environment has none of that name.
        """
        found = self._records.get(self._partition, name)
        if found is None:
            known = ", ".join(each.name for each in self) or "none"
            raise TargetInvalid(
                f"no workflow {name!r} in {self._environment}; deployed are: {known}"
            )
        return _decode(found)

    def __iter__(self) -> Iterator[WorkflowRef]:
        return map(_decode, self._records.query(self._partition))


def _decode(record: Record) -> WorkflowRef:
    return WorkflowRef.model_validate(json.loads(record.body))
