"""Find a LangGraph graph by its target and load it as a program.

A target is ``module:attribute`` or ``path/to/file.py:attribute``. Loading runs
the file's code: a target is chosen by the person who deploys or starts a run,
never by a run's input.
"""

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from analemma.errors import TargetInvalid
from analemma.ids import WorkflowDigest
from analemma.kernelspace.program import Graph, Program, only_asynchronous

_HINT = "give module:attribute or path/to/file.py:attribute"


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target. ``source`` is a module's name or a file's absolute path."""

    source: str
    attribute: str
    is_file: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.attribute}"

    @property
    def name(self) -> str:
        """What people call the workflow: the file's or package's own name."""
        if not self.is_file:
            return self.source.split(".")[0]
        path = Path(self.source)
        return path.parent.name if path.stem in ("graph", "__init__") else path.stem


def parse_target(text: str) -> Target:
    """Parse a target; a file's path becomes absolute.

    Raises:
        TargetInvalid: it has not the form of a target.
    """
    source, separator, attribute = text.rpartition(":")
    if not separator or not source or not attribute.isidentifier():
        raise TargetInvalid(f"target {text!r} names no graph; {_HINT}")
    if source.endswith(".py") or "/" in source:
        return Target(str(Path(source).resolve()), attribute, is_file=True)
    return Target(source, attribute, is_file=False)


def load_program(target: Target) -> Program:
    """Load the target's graph.

    A ``StateGraph`` that was not compiled is compiled. The module's attribute
    ``scripted_answer`` stands in for a model where none is configured.

    Raises:
        TargetInvalid: the module, the attribute or a graph is not there.
    """
    module = _load_file(target) if target.is_file else _load_module(target)
    found = getattr(module, target.attribute, None)
    if found is None:
        raise TargetInvalid(
            f"target {target}: the module has no attribute {target.attribute!r}"
        )
    if isinstance(found, StateGraph):
        found = _compile(target, found)
    if not isinstance(found, Pregel):
        raise TargetInvalid(
            f"target {target}: {type(found).__name__} is not a LangGraph graph"
        )
    _check_nested_graphs(target, found)
    return Program(
        name=target.name,
        digest=_digest(target.attribute, found, module),
        graph=found,
        asynchronous=only_asynchronous(found),
        recursion_limit=(found.config or {}).get("recursion_limit"),
        scripted_answer=getattr(module, "scripted_answer", None),
    )


# Any four times: LangGraph's type of state, context, input and output.
def _compile(target: Target, graph: StateGraph[Any, Any, Any, Any]) -> Graph:
    try:
        return graph.compile()
    except ValueError as error:  # LangGraph's word for a graph that cannot be
        raise TargetInvalid(f"target {target} cannot be compiled: {error}") from error


def _check_nested_graphs(target: Target, graph: Graph) -> None:
    """Refuse what LangGraph does not resume as it would have run.

    A nested graph that keeps checkpoints over several calls takes the first call
    of every slice for the resumption of its last one, and does nothing. A static
    breakpoint of a nested graph is recorded nowhere: a later slice walks past it.
    """
    for name, nested in graph.get_subgraphs(recurse=True):
        if not isinstance(nested, Pregel):
            continue  # a remote graph keeps its own counsel
        if nested.checkpointer is True:
            raise TargetInvalid(
                f"target {target}: nested graph {name!r} keeps checkpoints of its own, "
                "which cannot be resumed in slices; compile it without "
                "checkpointer=True"
            )
        if nested.interrupt_before_nodes or nested.interrupt_after_nodes:
            raise TargetInvalid(
                f"target {target}: nested graph {name!r} has static breakpoints, which "
                "cannot be resumed in slices; call interrupt() in a node instead"
            )


def _load_file(target: Target) -> ModuleType:
    path = Path(target.source)
    if not path.is_file():
        raise TargetInvalid(f"target {target}: there is no file {path}; {_HINT}")
    # As `python file.py` would: the file's siblings can be imported. A file
    # inside a package is imported as part of it, so its relative imports work.
    root, name = path.parent, path.stem
    while (root / "__init__.py").is_file():
        root, name = root.parent, f"{root.name}.{name}"
    name = name.removesuffix(".__init__")
    if name in sys.stdlib_module_names:
        raise TargetInvalid(
            f"target {target}: the standard library has a module {name!r} too; "
            "rename the file"
        )
    _make_importable(root)
    loaded = sys.modules.get(name)
    if loaded is not None and _is_file_of(path, loaded):
        return loaded
    if path.parent == root:
        return _execute(target, name, path)
    module = _import(target, name)
    if not _is_file_of(path, module):
        raise TargetInvalid(
            f"target {target}: {name!r} is loaded from {module.__file__} already; "
            "give one of the packages another name"
        )
    return module


def _execute(target: Target, name: str, path: Path) -> ModuleType:
    """Run a file that is in no package; it may be called like another's file."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetInvalid(f"target {target}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise _not_importable(target, error) from error
    return module


def _load_module(target: Target) -> ModuleType:
    # As `python -m` would; an installed `analemma` does not by itself.
    _make_importable(Path.cwd())
    return _import(target, target.source)


def _import(target: Target, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _not_importable(target, error) from error


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _is_file_of(path: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path


def _not_importable(target: Target, error: BaseException) -> TargetInvalid:
    return TargetInvalid(
        f"target {target} cannot be imported: {type(error).__name__}: {error}"
    )


def _digest(attribute: str, graph: Graph, module: ModuleType) -> WorkflowDigest:
    """Name the version: the graph's shape and the source of its package."""
    shape: dict[str, Any] = {  # Any: JSON
        "attribute": attribute,
        "nodes": {
            name: sorted(map(str, node.triggers)) for name, node in graph.nodes.items()
        },
        "channels": {
            name: type(channel).__name__ for name, channel in graph.channels.items()
        },
        "source": {
            name: hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in _sources(module)
        },
    }
    return WorkflowDigest(
        hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
    )


def _sources(module: ModuleType) -> Iterator[tuple[str, Path]]:
    """Yield the module's file, or every Python file of the package it is in."""
    if not (file := getattr(module, "__file__", None)):
        return
    package = module.__name__.partition(".")[0]
    folder = next(iter(getattr(sys.modules.get(package), "__path__", ())), None)
    if folder is None:
        yield Path(file).name, Path(file)
        return
    for path in sorted(filter(Path.is_file, Path(folder).rglob("*.py"))):
        yield path.relative_to(folder).as_posix(), path
