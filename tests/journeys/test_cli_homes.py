"""Homes that somebody else wrote, moved, or never was in."""

import sqlite3
from pathlib import Path

import pytest

from graphs_files import COUNT, TYPED, target
from kernel_cli import CommandHere, digest_of

EVERY_VERB = [
    ["run", "{count}"],
    ["resume", "run-1"],
    ["cancel", "run-1"],
    ["status", "run-1"],
    ["list"],
    ["approvals"],
    ["approve", "ap-1"],
    ["reject", "ap-1"],
    ["timeline", "run-1"],
    ["show", "run-1"],
    ["verify", "run-1"],
    ["prune", "run-1"],
    ["sweep"],
]
verbs = pytest.mark.parametrize("words", EVERY_VERB, ids=lambda words: words[0])


@pytest.fixture
def analemma(tmp_path: Path) -> CommandHere:
    return CommandHere(tmp_path / "home")


@pytest.fixture
def count(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_homes", COUNT)


def refused(analemma: CommandHere, words: list[str], count: str) -> str:
    """Return the one line with which a verb refuses a home that it leaves alone."""
    before = digest_of(analemma.home.parent)

    ended = analemma(*(word.format(count=count) for word in words))

    assert ended.code in (1, 2)
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert digest_of(analemma.home.parent) == before
    return f"{ended.code} {ended.err}"


@verbs
def test_a_home_of_a_newer_format_is_left_exactly_as_it_is(
    analemma: CommandHere, count: str, words: list[str]
) -> None:
    assert analemma("run", count, "-i", '{"target": 1}').code == 0
    with sqlite3.connect(analemma.home / "records.sqlite") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()

    line = refused(analemma, words, count)

    assert line.startswith("2 error: ")
    assert "999" in line


@verbs
def test_a_file_is_no_home(analemma: CommandHere, count: str, words: list[str]) -> None:
    analemma.home.write_text("mine")

    assert "is a file, not a directory" in refused(analemma, words, count)


@pytest.mark.parametrize("words", EVERY_VERB[1:], ids=lambda words: words[0])
@pytest.mark.parametrize("made", [True, False], ids=["empty folder", "no folder"])
def test_only_run_makes_a_home(
    analemma: CommandHere, count: str, words: list[str], made: bool
) -> None:
    if made:
        analemma.home.mkdir()

    line = refused(analemma, words, count)

    assert line.startswith(f"2 error: {analemma.home} is no Analemma home")


def test_a_database_of_something_else_is_left_alone(
    analemma: CommandHere, count: str
) -> None:
    analemma.home.mkdir()
    (analemma.home / "records.sqlite").write_text("not a database" * 100)

    line = refused(analemma, ["run", "{count}"], count)

    assert line.startswith("1 error: ")
    assert "records.sqlite" in line


def test_a_damaged_page_is_found_and_named(analemma: CommandHere, count: str) -> None:
    long = '{"target": 1, "long": "' + "x" * 100_000 + '"}'
    assert analemma("run", count, "-i", long).code == 0
    run = analemma.run_id()
    assert analemma("verify", run).code == 0
    damaged = max(
        (path for path in (analemma.home / "pages").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes().replace(b"x", b"y", 1))

    ended, document = analemma("verify", run), analemma("verify", run, "--json")

    assert ended.code == document.code == 1
    assert ended.out.startswith("broken ")
    assert document.document["ok"] is False
    assert document.document["findings"]


def test_a_run_goes_on_in_a_home_that_was_moved(
    analemma: CommandHere, count: str, tmp_path: Path
) -> None:
    words = ["run", count, "-i", '{"target": 5}', "--budget", "supersteps=2"]
    assert analemma(*words).code == 1
    run = analemma.run_id()
    analemma.home.rename(tmp_path / "moved")
    moved = CommandHere(tmp_path / "moved")

    assert moved("resume", run, "--budget", "supersteps=9").code == 0
    assert moved("show", run, "--channel", "count").out == "5\n"


def test_a_run_whose_graph_is_gone_can_be_looked_at_but_not_resumed(
    analemma: CommandHere, tmp_path: Path
) -> None:
    gone = target(tmp_path / "gone", "cli_gone", COUNT)
    words = ["run", gone, "-i", '{"target": 5}', "--budget", "supersteps=2"]
    assert analemma(*words).code == 1
    run = analemma.run_id()
    (tmp_path / "gone" / "cli_gone.py").unlink()

    ended = analemma("resume", run, "--budget", "supersteps=9")

    assert ended.code == 2
    assert "there is no file" in ended.err
    assert analemma("show", run, "--json").document == {"count": 1, "target": 5}
    assert analemma("timeline", run).code == 0


def test_values_that_are_no_json_are_shown_and_come_back_to_the_graph(
    analemma: CommandHere, tmp_path: Path
) -> None:
    typed = target(tmp_path / "graphs", "cli_typed", TYPED)
    assert analemma("run", typed, "--budget", "supersteps=2").code == 1
    run = analemma.run_id()

    shown = analemma("show", run, "--json")

    assert shown.err == ""
    *values, message = shown.document["values"]
    assert values == [{"x": 1}, {"y": 2}, "red", "_wA=", "Infinity"]
    assert message["content"] == "hi"
    assert analemma("resume", run, "--budget", "supersteps=9").code == 0
