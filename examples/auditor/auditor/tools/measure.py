"""Measure a module: size, complexity, documentation, annotations.

Complexity is McCabe's, counted with boolean operators: one, plus one for every
place where control can branch. Nested functions are measured on their own.
"""

import ast

from auditor.state import ClassMeasure, FunctionMeasure
from auditor.tools.names import ImportedNames
from auditor.tools.parse import ParsedModule, storable
from auditor.tools.scopes import FunctionNode, Scope, is_variant, own_nodes, walk

COMPLEX = 15
"""A function above this complexity counts as complex and keeps its source."""

MAX_TEXT = 400
MAX_SOURCE_LINES = 200


def measure_functions(
    module: ParsedModule, names: ImportedNames
) -> list[FunctionMeasure]:
    """Return one measure for each function and method, in source order."""
    return [
        _measure_function(node, scope, names, module.lines)
        for node, scope in walk(module.tree)
        if isinstance(node, FunctionNode)
    ]


def measure_classes(module: ParsedModule) -> list[ClassMeasure]:
    """Return one measure for each class, in source order."""
    return [
        {
            "name": _qualified(scope, node.name),
            "line": node.lineno,
            "methods": sum(isinstance(child, FunctionNode) for child in node.body),
            "public": _is_public(scope, node.name),
            "documented": ast.get_docstring(node) is not None,
            "bases": [_text(base) for base in node.bases],
            "fields": [
                f"{_text(field.target)}: {_text(field.annotation)}"
                for field in node.body
                if isinstance(field, ast.AnnAssign)
            ],
            "doc": doc_head(node),
        }
        for node, scope in walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]


def count_code_lines(module: ParsedModule) -> int:
    """Return the lines that are neither blank, nor comment, nor docstring."""
    documentation: set[int] = set()
    for node, _ in walk(module.tree):
        if isinstance(node, FunctionNode | ast.ClassDef | ast.Module):
            documentation.update(_docstring_lines(node))
    return sum(
        1
        for number, line in enumerate(module.lines, start=1)
        if line.strip()
        and not line.lstrip().startswith("#")
        and number not in documentation
    )


def doc_head(node: FunctionNode | ast.ClassDef | ast.Module) -> str:
    """Return the first paragraph of a docstring on one line, at most 400 long."""
    paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
    return _shortened(" ".join(paragraph.split()))


def _measure_function(
    node: FunctionNode, scope: Scope, names: ImportedNames, lines: tuple[str, ...]
) -> FunctionMeasure:
    arguments = _arguments(node)
    own = [a for a in arguments if not (scope.in_class and a.arg in ("self", "cls"))]
    end = node.end_lineno or node.lineno
    complexity, depth = 1, 0
    calls: set[str] = set()
    raises: set[str] = set()
    for inner, level in own_nodes(node):
        complexity += _branches(inner)
        if isinstance(inner, ast.stmt):
            depth = max(depth, level)
        if isinstance(inner, ast.Call):
            calls.add(names.spelled(inner.func) or "")
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            raises.add(_raised(inner.exc, names))
    return {
        "name": _qualified(scope, node.name),
        "line": node.lineno,
        "lines": end - node.lineno + 1,
        "complexity": complexity,
        "depth": depth,
        "parameters": len(own),
        "public": _is_public(scope, node.name) and not is_variant(node),
        "documented": ast.get_docstring(node) is not None,
        "annotated": node.returns is not None
        and all(argument.annotation is not None for argument in own),
        "signature": _signature(node),
        "doc": doc_head(node),
        "calls": sorted(calls - {""}),
        "raises": sorted(raises - {""}),
        "source": "\n".join(
            lines[node.lineno - 1 : min(end, node.lineno - 1 + MAX_SOURCE_LINES)]
            if complexity > COMPLEX
            else ()
        ),
    }


def _raised(raised: ast.expr, names: ImportedNames) -> str:
    error = raised.func if isinstance(raised, ast.Call) else raised
    return names.spelled(error) or ""


def _branches(node: ast.AST) -> int:
    match node:
        case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While():
            return 1
        case ast.ExceptHandler():
            return 1
        case ast.BoolOp():
            return len(node.values) - 1
        case ast.comprehension():
            return 1 + len(node.ifs)
        case ast.match_case(pattern=ast.MatchAs(pattern=None), guard=None):
            return 0
        case ast.match_case():
            return 1
        case _:
            return 0


def _arguments(node: FunctionNode) -> list[ast.arg]:
    given = node.args
    rest = [star for star in (given.vararg, given.kwarg) if star is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *rest]


def _qualified(scope: Scope, name: str) -> str:
    return ".".join((*scope.names, name))


def _is_public(scope: Scope, name: str) -> bool:
    inside_function = scope.function is not None
    return not inside_function and not any(
        part.startswith("_") for part in (*scope.names, name)
    )


def _signature(node: FunctionNode) -> str:
    keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {_text(node.returns)}" if node.returns is not None else ""
    return _shortened(f"{keyword} {node.name}({_text(node.args)}){returns}")


def _text(node: ast.AST) -> str:
    try:
        return _shortened(ast.unparse(node))
    except (RecursionError, ValueError):
        # `unparse` recurses where the parser did not, and refuses to print a
        # hexadecimal number of thousands of digits.
        return "…"


def _shortened(text: str) -> str:
    text = storable(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _docstring_lines(node: FunctionNode | ast.ClassDef | ast.Module) -> range:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())) as first, *_]:
            return range(first.lineno, (first.end_lineno or first.lineno) + 1)
        case _:
            return range(0)
