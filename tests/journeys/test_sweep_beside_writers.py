"""A sweep beside writers deletes what nothing names, and nothing else."""

from pathlib import Path

import pytest

from analemma.hardware.local.home import LocalHome
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from sweep_graph import SUPERSTEPS, plain
from sweep_names import named_pages
from sweep_sweeper import Seen, Sweeper
from sweep_writers import Start, processes, threads

WRITERS = 8


def check_runs(home: LocalHome, seen: Seen) -> int:
    """Hold every run against a plain invoke; return how many pages they have."""
    pages = 0
    for run_id, ended in seen.ended.items():
        found = verify(home.records, home.pages(), LOCAL_OWNER, run_id)
        assert found.ok, (run_id, found.first)
        saver = PagedSaver(
            home.records, home.pages(), owner=LOCAL_OWNER, writer="reader"
        )
        config = {"configurable": {"thread_id": run_id}}
        loaded = saver.get_tuple(config)
        if ended.deleted:
            assert loaded is None
            continue
        assert loaded is not None
        values = loaded.checkpoint["channel_values"]
        whole = plain(ended.chosen)
        assert {name: values[name] for name in whole} == whole, run_id
        # Every state that is left can be loaded, not only the last one.
        assert sum(1 for _ in saver.list(config)) >= 1
        pages += found.pages
    return pages


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
        seen = sweeper.seen

        assert len(seen.ended) == WRITERS * runs
        assert {each.supersteps for each in seen.ended.values()} == {SUPERSTEPS}
        check_runs(home, seen)
        last = sweeper.sweep_once_more()
        left = {page.id for page in home.pages().list()}
        named = named_pages(home.records, home.pages(), LOCAL_OWNER)
        pages = check_runs(home, seen)

        counts = (
            f"{WRITERS} {start.__name__}, "
            f"{sum(each.supersteps for each in seen.ended.values())} supersteps, "
            f"{seen.rounds} sweeps beside them, which deleted {seen.deleted} pages, "
            f"{seen.orphans} of them planted; {seen.spared} orphans were stored again "
            f"while a sweep was about to delete them, {seen.lost} of these were lost; "
            f"{seen.pruned} entries pruned; the last sweep deleted {len(last.pages)} "
            f"and kept {last.kept_pages} pages, {len(named)} named by records, "
            f"{pages} read by verify"
        )
        print(counts)
        assert seen.lost == 0, counts
        assert left == named, counts
        assert last.kept_pages == len(left), counts
        assert last.young_pages == 0, counts
        assert sweeper.sweep_once_more().pages == (), counts
        assert min(seen.rounds, seen.orphans, seen.spared, seen.pruned) > 0, counts
