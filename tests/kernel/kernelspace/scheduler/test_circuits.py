"""Runs behind breakers: what failed for others is slept for, not asked."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from analemma.errors import ProviderUnavailable
from analemma.hardware.ports import ModelAnswer, ModelRequest, ModelUsage
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.backoff.breaker import Breakers
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.orchestrator import drive as embedded
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.models import current_model
from analemma.records.concurrency_policy import BreakerPolicy
from analemma.records.envelope import WorkerEvent
from analemma.records.transition import Continue, Done, Sleep
from analemma.tools import guarded
from kernel_desk import Desk, InThisThread, program
from kernel_graphs import State
from kernel_machines import HandClock

QUESTION = ModelRequest(prompt="?")
POLICY = BreakerPolicy(failures=2, open_seconds=20)


@dataclass
class Model:
    """A model that is down for its first calls."""

    down: int
    name: str = "gemini/flash"
    asked: list[str] = field(default_factory=list)

    def bound(self, request: ModelRequest) -> ModelUsage:
        return ModelUsage(1, 2, 3)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request.prompt)
        if len(self.asked) <= self.down:
            raise ProviderUnavailable("503")
        return ModelAnswer("!", "flash", ModelUsage(1, 1, 1))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def behind_breakers(desk: Desk, clock: HandClock, model: Model | None = None) -> Desk:
    """Return the desk with breakers by ``clock``, and with a model."""
    machine = replace(
        desk.machine,
        clock=clock,
        breakers=Breakers(desk.machine.records, clock, POLICY),
        model=desk.machine.model if model is None else lambda scripted: model,
    )
    return Desk(machine)


def one_node(node: Callable[[dict[str, str]], dict[str, str]]) -> Any:
    graph = StateGraph(dict)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return program(graph)


def drive(desk: Desk, clock: HandClock, workflow: Any, run_id: str) -> list[int]:
    """Run slices until the run is done; return what it slept."""
    slept = []
    while True:
        transition = desk.slice(workflow, run_id)
        if isinstance(transition, Sleep):
            slept.append(transition.seconds)
            clock.move(transition.seconds)
        elif not isinstance(transition, Continue):
            assert isinstance(transition, Done), transition
            return slept


def test_a_run_sleeps_while_the_model_s_circuit_is_open_and_then_goes_on(
    desk: Desk, clock: HandClock
) -> None:
    model = Model(down=2)
    ours = behind_breakers(desk, clock, model)
    workflow = one_node(lambda state: {"said": current_model().ask(QUESTION).text})
    others = [ours.admit(workflow, {}) for _ in range(2)]
    for run in others:
        assert isinstance(ours.slice(workflow, run.run_id), Sleep)
    run = ours.admit(workflow, {})

    refused = ours.slice(workflow, run.run_id)

    assert isinstance(refused, Sleep)
    assert refused.seconds >= 20
    assert len(model.asked) == 2
    clock.move(refused.seconds + 20)
    assert isinstance(ours.slice(workflow, run.run_id), Continue | Done)
    assert len(model.asked) == 3


def test_a_tool_that_is_down_is_slept_for(desk: Desk, clock: HandClock) -> None:
    calls: list[int] = []

    def search() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("down")
        return "found"

    def node(state: dict[str, str]) -> dict[str, str]:
        while True:
            with suppress(OSError), guarded("search"):
                return {"said": search()}

    ours = behind_breakers(desk, clock)
    workflow = one_node(node)
    run = ours.admit(workflow, {})

    slept = drive(ours, clock, workflow, run.run_id)

    assert len(calls) == 3
    assert slept
    assert slept[0] >= 20


def test_a_worker_s_refused_task_makes_the_run_sleep_and_runs_again(
    desk: Desk, clock: HandClock
) -> None:
    model = Model(down=2)
    ours = behind_breakers(
        desk.with_policy(fan_out_tasks=2, batch_size=1), clock, model
    )

    def work(state: State) -> State:
        return {"seen": [*state["seen"], current_model().ask(QUESTION).text]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(
        START, lambda state: [Send("work", {"seen": [each]}) for each in "abcd"]
    )
    workflow = program(graph)
    run = ours.admit(workflow, {"seen": []})

    def run_batch(event: WorkerEvent) -> None:
        with suppress(ProviderUnavailable, CircuitOpen):
            run_worker(ours.machine, workflow, event)

    def sleep(seconds: float) -> None:
        ours.slept.append(seconds)
        clock.move(40)

    rest = embedded(
        ours.machine,
        owner=LOCAL_OWNER,
        run_id=run.run_id,
        run_slice=lambda event: run_slice(ours.machine, workflow, event),
        workers=InThisThread(run_batch),
        sleep=sleep,
    )

    assert isinstance(rest, Done)
    assert len(ours.slept) == 1
    # Two failed, two were refused, and then each was asked once.
    assert len(model.asked) == 6
    assert ours.output(workflow, run.run_id)["seen"] == [*"a!b!c!d!"]
