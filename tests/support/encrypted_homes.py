"""Look for words in all the bytes of a home, also where they are deflated."""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path


def words_in(home: Path, words: Iterable[str]) -> set[str]:
    """Return those of ``words`` that can be read in the home without a key."""
    wanted = set(words)
    found: set[str] = set()
    for content in _contents(home):
        for text in _texts(content):
            found |= {word for word in wanted if word.encode() in text}
    return found


def _contents(home: Path) -> Iterator[bytes]:
    """Yield every file, and every record: SQLite cuts a long one into pages."""
    for path in sorted(home.rglob("*")):
        if path.is_file():
            yield path.read_bytes()
    with closing(sqlite3.connect(home / "records.sqlite")) as database:
        for row in database.execute("SELECT partition, sort, body FROM records"):
            yield b"\0".join(
                each if isinstance(each, bytes) else str(each).encode() for each in row
            )


def _texts(content: bytes) -> Iterator[bytes]:
    """Yield the content, and what it says wherever a deflated text may begin."""
    yield content
    # The database is read by record.
    if not content.startswith(b"SQLite format 3"):
        view = memoryview(content)
        for start in range(len(content)):
            yield _inflated(view[start:])


def _inflated(content: memoryview) -> bytes:
    """Return what a deflated text at the start says, as far as it is one."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    found = b""
    try:
        for start in range(0, len(content), 64):
            found += inflate.decompress(content[start : start + 64])
    except zlib.error:
        pass
    return found
