"""Admission makes a run and executes nothing; reopening makes it go on."""

from typing import Any

import pytest

from analemma.errors import InputInvalid, KeyReused, RunFinished, RunNotFound
from analemma.ids import LOCAL_OWNER, Owner
from analemma.kernelspace.admission import Admission, admit, reopen
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.value_pages import load_value
from analemma.records.budget import Budget, Usage
from analemma.records.policy import KernelPolicy
from analemma.records.run import Attempts, Failure, RunRecord, RunStatus, WorkflowRef
from analemma.records.transition import Failed, Terminated, TerminationReason
from kernel_machines import REF, MemoryMachine, moved

IDS: dict[str, Any] = {"owner": LOCAL_OWNER}
POLICY = KernelPolicy(budget=Budget(supersteps=50, tokens=7))


@pytest.fixture
def memory() -> MemoryMachine:
    return MemoryMachine()


def admitted(memory: MemoryMachine, value: Any = None, **options: Any) -> Admission:
    return admit(
        memory.machine(POLICY),
        owner=LOCAL_OWNER,
        workflow=WorkflowRef(name="w", target="m:g"),
        value={} if value is None else value,
        **options,
    )


def ended(memory: MemoryMachine, status: RunStatus, **changes: Any) -> RunRecord:
    """Admit a run and write down that it ended."""
    run = admitted(memory).record
    ids = {"run_id": run.run_id, "owner": run.owner}
    transition = (
        Terminated(**ids, reason=TerminationReason.SUPERSTEPS, ref=REF)
        if status is RunStatus.TERMINATED
        else Failed(**ids, ref=REF)
    )
    table = ProcessTable(memory.records)
    known = {"status": status, "transition": transition}
    return table.replace(
        table.get(run.owner, run.run_id), moved(run, **(known | changes))
    ).record


def reopened(memory: MemoryMachine, run: RunRecord, **options: Any) -> RunRecord:
    return reopen(memory.machine(POLICY), **IDS, run_id=run.run_id, **options)


def test_an_admitted_run_holds_its_input_and_has_run_nothing(
    memory: MemoryMachine,
) -> None:
    run = admitted(memory, {"n": 1}).record

    assert load_value(memory.pages(), run.input_ref) == {"n": 1}
    assert run.status is RunStatus.ADMITTED
    assert (run.slices, run.used, run.transition) == (0, Usage(), None)
    assert run.created_at == run.updated_at == memory.clock.now()


def test_limits_that_were_given_replace_those_of_the_policy_one_by_one(
    memory: MemoryMachine,
) -> None:
    run = admitted(memory, budget=Budget(supersteps=3, seconds=9)).record

    assert run.budget == Budget(supersteps=3, seconds=9, tokens=7)


def test_one_key_gives_one_run_for_one_owner(memory: MemoryMachine) -> None:
    first, again = admitted(memory, key="k"), admitted(memory, key="k")
    other = admit(
        memory.machine(),
        owner=Owner("other"),
        workflow=WorkflowRef(name="w", target="m:g"),
        value={},
        key="k",
    )

    assert first.fresh
    assert again.record == first.record
    assert other.fresh
    assert other.record.run_id != first.record.run_id
    assert admitted(memory).record.run_id != admitted(memory).record.run_id


def test_one_key_with_two_inputs_is_refused(memory: MemoryMachine) -> None:
    admitted(memory, {"n": 1}, key="k")

    before = dict(memory.pages().cells)

    with pytest.raises(KeyReused):
        admitted(memory, {"n": 2}, key="k")

    assert dict(memory.pages().cells) == before  # the other input is not kept


def test_a_failed_run_is_reopened_as_if_nobody_had_tried_its_last_step(
    memory: MemoryMachine,
) -> None:
    failed = ended(
        memory,
        RunStatus.FAILED,
        failure=Failure(cause="x"),
        attempts=Attempts(checkpoint_id="c", rounds=3),
        used=Usage(supersteps=4),
        slices=2,
    )

    run = reopened(memory, failed)

    assert run.status is RunStatus.ADMITTED
    assert (run.transition, run.failure, run.attempts) == (None, None, None)
    assert run.generation == failed.generation + 1
    assert (run.used, run.slices) == (failed.used, failed.slices)
    assert ProcessTable(memory.records).get(run.owner, run.run_id).record == run


def test_a_done_run_is_finished(memory: MemoryMachine) -> None:
    done = ended(memory, RunStatus.DONE, result_ref=REF)

    with pytest.raises(RunFinished, match=f"analemma show {done.run_id}"):
        reopened(memory, done)


@pytest.mark.parametrize("budget", [None, Budget(supersteps=50), Budget(tokens=99)])
def test_a_budget_that_is_used_up_must_be_raised(
    memory: MemoryMachine, budget: Budget | None
) -> None:
    used_up = ended(memory, RunStatus.TERMINATED, used=Usage(supersteps=50))

    with pytest.raises(InputInvalid, match="has used 50 of 50 supersteps") as refused:
        reopened(memory, used_up, budget=budget)

    assert str(refused.value).endswith("--budget supersteps=N`, N larger than 50")
    table = ProcessTable(memory.records)
    assert table.get(used_up.owner, used_up.run_id).record == used_up


def test_large_figures_are_written_out(memory: MemoryMachine) -> None:
    limits, used = Budget(micro_usd=1_234_567), Usage(micro_usd=1_234_568)
    used_up = ended(memory, RunStatus.TERMINATED, budget=limits, used=used)

    with pytest.raises(InputInvalid, match="has used 1234568 of 1234567 micro_usd"):
        reopened(memory, used_up)


def test_a_larger_budget_reopens_a_terminated_run_and_keeps_other_limits(
    memory: MemoryMachine,
) -> None:
    used_up = ended(memory, RunStatus.TERMINATED, used=Usage(supersteps=50))

    run = reopened(memory, used_up, budget=Budget(supersteps=51))

    assert run.status is RunStatus.ADMITTED
    assert run.budget == Budget(supersteps=51, tokens=7)


def test_a_run_that_moves_is_left_alone_or_only_gets_the_limits(
    memory: MemoryMachine,
) -> None:
    run = admitted(memory).record

    assert reopened(memory, run) == run
    changed = reopened(memory, run, budget=Budget(tokens=8))
    assert changed.budget == Budget(supersteps=50, tokens=8)
    assert (changed.status, changed.generation) == (run.status, run.generation)


def test_a_run_whose_execution_is_gone_gets_a_new_one(memory: MemoryMachine) -> None:
    run = admitted(memory).record

    assert reopened(memory, run, restart=True).generation == run.generation + 1


def test_an_unknown_run_cannot_be_reopened(memory: MemoryMachine) -> None:
    with pytest.raises(RunNotFound, match="run-nowhere"):
        reopen(memory.machine(), **IDS, run_id="run-nowhere")
