"""Burial writes down what nobody else is left to write down."""

from typing import Any

import pytest

from analemma.errors import LeaseLost, RunNotFound
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.burial import bury
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.value_pages import load_value
from analemma.records.envelope import BuryEvent
from analemma.records.run import RunStatus
from analemma.records.transition import Done, Failed
from kernel_machines import REF, MemoryMachine, moved, run_record


@pytest.fixture
def memory() -> MemoryMachine:
    memory = MemoryMachine()
    ProcessTable(memory.records).admit(run_record(status=RunStatus.RUNNING))
    return memory


def event(cause: str = "killed") -> BuryEvent:
    return BuryEvent(
        run_id="run-1", owner=LOCAL_OWNER, error="Runtime.ExitError", cause=cause
    )


def test_a_buried_run_failed_for_what_was_caught(memory: MemoryMachine) -> None:
    transition = bury(memory.machine(), event())

    record = ProcessTable(memory.records).get(LOCAL_OWNER, "run-1").record
    assert isinstance(transition, Failed)
    assert record.status is RunStatus.FAILED
    assert record.transition == transition
    assert record.failure is not None
    assert record.failure.sentence() == "Runtime.ExitError: killed"
    page = load_value(memory.pages(), transition.ref)
    assert page["cause"] == "Runtime.ExitError: killed"


def test_burying_twice_says_the_same_and_changes_nothing(
    memory: MemoryMachine,
) -> None:
    first = bury(memory.machine(), event())
    stored = ProcessTable(memory.records).get(LOCAL_OWNER, "run-1")

    assert bury(memory.machine(), event("another cause")) == first
    assert ProcessTable(memory.records).get(LOCAL_OWNER, "run-1") == stored


def test_a_run_that_has_ended_meanwhile_keeps_its_end(memory: MemoryMachine) -> None:
    table = ProcessTable(memory.records)
    stored = table.get(LOCAL_OWNER, "run-1")
    done = Done(run_id="run-1", owner=LOCAL_OWNER, ref=REF)
    table.replace(stored, moved(stored.record, status=RunStatus.DONE, transition=done))

    assert bury(memory.machine(), event()) == done


def test_a_long_cause_is_cut(memory: MemoryMachine) -> None:
    bury(memory.machine(), event("x" * 100_000))

    failure = ProcessTable(memory.records).get(LOCAL_OWNER, "run-1").record.failure
    assert failure is not None
    assert len(failure.cause) == 500


def changing(memory: MemoryMachine, monkeypatch: Any, times: int) -> None:
    """Have a slice change the record just before each of the next replacements."""
    table, left = ProcessTable(memory.records), [times]
    put = memory.records.put

    def put_later(*args: Any, **kwargs: Any) -> int:
        if left[0] and kwargs.get("expected"):
            left[0] -= 1
            stored = table.get(LOCAL_OWNER, "run-1")
            more = moved(stored.record, slices=stored.record.slices + 1)
            put(args[0], args[1], more.model_dump_json().encode())
        return put(*args, **kwargs)

    monkeypatch.setattr(memory.records, "put", put_later)


def test_a_record_that_changes_meanwhile_is_read_again(
    memory: MemoryMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing(memory, monkeypatch, 2)

    assert isinstance(bury(memory.machine(), event()), Failed)
    assert ProcessTable(memory.records).get(LOCAL_OWNER, "run-1").record.slices == 2


def test_a_run_that_is_alive_is_not_buried(
    memory: MemoryMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing(memory, monkeypatch, 99)

    with pytest.raises(LeaseLost, match="not buried"):
        bury(memory.machine(), event())
    record = ProcessTable(memory.records).get(LOCAL_OWNER, "run-1").record
    assert record.status is RunStatus.RUNNING


def test_an_unknown_run_cannot_be_buried() -> None:
    with pytest.raises(RunNotFound):
        bury(MemoryMachine().machine(), event())
