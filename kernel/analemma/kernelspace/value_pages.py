"""Whole values as pages: the input of a run.

A page is ``<type> NUL <payload>``, as LangGraph's serializer typed it, so that
messages and dataclasses survive as well as plain JSON. Equal values written by
one version of the serializer are equal pages.
"""

from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.errors import Corrupt, InputInvalid
from analemma.hardware.ports import PageStore
from analemma.ids import PageId

_SERDE = JsonPlusSerializer()


def value_page(value: Any) -> bytes:
    """Return ``value`` as a page. Any: the input of whatever graph this is."""
    try:
        kind, payload = _SERDE.dumps_typed(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputInvalid(
            f"the value cannot be stored: {type(error).__name__}: {error}; "
            "numbers have at most 64 bits, and nesting is limited"
        ) from None
    return kind.encode() + b"\0" + payload


def load_value(pages: PageStore, ref: str) -> Any:
    """Return the value that ``value_page`` put into the page.

    Raises:
        PageMissing: there is no such page.
        Corrupt: the page holds something else.
    """
    kind, separator, payload = pages.get(PageId(ref)).partition(b"\0")
    if not separator:
        raise Corrupt(f"page {ref} holds no value")
    return _SERDE.loads_typed((kind.decode(), payload))
