"""Every graph whose runs are held against a plain ``invoke``, by name."""

import equality_asking
import equality_flow
import equality_nesting
import equality_state
import graphs_flow
import graphs_nesting
import graphs_state
import graphs_waiting
from equality_steps import ONE, SENDS, SEVEN, THREE, TWO, UNCUT, Cut
from graphs_case import Case

CASES: tuple[Case, ...] = (
    *graphs_flow.CASES,
    *equality_flow.CASES,
    *graphs_nesting.CASES,
    *equality_nesting.CASES,
    *graphs_waiting.CASES,
    *equality_asking.CASES,
    *graphs_state.CASES,
    *equality_state.CASES,
)
BY_NAME = {case.name: case for case in CASES}

assert len(BY_NAME) == len(CASES) >= 28

SLICED = (ONE, TWO, THREE, SEVEN, UNCUT)

RESUMED = "a slice that begins at a subgraph with a memory resumes it, as if it asked"
UNSAVED = "LangGraph 1.2.22 cannot run a subgraph without checkpoints durably"
HELD_BELOW = "a breakpoint of a subgraph fails the run, or is passed on a worker"
APPLIED = "the last worker of a superstep dies of what its join is to fail for"

_EQUAL: dict[str, tuple[str, tuple[Cut, ...]]] = {
    "subgraph with a memory": (RESUMED, (TWO, SEVEN, UNCUT, SENDS)),
    "subgraph without checkpoints": (UNSAVED, ()),
    "breakpoint of a subgraph": (HELD_BELOW, ()),
    "two writers of one value": (APPLIED, (*SLICED, SENDS)),
}
"""Graphs with a known difference: why, and the cuts at which there is none."""


def known_difference(case: Case, cut: Cut) -> str:
    """Return why a run of the graph is known to differ, or nothing."""
    reason, equal = _EQUAL.get(case.name, ("", ()))
    return "" if cut in equal else reason
