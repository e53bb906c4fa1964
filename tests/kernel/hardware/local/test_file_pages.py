"""What files add to the contract: names, half-written pages, a full disk."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import PageMissing, StoreUnavailable
from analemma.hardware.local.file_pages import FilePageStore, directory_name
from analemma.ids import Owner, PageId, page_id

OWNER = Owner("local")


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def test_page_stands_under_owner_and_first_two_digits(tmp_path: Path) -> None:
    name = FilePageStore(tmp_path, OWNER).put(b"page")
    assert files(tmp_path) == [f"local/{name[:2]}/{name}"]


def test_stored_page_is_not_written_again(tmp_path: Path) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store.put(b"page")
    path = tmp_path / "local" / name[:2] / name
    before = path.stat()
    store.put(b"page")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def locked(directory: Path, how: int) -> bool:
    """Say whether the lock cannot be had at this moment."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC)


def store_long_ago(store: FilePageStore, root: Path) -> PageId:
    name = store.put(b"page")
    then = LONG_AGO.timestamp()
    os.utime(root / "local" / name[:2] / name, (then, then))
    return name


def test_delete_keeps_every_put_out_while_it_judges_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store_long_ago(store, tmp_path)
    held = []
    unlink, look = Path.unlink, Path.stat

    def watched_unlink(path: Path) -> None:
        held.append(locked(path.parent, fcntl.LOCK_SH))
        unlink(path)

    def watched_look(path: Path, **kwargs: bool) -> os.stat_result:
        held.append(locked(path.parent, fcntl.LOCK_SH))
        return look(path, **kwargs)

    with monkeypatch.context() as watched:
        watched.setattr(Path, "unlink", watched_unlink)
        watched.setattr(Path, "stat", watched_look)
        assert store.delete(name, stored_before=LONG_AGO + timedelta(hours=1))
    assert held == [True, True]
    assert not locked(tmp_path / "local" / name[:2], fcntl.LOCK_EX)


def test_put_keeps_deletes_out_while_it_renews_and_other_puts_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    store_long_ago(store, tmp_path)
    held = []
    utime = os.utime

    def watched(path: Path) -> None:
        held.append(locked(path.parent, fcntl.LOCK_EX))
        held.append(locked(path.parent, fcntl.LOCK_SH))
        utime(path)

    monkeypatch.setattr(os, "utime", watched)
    store.put(b"page")
    assert held == [True, False]


def test_put_keeps_deletes_out_while_a_page_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    held = []
    replace = Path.replace

    def watched(path: Path, target: Path) -> Path:
        held.append(locked(target.parent, fcntl.LOCK_EX))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    store.put(b"page")
    assert held == [True]


@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
def test_nothing_is_synced_under_the_lock_and_no_more_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store_long_ago(store, tmp_path)
    directory = tmp_path / "local" / name[:2]
    if not there:
        (directory / name).unlink()
    held = []
    monkeypatch.setattr(
        os, "fsync", lambda _: held.append(locked(directory, fcntl.LOCK_EX))
    )
    store.put(b"page")
    assert held == [False] * (1 if there else 2)


def test_list_passes_over_what_is_no_page(tmp_path: Path) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store.put(b"page")
    (tmp_path / "local" / "README").write_text("mine")
    (tmp_path / "local" / name[:2] / "notes").write_text("mine")
    assert [page.id for page in store.list()] == [name]


def test_page_deleted_while_its_directory_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store.put(b"page")
    scandir = os.scandir

    def late(path: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        with scandir(path) as entries:
            found = list(entries)
        (path / name).unlink()
        return nullcontext(iter(found))

    with monkeypatch.context() as raced:
        raced.setattr(os, "scandir", late)
        assert list(store.list()) == []


def test_pages_that_cannot_be_listed_or_deleted_are_unavailable(
    tmp_path: Path,
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = store.put(b"page")
    directory = tmp_path / "local" / name[:2]
    (directory / name).unlink()
    (directory / name).mkdir()
    with pytest.raises(StoreUnavailable):
        store.delete(name, stored_before=datetime.now(UTC) + timedelta(hours=1))
    (directory / name).rmdir()
    directory.rmdir()
    (tmp_path / "local").rmdir()
    with pytest.raises(StoreUnavailable):
        list(store.list())


def test_full_disk_leaves_no_page_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)

    def full(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            store.put(b"page")
    assert files(tmp_path) == []
    assert not store.has(page_id(b"page"))
    store.put(b"page")
    assert store.get(page_id(b"page")) == b"page"


def test_page_and_its_name_are_synced_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = page_id(b"page")
    parent = tmp_path / "local" / name[:2]
    synced = []

    def fsync(handle: int) -> None:
        found = os.fstat(handle)
        present = parent.exists() and (parent / name).exists()
        synced.append((found.st_ino, present))

    monkeypatch.setattr(os, "fsync", fsync)
    store.put(b"page")
    # The page's bytes before it has its name, the directory after.
    assert ((parent / name).stat().st_ino, False) in synced
    assert synced[-1] == (parent.stat().st_ino, True)


@pytest.mark.parametrize("name", ["..", "../../secret", "x" * 64])
def test_bad_page_id_never_reaches_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = FilePageStore(tmp_path / "pages", OWNER)
    (tmp_path / "secret").write_bytes(b"secret")

    def touched(*_: object, **__: object) -> None:
        pytest.fail("a bad page id became a path")

    for method in ("read_bytes", "exists", "open", "stat"):
        monkeypatch.setattr(Path, method, touched)
    assert not store.has(PageId(name))
    with pytest.raises(PageMissing):
        store.get(PageId(name))


def test_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="pages"):
        FilePageStore(tmp_path / "pages", OWNER)


def test_file_in_place_of_a_directory_is_unavailable(tmp_path: Path) -> None:
    store = FilePageStore(tmp_path, OWNER)
    name = page_id(b"page")
    (tmp_path / "local" / name[:2]).write_text("in the way")
    for call in (lambda: store.put(b"page"), lambda: store.get(name)):
        with pytest.raises(StoreUnavailable):
            call()


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_owners_have_names_of_their_own_even_where_case_is_ignored(
    one: str, other: str
) -> None:
    first, second = directory_name(Owner(one)), directory_name(Owner(other))
    assert (first.casefold() == second.casefold()) == (one == other)
    assert not set(first) & set("./\\\0: ~")


def test_owner_too_long_for_a_directory_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        directory_name(Owner("é" * 128))
