"""The process that forks one for each piece of work of a run.

Started once, without a thread of its own, so that a fork copies nothing that is
half done; the imports are paid for once. It reads a request a line and answers a
line, ``{"error": "..."}`` or ``{}``. What a run looked like goes to a file of the
run's directory, because it holds what JSON does not. Stores, graphs and event
loops are made by the children alone.
"""

import gc
import json
import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from equality_graphs import BY_NAME
from equality_kills import KILLS, killed_and_resumed
from equality_random import random_case
from equality_runs import FileRuns
from equality_steps import CUTS, Process, to_the_end
from memory_backends import local_backend

T = TypeVar("T")
SEEN = "seen"


class Died(Exception):
    """A child did not answer. ``status`` is what ``waitpid`` said of it."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told or f"a child ended with status {status}")
        self.status = status


def in_a_child(work: Callable[[], T]) -> T:
    """Do a piece of work in a forked process; return what it returned there.

    Raises:
        Died: it was killed, or it raised, which its text then tells.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        answer: tuple[bool, object]
        try:
            answer = (True, work())
        except BaseException:  # noqa: BLE001  # whatever it is: say so and be gone
            answer = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answered = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status:
        raise Died(status, "")
    done, told = pickle.loads(answered)
    if not done:
        raise Died(0, told)
    result: T = told
    return result


def cut_run(request: dict[str, Any]) -> object:
    """Run one of the graphs, every slice and every batch in a child."""
    directory = Path(request["directory"])
    cut = next(each for each in CUTS if each.name == request["cut"])
    process = Process(
        partial(local_backend, directory),
        BY_NAME[request["case"]],
        FileRuns(directory),
        cut,
    )
    return to_the_end(process, in_a_child)


def killed_run(request: dict[str, Any]) -> object:
    """Run a random graph in children that are cut at random calls."""
    directory, seed = Path(request["directory"]), int(request["seed"])
    process = Process(
        partial(local_backend, directory),
        random_case(seed),
        FileRuns(directory),
        CUTS[seed % len(CUTS)],
    )
    return killed_and_resumed(process, seed, in_a_child, Died)


def main() -> None:
    """Answer requests until there are no more."""
    # What slices log would go to where the answers go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    assert threading.active_count() == 1, "a fork copies one thread only"
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        perform = killed_run if KILLS in request else cut_run
        answer = {}
        try:
            seen = perform(request)
            Path(request["directory"], SEEN).write_bytes(pickle.dumps(seen))
        except Exception:  # noqa: BLE001  # the test says it
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
