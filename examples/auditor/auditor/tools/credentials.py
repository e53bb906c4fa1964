"""Spot text that looks like a credential, so that it can be reported masked.

What is found never leaves this package unmasked: the state, the report and the
model see at most its first two characters.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from auditor.tools.parse import ParsedModule

_NAME = re.compile(
    r"(^|_)(password|passwd|secret|token|api_?key|access_?key|private_?key|auth_?key)$",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36}"
    r"|github_pat_[A-Za-z0-9_]{60,}"
    r"|xox[abprs]-[A-Za-z0-9-]{20,}"
    r"|sk-(ant-|proj-)?[A-Za-z0-9_-]{32,}"
    r"|AIza[0-9A-Za-z_-]{35}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]{40}"
)
_EXAMPLE = re.compile(r"example|placeholder|changeme|dummy|your[-_ ]|test", re.I)
_SHORTEST = 16
_SHORTEST_PART = 8
_BITS_PER_CHARACTER = 3.5


class Masked(str):
    """What is left of a credential in a syntax tree: two characters and a mark."""

    __slots__ = ()


def mask(module: ParsedModule) -> ParsedModule:
    """Return ``module`` without its credentials, in its lines and in its tree.

    Changes the tree in place. The constants that were credentials hold a
    ``Masked`` afterwards; whatever else repeats one is cut as well.
    """
    # By place: a constant may be found twice, and the parts of an f-string share
    # the place of the whole before Python 3.12.
    found = {
        (node.lineno, node.col_offset): node
        for inner in ast.walk(module.tree)
        for node in _secrets(inner)
    }
    if not found:
        return module
    lines = list(module.lines)
    # From the end, so that a replaced span does not move the ones before it.
    for _, node in sorted(found.items(), reverse=True):
        _blank(lines, node)
    texts = {part for node in found.values() for part in str(node.value).splitlines()}
    parts = sorted(
        (part for part in texts if len(part) >= _SHORTEST_PART),
        key=lambda part: (-len(part), part),
    )
    for node in found.values():
        node.value = Masked(_cut(str(node.value)))
    for inner in ast.walk(module.tree):
        if isinstance(inner, ast.Constant) and type(inner.value) is str:
            inner.value = _without(inner.value, parts)
    return replace(module, lines=tuple(_without(line, parts) for line in lines))


def _secrets(node: ast.AST) -> Iterator[ast.Constant]:
    for name, value in _named_values(node):
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            continue
        if _NAME.search(name) and _looks_random(value.value):
            yield value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        known = _KNOWN.search(node.value)
        if known and not _EXAMPLE.search(node.value) and _is_varied(known.group()):
            yield node


def _blank(lines: list[str], node: ast.Constant) -> None:
    """Cut the text of ``node`` out of its lines; a literal may span several."""
    first = node.lineno - 1
    last = (node.end_lineno or node.lineno) - 1
    # The parser counts columns in bytes.
    head = lines[first].encode()[: node.col_offset].decode(errors="replace")
    tail = lines[last].encode()[node.end_col_offset or 0 :].decode(errors="replace")
    shown = f'"{_cut(str(node.value))}"'
    if first == last:
        lines[first] = head + shown + tail
        return
    lines[first] = head + shown
    lines[first + 1 : last] = ["…"] * (last - first - 1)
    lines[last] = "…" + tail


def _cut(secret: str) -> str:
    return secret[:2] + "…"


def _without(text: str, parts: list[str]) -> str:
    for part in parts:
        text = text.replace(part, _cut(part))
    return text


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((_last_name(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield _last_name(target), value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.arguments():
            positional = [*node.posonlyargs, *node.args]
            with_default = positional[len(positional) - len(node.defaults) :]
            for argument, default in zip(with_default, node.defaults, strict=True):
                yield argument.arg, default
        case _:
            pass


def _last_name(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case _:
            return ""


def _looks_random(text: str) -> bool:
    if len(text) < _SHORTEST or _EXAMPLE.search(text) or re.search(r"[\s/{}<>%]", text):
        return False
    if not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return False
    return _is_varied(text)


def _is_varied(text: str) -> bool:
    # Shannon's entropy: a row of x stands for a secret, and is none.
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return entropy >= _BITS_PER_CHARACTER
