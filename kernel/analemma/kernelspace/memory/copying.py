"""Copy and delete whole logs, record by record.

A record is sealed for its place, so a copy is sealed anew. The hashes of the
chain do not cover the run's id, so they hold in the copy as well.
"""

from analemma.hardware.ports import ABSENT, RecordConflict, RecordStore
from analemma.kernelspace.layout import after
from analemma.kernelspace.memory.namespaces import LOGS, prunings
from analemma.kernelspace.memory.seal import Place, seal, unseal


def copy_logs(records: RecordStore, source: str, target: str) -> None:
    """Copy every log of one partition to another, oldest entries first.

    Whatever a crash leaves of it is a shorter, whole log, and copying again
    continues it.

    Raises:
        RecordConflict: the target holds something else.
        ManifestMismatch: stored bytes are not the written ones.
    """
    while True:
        before = prunings(records, source)
        _copy(records, source, target)
        if prunings(records, source) == before:
            return
        # The source was pruned meanwhile: the copy may lack what was moved.
        delete_logs(records, target)


def _copy(records: RecordStore, source: str, target: str) -> None:
    for record in records.query(source, low=LOGS, high=after(LOGS)):
        fields = unseal(Place(source, record.sort), record.body)
        rest = {name: wire for name, wire in fields.values.items() if name != "kind"}
        body = seal(Place(target, record.sort), fields.kind, rest)
        try:
            records.put(target, record.sort, body, expected=ABSENT)
        except RecordConflict as conflict:
            if conflict.current is None or conflict.current.body != body:
                raise


def delete_logs(records: RecordStore, partition: str) -> None:
    """Delete every log of a partition, newest entries first.

    Whatever a crash leaves of it is a shorter, whole log.
    """
    found = records.query(partition, low=LOGS, high=after(LOGS), descending=True)
    for sort in [record.sort for record in found]:
        records.delete(partition, sort)
