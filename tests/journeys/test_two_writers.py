"""Two processes drive one run: one advances, the other stops and changes nothing."""

import json
import time
from pathlib import Path

import pytest

from command_line import CommandLine, Ended

GRAPH = '''
"""Append a number every time a file lets it; the test holds the file."""
import operator, time
from pathlib import Path
from typing import Annotated, TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict, total=False):
    folder: str
    seen: Annotated[list[str], operator.add]

def step(state):
    number = len(state["seen"])
    folder = Path(state["folder"])
    (folder / f"began-{number}").touch()
    while number == 3 and not (folder / "go").exists():
        time.sleep(0.01)
    return {"seen": [str(number)]}

graph = (
    StateGraph(State).add_node(step).add_edge(START, "step")
    .add_conditional_edges(
        "step", lambda state: "step" if len(state["seen"]) < 6 else END, ["step", END]
    ).compile()
)
'''


@pytest.mark.slow
def test_who_is_overtaken_stops_and_the_other_finishes(tmp_path: Path) -> None:
    (tmp_path / "held.py").write_text(GRAPH)
    analemma = CommandLine.at(tmp_path / "home")
    given = json.dumps({"folder": str(tmp_path), "seen": []})
    with analemma.start("run", f"{tmp_path / 'held.py'}:graph", "-i", given) as first:
        assert first.stdout is not None
        run_id = first.stdout.readline().split()[-1]
        wait_for(tmp_path / "began-3")
        (tmp_path / "began-3").unlink()
        # The first process hangs in step 3. A second one takes the run over ...
        with analemma.start("resume", run_id, "--json") as second:
            wait_for(tmp_path / "began-3")
            # ... and now both go on at once, with the same superstep.
            (tmp_path / "go").touch()
            out, _ = second.communicate(timeout=60)
        second_ended = Ended(second.returncode, out, "")
        first.communicate(timeout=60)

    assert first.returncode == 1
    assert second_ended.code == 0
    assert second_ended.document["status"] == "done"
    shown = analemma("show", run_id, "--json").document
    assert shown["seen"] == ["0", "1", "2", "3", "4", "5"]
    slices = [
        moment
        for moment in analemma("timeline", run_id, "--json").document
        if moment["slice_label"]
    ]
    assert len(slices) == 2
    assert analemma("verify", run_id).code == 0


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.01)
