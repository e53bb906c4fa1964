"""Metering: every call is entered, summed over processes, and refused in time."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from analemma.errors import ConfigInvalid, ProviderRejected
from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace import layout
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.metering import BudgetReached, Ledger, MeteredModel
from analemma.models import current_model, use_model
from analemma.records.budget import Budget, Usage
from analemma.records.run import RunStatus
from analemma.records.transition import Done, Failed, Terminated, TerminationReason
from graphs_case import State
from kernel_desk import Desk, open_desk, program
from memory_stores import MemoryRecordStore

ANSWER = ModelAnswer("text", "m", ModelUsage(3, 4, 11))


class PricedModel:
    """A model that answers with what it costs."""

    name = "priced"

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, request: ModelRequest) -> ModelAnswer:
        self.asked += 1
        return ANSWER


def ledger(records: MemoryRecordStore, writer: str, run: str = "run-1") -> Ledger:
    return Ledger(records, LOCAL_OWNER, run, writer)


def test_calls_of_all_processes_add_up_and_none_overwrites_another() -> None:
    records = MemoryRecordStore()
    for writer in ("1-aaaa", "2-bbbb", "w0-cccc"):
        one = ledger(records, writer)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, one=one: one.enter("task", ANSWER), range(10)))
        assert one.tokens == 70

    whole = ledger(records, "3-dddd")
    whole.load()

    assert (whole.tokens, whole.micro_usd) == (3 * 10 * 7, 3 * 10 * 11)


def test_another_run_pays_for_itself() -> None:
    records = MemoryRecordStore()
    ledger(records, "w", "run-1").enter("task", ANSWER)

    other = ledger(records, "w", "run-2")
    other.load()

    assert other.tokens == 0


def test_an_entry_says_what_was_paid_and_nothing_that_was_said() -> None:
    records = MemoryRecordStore()
    ledger(records, "w").enter("task-1", ANSWER)

    (entry,) = records.query(
        layout.run_partition(LOCAL_OWNER, "run-1"), low=layout.LEDGER
    )

    assert entry.sort == "ledger/task-1/w-000001"
    assert json.loads(entry.body) == {
        "model": "m",
        "input_tokens": 3,
        "output_tokens": 4,
        "micro_usd": 11,
    }


@pytest.mark.parametrize(
    ("budget", "calls"),
    [
        (Budget(tokens=1), 1),
        (Budget(tokens=7), 1),
        (Budget(tokens=8), 2),
        (Budget(micro_usd=22), 2),
        (Budget(micro_usd=23, tokens=99), 3),
        (Budget(supersteps=1, seconds=1), 5),
    ],
)
def test_a_call_is_refused_once_nothing_is_left_and_is_not_made(
    budget: Budget, calls: int
) -> None:
    model = PricedModel()
    metered = MeteredModel(lambda: model, ledger(MemoryRecordStore(), "w"), budget)
    graph = StateGraph(State)

    def ask(state: State) -> State:
        for _ in range(5):
            metered.ask(ModelRequest(prompt="p"))
        return {"seen": ["asked"]}

    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")

    if calls < 5:
        with pytest.raises(BudgetReached):
            graph.compile().invoke({"seen": []})
    else:
        graph.compile().invoke({"seen": []})

    assert model.asked == calls


def asking(asked: list[str]) -> StateGraph[Any]:
    """Six Sends that ask a model, then a node that asks once more."""

    def ask(state: State) -> State:
        asked.append(state["item"])
        return {"seen": [current_model().ask(ModelRequest(prompt="a b c")).text]}

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
        run = desk.admit(workflow, {"seen": []}, budget=Budget(tokens=20))

        ended = desk.drive(workflow, run.run_id)
        assert isinstance(ended, Terminated)
        assert ended.reason is TerminationReason.TOKENS
        assert desk.record(run.run_id).used.tokens == 20

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
        connections.append(PricedModel())
        return connections[-1]

    workflow = program(asking([]))
    with open_desk(tmp_path / "home") as opened:
        desk = Desk(replace(opened.machine, model=connect))
        run = desk.admit(workflow, {"seen": []})
        assert isinstance(desk.drive(workflow, run.run_id), Done)

    assert len(connections) == 1
