"""Walk a syntax tree in source order, knowing the scope of every node.

The walk keeps its own stack: real packages hold expressions that are nested
deeper than Python's recursion limit.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a node stands: ``names`` from the module down, and its function."""

    names: tuple[str, ...] = ()
    function: FunctionNode | None = None
    in_class: bool = False

    @property
    def qualified(self) -> str:
        """The dotted name of the scope; ``<module>`` outside of everything."""
        return ".".join(self.names) or "<module>"


def walk(tree: ast.AST) -> Iterator[tuple[ast.AST, Scope]]:
    """Yield every node with the scope around it, in source order.

    A function's own node, its decorators and its defaults belong to the scope
    outside; its body and its arguments to the scope inside.
    """
    stack: list[tuple[ast.AST, Scope]] = [(tree, Scope())]
    while stack:
        node, scope = stack.pop()
        yield node, scope
        children = [(child, scope) for child in ast.iter_child_nodes(node)]
        if isinstance(node, FunctionNode):
            inner = Scope((*scope.names, node.name), node)
            children = _body_inside(node, children, inner)
        elif isinstance(node, ast.ClassDef):
            inner = Scope((*scope.names, node.name), scope.function, in_class=True)
            children = _body_inside(node, children, inner)
        stack.extend(reversed(children))


def own_nodes(function: FunctionNode) -> Iterator[tuple[ast.AST, int]]:
    """Yield the nodes of a function's body with their depth in blocks.

    Functions and classes defined inside are left out: they are measured apart.
    """
    stack: list[tuple[ast.AST, int]] = [(node, 0) for node in reversed(function.body)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            continue
        yield node, depth
        deeper = depth + isinstance(node, _BLOCKS)
        for child in ast.iter_child_nodes(node):
            # `elif` is an If in the else branch of an If, and reads as one level.
            flat = isinstance(node, ast.If) and node.orelse == [child]
            stack.append((child, depth if flat else deeper))


def is_variant(node: FunctionNode) -> bool:
    """Tell an overload, setter or deleter: it only adds to another definition."""
    names = {
        decorator.attr if isinstance(decorator, ast.Attribute) else decorator.id
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Attribute | ast.Name)
    }
    return bool(names & {"overload", "setter", "deleter"})


_BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


def _body_inside(
    node: FunctionNode | ast.ClassDef,
    children: list[tuple[ast.AST, Scope]],
    inner: Scope,
) -> list[tuple[ast.AST, Scope]]:
    body = {id(statement) for statement in node.body}
    return [(child, inner if id(child) in body else scope) for child, scope in children]
