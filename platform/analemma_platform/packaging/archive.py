"""Zips whose bytes follow from their entries alone.

Deflated by the zlib of this interpreter: another zlib (zlib-ng) packs the same
files into other bytes. Equal digests are promised on one machine; between
machines a zip is built once and carried, never rebuilt.
"""

import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

from analemma_platform.packaging.sources import Entry

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first a zip can hold."""

_UNIX = 3
_LEVEL = 6
"""Level 9 takes three times as long here and saves nothing; 1 costs 3 MB."""


def write_archive(path: Path, entries: Iterable[Entry]) -> None:
    """Write ``entries`` to a new zip at ``path``, in the order given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as zip_:
        _add(zip_, entries)


def extend_archive(path: Path, base: Path, entries: Iterable[Entry]) -> None:
    """Write to ``path`` the zip ``base`` and then ``entries``.

    The entries of ``base`` are copied as they are, compressed: this is what
    makes a changed kernel cost a fraction of a second instead of the whole zip.
    """
    shutil.copyfile(base, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as zip_:
        _add(zip_, entries)


def names_in(path: Path) -> list[str]:
    """Return the names in the zip at ``path``, in its order."""
    with zipfile.ZipFile(path) as zip_:
        return zip_.namelist()


def unzipped_bytes(path: Path) -> int:
    """Return what the files in the zip at ``path`` measure unpacked."""
    with zipfile.ZipFile(path) as zip_:
        return sum(entry.file_size for entry in zip_.infolist())


def _add(zip_: zipfile.ZipFile, entries: Iterable[Entry]) -> None:
    for entry in entries:
        info = zipfile.ZipInfo(entry.name, _DATE)
        info.create_system = _UNIX
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | entry.mode) << 16
        zip_.writestr(info, entry.body, compresslevel=_LEVEL)
