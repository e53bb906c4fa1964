"""Runs and their limits: whatever form the graph has, no call passes one."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, RetryPolicy, Send

from analemma.errors import ProviderRejected
from analemma.hardware.ports import ModelRequest
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace import layout
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.orchestrator import drive as embedded
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.models import current_model
from analemma.records.budget import Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.policy import FanOutPolicy, KernelPolicy
from analemma.records.transition import Done, Terminated, TerminationReason
from graphs_case import State
from kernel_desk import Desk, InThisThread, open_desk, program
from kernel_machines import HandClock
from priced_models import PricedModel, question


@dataclass
class Bank:
    """A desk with a priced model, and what its limits are."""

    desk: Desk
    model: PricedModel = field(default_factory=PricedModel)

    def with_limits(self, limits: LimitsPolicy, **policy: Any) -> "Bank":
        """Return a bank whose environment has limits."""
        known = KernelPolicy(limits=limits, **policy)
        machine = replace(
            self.desk.machine, policy=known, model=lambda scripted: self.model
        )
        return Bank(Desk(machine), self.model)

    def evidence(self, ended: Terminated) -> dict[str, Any]:
        """Return why a run was ended."""
        page = self.desk.machine.pages(LOCAL_OWNER).get(PageId(ended.ref))
        found: dict[str, Any] = json.loads(page)
        return found

    def ledger(self, run_id: str) -> Ledger:
        """Return what the run has paid."""
        found = Ledger(self.desk.machine.records, LOCAL_OWNER, run_id, "reader")
        found.load()
        return found


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_desk(tmp_path / "home") as opened:
        yield Bank(opened).with_limits(LimitsPolicy())


def ask(tokens: int = 30, at_most: int = 100) -> str:
    return current_model().ask(question(tokens, at_most=at_most)).text


def parallel() -> Any:
    graph = StateGraph(State)
    for name in "abcdef":
        graph.add_node(name, lambda state: {"seen": [ask()]})
        graph.add_edge(START, name)
    return graph.compile()


def sends(count: int = 6) -> Any:
    graph = StateGraph(State)
    graph.add_node("ask", lambda state: {"seen": [ask()]})
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"item": str(n)}) for n in range(count)]
    )
    return graph.compile()


def asynchronous() -> Any:
    async def node(state: State) -> State:
        return {"seen": [await asyncio.to_thread(ask)]}

    graph = StateGraph(State)
    for name in "abcdef":
        graph.add_node(name, node)
        graph.add_edge(START, name)
    return graph.compile()


def nested() -> Any:
    inner = parallel()
    middle = StateGraph(State)
    middle.add_node("inner", inner)
    middle.add_edge(START, "inner")
    outer = StateGraph(State)
    outer.add_node("middle", middle.compile())
    outer.add_edge(START, "middle")
    return outer.compile()


def functional() -> Any:
    @task
    def one(number: int) -> str:
        return ask()

    @entrypoint()
    def whole(value: dict[str, Any]) -> dict[str, Any]:
        return {"seen": [each.result() for each in [one(n) for n in range(6)]]}

    return whole


FORMS = {
    "parallel": parallel,
    "sends": sends,
    "asynchronous": asynchronous,
    "nested": nested,
    "functional": functional,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_graph_of_any_form_stops_below_its_limit_and_goes_on_above(
    bank: Bank, form: str
) -> None:
    """Six calls at once that take 40 of 110: all at once, or one after the other."""
    workflow = program(FORMS[form]())
    run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=230))

    ended = bank.desk.drive(workflow, run.run_id)

    assert isinstance(ended, Terminated)
    assert ended.reason is TerminationReason.TOKENS
    assert bank.model.billed_tokens <= 230
    assert bank.ledger(run.run_id).tokens == bank.model.billed_tokens
    assert bank.desk.record(run.run_id).used.tokens == bank.model.billed_tokens

    reopen(
        bank.desk.machine,
        owner=LOCAL_OWNER,
        run_id=run.run_id,
        budget=Budget(tokens=1000),
    )
    assert isinstance(bank.desk.drive(workflow, run.run_id), Done)
    assert bank.ledger(run.run_id).total.tokens == bank.model.billed_tokens
    assert bank.ledger(run.run_id).total.micro_usd == bank.model.billed_micro_usd


@pytest.mark.parametrize("form", FORMS)
def test_a_limit_that_suffices_stops_nothing(bank: Bank, form: str) -> None:
    """Though all six calls could have taken 660."""
    workflow = program(FORMS[form]())
    run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=310))

    assert isinstance(bank.desk.drive(workflow, run.run_id), Done)

    assert bank.model.billed_tokens == 240


def test_retries_of_langgraph_are_calls_of_their_own(bank: Bank) -> None:
    def refuse(request: ModelRequest) -> None:
        if len(bank.model.asked) < 3:
            raise ProviderRejected("not yet")

    bank.model.after = refuse
    graph = StateGraph(State)
    graph.add_node(
        "ask",
        lambda state: {"seen": [ask()]},
        retry_policy=RetryPolicy(
            initial_interval=0, jitter=False, max_attempts=9, retry_on=ProviderRejected
        ),
    )
    graph.add_edge(START, "ask")
    workflow = program(graph)
    run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=1000))

    assert isinstance(bank.desk.drive(workflow, run.run_id), Done)

    assert len(bank.model.asked) == 3
    # The two that were refused were not billed, as their error says.
    assert bank.ledger(run.run_id).tokens == 40


def test_a_cached_answer_costs_nothing(bank: Bank) -> None:
    graph = StateGraph(State)
    graph.add_node("ask", lambda state: {"seen": [ask()]}, cache_policy=CachePolicy())
    graph.add_edge(START, "ask")
    workflow = program(graph.compile(cache=InMemoryCache()))
    for tokens in (40, 0):
        run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=200))
        assert isinstance(bank.desk.drive(workflow, run.run_id), Done)
        assert bank.ledger(run.run_id).tokens == tokens

    assert len(bank.model.asked) == 1


# -- workers


def fanning(bank: Bank, limits: LimitsPolicy | None = None) -> Bank:
    fan_out = FanOutPolicy(min_tasks=2, batch_size=2)
    return bank.with_limits(limits or LimitsPolicy(), fan_out=fan_out)


def test_workers_stop_below_the_limit_and_the_run_says_why(bank: Bank) -> None:
    bank = fanning(bank)
    workflow = program(sends())
    run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=185))

    ended = bank.desk.drive(workflow, run.run_id)

    assert isinstance(ended, Terminated)
    assert ended.reason is TerminationReason.TOKENS
    refusal = bank.evidence(ended)["refusal"]
    assert refusal["scope"] == "the run"
    assert (refusal["spent"], refusal["wanted"]) == (80, 110)
    assert bank.model.billed_tokens == 80

    raised = Budget(tokens=500)
    reopen(bank.desk.machine, owner=LOCAL_OWNER, run_id=run.run_id, budget=raised)
    assert isinstance(bank.desk.drive(workflow, run.run_id), Done)
    assert bank.desk.record(run.run_id).used.tokens == 240


def test_a_note_of_workers_is_forgotten_when_what_was_refused_fits(bank: Bank) -> None:
    """A person raises the environment's limit while the workers still run."""
    low = SharedLimit(tokens=185)
    bank = fanning(bank, LimitsPolicy(environment=low))
    workflow = program(sends())
    run = bank.desk.admit(workflow, {"seen": []})

    raised = fanning(bank, LimitsPolicy(environment=SharedLimit(tokens=900)))
    ended = embedded(
        bank.desk.machine,
        owner=LOCAL_OWNER,
        run_id=run.run_id,
        run_slice=lambda event: run_slice(raised.desk.machine, workflow, event),
        workers=InThisThread(
            lambda event: run_worker(
                (bank if len(bank.model.asked) < 2 else raised).desk.machine,
                workflow,
                event,
            )
        ),
        sleep=lambda seconds: None,
    )

    assert isinstance(ended, Done)
    assert bank.model.billed_tokens == 240
    partition = layout.run_partition(LOCAL_OWNER, run.run_id)
    note = bank.desk.machine.records.get(partition, layout.BUDGET_REFUSAL)
    assert note is None


# -- limits that runs share


def test_runs_of_an_environment_stop_together_and_go_on_when_it_is_raised(
    bank: Bank,
) -> None:
    low = LimitsPolicy(environment=SharedLimit(micro_usd=500))
    bank = bank.with_limits(low)
    workflow = program(parallel())
    runs = [bank.desk.admit(workflow, {"seen": []}) for _ in range(2)]

    assert isinstance(bank.desk.drive(workflow, runs[0].run_id), Terminated)
    ended = bank.desk.drive(workflow, runs[1].run_id)

    assert isinstance(ended, Terminated)
    assert ended.reason is TerminationReason.MICRO_USD
    refusal = bank.evidence(ended)["refusal"]
    assert refusal["scope"] == "the environment"
    assert refusal["limit"] == 500
    assert bank.model.billed_micro_usd <= 500

    bank = bank.with_limits(LimitsPolicy(environment=SharedLimit(micro_usd=5000)))
    for run in runs:
        reopen(bank.desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
        assert isinstance(bank.desk.drive(workflow, run.run_id), Done)
    total = sum(bank.ledger(run.run_id).micro_usd for run in runs)
    assert total == bank.model.billed_micro_usd


def test_a_workflow_has_a_limit_by_its_name(bank: Bank) -> None:
    limits = LimitsPolicy(workflows={"dear": SharedLimit(tokens=50)})
    bank = bank.with_limits(limits)
    dear, cheap = program(parallel(), "dear"), program(parallel(), "cheap")

    run = bank.desk.admit(dear, {"seen": []})
    ended = bank.desk.drive(dear, run.run_id)
    assert isinstance(ended, Terminated)
    assert bank.evidence(ended)["refusal"]["scope"] == (
        f"workflow dear, version {'d' * 12}"
    )
    run = bank.desk.admit(cheap, {"seen": []})
    assert isinstance(bank.desk.drive(cheap, run.run_id), Done)


def counting(clock: HandClock | None = None, seconds: float = 0.0) -> Any:
    def step(state: State) -> State:
        if clock is not None:
            clock.move(seconds)
        return {"seen": [str(len(state["seen"]))]}

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: END if len(state["seen"]) >= 10 else "step"
    )
    return graph.compile()


@pytest.mark.parametrize("limit", [1, 2, 5, 11, 12, 22, 30])
def test_supersteps_that_runs_share_are_never_passed(bank: Bank, limit: int) -> None:
    bank = bank.with_limits(LimitsPolicy(environment=SharedLimit(supersteps=limit)))
    workflow = program(counting())
    taken = 0
    for _ in range(3):
        run = bank.desk.admit(workflow, {"seen": []})
        ended = bank.desk.drive(workflow, run.run_id)
        taken += bank.desk.record(run.run_id).used.supersteps
        if isinstance(ended, Terminated):
            assert ended.reason is TerminationReason.SUPERSTEPS
            break

    assert taken == min(limit, 33)  # each run takes 11, its start counted


def test_seconds_that_runs_share_end_a_run_between_supersteps(bank: Bank) -> None:
    limits = LimitsPolicy(workflow_version=SharedLimit(seconds=40))
    bank = bank.with_limits(limits)
    clock = HandClock()
    bank.desk.machine = replace(bank.desk.machine, clock=clock)
    workflow = program(counting(clock, 7.0))
    run = bank.desk.admit(workflow, {"seen": []})

    ended = bank.desk.drive(workflow, run.run_id)

    assert isinstance(ended, Terminated)
    assert ended.reason is TerminationReason.SECONDS
    # 35 of 40 were left to begin the sixth, which is not cut off.
    assert clock.seconds == 42


def test_a_shared_limit_by_the_day_lets_a_run_go_on_the_next_day(bank: Bank) -> None:
    limits = LimitsPolicy(environment=SharedLimit(supersteps=5, per="day"))
    bank = bank.with_limits(limits)
    clock = HandClock()
    bank.desk.machine = replace(bank.desk.machine, clock=clock)
    workflow = program(counting())
    run = bank.desk.admit(workflow, {"seen": []})
    for day in range(2):
        ended = bank.desk.drive(workflow, run.run_id)
        assert isinstance(ended, Terminated), day
        reopen(bank.desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
        clock.move(timedelta(days=1).total_seconds())

    assert isinstance(bank.desk.drive(workflow, run.run_id), Done)


def test_a_slice_that_died_leaves_no_call_uncounted(bank: Bank) -> None:
    """It dies while the model answers: nobody knows what that cost."""

    class Killed(BaseException):
        pass

    def dies(request: ModelRequest) -> None:
        raise Killed

    workflow = program(sends(2))
    run = bank.desk.admit(workflow, {"seen": []}, budget=Budget(tokens=250))
    bank.model.after = dies
    with pytest.raises(Killed):
        bank.desk.slice(workflow, run.run_id)
    died_with = bank.model.billed_tokens
    bank.model.after = lambda request: None

    bank.desk.drive(workflow, run.run_id)

    assert died_with > 0
    assert bank.model.billed_tokens <= 250
    assert bank.ledger(run.run_id).tokens == bank.model.billed_tokens - died_with
