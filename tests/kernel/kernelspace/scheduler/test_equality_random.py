"""Random graphs, killed at random: the end is that of a plain invoke.

And what was finished when a process died never started again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from equality_plain import plainly
from equality_processes import Forker, forker
from equality_random import random_case
from equality_runs import FileRuns

SAMPLE = range(40)
REST = range(len(SAMPLE), 1000)
AT_ONCE = 8


@pytest.fixture(scope="module")
def processes() -> Iterator[Forker]:
    """What forks."""
    with forker() as running:
        yield running


def chunks(seeds: range) -> list[range]:
    """Return the seeds, a few to a test."""
    return [seeds[start : start + AT_ONCE] for start in range(0, len(seeds), AT_ONCE)]


@pytest.mark.parametrize(
    "seeds",
    [
        *chunks(SAMPLE),
        *(pytest.param(each, marks=pytest.mark.whole) for each in chunks(REST)),
    ],
    ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}",
)
def test_a_killed_run_of_a_random_graph_equals_a_plain_invoke(
    processes: Forker, seeds: range, tmp_path: Path
) -> None:
    cuts = 0
    for seed in seeds:
        directory = tmp_path / str(seed)
        alone = directory / "plain"
        alone.mkdir(parents=True)
        plain = plainly(random_case(seed), FileRuns(alone))

        survivor = processes.run_and_kill(seed, directory)
        cuts += len(survivor.cuts)

        try:
            survivor.check(plain)
        except AssertionError as error:
            error.add_note(f"seed {seed}, cut {len(survivor.cuts)} times")
            raise
    assert cuts, "no run was cut, so nothing was shown"
