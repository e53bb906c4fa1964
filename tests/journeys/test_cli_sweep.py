"""``analemma prune`` and ``analemma sweep``, as a person types them."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from analemma.hardware.local.home import PAGES, LocalHome
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace.layout import run_partition
from analemma.kernelspace.process_table import ProcessTable
from graphs_files import target
from kernel_cli import CommandHere, digest_of

REPORT = '''
"""Write a report anew, too large for a record, until the target is reached."""
import random
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict, total=False):
    target: int
    count: int
    report: str
    given: str

def step(state):
    count = state.get("count", 0) + 1
    return {"count": count, "report": random.Random(count).randbytes(9000).hex()}

graph = (
    StateGraph(State).add_node(step).add_edge(START, "step")
    .add_conditional_edges(
        "step", lambda s: "step" if s["count"] < s["target"] else END, ["step", END]
    ).compile()
)
'''
THREE_DAYS = 3 * 24 * 3600
KEEP_A_DAY = '{"retention": {"ended_runs_days": 1}}'
WIDTH = 80


@pytest.fixture
def analemma(tmp_path: Path) -> CommandHere:
    return CommandHere(tmp_path / "home")


@pytest.fixture
def report(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_sweep", REPORT)


def ran(analemma: CommandHere, report: str, target: int = 5) -> str:
    """Run to the end; return the run's id."""
    given = f'{{"target": {target}, "given": "{"given " * 3000}"}}'
    assert analemma("run", report, "--input", given).code == 0
    return analemma.run_id()


def grow_old(analemma: CommandHere) -> None:
    """Make every page look as if it had been stored three days ago."""
    then = time.time() - THREE_DAYS
    for path in (analemma.home / PAGES / LOCAL_OWNER).rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def end_long_ago(analemma: CommandHere, run_id: str) -> None:
    """Make a run look as if it had ended three days ago."""
    with LocalHome.open(analemma.home) as home:
        table = ProcessTable(home.records)
        stored = table.get(LOCAL_OWNER, run_id)
        then = stored.record.updated_at - timedelta(seconds=THREE_DAYS)
        table.replace(stored, stored.record.model_copy(update={"updated_at": then}))


def stored(analemma: CommandHere) -> set[PageId]:
    """Return the pages there are."""
    with LocalHome.open(analemma.home) as home:
        return {page.id for page in home.pages().list()}


def records(analemma: CommandHere) -> list[object]:
    """Return the records there are."""
    with LocalHome.open(analemma.home) as home:
        return [*home.records.scan("")]


def is_narrow(text: str) -> bool:
    """Say whether no line is longer than a terminal is wide; paths apart."""
    lines = [line.rstrip() for line in text.splitlines() if "--home" not in line]
    return max(map(len, lines)) <= WIDTH


# -- prune


def test_prune_keeps_the_last_state_and_says_what_went(
    analemma: CommandHere, report: str
) -> None:
    run_id = ran(analemma, report)
    last = analemma("show", run_id, "--json").document

    ended = analemma("prune", run_id)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{run_id}: 7 entries of its log deleted\n")
    assert "analemma sweep" in ended.out
    assert is_narrow(ended.out)
    assert analemma("show", run_id, "--json").document == last
    assert len(analemma("timeline", run_id, "--json").document) == 1
    assert analemma("verify", run_id).code == 0


def test_pruned_run_goes_on_where_it_stood(analemma: CommandHere, report: str) -> None:
    given = '{"target": 9}'
    stopped = analemma("run", report, "-i", given, "--budget", "supersteps=5")
    assert stopped.code == 1
    run_id = analemma.run_id()
    assert analemma("prune", run_id).code == 0

    resumed = analemma("resume", run_id, "--budget", "supersteps=50", "--json")

    assert resumed.code == 0
    assert resumed.document["used"]["supersteps"] == 10
    assert analemma("show", run_id, "--json").document["count"] == 9
    assert analemma("verify", run_id).code == 0


def test_prune_of_a_pruned_run_has_nothing_to_do(
    analemma: CommandHere, report: str
) -> None:
    run_id = ran(analemma, report)

    first = analemma("prune", run_id, "--json")
    again = analemma("prune", run_id, "--json")

    assert first.document == {"run_id": run_id, "removed": 7}
    assert (again.code, again.document) == (0, {"run_id": run_id, "removed": 0})
    assert analemma("prune", run_id).out == f"{run_id}: nothing to delete\n"


def test_prune_of_an_unknown_run_changes_nothing(
    analemma: CommandHere, report: str
) -> None:
    ran(analemma, report)
    before = records(analemma)

    ended = analemma("prune", "run-00000000000000000000000000")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: no run 'run-00000000000000000000000000'")
    assert records(analemma) == before


@pytest.mark.parametrize("words", [["prune", "run-1"], ["sweep"]], ids=lambda w: w[0])
@pytest.mark.parametrize("made", [True, False], ids=["empty folder", "no folder"])
def test_folder_that_is_no_home_is_left_alone(
    analemma: CommandHere, words: list[str], made: bool
) -> None:
    if made:
        analemma.home.mkdir()
    before = digest_of(analemma.home.parent)

    ended = analemma(*words)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {analemma.home} is no Analemma home")
    assert digest_of(analemma.home.parent) == before


# -- sweep


def test_sweep_of_young_pages_says_why_they_stay(
    analemma: CommandHere, report: str
) -> None:
    analemma("prune", ran(analemma, report))
    before = stored(analemma)

    ended = analemma("sweep")

    assert ended.code == 0
    assert ended.out.splitlines()[0] == "deleted 0 runs and 0 pages (0 bytes)"
    assert "that nothing names, stored within the last 48 h" in ended.out
    assert is_narrow(ended.out)
    assert stored(analemma) == before


def test_sweep_deletes_what_a_dry_run_says(analemma: CommandHere, report: str) -> None:
    run_id = ran(analemma, report)
    last = analemma("show", run_id, "--json").document
    analemma("prune", run_id)
    grow_old(analemma)
    before, pages = records(analemma), stored(analemma)

    said = analemma("sweep", "--dry-run", "--json")
    assert (records(analemma), stored(analemma)) == (before, pages)
    done = analemma("sweep", "--json")

    assert (said.code, done.code, said.err, done.err) == (0, 0, "", "")
    assert said.document == {**done.document, "dry_run": True}
    gone = done.document["pages"]
    assert {page["why"] for page in gone} == {"no record names it"}
    assert sum(page["size_bytes"] for page in gone) == done.document["freed_bytes"] > 0
    assert stored(analemma) == pages - {page["id"] for page in gone}
    assert records(analemma) == before
    assert analemma("show", run_id, "--json").document == last
    assert analemma("verify", run_id).code == 0


def test_dry_run_names_every_page_with_size_age_and_reason(
    analemma: CommandHere, report: str
) -> None:
    analemma("prune", ran(analemma, report))
    grow_old(analemma)

    ended = analemma("sweep", "--dry-run")

    document = analemma("sweep", "--dry-run", "--json").document
    assert document["pages"]
    for page in document["pages"]:
        (line,) = [
            line for line in ended.out.splitlines() if line.startswith(page["id"][:12])
        ]
        assert f"{page['size_bytes']:,}" in line
        assert page["stored_at"].replace("T", " ")[:16] in line
        assert page["why"] in line
    assert f"would delete 0 runs and {len(document['pages'])} pages" in ended.out
    assert ended.out.splitlines()[-1] == "do it: analemma sweep"
    assert is_narrow(ended.out)


def test_next_step_names_a_home_that_is_not_the_usual_one(
    analemma: CommandHere, report: str, tmp_path: Path
) -> None:
    analemma("prune", ran(analemma, report))
    grow_old(analemma)

    ended = CommandHere(tmp_path / "other")(
        "sweep", "--dry-run", "--home", str(analemma.home)
    )

    last = ended.out.splitlines()[-1]
    assert last == f"do it: analemma sweep --home {analemma.home}"


def test_long_list_is_cut_for_people_and_whole_as_json(
    analemma: CommandHere, report: str
) -> None:
    analemma("prune", ran(analemma, report, target=30))
    grow_old(analemma)

    pages = analemma("sweep", "--dry-run", "--json").document["pages"]
    text = analemma("sweep", "--dry-run").out

    assert len(pages) > 25
    assert f"and {len(pages) - 20} pages more; --json shows all" in text
    assert len([line for line in text.splitlines() if line.endswith(" it")]) == 20


def test_run_past_its_retention_goes_and_others_stay(
    analemma: CommandHere, report: str
) -> None:
    gone = ran(analemma, report)
    stays = ran(analemma, report, target=3)
    end_long_ago(analemma, gone)
    grow_old(analemma)
    keeps_a_day = CommandHere(analemma.home, {"ANALEMMA_POLICY": KEEP_A_DAY})
    assert analemma("sweep", "--json").document["runs"] == []

    said = keeps_a_day("sweep", "--dry-run")
    done = keeps_a_day("sweep")

    assert f"would delete {gone}, ended " in said.out
    assert f"\ndeleted {gone}, ended " in f"\n{done.out}"
    assert "its run ended too long ago" in done.out
    assert "deleted 1 run and " in done.out
    assert is_narrow(said.out)
    assert [run["run_id"] for run in analemma("list", "--json").document] == [stays]
    assert analemma("show", gone).code == 2
    assert not [
        each
        for each in records(analemma)
        if run_partition(LOCAL_OWNER, gone) in str(each)
    ]
    assert analemma("show", stays, "--json").document["count"] == 3
    assert analemma("verify", stays).code == 0


def test_damaged_record_fails_a_sweep_that_deletes_nothing(
    analemma: CommandHere, report: str
) -> None:
    run_id = ran(analemma, report)
    analemma("prune", run_id)
    grow_old(analemma)
    with LocalHome.open(analemma.home) as home:
        partition = run_partition(LOCAL_OWNER, run_id)
        *_, last = home.records.query(partition, low="log/", high="log/~")
        home.records.put(partition, last.sort, last.body[:-1] + b"?")
    before = stored(analemma)

    ended = analemma("sweep")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: record log/")
    assert ended.err.count("\n") == 1
    assert stored(analemma) == before
    assert analemma("verify", run_id).code == 1


def test_sweep_of_an_encrypted_home_keeps_what_its_runs_name(
    analemma: CommandHere, report: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    assert analemma("key", "create", str(key)).code == 0
    held = {"ANALEMMA_ENCRYPTION_KEY_FILE": str(key)}
    encrypted = CommandHere(analemma.home, held)
    run_id = ran(encrypted, report)
    pages = stored(analemma)
    grow_old(analemma)

    assert encrypted("sweep", "--json").document["pages"] == []
    assert stored(analemma) == pages
    encrypted("prune", run_id)
    assert encrypted("sweep", "--json").document["pages"] != []
    assert encrypted("show", run_id, "--json").document["count"] == 5
    assert encrypted("verify", run_id).code == 0
    assert analemma("sweep").code == 2
