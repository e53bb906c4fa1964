"""Write what a person asked for to the file that they named.

Whole or not at all: the file is written under another name and renamed. What
is no plain file (a pipe, a device) is written to as it is: renaming something
over ``/dev/null`` would replace it.
"""

import os
import tempfile
from pathlib import Path

from analemma.errors import InputInvalid


def write_file(path: Path, content: bytes) -> None:
    """Write ``content`` to the file at ``path``, in place of what it held.

    The file gets mode 0600: a run's state is as private as its home.

    Raises:
        InputInvalid: it cannot be written; what was there is unchanged.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            _replace(path.resolve(), content)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be written: {error.strerror}") from None


def _replace(path: Path, content: bytes) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
