"""Runs of random graphs that are cut at random calls of their stores.

A cut is a real ``SIGKILL``, or a call that fails once as if the store were gone.
Between two cuts a fresh process reads which tasks are finished: none of them may
ever start again.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analemma.errors import StoreUnavailable
from analemma.ids import LOCAL_OWNER, keyed_run_id
from analemma.kernelspace.memory.namespaces import namespaces
from analemma.kernelspace.memory.verify import verify
from equality_plain import Seen, check
from equality_random import LISTS
from equality_steps import KEY, Performer, Process, here, to_the_end
from matrix_stores import Calls, Moment, kill, unavailable, watched
from memory_backends import OWNER, Backend, config_of

KILLS = "kills"
MOST_CUTS = 3
MOST_CALLS_LOG2 = 9.0


@dataclass(frozen=True)
class Left:
    """What a fresh process finds after a cut.

    ``finished`` are the names of the tasks whose writes are durable, ``starts``
    how often each task had started, ``broken`` what ``verify`` found.
    """

    finished: frozenset[str]
    starts: Counter[str]
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Survivor:
    """A run that was cut and came to its end. ``cuts`` has one entry a cut."""

    seen: Seen
    cuts: tuple[Left, ...]
    broken: tuple[str, ...]

    def check(self, plain: Seen) -> None:
        """Hold it against a plain run of the same graph."""
        assert not self.broken
        # People were asked in several processes; what they said is in the state.
        check(replace(self.seen, stops=plain.stops, runs=plain.runs), plain)
        assert self.seen.runs.keys() == plain.runs.keys()
        for name, starts in plain.runs.items():
            again = int(name.partition("@")[0].rpartition("+")[2])
            assert starts == 1 + again, f"{name!r} is not one task's name"
        for name, starts in self.seen.runs.items():
            once = plain.runs[name]
            assert once <= starts <= once + len(self.cuts), (name, starts, once)
        for number, left in enumerate(self.cuts, 1):
            assert not left.broken, f"cut {number}: {left.broken}"
            for name in left.finished:
                assert self.seen.runs[name] == left.starts[name], (
                    f"{name!r} was finished at cut {number} and ran again"
                )


def is_task(name: str) -> bool:
    """Say whether a graph wrote the name of a task, not an answer."""
    return not name.startswith("yes to ")


def killed_and_resumed(
    process: Process, seed: int, perform: Performer, died: type[Exception]
) -> Survivor:
    """Run in processes that are cut, then in one that is not; look at what is left.

    ``perform`` does a piece of work in a process of its own and raises ``died``
    for one that was killed, with the ``status`` of its end.
    """
    chance = random.Random(f"kills {seed}")
    cuts = []
    for _ in range(chance.randint(1, MOST_CUTS)):
        # As often between 8 and 16 as between 128 and 256: runs differ in length.
        call = int(2 ** chance.uniform(0, MOST_CALLS_LOG2))
        moment = chance.choice(list(Moment))
        strike = kill if chance.random() < 0.7 else unavailable
        cut = partial(_run_until, process, Calls(call, moment, strike))
        if _is_cut(cut, perform, died):
            cuts.append(perform(partial(_look, process)))
    seen = perform(partial(to_the_end, process, here))
    return Survivor(seen, tuple(cuts), perform(partial(_look, process)).broken)


def _is_cut(cut: Any, perform: Performer, died: type[Exception]) -> bool:
    """Run in a process until it is cut; say whether it was."""
    try:
        ended: bool = perform(cut)
    except died as end:
        status = getattr(end, "status", 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise
        return True
    return not ended


def _run_until(process: Process, calls: Calls) -> bool:
    """Run to the end, or until a call fails; say whether it was the end."""

    @contextmanager
    def stores() -> Iterator[Backend]:
        with process.stores() as backend:
            yield watched(backend, calls)

    try:
        to_the_end(replace(process, stores=stores), here)
    except StoreUnavailable:
        return False
    return not calls.struck


def _look(process: Process) -> Left:
    """Read what a cut run left."""
    run_id = keyed_run_id(LOCAL_OWNER, KEY)
    with process.stores() as backend:
        found = verify(backend.records, backend.pages, OWNER, run_id).findings
        return Left(
            finished=frozenset(_finished(backend, run_id)),
            starts=Counter(process.runs),
            broken=tuple(str(each) for each in found),
        )


def _finished(backend: Backend, run_id: str) -> Iterator[str]:
    """Yield the names of the tasks whose writes a fresh reader finds."""
    saver = backend.saver()
    for namespace in namespaces(backend.records, OWNER, run_id):
        found = saver.get_tuple(config_of(namespace=namespace, run_id=run_id))
        if found is None:
            continue
        written = list(found.checkpoint["channel_values"].items())
        written += [write[1:] for write in found.pending_writes or ()]
        for channel, value in written:
            if channel in LISTS:
                yield from filter(is_task, value)
