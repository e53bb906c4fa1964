"""Find the risks of a module: every rule over every node, with the evidence.

An excerpt is the line and its neighbours as they stand in the module that is
given; mask its credentials before.
"""

import ast

from auditor.state import Risk
from auditor.tools.checks import check
from auditor.tools.credentials import Masked
from auditor.tools.names import ImportedNames
from auditor.tools.parse import ParsedModule
from auditor.tools.rules import RULES, Hit
from auditor.tools.scopes import FunctionNode, Scope, walk

MAX_LINE = 160


def find_risks(module: ParsedModule, names: ImportedNames) -> list[Risk]:
    """Return the risks of ``module`` by line, each place and rule once."""
    found: dict[tuple[int, str], tuple[Hit, str]] = {}
    for node, scope in walk(module.tree):
        hits = list(check(node, scope, names))
        if isinstance(node, ast.Constant) and isinstance(node.value, Masked):
            hits.append(Hit("secret in source", "high", node.lineno))
        for hit in hits:
            found.setdefault((hit.line, hit.rule), (hit, _symbol(node, scope)))
    for line, _ in module.complaints:
        hit = Hit("invalid escape sequence", "low", line)
        found.setdefault((line, hit.rule), (hit, "<module>"))
    return [
        {
            "rule": hit.rule,
            "severity": hit.severity,
            "line": hit.line,
            "symbol": symbol,
            "excerpt": excerpt(module.lines, hit.line),
        }
        for _, (hit, symbol) in sorted(found.items())
    ]


def _symbol(node: ast.AST, scope: Scope) -> str:
    own = (node.name,) if isinstance(node, FunctionNode) else ()
    return Scope((*scope.names, *own)).qualified


def excerpt(lines: tuple[str, ...], line: int) -> str:
    """Return ``line`` (from 1) with one line before and two after it."""
    around = lines[max(line - 2, 0) : line + 2]
    indent = min(
        (len(text) - len(text.lstrip()) for text in around if text.strip()), default=0
    )
    return "\n".join(text[indent:][:MAX_LINE].rstrip() for text in around)


def worst_first(rule: str) -> tuple[int, str]:
    """Return the key that sorts rules by severity, then by name."""
    return ("high", "medium", "low").index(RULES[rule].severity), rule
