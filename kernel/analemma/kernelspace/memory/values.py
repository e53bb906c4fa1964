"""Values to pages and back, through LangGraph's serializer.

Only a plain ``list`` is taken apart; everything else is one value. Bytes are
hashed, objects are not remembered: a message that a node mutates in place is
another page at the next checkpoint, as it must be.
"""

from collections.abc import Callable, Sequence

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import PageCorrupt
from analemma.kernelspace.memory import placement, rope
from analemma.kernelspace.memory.pages import (
    Cut,
    Draft,
    Encoded,
    Entry,
    Inline,
    Ref,
    Rope,
    cut_page,
    node_page,
    page_id_of,
    read_page,
    value_page,
)


class Encoder:
    """Takes values apart into the pages of one draft."""

    def __init__(self, serde: SerializerProtocol, draft: Draft) -> None:
        self._serde = serde
        self._draft = draft

    def value(self, value: object) -> Encoded:
        """Encode a channel's or a write's value.

        Raises:
            TypeError: the serializer does not take the value.
        """
        if type(value) is not list or not value:
            return self.entry(value, placement.INLINE_VALUE_BYTES)
        entries = [self.entry(item, placement.INLINE_VALUE_BYTES) for item in value]
        return Rope(len(entries), rope.build(entries, self._node))

    def entry(self, value: object, inline_bytes: int) -> Entry:
        """Encode one value, on a page if it is longer than ``inline_bytes``."""
        type_, payload = self._serde.dumps_typed(value)
        if len(payload) <= inline_bytes:
            return Inline(type_, bytes(payload))
        if len(payload) <= placement.CHUNK_BYTES:
            return self._draft.add(value_page(Inline(type_, bytes(payload))))
        parts = tuple(
            self._draft.add_stored(bytes(payload[at : at + placement.CHUNK_BYTES]))
            for at in range(0, len(payload), placement.CHUNK_BYTES)
        )
        return self._draft.add(cut_page(Cut(type_, len(payload), parts)))

    def _node(self, entries: Sequence[Entry]) -> Entry:
        return self._draft.add(node_page(tuple(entries)))


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
        return items

    def _entry(self, entry: Entry) -> object:
        if isinstance(entry, Inline):
            return self._load(entry.type, entry.payload)
        page = read_page(self._fetch(entry), entry)
        match page:
            case Inline():
                return self._load(page.type, page.payload)
            case Cut():
                payload = b"".join(self._fetch(part) for part in page.parts)
                return self._load(page.type, payload)
            case _:
                raise PageCorrupt(f"page {page_id_of(entry)}: a node, not a value")

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
