"""Recognise where the rules apply, by the syntax of one node.

A check errs towards silence: it reports what the syntax alone shows, and leaves
out what would need to know a value or a type.
"""

import ast
from collections.abc import Callable, Iterator

from auditor.tools.names import ImportedNames
from auditor.tools.rules import Hit
from auditor.tools.scopes import FunctionNode, Scope, is_variant

_DESERIALISERS = frozenset(
    f"{module}.{name}"
    for module in ("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal")
    for name in ("load", "loads", "Unpickler")
) | {"shelve.open", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load"}
_SAFE_LOADERS = frozenset(
    {"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader", "yaml.SafeLoader"}
)
_SUBPROCESS = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")
) | {"subprocess.Popen"}
_SHELLS = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
)
_HTTP = ("requests", "httpx", "aiohttp", "urllib3")
_BLOCKING = frozenset(
    {"time.sleep", "urllib.request.urlopen", "socket.create_connection"}
    | {f"requests.{verb}" for verb in ("get", "post", "put", "patch", "delete")}
    | {f"httpx.{verb}" for verb in ("get", "post", "put", "patch", "delete")}
    | (_SUBPROCESS - {"subprocess.Popen"})
)
_SQL_VERBS = ("select ", "insert ", "update ", "delete ", "create ", "drop ", "alter ")


def check(node: ast.AST, scope: Scope, names: ImportedNames) -> Iterator[Hit]:
    """Yield what the rules say about one node."""
    match node:
        case ast.Call():
            for rule in _CALL_RULES:
                yield from rule(node, scope, names)
        case ast.ExceptHandler():
            yield from _check_handler(node, scope, names)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _check_defaults(node)
        case ast.Assert():
            yield from _check_assert(node, scope)
        case _:
            pass


def _code_execution(
    call: ast.Call, _scope: Scope, names: ImportedNames
) -> Iterator[Hit]:
    if names.dotted(call.func) not in ("eval", "exec", "builtins.eval"):
        return
    fixed = bool(call.args) and isinstance(call.args[0], ast.Constant)
    yield Hit("runs text as code", "low" if fixed else "high", call.lineno)


def _deserialisation(
    call: ast.Call, _scope: Scope, names: ImportedNames
) -> Iterator[Hit]:
    called = names.dotted(call.func)
    loader = _argument(call, 1, "Loader")
    unsafe_yaml = called in ("yaml.load", "yaml.load_all") and (
        loader is None
        or (names.dotted(loader) or "").rpartition(".")[2] not in _SAFE_LOADERS
    )
    if called in _DESERIALISERS or unsafe_yaml:
        yield Hit("unsafe deserialisation", "high", call.lineno)


def _shell(call: ast.Call, _scope: Scope, names: ImportedNames) -> Iterator[Hit]:
    called = names.dotted(call.func)
    through_shell = called in _SUBPROCESS and _is_true(_argument(call, None, "shell"))
    if called in _SHELLS or through_shell:
        fixed = bool(call.args) and isinstance(call.args[0], ast.Constant)
        yield Hit("shell command", "medium" if fixed else "high", call.lineno)


def _certificates(call: ast.Call, _scope: Scope, names: ImportedNames) -> Iterator[Hit]:
    called = names.dotted(call.func) or ""
    verify = _argument(call, None, "verify")
    off = isinstance(verify, ast.Constant) and verify.value is False
    if called == "ssl._create_unverified_context" or (
        off and called.partition(".")[0] in _HTTP
    ):
        yield Hit("certificate check off", "high", call.lineno)


def _sql(call: ast.Call, _scope: Scope, _names: ImportedNames) -> Iterator[Hit]:
    methods = ("execute", "executemany", "executescript")
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in methods):
        return
    if call.args and _is_built_sql(call.args[0]):
        yield Hit("sql built from text", "medium", call.lineno)


def _named_calls(call: ast.Call, scope: Scope, names: ImportedNames) -> Iterator[Hit]:
    called = names.dotted(call.func)
    if called == "tempfile.mktemp":
        yield Hit("predictable temporary file", "medium", call.lineno)
    if called in ("hashlib.md5", "hashlib.sha1"):
        declared = _argument(call, None, "usedforsecurity")
        if not (isinstance(declared, ast.Constant) and declared.value is False):
            yield Hit("weak hash", "medium", call.lineno)
    if called in _BLOCKING and isinstance(scope.function, ast.AsyncFunctionDef):
        yield Hit("blocking call in async", "medium", call.lineno)


def _extraction(call: ast.Call, _scope: Scope, names: ImportedNames) -> Iterator[Hit]:
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr == "extractall"
    reads_tar = any(name.partition(".")[0] == "tarfile" for name in names.imports)
    if is_method and reads_tar and _argument(call, None, "filter") is None:
        yield Hit("archive extraction", "medium", call.lineno)


_CallRule = Callable[[ast.Call, Scope, ImportedNames], Iterator[Hit]]
_CALL_RULES: tuple[_CallRule, ...] = (
    _code_execution,
    _deserialisation,
    _shell,
    _certificates,
    _sql,
    _named_calls,
    _extraction,
)


def _check_handler(
    node: ast.ExceptHandler, scope: Scope, names: ImportedNames
) -> Iterator[Hit]:
    if scope.function is not None and scope.function.name == "__del__":
        # Nobody can catch what a finaliser raises; to swallow it is the custom.
        return
    reraises = any(isinstance(inner, ast.Raise) for inner in node.body)
    if node.type is None and not reraises:
        yield Hit("bare except", "medium", node.lineno)
    catches_all = node.type is not None and names.dotted(node.type) in _CATCH_ALL
    if catches_all and all(_does_nothing(statement) for statement in node.body):
        yield Hit("error swallowed", "medium", node.lineno)


_CATCH_ALL = ("Exception", "BaseException")


def _check_defaults(node: FunctionNode) -> Iterator[Hit]:
    if is_variant(node):
        return
    for default in (*node.args.defaults, *node.args.kw_defaults):
        literal = isinstance(default, ast.List | ast.Dict | ast.Set)
        called = (
            isinstance(default, ast.Call)
            and isinstance(default.func, ast.Name)
            and default.func.id in ("list", "dict", "set")
        )
        if default is not None and (literal or called):
            yield Hit("mutable default", "medium", default.lineno)


def _check_assert(node: ast.Assert, scope: Scope) -> Iterator[Hit]:
    function = scope.function
    if function is None or function.name.startswith("_"):
        return
    given = function.args
    parameters = {
        argument.arg
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        if argument.arg not in ("self", "cls")
    }
    named = {inner.id for inner in ast.walk(node.test) if isinstance(inner, ast.Name)}
    if named & parameters:
        yield Hit("assert checks an argument", "low", node.lineno)


def _argument(call: ast.Call, position: int | None, keyword: str) -> ast.expr | None:
    if position is not None and len(call.args) > position:
        return call.args[position]
    return next((k.value for k in call.keywords if k.arg == keyword), None)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _is_built_sql(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(head)), *rest]) if rest:
            return _is_sql(head)
        case ast.BinOp(left=ast.Constant(value=str(head)), op=ast.Add() | ast.Mod()):
            return _is_sql(head)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(head)), attr="format")
        ):
            return _is_sql(head)
        case _:
            return False


def _is_sql(head: str) -> bool:
    return head.lstrip().lower().startswith(_SQL_VERBS)
