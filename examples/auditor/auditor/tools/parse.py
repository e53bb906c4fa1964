"""Read and parse one module, and say why when that cannot be done.

The source is untrusted: it is parsed and nothing else, a file over 2 MB is not
read, and whatever the parser chokes on becomes a recorded reason.
"""

import ast
import threading
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 2_000_000

# `warnings.catch_warnings` swaps filters of the whole process, and two threads
# that overlap in it would leave the wrong ones behind.
_swapping_filters = threading.Lock()


class Unreadable(ValueError):
    """A module could not be audited; the message is the reason."""


@dataclass(frozen=True, slots=True)
class ParsedModule:
    """One module's syntax tree and text.

    ``complaints`` are the lines about which Python warns while it parses, each
    with the warning: invalid escape sequences, a syntax error one day.
    """

    tree: ast.Module
    lines: tuple[str, ...]
    complaints: tuple[tuple[int, str], ...]


def storable(text: str) -> str:
    """Return ``text`` with lone surrogates, which no UTF-8 can hold, spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def parse(path: Path, label: str) -> ParsedModule:
    """Parse the file at ``path``; ``label`` stands for it in messages.

    Raises:
        Unreadable: too large, not decodable, not this Python's syntax, too
            deeply nested, or gone.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise Unreadable(f"{size_bytes} bytes; the limit is {MAX_FILE_BYTES}")
        with tokenize.open(path) as file:
            source = file.read()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error
    except (SyntaxError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot be decoded: {error}") from error
    return parse_text(source, label)


def parse_text(source: str, label: str) -> ParsedModule:
    """Parse ``source``; ``label`` stands for it in messages.

    Raises:
        Unreadable: not this Python's syntax, or too deeply nested.
    """
    try:
        with _swapping_filters, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tree = ast.parse(source, filename=label)
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise Unreadable(f"syntax error{where}: {error.msg}") from error
    except ValueError as error:
        raise Unreadable(f"cannot be parsed: {error}") from error
    except (RecursionError, MemoryError) as error:
        # What the parser raises, depending on its version, for a source that is
        # nested too deeply.
        raise Unreadable("nested too deeply for the parser") from error
    complaints = {
        (warning.lineno, str(warning.message))
        for warning in caught
        if warning.filename == label
    }
    # Only what Python itself calls a line: a form feed inside one does not end it.
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return ParsedModule(tree, tuple(lines), tuple(sorted(complaints)))
