"""Open the ``secure:`` values of a stack file, as the Pulumi CLI seals them.

``encryptionsalt: v1:<salt>:v1:<nonce>:<sealed "pulumi">``; the key is PBKDF2 of
the passphrase with SHA-256 in a million rounds, which takes about half a second
on purpose; values are AES-256-GCM.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from analemma.errors import ConfigInvalid

_ROUNDS = 1_000_000
_KEY_BYTES = 32
_PROOF = "pulumi"
_VARIABLE = "PULUMI_CONFIG_PASSPHRASE"


class _Cipher(Protocol):
    def decrypt(
        self, nonce: bytes, data: bytes, associated_data: bytes | None
    ) -> bytes: ...


class Opener:
    """Opens the sealed values of one stack file."""

    __slots__ = ("_cipher", "_file")

    def __init__(self, file: str, salt: str, environment: Mapping[str, str]) -> None:
        """Derive the key and prove it.

        Raises:
            ConfigInvalid: no passphrase, the wrong one, or a malformed salt.
        """
        self._file = file
        passphrase = _passphrase(file, environment)
        parts = salt.split(":", 2)
        if len(parts) != 3 or parts[0] != "v1":
            raise ConfigInvalid(f"{file}: encryptionsalt is not in Pulumi's v1 format")
        try:
            grains = base64.b64decode(parts[1], validate=True)
        except binascii.Error as error:
            raise ConfigInvalid(f"{file}: encryptionsalt is no base64") from error
        key = hashlib.pbkdf2_hmac(
            "sha256", passphrase.encode(), grains, _ROUNDS, _KEY_BYTES
        )
        self._cipher = _cipher(key, file)
        if self.open("encryptionsalt", parts[2]) != _PROOF:
            raise ConfigInvalid(f"{file}: {_VARIABLE} is not this stack's passphrase")

    def open(self, key: str, sealed: str) -> str:
        """Return the text that ``sealed`` (the value of ``key``) stands for.

        Raises:
            ConfigInvalid: it was sealed otherwise, or with another passphrase.
        """
        from cryptography.exceptions import InvalidTag

        try:
            nonce, data = sealed.removeprefix("v1:").split(":")
            return self._cipher.decrypt(
                base64.b64decode(nonce), base64.b64decode(data), None
            ).decode()
        except InvalidTag as error:
            raise ConfigInvalid(
                f"{self._file}: {key} does not open; is {_VARIABLE} this stack's?"
            ) from error
        except ValueError as error:
            raise ConfigInvalid(
                f"{self._file}: {key} is not sealed in Pulumi's v1 format"
            ) from error


def _passphrase(file: str, environment: Mapping[str, str]) -> str:
    if (passphrase := environment.get(_VARIABLE)) is not None:
        return passphrase
    if path := environment.get(f"{_VARIABLE}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigInvalid(f"{_VARIABLE}_FILE: {error}") from error
    raise ConfigInvalid(f"{file} holds secure values: set {_VARIABLE} to open them")


def _cipher(key: bytes, file: str) -> _Cipher:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigInvalid(
            f"{file} holds secure values: install the package cryptography"
        ) from error
    return AESGCM(key)
