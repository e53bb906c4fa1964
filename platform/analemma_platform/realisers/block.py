"""Typed access to a block of properties, or of an answer.

Values arrive as JSON of any shape. Each accessor either returns what its name
says or raises an error that names the property, so that no realiser casts.
"""

from collections.abc import Iterator, Mapping

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Properties, Value


class Block:
    """Properties at ``path``. A null property is an absent one."""

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, Value], path: str = "") -> None:
        self._values = values
        self._path = path

    @property
    def values(self) -> Properties:
        """All of it, as it came."""
        return dict(self._values)

    def has(self, name: str) -> bool:
        """Tell whether ``name`` is there."""
        return self._values.get(name) is not None

    def value(self, name: str) -> Value:
        """Return whatever ``name`` is, None if it is absent."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text ``name``; without a default it must be there."""
        found = self.maybe_text(name)
        if found is not None:
            return found
        if default is None:
            raise ProviderFailure(f"{self._at(name)} is missing")
        return default

    def maybe_text(self, name: str) -> str | None:
        """Return the text ``name``, None if it is absent."""
        found = self._values.get(name)
        if found is None or isinstance(found, str):
            return found
        raise self._wrong(name, "text")

    def number(self, name: str, default: int) -> int:
        """Return the whole number ``name``."""
        found = self.maybe_number(name)
        return default if found is None else found

    def maybe_number(self, name: str) -> int | None:
        """Return the whole number ``name``, None if it is absent."""
        found = self._values.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int):
            raise self._wrong(name, "a whole number")
        return found

    def maybe_real(self, name: str) -> float | None:
        """Return the number ``name``, None if it is absent."""
        found = self._values.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._wrong(name, "a number")
        return float(found)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return the truth value ``name``."""
        found = self._values.get(name)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise self._wrong(name, "true or false")
        return found

    def block(self, name: str) -> "Block | None":
        """Return the block ``name``, None if it is absent."""
        found = self._values.get(name)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise self._wrong(name, "an object")
        return Block(found, self._at(name))

    def blocks(self, name: str) -> "list[Block]":
        """Return the blocks of the list ``name``, none if it is absent."""
        return list(self._blocks(name))

    def texts(self, name: str) -> list[str]:
        """Return the texts of the list ``name``, none if it is absent."""
        found = self._values.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(t, str) for t in found):
            raise self._wrong(name, "a list of texts")
        return [str(text) for text in found]

    def text_map(self, name: str) -> dict[str, str]:
        """Return the texts by key of ``name``, none if it is absent."""
        found = self._values.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(
            isinstance(text, str) for text in found.values()
        ):
            raise self._wrong(name, "a map of texts")
        return {key: str(text) for key, text in found.items()}

    def _blocks(self, name: str) -> "Iterator[Block]":
        found = self._values.get(name)
        if found is None:
            return
        if not isinstance(found, list):
            raise self._wrong(name, "a list")
        for index, item in enumerate(found):
            if not isinstance(item, dict):
                raise self._wrong(f"{name}[{index}]", "an object")
            yield Block(item, f"{self._at(name)}[{index}]")

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrong(self, name: str, wanted: str) -> ProviderFailure:
        return ProviderFailure(f"{self._at(name)} must be {wanted}")
