"""The home directory: what opening makes, refuses and leaves alone."""

import errno
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analemma.errors import (
    ConfigInvalid,
    Corrupt,
    HomeTooNew,
    HomeTooOld,
    StoreUnavailable,
)
from analemma.hardware.local.database import APPLICATION_ID, HOME_FORMAT, connect
from analemma.hardware.local.home import LocalHome
from analemma.ids import Owner

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "home.md"


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below ``directory`` with its bytes and its mtime."""
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in sorted([directory, *directory.rglob("*")])
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_fresh_home_is_its_owners_alone(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path / "deep" / "home") as home:
        home.records.put("p", "s", b"")
        home.pages().put(b"page")
        assert mode(home.path) == 0o700
        assert {mode(p) for p in home.path.rglob("*") if p.is_dir()} == {0o700}
        assert {mode(p) for p in home.path.rglob("*") if p.is_file()} == {0o600}


def test_home_has_records_and_pages_and_nothing_else(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path / "home") as home:
        home.records.put("p", "s", b"body")
        page = home.pages(Owner("ann")).put(b"page")
    assert sorted(p.name for p in (tmp_path / "home").iterdir()) == [
        "pages",
        "records.sqlite",
    ]
    path = tmp_path / "home" / "pages" / "ann" / page[:2] / page
    assert path.read_bytes() == b"page"


def test_home_keeps_what_it_held_when_it_is_opened_again(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path) as home:
        home.records.put("p", "s", b"body")
        page = home.pages().put(b"page")
    with LocalHome.open(tmp_path, create=False) as home:
        found = home.records.get("p", "s")
        assert found is not None
        assert found.body == b"body"
        assert home.pages().get(page) == b"page"


def test_format_stands_in_the_header_before_any_checkpoint(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path) as home:
        header = (home.path / "records.sqlite").read_bytes()[:100]
        assert int.from_bytes(header[60:64]) == HOME_FORMAT == 2
        assert int.from_bytes(header[68:72]) == APPLICATION_ID


def test_fresh_home_is_as_the_page_on_its_format_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^```(\w+)[^\n]*\n(.*?)^```", page, re.M | re.S))
    LocalHome.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "records.sqlite") as database:
        tables = database.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")
        found = "".join(f"{sql};\n" for (sql,) in tables)
        size = database.execute("PRAGMA page_size").fetchone()
    database.close()
    header = (tmp_path / "records.sqlite").read_bytes()[60:72]
    assert header == bytes.fromhex(blocks["hex"])
    assert found == blocks["sql"]
    assert f"pages of {size[0]:,} bytes" in page
    assert f"This is\nformat {HOME_FORMAT}." in page


def test_records_are_durable_when_put_returns(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path) as home:
        pragma = home.records._connection.execute
        assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
        assert pragma("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_newer_home_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with LocalHome.open(home) as made:
        made.records.put("p", "s", b"precious")
    with sqlite3.connect(home / "records.sqlite") as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute(f"PRAGMA user_version={HOME_FORMAT + 1}")
        database.execute("PRAGMA journal_mode=WAL")
    database.close()
    (home / "pages").rmdir()
    before = snapshot(tmp_path)
    with pytest.raises(HomeTooNew, match=f"{home} .*format 3.* reads 2"):
        LocalHome.open(home)
    assert snapshot(tmp_path) == before


def test_home_of_the_first_format_is_refused_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with sqlite3.connect(home / "records.sqlite") as database:
        database.execute(
            "CREATE TABLE records (partition TEXT NOT NULL, sort TEXT NOT NULL, "
            "body BLOB NOT NULL, revision INTEGER NOT NULL, "
            "PRIMARY KEY (partition, sort))"
        )
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute("PRAGMA user_version=1")
        database.execute("PRAGMA journal_mode=WAL")
    database.close()
    before = snapshot(tmp_path)
    with pytest.raises(HomeTooOld, match=f"{home} .*format 1.* reads 2; move it away"):
        LocalHome.open(home)
    assert snapshot(tmp_path) == before


def test_newer_format_in_the_write_ahead_log_is_refused(tmp_path: Path) -> None:
    LocalHome.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "records.sqlite") as careless:
        careless.execute("PRAGMA user_version=7")
        with pytest.raises(HomeTooNew, match="format 7"):
            LocalHome.open(tmp_path)
    careless.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database", b"SQLite format 3\0", b"x" * 8192],
    ids=["empty", "text", "cut", "noise"],
)
def test_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "records.sqlite").write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(Corrupt, match=r"records\.sqlite is not a SQLite database"):
        LocalHome.open(tmp_path)
    assert snapshot(tmp_path) == before


def test_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
        theirs.execute("PRAGMA user_version=1")
    theirs.close()
    before = snapshot(tmp_path)
    with pytest.raises(Corrupt, match="another program"):
        LocalHome.open(tmp_path)
    assert snapshot(tmp_path) == before


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.write_text("a file")
    with pytest.raises(ConfigInvalid, match="is a file"):
        LocalHome.open(path)
    assert path.read_text() == "a file"


def test_missing_home_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="no Analemma home"):
        LocalHome.open(tmp_path / "home", create=False)
    assert list(tmp_path.iterdir()) == []


def test_home_in_an_impossible_place_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        LocalHome.open(tmp_path / "file" / "home")


def test_database_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "link", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            LocalHome.open(tmp_path)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == []
    LocalHome.open(tmp_path).close()


def test_many_threads_make_one_home(tmp_path: Path) -> None:
    def visit(number: int) -> int:
        with LocalHome.open(tmp_path / "home") as home:
            return home.records.put("p", "visits", b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(visit, range(16))) == list(range(1, 17))
    assert sorted(p.name for p in (tmp_path / "home").iterdir()) == [
        "pages",
        "records.sqlite",
    ]


def test_directory_in_place_of_the_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").mkdir()
    with pytest.raises(StoreUnavailable):
        LocalHome.open(tmp_path)
    with pytest.raises(StoreUnavailable):
        connect(tmp_path / "records.sqlite")
