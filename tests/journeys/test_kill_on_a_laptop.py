"""A run that is killed again and again ends as if nothing had happened."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.memory.log import entries
from command_line import CommandLine
from kernel_desk import open_desk

KILLS = 20

GRAPH = '''
"""Count, scatter, count again; every task leaves a line in a journal."""
import operator, os, time
from typing import Annotated, TypedDict
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

class State(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]

def journal(name):
    namespace = get_config()["configurable"]["checkpoint_ns"]
    line = f"{name} {namespace.rpartition(':')[2]}\\n".encode()
    file = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)
    os.close(file)
    time.sleep(0.05)

def count(state):
    journal("count")
    return {"seen": [f"count {len(state['seen'])}"]}

def scatter(state):
    if len(state["seen"]) in (12, 37):
        return [Send("work", {"seen": [str(n)]}) for n in range(24)]
    return "count" if len(state["seen"]) < 150 else END

def work(state):
    journal("work")
    return {"seen": ["work " + state["seen"][0]]}

graph = (
    StateGraph(State).add_node(count).add_node(work)
    .add_edge(START, "count")
    .add_conditional_edges("count", scatter, ["count", "work", END])
    .add_edge("work", "count").compile()
)
'''


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_twenty_kills_change_neither_the_result_nor_rerun_what_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = random.Random(random.random())  # seeded: the header says by what
    (tmp_path / "killed.py").write_text(GRAPH)
    journal = tmp_path / "journal"
    home = tmp_path / "home"
    analemma = CommandLine.at(home, JOURNAL=str(journal))
    target = f"{tmp_path / 'killed.py'}:graph"

    started_before: Counter[str] = Counter()
    in_flight: Counter[str] = Counter()
    run_id = ""
    command = ["run", target, "--input", '{"seen": []}', "--key", "killed"]
    for _ in range(KILLS):
        process = analemma.start(*command)
        run_id = run_id or wait_for_run(process)
        wait_until_it_moves(journal)
        time.sleep(moments.uniform(0.0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        durable = finished_tasks(home, run_id)
        for task, starts in lines(journal).items():
            if task in durable:
                # What is durable now must never start again.
                started_before[task] = started_before.get(task) or starts
            else:
                in_flight[task] += 1
        command = ["resume", run_id]

    ended = analemma("resume", run_id, "--json")
    assert ended.code == 0, ended.err
    assert ended.document["status"] == "done"
    for task, starts in lines(journal).items():
        if task in started_before:
            assert starts == started_before[task], "a finished task ran again"
        assert starts <= 1 + in_flight[task], "a task ran more often than it was cut"
    monkeypatch.setenv("JOURNAL", str(tmp_path / "plain"))
    assert analemma("show", run_id, "--json").document == plain_result(tmp_path)
    assert analemma("verify", run_id).code == 0


def wait_for_run(process) -> str:
    line = process.stdout.readline()
    return line.split()[-1]


def wait_until_it_moves(journal: Path) -> None:
    """Wait until another line is written: the process is at work."""
    size = journal.stat().st_size if journal.exists() else 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if journal.exists() and journal.stat().st_size > size:
            return
        time.sleep(0.005)
    raise AssertionError("the run did not go on")


def lines(journal: Path) -> Counter[str]:
    return Counter(line.split()[1] for line in journal.read_text().splitlines())


def finished_tasks(home: Path, run_id: str) -> set[str]:
    with open_desk(home) as desk:
        return {
            write.task_id
            for entry in entries(
                desk.machine.records,
                desk.machine.pages(LOCAL_OWNER),
                LOCAL_OWNER,
                run_id,
            )
            for write in entry.writes
            if write.finished
        }


def plain_result(folder: Path):
    namespace: dict[str, object] = {}
    exec(compile(GRAPH, "killed.py", "exec"), namespace)
    return namespace["graph"].invoke({"seen": []}, {"recursion_limit": 1000})
