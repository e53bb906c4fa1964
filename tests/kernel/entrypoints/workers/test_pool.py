"""Worker processes: killed, failing, stopped; each batch is given out once too many."""

import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from analemma.entrypoints.workers.pool import ProcessWorkers
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.transition import Done, FanOut
from analemma.userspace.targets import load_program, parse_target
from graphs_files import target
from kernel_desk import Desk, open_desk

GRAPH = '''
"""Tasks that die once, by a file that says so."""
import operator, os, pathlib, signal, time
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send

class State(TypedDict, total=False):
    item: str
    folder: str
    seen: Annotated[list[str], operator.add]

def scatter(state):
    return [
        Send("work", {"item": str(n), "folder": state["folder"]}) for n in range(4)
    ]

def work(state):
    folder = pathlib.Path(state["folder"])
    with (folder / f"ran-{state['item']}").open("a") as journal:
        journal.write("x")
    for name, die in (("kill", kill), ("sleep", lambda: time.sleep(60))):
        order = folder / f"{name}-{state['item']}"
        if order.exists():
            order.unlink()
            die()
    return {"seen": [state["item"]]}

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

graph = (
    StateGraph(State).add_node(work)
    .add_conditional_edges(START, scatter, ["work"]).compile()
)
'''


class Scattered:
    """A run that has fanned out, and its batches."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.target = target(folder, "pool_agent", GRAPH)
        self.desk = desk
        self.folder = folder
        self.workflow = load_program(parse_target(self.target))
        value = {"seen": [], "folder": str(folder)}
        self.run_id = desk.admit(self.workflow, value).run_id
        transition = desk.slice(self.workflow, self.run_id)
        assert isinstance(transition, FanOut)
        self.ref = transition.ref
        pages = desk.machine.pages(LOCAL_OWNER)
        self.events: list[WorkerEvent] = list(worker_events(pages, transition.ref))

    def order(self, what: str, item: int) -> None:
        (self.folder / f"{what}-{item}").touch()

    def ran(self) -> list[int]:
        files = [self.folder / f"ran-{item}" for item in range(4)]
        return [len(each.read_text()) if each.exists() else 0 for each in files]

    def joined(self) -> list[str]:
        event = SliceEvent(run_id=self.run_id, owner=LOCAL_OWNER, joins=self.ref)
        transition = run_slice(self.desk.machine, self.workflow, event)
        assert isinstance(transition, Done)
        seen: list[str] = self.desk.output(self.workflow, self.run_id)["seen"]
        return seen


def test_a_killed_worker_is_replaced_and_only_what_was_unfinished_runs_again(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with open_desk(home, fan_out_tasks=2, batch_size=2) as desk:
        run = Scattered(desk, tmp_path / "graphs")
        run.order("kill", 3)

        with ProcessWorkers(home, run.target, attempts=3) as workers:
            workers.run(run.events, 1)

        assert run.joined() == ["0", "1", "2", "3"]
        assert run.ran()[:2] == [1, 1]
        assert run.ran()[3] == 2


@pytest.mark.timeout(45)  # the task sleeps for 60 seconds
def test_a_pool_that_is_left_by_an_error_does_not_wait_for_its_tasks(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with open_desk(home, fan_out_tasks=2, batch_size=4) as desk:
        run = Scattered(desk, tmp_path / "graphs")
        run.order("sleep", 0)

        with (
            pytest.raises(KeyboardInterrupt),
            ProcessWorkers(home, run.target, attempts=1) as workers,
        ):
            stop_when(run, workers)

        assert run.ran()[0] == 1
        assert workers_of(psutil.Process()) == []


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the worker processes among the children, not what tracks them."""
    return [
        child for child in process.children() if "spawn_main" in str(child.cmdline())
    ]


def stop_when(run: Scattered, workers: ProcessWorkers) -> None:
    """Be interrupted, as by Ctrl-C, once the first task is at work."""
    itself = threading.main_thread().ident
    assert itself is not None

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not run.ran()[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.pthread_kill(itself, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    workers.run(run.events, 1)
