"""The registry: names of an environment, and nothing of another one."""

import pytest

from analemma.errors import TargetInvalid
from analemma.kernelspace import layout
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.records.run import WorkflowRef
from memory_stores import MemoryRecordStore


@pytest.fixture
def records() -> MemoryRecordStore:
    records = MemoryRecordStore()
    for environment, name in (("dev", "auditor"), ("dev", "zebra"), ("prod", "other")):
        workflow = WorkflowRef(name=name, target=f"{name}.graph:graph")
        records.put(
            layout.workflows_partition(environment),
            name,
            workflow.model_dump_json().encode(),
        )
    return records


def test_a_name_stands_for_the_workflow_that_was_deployed(
    records: MemoryRecordStore,
) -> None:
    found = WorkflowRegistry(records, "dev").get("auditor")

    assert found == WorkflowRef(name="auditor", target="auditor.graph:graph")


def test_workflows_are_listed_by_name(records: MemoryRecordStore) -> None:
    assert [each.name for each in WorkflowRegistry(records, "dev")] == [
        "auditor",
        "zebra",
    ]


def test_an_unknown_name_is_refused_with_those_that_are_there(
    records: MemoryRecordStore,
) -> None:
    with pytest.raises(TargetInvalid, match=r"'other' in dev.*auditor, zebra"):
        WorkflowRegistry(records, "dev").get("other")
    with pytest.raises(TargetInvalid, match="deployed are: none"):
        WorkflowRegistry(records, "empty").get("auditor")


def test_a_target_is_no_name(records: MemoryRecordStore) -> None:
    """Who starts a run in the cloud must not choose a module to import."""
    with pytest.raises(TargetInvalid):
        WorkflowRegistry(records, "dev").get("os:system")
