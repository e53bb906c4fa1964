"""Names for resources the program does not name.

``pulumi:autonaming`` says how, in the words of Pulumi's own setting; without it
every provider has its own way. Random parts come from the deployment's seed, so
that a preview and the steps of one deployment agree.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable

from analemma.errors import ConfigInvalid
from analemma_platform.engine.provider import Naming
from analemma_platform.engine.urns import Namespace, Urn, name_of, package_of, type_of
from analemma_platform.engine.values import Value

SETTING = "pulumi:autonaming"

_EXPRESSION = re.compile(r"\$\{(\w+)(?:\((\d+)\))?\}")
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "alphanum": "0123456789abcdefghijklmnopqrstuvwxyz",
    "string": "abcdefghijklmnopqrstuvwxyz",
    "num": "0123456789",
}


class Autonaming:
    """Proposes names by the stack's setting."""

    __slots__ = ("_namespace", "_salt", "_setting")

    def __init__(self, setting: str | None, namespace: Namespace, salt: bytes) -> None:
        self._namespace = namespace
        self._salt = salt
        self._setting: dict[str, Value] = _parse(setting)

    def naming(self, urn: Urn, attempt: str = "") -> Naming:
        """Return how ``urn`` may be named; another ``attempt``, another name.

        Raises:
            ConfigInvalid: the setting is not one Pulumi knows.
        """
        seed = hashlib.sha256(self._salt + f"{urn}\0{attempt}".encode()).digest()
        rule = self._rule(type_of(urn))
        mode = rule.get("mode")
        if mode == "disabled":
            return Naming(seed, disabled=True)
        if mode == "verbatim":
            return Naming(seed, proposed=name_of(urn))
        pattern = rule.get("pattern")
        if isinstance(pattern, str):
            return Naming(seed, proposed=self._expand(pattern, name_of(urn), seed))
        if mode in (None, "default"):
            return Naming(seed)
        raise ConfigInvalid(
            f"{SETTING}: mode {mode!r} is none of default, verbatim, disabled"
        )

    def _rule(self, type_token: str) -> dict[str, Value]:
        rule = self._setting
        providers = rule.get("providers")
        own = (
            providers.get(package_of(type_token))
            if isinstance(providers, dict)
            else None
        )
        if isinstance(own, dict):
            rule = own
            resources = rule.get("resources")
            special = resources.get(type_token) if isinstance(resources, dict) else None
            if isinstance(special, dict):
                rule = special
        return rule

    def _expand(self, pattern: str, name: str, seed: bytes) -> str:
        words: dict[str, str] = {
            "name": name,
            "stack": self._namespace.stack,
            "project": self._namespace.project,
            "organization": "organization",
        }

        def expand(found: re.Match[str]) -> str:
            word, length = found.group(1), found.group(2)
            if length is not None and word in _ALPHABETS:
                return _digits(_ALPHABETS[word], int(length), seed, found.start())
            if length is None and word == "uuid":
                return str(uuid.UUID(bytes=seed[:16], version=4))
            if length is None and word in words:
                return words[word]
            raise ConfigInvalid(f"{SETTING}: {found.group(0)} is no expression")

        replace: Callable[[re.Match[str]], str] = expand
        return _EXPRESSION.sub(replace, pattern)


def _digits(alphabet: str, length: int, seed: bytes, place: int) -> str:
    number = int.from_bytes(hashlib.sha512(seed + place.to_bytes(4)).digest())
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(digits)


def _parse(setting: str | None) -> dict[str, Value]:
    if setting is None:
        return {}
    try:
        parsed = json.loads(setting)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ConfigInvalid(f"{SETTING} must be an object, not {setting!r}")
    return parsed
