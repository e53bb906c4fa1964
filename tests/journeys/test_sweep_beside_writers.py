"""A sweep beside writers deletes what nothing names, and nothing else."""

from pathlib import Path

import pytest

from analemma.hardware.local.home import LocalHome
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from sweep_graph import SUPERSTEPS, config_of, plain
from sweep_names import named_pages
from sweep_sweeper import Ended, Seen, Sweeper
from sweep_writers import Start, processes, threads

WRITERS = 8


def check_run(home: LocalHome, run_id: str, ended: Ended) -> None:
    """Hold a run against a plain invoke, and every byte of it against its hash."""
    found = verify(home.records, home.pages(), LOCAL_OWNER, run_id)
    assert found.ok, (run_id, found.first)
    saver = PagedSaver(home.records, home.pages(), owner=LOCAL_OWNER, writer="reader")
    # The last state is that of a plain run; the ones before it can be loaded.
    states = [
        each.checkpoint["channel_values"]
        for each in saver.list(config_of(run_id), limit=3)
    ]
    assert (states == []) is ended.deleted
    if states:
        whole = plain(ended.chosen)
        assert {name: states[0][name] for name in whole} == whole, run_id


def counts_of(seen: Seen) -> str:
    """Return what happened, as one sentence."""
    return (
        f"{sum(each.supersteps for each in seen.ended.values())} supersteps of "
        f"{len(seen.ended)} runs by {WRITERS} writers, {seen.pruned} entries pruned; "
        f"{seen.rounds} sweeps beside them deleted {seen.deleted} pages, "
        f"{seen.orphans} of them planted; {seen.spared} orphans were stored again "
        f"while a sweep was about to delete them, of which {seen.lost} were deleted"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "runs"), [(threads, 2), (processes, 10)], ids=["threads", "processes"]
)
def test_sweeping_beside_eight_writers_deletes_orphans_and_no_page_of_a_run(
    start: Start, runs: int, tmp_path: Path
) -> None:
    with LocalHome.open(tmp_path / "home") as home:
        with start(home.path, tmp_path / "holds", WRITERS, runs) as ground:
            sweeper = Sweeper(home, ground, WRITERS)
            sweeper.sweep_until_all_left()
        seen, planted = sweeper.seen, sweeper.plant()
        last = sweeper.sweep_once_more()
        left = {page.id for page in home.pages().list()}
        counts = (
            f"{counts_of(seen)}; a last sweep deleted {len(last.pages)} and kept "
            f"{last.kept_pages} pages"
        )

        for run_id, ended in seen.ended.items():
            check_run(home, run_id, ended)
        assert len(seen.ended) >= WRITERS * runs, counts
        assert {each.supersteps for each in seen.ended.values()} == {SUPERSTEPS}
        assert seen.lost == 0, counts
        assert planted <= {page.id for page in last.pages}, counts
        assert left == named_pages(home.records, home.pages(), LOCAL_OWNER), counts
        assert (last.kept_pages, last.young_pages) == (len(left), 0), counts
        assert sweeper.sweep_once_more().pages == (), counts
        # Without these nothing would have been shown.
        assert seen.everything, counts
