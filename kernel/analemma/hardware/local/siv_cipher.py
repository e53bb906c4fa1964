"""AES-SIV (RFC 5297): equal values become equal ciphertexts, and none is forged.

A cipher with a random nonce, as LangGraph's own, would make every copy of a
value another page, and a growing list would cost its whole length each step.
The price of determinism: who reads the disk sees which values are equal, and
how long each is. Nothing else.

    ciphertext  synthetic IV (16 bytes), then the encrypted text below
    text        00, the plaintext
                01, its length (8 bytes, big-endian), the plaintext deflated

Deflated first, where that saves anything: ciphertexts do not compress. Another
build of zlib may deflate otherwise. Such values are read all the same, and only
no longer shared with those of before.
"""

import zlib
from collections.abc import Callable

from analemma.errors import ConfigInvalid, Corrupt, InputInvalid
from analemma.hardware.local.key_file import EncryptionKey

CIPHER = "aes-siv-1"
"""The cipher and the version of the text inside. Part of every type tag."""

_PLAIN, _DEFLATED = b"\0", b"\1"
_LENGTH_BYTES = 8
_SHORTEST_DEFLATED = 64
_RAW = -zlib.MAX_WBITS


class SivCipher:
    """The cipher of one key, as LangGraph's ``CipherProtocol`` wants it.

    Safe among threads.
    """

    def __init__(
        self, key: EncryptionKey, before_use: Callable[[], None] | None = None
    ) -> None:
        """Take a key.

        Args:
            key: What encrypts.
            before_use: Called before anything is encrypted, each time.

        Raises:
            ConfigInvalid: ``cryptography`` is not installed or has no AES-SIV.
        """
        try:
            from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
            from cryptography.hazmat.primitives.ciphers.aead import AESSIV
        except ImportError as error:
            raise ConfigInvalid(
                f"an encryption key is configured, but cryptography is not installed "
                f"({error}); pip install 'analemma[encryption]'"
            ) from None
        try:
            self._siv = AESSIV(key.secret)
        except UnsupportedAlgorithm as error:
            raise ConfigInvalid(f"this OpenSSL has no AES-SIV: {error}") from None
        self._invalid_tag = InvalidTag
        self._before_use = before_use
        self.key_id = key.id
        self.name = f"{CIPHER}.{key.id}"

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        """Return the name that belongs into the type tag, and the ciphertext."""
        return self.name, self.seal(plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            ConfigInvalid: another key or another cipher encrypted it.
            Corrupt: the bytes are not what was written.
        """
        self.check(ciphername)
        return self.open(ciphertext)

    def check(self, ciphername: str) -> None:
        """Refuse what another key or another cipher encrypted.

        Raises:
            ConfigInvalid: it did; names the key and the next step.
        """
        cipher, _, key_id = ciphername.partition(".")
        if cipher != CIPHER:
            raise ConfigInvalid(
                f"a value was encrypted with {ciphername[:80]!r}, which this version "
                "of analemma does not know; read it with the version that wrote it"
            )
        if key_id != self.key_id:
            raise ConfigInvalid(
                f"a value was encrypted with key {key_id[:80]}, and key {self.key_id} "
                "is configured; set ANALEMMA_ENCRYPTION_KEY_FILE to the file of key "
                f"{key_id[:80]}"
            )

    def seal(self, plaintext: bytes, *place: bytes) -> bytes:
        """Return the ciphertext of ``plaintext``, which only opens at ``place``.

        Raises:
            InputInvalid: more than 2 GiB.
        """
        if self._before_use is not None:
            self._before_use()
        try:
            return self._siv.encrypt(_packed(plaintext), [self.name.encode(), *place])
        except OverflowError:
            raise InputInvalid(
                f"a value of {len(plaintext):,} bytes is too long to be encrypted; "
                "at most 2 GiB are; keep it elsewhere and its name in the state"
            ) from None

    def open(self, ciphertext: bytes, *place: bytes) -> bytes:
        """Return what ``seal`` took.

        Raises:
            Corrupt: the bytes are not what was written at ``place``.
        """
        try:
            text = self._siv.decrypt(ciphertext, [self.name.encode(), *place])
        except (self._invalid_tag, ValueError):
            raise Corrupt(
                f"a value of key {self.key_id} cannot be decrypted: its bytes are not "
                "what was written; restore the home from a backup"
            ) from None
        return _unpacked(text)


def _packed(plaintext: bytes) -> bytes:
    if len(plaintext) >= _SHORTEST_DEFLATED:
        # The fastest level: a tenth larger than the usual one, in half the time.
        deflated = zlib.compress(plaintext, level=1, wbits=_RAW)
        if len(deflated) + _LENGTH_BYTES < len(plaintext):
            length = len(plaintext).to_bytes(_LENGTH_BYTES, "big")
            return b"".join((_DEFLATED, length, deflated))
    return _PLAIN + plaintext


def _unpacked(text: bytes) -> bytes:
    if text[:1] == _PLAIN:
        return text[1:]
    start = 1 + _LENGTH_BYTES
    length = int.from_bytes(text[1:start], "big")
    inflater = zlib.decompressobj(wbits=_RAW)
    try:
        # Never more than was written, whatever the stream says.
        plaintext = inflater.decompress(memoryview(text)[start:], length + 1)
    except (zlib.error, OverflowError):
        plaintext = b""
    if text[:1] != _DEFLATED or len(plaintext) != length or not inflater.eof:
        raise Corrupt("a decrypted value has not the form that analemma writes")
    return plaintext
