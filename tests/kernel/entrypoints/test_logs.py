"""Logs: what happened, and never what was in the state."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from analemma.entrypoints.logs import log_as_json, log_for_people
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.models import ModelRequest, current_model
from analemma.records.transition import AwaitApproval, Done, Failed
from graphs_case import State
from kernel_desk import open_desk, program

SECRET = "s3cr3t-in-the-state"


@pytest.fixture(autouse=True)
def configuration() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def secretive(failing: bool = False) -> StateGraph[Any]:
    """A graph whose input, channels, sends, prompts and questions are secret."""

    def work(state: State) -> State:
        answer = current_model().ask(ModelRequest(prompt=SECRET + state["item"]))
        return {"seen": [SECRET, answer.text]}

    def ask(state: State) -> State:
        return {"seen": [SECRET + str(interrupt(SECRET))]}

    def last(state: State) -> State:
        if failing:
            raise ValueError(SECRET)
        return {"seen": [SECRET]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_sequence([("ask", ask), ("last", last)])
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": f"{SECRET}{n}"}) for n in range(3)],
        ["work"],
    )
    graph.add_edge("work", "ask")
    return graph


def run_it(home: Path, *, failing: bool) -> None:
    workflow = program(secretive(failing), scripted_answer=lambda request: SECRET)
    with open_desk(home, fan_out_tasks=2, batch_size=1) as desk:
        run = desk.admit(workflow, {"seen": [SECRET]})
        assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
        (approval,) = desk.approvals(run.run_id)
        desk.answer(approval, Answer(approved=True, by="t", edited=True, edit=SECRET))
        ended = desk.drive(workflow, run.run_id)
        assert isinstance(ended, Failed if failing else Done)


@pytest.mark.parametrize("failing", [False, True])
def test_a_whole_run_is_logged_without_anything_of_its_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], failing: bool
) -> None:
    log_as_json()

    run_it(tmp_path / "home", failing=failing)

    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert {"task started", "batch ended", "slice sealed"} <= {
        event["event"] for event in events
    }
    assert {"work", "ask", "last"} <= {event.get("node") for event in events}
    assert all(event["run_id"].startswith("run-") for event in events)
    assert SECRET not in captured.err


def test_people_see_only_what_went_wrong_unless_they_ask_for_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_for_people(verbose=False)
    run_it(tmp_path / "quiet", failing=False)
    quiet = capsys.readouterr()
    log_for_people(verbose=True)
    run_it(tmp_path / "loud", failing=False)
    loud = capsys.readouterr()

    assert quiet.out == quiet.err == ""
    assert "slice sealed" in loud.err
    assert loud.out == ""
