"""Message contents from a seeded source, so that every saver gets the same ones.

Random letters and digits are the hard case: they carry 5.9 bits a byte, so a
saver that compresses can save a quarter of them and no more, and none by finding
repetitions. English-like text is the easy case.
"""

import random
import string
from uuid import UUID

MESSAGE_BYTES = 1000
"""The 1 KB of every workload."""

_LETTERS = (string.ascii_letters + string.digits).encode()
_TO_LETTERS = bytes(_LETTERS[octet % len(_LETTERS)] for octet in range(256))
_WORDS = (
    "the of and to in a is that for it as was with be by on not he this are or his "
    "from at which but have an had they you were their one all we can her has there "
    "been if more when will would who so no agent tool result search plan step model "
    "answer file error retry table column price order customer invoice report found "
    "because should another between without during system number question summary"
)


class Contents:
    """An endless supply of texts and ids. Equal seeds, equal texts."""

    def __init__(self, seed: int = 3) -> None:
        self._random = random.Random(seed)

    def letters(self, size: int = MESSAGE_BYTES) -> str:
        """Return random ASCII letters and digits."""
        return self._random.randbytes(size).translate(_TO_LETTERS).decode()

    def english(self, size: int = MESSAGE_BYTES) -> str:
        """Return words of a small vocabulary, the frequent ones more often."""
        words = _WORDS.split()
        chosen = self._random.choices(
            words, weights=[1 / (rank + 1) for rank in range(len(words))], k=size
        )
        return " ".join(chosen)[:size]

    def octets(self, size: int) -> bytes:
        """Return random bytes: nothing compresses them."""
        return self._random.randbytes(size)

    def identifier(self) -> str:
        """Return a random UUID, as LangGraph gives one to each message."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def below(self, end: int) -> int:
        """Return a number from 0 up to, not including, ``end``."""
        return self._random.randrange(end)
