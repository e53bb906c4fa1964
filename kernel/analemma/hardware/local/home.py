"""The home directory of Analemma on a laptop: ``records.sqlite`` and ``pages/``.

Opening looks before it touches: a home written by another format, or a
directory whose ``records.sqlite`` is something else, is left exactly as it was.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from analemma.errors import ConfigInvalid
from analemma.hardware.local.database import check_format, translated
from analemma.hardware.local.durable import make_directory
from analemma.hardware.local.file_pages import FilePageStore
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.ids import LOCAL_OWNER, Owner

RECORDS = "records.sqlite"
PAGES = "pages"


@dataclass(frozen=True, slots=True)
class LocalHome:
    """An open home. Close it, or use it as a context manager."""

    path: Path
    records: SqliteRecordStore

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self:
        """Open the home at ``path``.

        A fresh one gets directories of mode 0700 and a database of mode 0600;
        the mode of a directory that was there is not changed.

        Args:
            path: The home directory.
            create: Make what is missing; otherwise a missing home is an error.

        Raises:
            HomeTooNew: a newer format wrote it.
            HomeTooOld: a format no longer read wrote it.
            Corrupt: its ``records.sqlite`` is no database of Analemma.
            ConfigInvalid: ``path`` is a file, or is missing and not to be made.
            StoreUnavailable: the disk refuses.
        """
        database = path / RECORDS
        if database.exists():
            check_format(database)
        elif path.exists() and not path.is_dir():
            raise ConfigInvalid(
                f"{path} is a file, not a directory; choose another home"
            )
        elif not create:
            raise ConfigInvalid(f"{path} is no Analemma home; start a run there first")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_directory(path)
            make_directory(path / PAGES)
        except OSError as error:
            raise translated(error, path) from error
        return cls(path, SqliteRecordStore(database))

    def pages(self, owner: Owner = LOCAL_OWNER) -> FilePageStore:
        """Return the page store of ``owner``.

        Raises:
            ValueError: ``owner`` cannot name a directory.
            StoreUnavailable: the disk refuses.
        """
        return FilePageStore(self.path / PAGES, owner)

    def close(self) -> None:
        """Close the database. Pages need no closing."""
        self.records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
