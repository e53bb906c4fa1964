"""Which key a home is encrypted under: ``encryption.json`` in the home.

Written once, before the first encrypted byte, and never changed: one home, one
key. From then on the home is refused without that key. Else a command that
somebody starts without it would store in plain text, into a home that they
believe to be encrypted.

    {"format": 1, "cipher": "aes-siv-1", "key": "<id of the key>"}
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path

from analemma.errors import ConfigInvalid, Corrupt, HomeTooNew
from analemma.hardware.local.database import translated
from analemma.hardware.local.durable import sync_directory
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import CIPHER

MARK = "encryption.json"
_FORMAT = 1


class KeyMark:
    """The mark of one home, for a command that has ``key`` (None: no key)."""

    def __init__(self, home: Path, key: EncryptionKey | None) -> None:
        self._path = home / MARK
        self._home = home
        self._key = key
        self._set = False

    def check(self) -> None:
        """Refuse a home that belongs to another key; touch nothing.

        A home without a mark is anybody's: one that was begun without a key is
        read as it is, and gets its mark with the first encrypted value.

        Raises:
            ConfigInvalid: the home is encrypted under another key.
            HomeTooNew: a newer format wrote the mark.
            Corrupt: the mark is not readable.
        """
        marked = self._read()
        own = None if self._key is None else self._key.id
        if marked in (None, own):
            return
        given = "no key is" if own is None else f"key {own} is"
        raise ConfigInvalid(
            f"home {self._home} is encrypted under key {marked}, and {given} "
            f"configured; set ANALEMMA_ENCRYPTION_KEY_FILE to the file of key {marked}"
        )

    def set(self) -> None:
        """Make the mark, unless it is there. Durable when it returns.

        Raises:
            ConfigInvalid: another process marked the home for another key.
            StoreUnavailable: the disk refuses.
        """
        if self._set or self._key is None:
            return
        document = {"format": _FORMAT, "cipher": CIPHER, "key": self._key.id}
        try:
            _write_once(self._path, json.dumps(document).encode() + b"\n")
        except OSError as error:
            raise translated(error, self._path) from error
        self.check()
        self._set = True

    def _read(self) -> str | None:
        try:
            text = self._path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise translated(error, self._path) from error
        try:
            document = json.loads(text)
            version, key_id = document["format"], document["key"]
        except (ValueError, LookupError, TypeError):
            raise Corrupt(
                f"{self._path} does not say which key the home is encrypted under; "
                "restore it from a backup"
            ) from None
        if version != _FORMAT:
            raise HomeTooNew(
                f"{self._path} has format {version}, newer than {_FORMAT}; "
                "use the version of analemma that wrote it"
            )
        return str(key_id)


def _write_once(path: Path, text: bytes) -> None:
    """Make a file whole or not at all; leave alone one that is there."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    sync_directory(path.parent)
