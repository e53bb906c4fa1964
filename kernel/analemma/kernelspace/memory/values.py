"""Values to pages and back, through LangGraph's serializer.

A plain ``list`` is taken apart by element and a large plain ``dict`` by key;
long texts and bytes are cut into chunks; everything else is one value.

A list that grows is not serialized again. An element that is the very object of
last time, and equal to a copy made then, keeps its entry (``elements``); so a
message that a node mutates in place is another page at the next checkpoint, as
it must be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import PageCorrupt
from analemma.kernelspace.memory import placement, rope
from analemma.kernelspace.memory.elements import NOTHING, Elements
from analemma.kernelspace.memory.pages import (
    Cut,
    Draft,
    Encoded,
    Entry,
    Inline,
    Ref,
    Rope,
    cut_page,
    encoded_wire,
    node_page,
    page_id_of,
    read_page,
    stored_value_page,
    tree_page,
    value_page,
)
from analemma.kernelspace.memory.seal import Wire

_TEXT, _BYTES, _BYTEARRAY = "+text", "+bytes", "+bytearray"
"""Types of a cut whose parts are values of their own: bytes, serialized each."""

_PIECE = ""
"""The type of a part that is a piece of what the serializer gave."""

_WHOLE = placement.WHOLE_BYTES

_KEYS = (str, bytes, int, bool)

_DEPTH = 8
"""How deep lists and maps inside others are taken apart."""


@dataclass(frozen=True)
class Channel:
    """A channel's value, encoded; and what encoding the next one can use.

    ``reached`` are all the pages it is made of, ``elements`` those of its list.
    """

    encoded: Encoded
    elements: Elements = NOTHING
    reached: frozenset[Ref] = frozenset()

    @cached_property
    def wire(self) -> Wire:
        """The value as it is written."""
        return encoded_wire(self.encoded)


class Encoder:
    """Takes one value apart into the pages of a draft of its own.

    ``draft`` holds the pages that this value is made of, and nothing else, or
    ``Channel.reached`` would not be true.
    """

    def __init__(self, serde: SerializerProtocol, draft: Draft) -> None:
        self._serde = serde
        self._draft = draft

    def value(self, value: object) -> Encoded:
        """Encode a channel's or a write's value.

        Raises:
            TypeError: the serializer does not take the value.
        """
        return self.channel(value, None).encoded

    def channel(self, value: object, before: Channel | None) -> Channel:
        """Encode a channel's value; ``before`` is the one it had last.

        Raises:
            TypeError: the serializer does not take the value.
        """
        if type(value) is list and value:
            return self._rope(value, before, is_map=False)
        if type(value) is dict and self._is_large(value):
            return self._rope(_flat(value), before, is_map=True)
        entry = self.entry(value, placement.INLINE_VALUE_BYTES)
        return Channel(entry, reached=frozenset(self._draft.pages))

    def entry(self, value: object, inline_bytes: int, depth: int = 0) -> Entry:
        """Encode one value, on a page if it is longer than ``inline_bytes``."""
        long = self._long(value)
        if long is not None:
            return long
        type_, payload = self._serde.dumps_typed(value)
        size = len(payload)
        if size <= inline_bytes:
            return Inline(type_, bytes(payload))
        if size > placement.SPLIT_ELEMENT_BYTES and depth < _DEPTH:
            flat = _elements_of(value)
            if flat is not None:
                return self._tree(flat, depth, is_map=type(value) is dict)
        if size > placement.WHOLE_BYTES:
            return self._cut(type_, payload, lambda part: Inline(_PIECE, part))
        return self._page(Inline(type_, bytes(payload)))

    def _is_large(self, value: dict[object, object]) -> bool:
        if not _is_by_text(value):
            return False
        if len(value) > placement.SPLIT_MAP_KEYS:
            return True
        return len(self._serde.dumps_typed(value)[1]) > placement.SPLIT_MAP_BYTES

    def _rope(
        self, values: list[object], before: Channel | None, *, is_map: bool
    ) -> Channel:
        last = before.encoded if before else None
        if before is None or not isinstance(last, Rope) or last.is_map != is_map:
            before, last = None, None
        if before is not None and last is not None and before.elements.start(values):
            fresh = self._entries(values[last.length :])
            tails = rope.extend(last.tails, fresh, self._node)
            elements, reached = before.elements, before.reached
        else:
            tails = rope.build(self._entries(values), self._node)
            elements, reached = NOTHING, frozenset[Ref]()
        return Channel(
            Rope(len(values), tails, is_map),
            elements.followed_by(values),
            reached | self._draft.pages.keys(),
        )

    def _entries(self, values: Sequence[object], depth: int = 1) -> list[Entry]:
        return [
            self.entry(value, placement.INLINE_VALUE_BYTES, depth) for value in values
        ]

    def _tree(self, values: list[object], depth: int, *, is_map: bool) -> Entry:
        tails = rope.build(self._entries(values, depth + 1), self._node)
        return self._draft.add(tree_page(Rope(len(values), tails, is_map)))

    def _long(self, value: object) -> Entry | None:
        """Cut a long text or long bytes, each part a value of its own."""
        match value:
            case str() if type(value) is str and len(value) > _WHOLE:
                try:
                    return self._cut(_TEXT, value.encode(), self._part)
                except UnicodeEncodeError:
                    return None  # the serializer says what is wrong with it
            case bytes() if type(value) is bytes and len(value) > _WHOLE:
                return self._cut(_BYTES, value, self._part)
            case bytearray() if type(value) is bytearray and len(value) > _WHOLE:
                return self._cut(_BYTEARRAY, bytes(value), self._part)
            case _:
                return None

    def _part(self, part: bytes) -> Inline:
        return Inline(*self._serde.dumps_typed(part))

    def _cut(
        self, type_: str, payload: bytes, part_of: Callable[[bytes], Inline]
    ) -> Entry:
        size = placement.chunk_bytes(len(payload))
        parts = tuple(
            self._draft.add_stored(
                stored_value_page(part_of(bytes(payload[at : at + size])))
            )
            for at in range(0, len(payload), size)
        )
        return self._draft.add(cut_page(Cut(type_, len(payload), parts)))

    def _page(self, value: Inline) -> Ref:
        page = value_page(value)
        if placement.travels_in_record(len(page)):
            return self._draft.add(page)
        return self._draft.add_stored(stored_value_page(value))

    def _node(self, entries: Sequence[Entry]) -> Entry:
        return self._draft.add(node_page(entries))


class Decoder:
    """Puts values together again from pages that ``fetch`` finds."""

    def __init__(
        self, serde: SerializerProtocol, fetch: Callable[[Ref], bytes]
    ) -> None:
        self._serde = serde
        self._fetch = fetch

    def value(self, encoded: Encoded) -> object:
        """Decode a value.

        Raises:
            Corrupt: a page is missing or is not what was written.
        """
        if not isinstance(encoded, Rope):
            return self._entry(encoded)
        items = [
            self._entry(entry) for entry in rope.walk(encoded.tails, self._open_node)
        ]
        if len(items) != encoded.length:
            raise PageCorrupt(
                f"a list of {encoded.length} elements has {len(items)} on its pages"
            )
        if encoded.is_map:
            return dict(zip(items[::2], items[1::2], strict=True))
        return items

    def _entry(self, entry: Entry) -> object:
        if isinstance(entry, Inline):
            return self._load(entry.type, entry.payload)
        page = read_page(self._fetch(entry), entry)
        match page:
            case Inline():
                return self._load(page.type, page.payload)
            case Cut():
                return self._join(page)
            case Rope():
                return self.value(page)
            case _:
                raise PageCorrupt(f"page {page_id_of(entry)}: a node, not a value")

    def _join(self, cut: Cut) -> object:
        parts = [self._part(ref, cut.type) for ref in cut.parts]
        payload = b"".join(parts)
        if len(payload) != cut.length:
            raise PageCorrupt(
                f"a value of {cut.length} bytes has {len(payload)} on its pages"
            )
        match cut.type:
            case "+text":
                return payload.decode()
            case "+bytes":
                return payload
            case "+bytearray":
                return bytearray(payload)
            case _:
                return self._load(cut.type, payload)

    def _part(self, ref: Ref, type_: str) -> bytes:
        page = read_page(self._fetch(ref), ref)
        if not isinstance(page, Inline):
            raise PageCorrupt(f"page {page_id_of(ref)}: no part of a value")
        if not type_.startswith("+"):
            return page.payload
        part = self._load(page.type, page.payload)
        if not isinstance(part, bytes):
            raise PageCorrupt(f"page {page_id_of(ref)}: no part of a value")
        return part

    def _load(self, type_: str, payload: bytes) -> object:
        # Any: LangGraph's serializer says so; a value can be anything.
        loaded: object = self._serde.loads_typed((type_, payload))
        return loaded

    def _open_node(self, entry: Entry) -> Sequence[Entry]:
        if not isinstance(entry, Inline):
            page = read_page(self._fetch(entry), entry)
            if isinstance(page, tuple):
                return page
        raise PageCorrupt("the rope of a list leads to a value, not to a node")


def _elements_of(value: object) -> list[object] | None:
    if type(value) is list:
        return value
    return _flat(value) if type(value) is dict and _is_by_text(value) else None


def _is_by_text(value: dict[object, object]) -> bool:
    """Say whether all keys come back by themselves as they went: a tuple would not."""
    return all(type(key) in _KEYS for key in value)


def _flat(value: dict[object, object]) -> list[object]:
    """Return keys and values by turns."""
    return [part for item in value.items() for part in item]
