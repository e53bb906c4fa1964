"""What files add to the contract: names, half-written pages, a full disk."""

import errno
import os
import stat
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
