"""Deflate where it pays: pages and packs on their way to the page store.

What travels in a record is deflated with the record (``seal``).
"""

import zlib

from analemma.errors import PageCorrupt

_LEVEL = 1
"""On text, level 1 keeps nine tenths of what level 6 saves, at a third of the time."""

_WORTH_BYTES = 512


def deflated(content: bytes) -> bytes | None:
    """Return ``content`` deflated, or None if that saves less than an eighth."""
    if len(content) < _WORTH_BYTES:
        return None
    press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    short = press.compress(content) + press.flush()
    return short if len(short) <= len(content) - len(content) // 8 else None


def inflated(short: bytes, length: int, where: str) -> bytes:
    """Return the ``length`` bytes that were deflated.

    Raises:
        PageCorrupt: they are not; ``where`` names the page.
    """
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflate.decompress(short, length + 1)
    except zlib.error as error:
        raise PageCorrupt(f"{where}: not readable ({error})") from error
    if len(content) != length or not inflate.eof:
        raise PageCorrupt(f"{where}: does not inflate to its {length} bytes")
    return content
