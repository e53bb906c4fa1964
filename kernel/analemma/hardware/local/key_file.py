"""The key of an encrypted home: a file with 32 or 64 random bytes, as base64.

A file and not a variable of the environment: what is in the environment is
inherited by every process that a run starts, and is printed by crash reports.
The id of a key is the start of its SHA-256. It stands in plain text beside all
that the key encrypted, so that an error can say which key is wanted.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from analemma.errors import ConfigInvalid, InputInvalid
from analemma.hardware.local.durable import sync_directory

_SIZES = (32, 64)
_ID_BYTES = 4
_LONGEST_FILE = 4096


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key for AES-SIV: one half authenticates, the other encrypts."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that tell keys apart and open nothing."""
        return hashlib.sha256(self.secret).digest()[:_ID_BYTES].hex()


def read_key(path: Path) -> EncryptionKey:
    """Return the key in a file.

    Raises:
        ConfigInvalid: the file is missing, holds no key, or is open to every
            user of this machine.
    """
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            text = file.read(_LONGEST_FILE)
    except OSError as error:
        raise ConfigInvalid(
            f"key file {path} cannot be read ({error.strerror}); "
            f"`analemma key create {path}` makes one"
        ) from None
    if facts.st_mode & stat.S_IRWXO:
        raise ConfigInvalid(
            f"key file {path} is open to every user of this machine; `chmod 600 {path}`"
        )
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) not in _SIZES:
        raise ConfigInvalid(
            f"key file {path} holds no key: 32 or 64 bytes as base64; "
            "`analemma key create FILE` makes one"
        )
    return EncryptionKey(secret)


def create_key(path: Path) -> EncryptionKey:
    """Make a key of 64 random bytes and write it to a new file of mode 0600.

    Durable when it returns. A file that is there is never written to.

    Raises:
        InputInvalid: the file is there, or cannot be made.
    """
    key = EncryptionKey(secrets.token_bytes(max(_SIZES)))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(key.secret) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.absolute().parent)
    except FileExistsError:
        raise InputInvalid(
            f"{path} is there and was left alone; choose another file"
        ) from None
    except OSError as error:
        raise InputInvalid(f"{path} cannot be written: {error.strerror}") from None
    return key
