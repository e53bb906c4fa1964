"""Every slice and every batch in a process of its own: all is as after one invoke.

The processes share a home, SQLite and files, and nothing else.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from equality_graphs import CASES, known_difference
from equality_plain import check, plainly
from equality_processes import Forker, forker
from equality_runs import FileRuns
from equality_steps import CUTS, ONE, THREE, Cut
from graphs_case import Case

OTHERS = tuple(cut for cut in CUTS if cut not in (ONE, THREE))


@pytest.fixture(scope="module")
def processes() -> Iterator[Forker]:
    """What forks."""
    with forker() as running:
        yield running


@pytest.mark.parametrize(
    "cut",
    [ONE, THREE, *(pytest.param(cut, marks=pytest.mark.whole) for cut in OTHERS)],
    ids=str,
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_run_over_fresh_processes_equals_a_plain_invoke(
    request: pytest.FixtureRequest,
    processes: Forker,
    case: Case,
    cut: Cut,
    tmp_path: Path,
) -> None:
    if reason := known_difference(case, cut):
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    alone = tmp_path / "plain"
    alone.mkdir()

    seen = processes.run(case, cut, tmp_path)

    check(seen, plainly(case, FileRuns(alone)))
