"""Find where a module reaches outside: network, processes, files, environment.

An effect is not a risk; the list answers "what can this package touch?", as far
as calls by name show it. Objects passed in from elsewhere are not followed.
"""

import ast

from auditor.state import Effect
from auditor.tools.names import ImportedNames
from auditor.tools.parse import ParsedModule
from auditor.tools.scopes import walk

_MODULES: dict[str, str] = {
    "aiohttp": "network",
    "ctypes": "native code",
    "ftplib": "network",
    "grpc": "network",
    "http.client": "network",
    "httpx": "network",
    "multiprocessing": "processes",
    "requests": "network",
    "shutil": "file changes",
    "smtplib": "network",
    "socket": "network",
    "subprocess": "processes",
    "tempfile": "file changes",
    "urllib.request": "network",
    "urllib3": "network",
    "websockets": "network",
}
_CALLS: dict[str, str] = {
    "__import__": "code loading",
    "compile": "code loading",
    "eval": "code loading",
    "exec": "code loading",
    "importlib.import_module": "code loading",
    "importlib.metadata.entry_points": "code loading",
    "importlib.reload": "code loading",
    "os.fork": "processes",
    "os.kill": "processes",
    "os.makedirs": "file changes",
    "os.mkdir": "file changes",
    "os.popen": "processes",
    "os.remove": "file changes",
    "os.rename": "file changes",
    "os.replace": "file changes",
    "os.system": "processes",
    "os.unlink": "file changes",
    # These only ask; the empty kind takes them out of their module's.
    "multiprocessing.cpu_count": "",
    "shutil.get_terminal_size": "",
    "shutil.which": "",
    "socket.gethostname": "",
    "threading.Thread": "threads",
    "concurrent.futures.ProcessPoolExecutor": "processes",
    "concurrent.futures.ThreadPoolExecutor": "threads",
}
# Values of those libraries; to make one touches nothing.
_VALUES = ("Error", "Exception", "Headers", "Limits", "Request", "Response", "Timeout")
_ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.putenv", "os.environb"})
_WRITING_METHODS = frozenset({"write_text", "write_bytes"})


def find_effects(module: ParsedModule, names: ImportedNames) -> list[Effect]:
    """Return the effects of ``module`` by line, each place and name once."""
    found: dict[tuple[int, str], Effect] = {}
    for node, scope in walk(module.tree):
        kind, name = _effect(node, names)
        if kind and isinstance(node, ast.expr):
            found.setdefault(
                (node.lineno, name),
                {
                    "kind": kind,
                    "name": name,
                    "line": node.lineno,
                    "symbol": scope.qualified,
                },
            )
    return [effect for _, effect in sorted(found.items(), key=lambda item: item[0])]


def _effect(node: ast.AST, names: ImportedNames) -> tuple[str, str]:
    match node:
        case ast.Call(func=func):
            return _call_effect(node, names.dotted(func))
        case ast.Attribute() | ast.Name(ctx=ast.Load()):
            name = names.dotted(node) or ""
            return ("environment", name) if name in _ENVIRONMENT else ("", "")
        case _:
            return "", ""


def _call_effect(call: ast.Call, name: str | None) -> tuple[str, str]:
    if name is None:
        return _method_effect(call)
    if name in _CALLS:
        return _CALLS[name], name
    if name in ("open", "io.open"):
        return ("file changes", name) if _opens_to_write(call) else ("", "")
    parts = name.split(".")
    if name.endswith(_VALUES):
        return "", ""
    for length in range(len(parts) - 1, 0, -1):
        if kind := _MODULES.get(".".join(parts[:length])):
            return kind, name
    return _method_effect(call)


def _method_effect(call: ast.Call) -> tuple[str, str]:
    if isinstance(call.func, ast.Attribute) and call.func.attr in _WRITING_METHODS:
        return "file changes", f".{call.func.attr}"
    return "", ""


def _opens_to_write(call: ast.Call) -> bool:
    mode = next((k.value for k in call.keywords if k.arg == "mode"), None)
    if mode is None and len(call.args) > 1:
        mode = call.args[1]
    return (
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and bool(set(mode.value) & set("wax+"))
    )
