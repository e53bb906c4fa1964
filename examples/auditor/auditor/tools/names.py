"""Resolve what a call calls: ``p.loads`` after ``import pickle as p``.

By the module's own imports only; nothing is imported to find out. A builtin
that the module redefines is not taken for the builtin.
"""

import ast

from auditor.tools.scopes import Scope, walk


class ImportedNames:
    """The names that a module's import statements bind, wherever they stand.

    ``imports`` holds each imported module, and each ``module.name`` that a
    ``from`` import takes, since the text does not say which of them are modules.
    """

    def __init__(self, tree: ast.Module, package: str) -> None:
        """Read the imports of ``tree``, a module inside the package ``package``."""
        self._package = package
        self._targets: dict[str, str] = {}
        self._defined: set[str] = set()
        self.imports: set[str] = set()
        for node, scope in walk(tree):
            if isinstance(node, ast.Import):
                self._learn_import(node)
            elif isinstance(node, ast.ImportFrom):
                self._learn_import_from(node)
            else:
                self._defined.update(_defines(node, scope))

    def dotted(self, node: ast.expr) -> str | None:
        """Return the absolute dotted name of ``node``, or None for anything else.

        None also when the module itself defines the first part of the name.
        """
        first, _, _ = (_chain(node) or "").partition(".")
        if first in self._defined and first not in self._targets:
            return None
        return self.spelled(node)

    def spelled(self, node: ast.expr) -> str | None:
        """Return the dotted name of ``node``: absolute if imported, else as written."""
        chain = _chain(node)
        if chain is None:
            return None
        first, dot, rest = chain.partition(".")
        return self._targets.get(first, first) + dot + rest

    def _learn_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.add(alias.name)
            top = alias.name.partition(".")[0]
            self._targets[alias.asname or top] = alias.name if alias.asname else top

    def _learn_import_from(self, node: ast.ImportFrom) -> None:
        source = node.module or ""
        if node.level:
            parts = self._package.split(".")
            parts = parts[: len(parts) - node.level + 1]
            source = ".".join([*parts, source] if source else parts)
        self.imports.add(source)
        for alias in node.names:
            if alias.name != "*":
                self.imports.add(f"{source}.{alias.name}")
                self._targets[alias.asname or alias.name] = f"{source}.{alias.name}"


def _chain(node: ast.expr) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join((node.id, *reversed(parts)))


def _defines(node: ast.AST, scope: Scope) -> tuple[str, ...]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            # A method is reached through its object and hides no builtin.
            return () if scope.in_class else (name,)
        case ast.ClassDef(name=name) | ast.arg(arg=name):
            return (name,)
        case ast.Name(id=name, ctx=ast.Store()):
            return (name,)
        case _:
            return ()
