"""Metering: every call is entered, summed over processes, and refused in time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from analemma.errors import ConfigInvalid, ProviderRejected
from analemma.hardware.ports import ModelProvider, ModelRequest
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.models import current_model, use_model
from analemma.records.budget import Budget, Usage
from analemma.records.run import RunStatus
from analemma.records.transition import Done, Failed, Terminated, TerminationReason
from graphs_case import State
from kernel_desk import Desk, open_desk, program


def asking(asked: list[str]) -> StateGraph[Any]:
    """Six Sends that ask a model, then a node that asks once more."""

    def ask(state: State) -> State:
        asked.append(state["item"])
        return {"seen": [current_model().ask(ModelRequest("a b c", max_tokens=5)).text]}

    def last(state: State) -> State:
        return ask({"item": "last"})

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("last", last)
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"item": str(n)}) for n in range(6)], ["ask"]
    )
    graph.add_edge("ask", "last")
    graph.add_edge("last", END)
    return graph


def script(request: ModelRequest) -> str:
    return "one two"


def test_what_workers_paid_is_in_the_run(tmp_path: Path) -> None:
    workflow = program(asking([]), scripted_answer=script)
    with open_desk(tmp_path / "home", fan_out_tasks=2, batch_size=1) as desk:
        run = desk.admit(workflow, {"seen": []})

        assert isinstance(desk.drive(workflow, run.run_id), Done)

        assert desk.record(run.run_id).used.tokens == 7 * 5


def test_workers_stop_at_the_budget_and_go_on_with_a_larger_one(
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    workflow = program(asking(asked), scripted_answer=script)
    with open_desk(tmp_path / "home", fan_out_tasks=2, batch_size=1) as desk:
        # 5 tokens a call, and up to 8: after three, a fourth might take too many.
        run = desk.admit(workflow, {"seen": []}, budget=Budget(tokens=20))

        ended = desk.drive(workflow, run.run_id)
        assert isinstance(ended, Terminated)
        assert ended.reason is TerminationReason.TOKENS
        assert desk.record(run.run_id).used.tokens == 15

        reopen(
            desk.machine,
            owner=LOCAL_OWNER,
            run_id=run.run_id,
            budget=Budget(tokens=1000),
        )
        assert isinstance(desk.drive(workflow, run.run_id), Done)
        assert desk.record(run.run_id).used.tokens == 7 * 5
        assert desk.output(workflow, run.run_id)["seen"] == ["one two"] * 7


def test_renewing_forgets_nothing_that_was_paid(tmp_path: Path) -> None:
    workflow = program(asking([]), scripted_answer=script)
    with open_desk(tmp_path / "home", slice_supersteps=2, renew_after_slices=1) as desk:
        run = desk.admit(workflow, {"seen": []})
        desk.slice(workflow, run.run_id, "arn:one")
        used: Usage = desk.record(run.run_id).used
        assert used.tokens == 30

        assert desk.slice(workflow, run.run_id, "arn:one").kind == "renew"

        assert desk.record(run.run_id).used.tokens == used.tokens


def test_a_model_that_refuses_for_good_fails_its_node(tmp_path: Path) -> None:
    def refuse(request: ModelRequest) -> str:
        raise ProviderRejected("the key is not valid")

    workflow = program(asking([]), scripted_answer=refuse)
    with open_desk(tmp_path / "home") as desk:
        run = desk.admit(workflow, {"seen": []})

        assert isinstance(desk.drive(workflow, run.run_id), Failed)

        record = desk.record(run.run_id)
        assert record.status is RunStatus.FAILED
        assert record.failure is not None
        assert record.failure.node == "ask"
        assert record.failure.cause == "ProviderRejected: the key is not valid"


def test_outside_a_run_there_is_a_model_only_where_one_was_put() -> None:
    with pytest.raises(ConfigInvalid, match="use_model"):
        current_model()
    with use_model(ScriptedProvider(["said"])):
        assert current_model().ask(ModelRequest(prompt="p")).text == "said"
    with pytest.raises(ConfigInvalid):
        current_model()


def test_after_a_slice_no_model_is_left_behind(tmp_path: Path) -> None:
    workflow = program(asking([]), scripted_answer=script)
    with open_desk(tmp_path / "home") as desk:
        run = desk.admit(workflow, {"seen": []})
        desk.drive(workflow, run.run_id)

    with pytest.raises(ConfigInvalid):
        current_model()


def test_a_graph_that_asks_no_model_does_not_need_one(tmp_path: Path) -> None:
    def no_client(scripted: object) -> ModelProvider:
        raise ConfigInvalid("the model clients are not installed")

    quiet = StateGraph(State)
    quiet.add_node("node", lambda state: {"seen": ["fine"]})
    quiet.add_edge(START, "node")
    with open_desk(tmp_path / "home") as opened:
        desk = Desk(replace(opened.machine, model=no_client))
        silent, asks = program(quiet), program(asking([]))

        run = desk.admit(silent, {"seen": []})
        assert isinstance(desk.drive(silent, run.run_id), Done)

        run = desk.admit(asks, {"seen": []})
        assert isinstance(desk.drive(asks, run.run_id), Failed)
        failure = desk.record(run.run_id).failure
        assert failure is not None
        assert failure.cause == "ConfigInvalid: the model clients are not installed"


def test_a_slice_connects_to_its_model_once(tmp_path: Path) -> None:
    connections: list[ModelProvider] = []

    def connect(scripted: object) -> ModelProvider:
        connections.append(ScriptedProvider(script))
        return connections[-1]

    workflow = program(asking([]))
    with open_desk(tmp_path / "home") as opened:
        desk = Desk(replace(opened.machine, model=connect))
        run = desk.admit(workflow, {"seen": []})
        assert isinstance(desk.drive(workflow, run.run_id), Done)

    assert len(connections) == 1
