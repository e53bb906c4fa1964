"""Durability of names: a file survives a power cut, its name may not.

``fsync`` of a file does not make the directory entry durable on Linux; the
directory has to be synced as well (fsync(2)).
"""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make the entries of ``directory`` durable.

    Raises:
        OSError: as the machine reports it; callers translate.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(directory: Path) -> None:
    """Make ``directory`` (mode 0700) if it is missing, durably. Its parent exists.

    Syncs the parent even if the directory is there: whoever made it may not have
    come to that yet.

    Raises:
        OSError: as the machine reports it; callers translate.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)
