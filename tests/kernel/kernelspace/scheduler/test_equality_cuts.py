"""Whatever the graph and however its run is cut: all is as after a plain invoke.

Every slice and every batch opens the stores anew and builds the graph anew. What
is compared: every channel, the output, what is next, the questions at each stop,
the number of checkpoints, the error, and how often each node ran.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from analemma.kernelspace.program import only_asynchronous
from equality_graphs import CASES, known_difference
from equality_plain import Seen, check, plainly
from equality_runs import FileRuns
from equality_steps import (
    CUTS,
    EVERYTHING,
    ONE,
    SENDS,
    TWO,
    Cut,
    Process,
    here,
    to_the_end,
)
from graphs_case import Case, nobody
from memory_backends import MemoryBackend

ALWAYS = {ONE, TWO, SENDS, EVERYTHING}
"""The cuts of `make test`; `make test-whole` has all."""

T = TypeVar("T")
Plain = Callable[[Case], Seen]

RUN_IN_SLICES = {
    # Error handlers run in the slice that joins.
    "node error handler",
    "error handlers at two levels",
    # The first superstep of an entry point has no __start__ before it.
    "functional",
    "functional with a final value",
    "functional asynchronous",
    "subgraph called in a task",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """What a plain invoke of a graph gives."""

    @cache
    def plain_of(name: str) -> Seen:
        case = next(each for each in CASES if each.name == name)
        return plainly(case, FileRuns(tmp_path_factory.mktemp("plain")))

    return lambda case: plain_of(case.name)


def process(case: Case, cut: Cut, directory: Path) -> Process:
    backend = MemoryBackend()
    return Process(lambda: nullcontext(backend), case, FileRuns(directory), cut)


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(cut, marks=() if cut in ALWAYS else pytest.mark.whole)
        for cut in CUTS
    ],
    ids=str,
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_cut_run_equals_a_plain_invoke(
    request: pytest.FixtureRequest, case: Case, cut: Cut, plain: Plain, tmp_path: Path
) -> None:
    expect_known_difference(request, case, cut)

    check(to_the_end(process(case, cut, tmp_path), here), plain(case))


SENT_OUT = [
    case
    for case in CASES
    if case.answer is nobody
    and not case.approves_breakpoints
    and case.name not in RUN_IN_SLICES
    and not known_difference(case, EVERYTHING)
]
"""Graphs of which slices run nothing: nobody answers, and nothing is named above."""


@pytest.mark.parametrize("case", SENT_OUT, ids=str)
def test_slices_run_no_node_themselves_when_everything_fans_out(
    request: pytest.FixtureRequest, case: Case, tmp_path: Path
) -> None:
    """Else the equality of the cut that hands everything to workers says nothing."""
    work = process(case, EVERYTHING, tmp_path)
    if only_asynchronous(case.build(work.runs)):
        reason = "a graph without a synchronous form does not fan out"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    ran_in_slices: list[str] = []

    def perform(piece: Callable[[], T]) -> T:
        before = len(work.runs)
        done = piece()
        if getattr(piece, "func", None) == work.slice:
            ran_in_slices.extend(list(work.runs)[before:])
        return done

    assert to_the_end(work, perform).runs
    assert not ran_in_slices


def expect_known_difference(
    request: pytest.FixtureRequest, case: Case, cut: Cut
) -> None:
    """Mark a test that fails for a defect of the kernel that is known."""
    if reason := known_difference(case, cut):
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
