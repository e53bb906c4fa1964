"""Keep secrets out of everything that is printed.

Names are not enough: a cloud's refusal may quote the value, and a program may
log it. Every secret text seen in a deployment is therefore also searched for
in whatever leaves it.
"""

import threading
from collections.abc import Mapping

from analemma_platform.engine.plan import HIDDEN_SECRET
from analemma_platform.engine.values import SIGNATURE, UNKNOWN, Value, plain, walk

_SHORTEST_TEXT = 4
"""Shorter secrets would blot out half of any message; they are kept by name."""

_SHORTEST_TRACE = 8
"""Shorter ones stand in other values by chance, and would hide those as well."""


class Redactor:
    """Knows the secret texts of one deployment. Safe to share among threads."""

    __slots__ = ("_lock", "_texts")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: set[str] = set()

    def learn(self, value: Value) -> None:
        """Remember every text inside ``value`` as secret."""
        texts = {
            inner
            for inner in walk(plain(value))
            if isinstance(inner, str)
            and len(inner) >= _SHORTEST_TEXT
            and inner not in (UNKNOWN, SIGNATURE)
        }
        with self._lock:
            self._texts |= texts

    def redact(self, text: str) -> str:
        """Return ``text`` with ``[secret]`` for every secret in it."""
        with self._lock:
            known = sorted(self._texts, key=len, reverse=True)
        for secret in known:
            text = text.replace(secret, HIDDEN_SECRET)
        return text

    def names_with_secrets(self, properties: Mapping[str, Value]) -> frozenset[str]:
        """Return the properties of ``properties`` that contain a secret text."""
        with self._lock:
            known = tuple(t for t in self._texts if len(t) >= _SHORTEST_TRACE)
        return frozenset(
            name
            for name, value in properties.items()
            if any(
                isinstance(inner, str) and any(secret in inner for secret in known)
                for inner in walk(value)
            )
        )
