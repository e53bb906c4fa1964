"""Pages as files: ``<root>/<owner>/<first two digits>/<sha256>``.

A page is written under ``<root>/.partial/``, synced and renamed into place, so
that a name never stands for half a page. What a killed process leaves in
``.partial`` is named by nothing and may be deleted whenever no process runs.

The modification time of a page is when it was last stored. ``put`` renews it and
``delete`` judges by it, each under a lock on the page's own directory: shared and
exclusive. The lock is ``flock`` on a handle that is opened for each call, so it
holds among threads as among processes. Nothing slow happens under it: a put syncs
before and after, so sweeps and writers wait for microseconds.

A put of a new page is two fsyncs, of one that is there one fsync, as without the
lock, which adds two calls of ``flock`` to each look or rename.
"""

import contextlib
import fcntl
import os
import string
import tempfile
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analemma.errors import PageCorrupt, PageMissing, StoreUnavailable
from analemma.hardware.local.durable import make_directory
from analemma.hardware.ports.pages import StoredPage, is_due
from analemma.ids import Owner, PageId, is_page_id, page_id

_PLAIN = frozenset((string.ascii_lowercase + string.digits + "-_").encode())
_MAX_NAME_BYTES = 255
# The kernel stamps files by a clock that ticks, behind the one that Python reads.
_COARSE = timedelta(seconds=1)


class FilePageStore:
    """The ``PageStore`` of one owner on a laptop.

    Safe among threads and processes.
    """

    def __init__(self, root: Path, owner: Owner) -> None:
        """Keep the pages of ``owner`` below ``root``, whose parent must exist.

        Raises:
            ValueError: ``owner`` is empty or too long for a directory's name.
            StoreUnavailable: the directories cannot be made.
        """
        self._owned = root / directory_name(owner)
        self._partial = root / ".partial"
        self._made: set[str] = set()
        with self._edge():
            for directory in (root, self._owned, self._partial):
                make_directory(directory)

    def put(self, page: bytes) -> PageId:
        """Store ``page`` under its SHA-256 and return that id.

        Durable when it returns: file and directory are synced, also when the
        page was there, because whoever wrote it may not have come to that yet.
        The renewed age of a page that was there may be lost with the power; the
        process that it protects is lost as well then.

        Raises:
            StoreUnavailable: the disk is full or does not answer.
        """
        name = page_id(page)
        path = self._path(name)
        with self._edge():
            self._make_parent(path)
            with _opened(path.parent) as directory:
                if not _renewed(path, directory):
                    self._write(page, path, directory)
                os.fsync(directory)
        return name

    def get(self, page: PageId) -> bytes:
        """Return the bytes of ``page``.

        Raises:
            PageMissing: no such page, or no id that a page could have.
            PageCorrupt: the stored bytes do not hash to their id.
            StoreUnavailable: the disk does not answer.
        """
        with self._edge():
            try:
                stored = self._path(page).read_bytes()
            except FileNotFoundError:
                raise PageMissing(f"page {page} is not in {self._owned}") from None
        if page_id(stored) != page:
            raise PageCorrupt(
                f"page {page} hashes to {page_id(stored)}; "
                f"restore {self._path(page)} from a backup"
            )
        return stored

    def has(self, page: PageId) -> bool:
        """Say whether ``page`` is stored, without reading it.

        Raises:
            StoreUnavailable: the disk does not answer.
        """
        if not is_page_id(page):
            return False
        with self._edge():
            return self._path(page).exists()

    def list(self) -> Iterator[StoredPage]:
        """Yield every page of the owner; reads one of 256 directories at a time.

        Raises:
            StoreUnavailable: the disk does not answer.
        """
        with self._edge():
            directories = sorted(self._owned.iterdir())
        for directory in directories:
            with self._edge():
                found = [*_pages_in(directory)]
            yield from found

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        """Remove ``page`` if it was last stored before that moment; say whether.

        A page stored less than a second before it stays.

        Raises:
            StoreUnavailable: the disk does not answer.
        """
        if not is_page_id(page):
            return False
        path = self._path(page)
        with self._edge():
            try:
                with _opened(path.parent) as directory, _locked(directory, alone=True):
                    if _stored_at(path.stat()) + _COARSE > stored_before:
                        return False
                    path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, page: PageId) -> Path:
        if not is_page_id(page):
            raise PageMissing(f"page {page[:80]!r} is no SHA-256; nothing has that id")
        return self._owned / page[:2] / page

    def _make_parent(self, path: Path) -> None:
        if path.parent.name not in self._made:
            make_directory(path.parent)
            self._made.add(path.parent.name)

    def _write(self, page: bytes, path: Path, directory: int) -> None:
        handle, draft = tempfile.mkstemp(dir=self._partial)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
            with _locked(directory):
                Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _edge(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(
                f"pages in {self._owned} did not answer ({error}); "
                "check disk and permissions"
            ) from error


def _renewed(path: Path, directory: int) -> bool:
    """Say whether the page is there, and see to it that it is young."""
    with _locked(directory):
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        if is_due(_stored_at(found), datetime.now(UTC)):
            os.utime(path)
    return True


def _pages_in(directory: Path) -> Iterator[StoredPage]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if is_page_id(entry.name):
                    # Deleted since the directory was read.
                    with contextlib.suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield StoredPage(
                            PageId(entry.name), found.st_size, _stored_at(found)
                        )
    except NotADirectoryError:
        return  # Somebody else's file.


def _stored_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


@contextlib.contextmanager
def _opened(directory: Path) -> Generator[int]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(directory: int, *, alone: bool = False) -> Generator[None]:
    fcntl.flock(directory, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        yield
    finally:
        fcntl.flock(directory, fcntl.LOCK_UN)


def directory_name(owner: Owner) -> str:
    """Return the one directory name of ``owner``, and of nobody else.

    Stricter than URL quoting: dots and capitals are quoted too, because ``..``
    is a path and because a file system may not tell ``A`` from ``a``.

    Raises:
        ValueError: ``owner`` is empty, or too long for a file system.
    """
    name = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in owner.encode()
    )
    if not 0 < len(name) <= _MAX_NAME_BYTES:
        raise ValueError(f"owner {owner[:80]!r} is empty or too long for a directory")
    return name
