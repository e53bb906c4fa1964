"""What a node's code mentions: sends, interrupts, names of nodes.

Only its compiled code is read and nothing is called, so this is a hint and no
proof: a function that is handed in, or built while the graph runs, is not seen.
Functions that the code names are followed inside their own package.
"""

import dis
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MethodType
from typing import Any

from langgraph.graph import END
from langgraph.types import Command, Send, interrupt

_DEEPEST = 4

_SILENT = {"CACHE", "PUSH_NULL", "RESUME", "NOP"}


@dataclass(slots=True)
class Mentions:
    """What was found. ``texts`` are all constant strings, ``END`` among them.

    ``sent`` are the nodes that a ``Send`` names; None stands for one that it takes
    from elsewhere.
    """

    sends: bool = False
    asks: bool = False
    commands: bool = False
    texts: set[str] = field(default_factory=set)
    sent: set[str | None] = field(default_factory=set)


def mentions_of(runnable: object) -> Mentions:
    """Return what the functions behind a runnable mention."""
    found, seen = Mentions(), set[int]()
    for function in functions_of(runnable):
        _read(function, found, seen, _DEEPEST)
    return found


# Any: a function of whoever wrote the graph.
def functions_of(runnable: object) -> Iterator[Callable[..., Any]]:
    """Yield the Python functions that a runnable of LangGraph calls."""
    for step in getattr(runnable, "steps", None) or ():
        yield from functions_of(step)
    for name in ("func", "afunc"):
        function = getattr(runnable, name, None)
        if callable(function):
            yield function
    if isinstance(runnable, FunctionType | MethodType | functools.partial):
        yield runnable


def _read(function: object, found: Mentions, seen: set[int], depth: int) -> None:
    plain = _plain(function)
    if plain is None or id(plain) in seen:
        return
    seen.add(id(plain))
    if "Send" in str(plain.__annotations__.get("return", "")):
        found.sends = True
    for name, value in _named(plain):
        found.sends |= value is Send
        found.asks |= value is interrupt
        found.commands |= value is Command
        if value == END and isinstance(value, str):
            found.texts.add(END)
        if depth and _same_package(value, plain):
            _read(value, found, seen, depth - 1)
        elif value is None:  # an attribute: ``types.Send``
            found.sends |= name == "Send"
            found.asks |= name == "interrupt"
            found.commands |= name == "Command"
    for code in _codes(plain.__code__):
        found.texts |= {text for text in _constants(code.co_consts) if text}
        found.sent |= set(_sent(code))


# Any: whatever LangGraph was given to call.
def _plain(function: Any) -> FunctionType | None:
    while isinstance(function, functools.partial | MethodType):
        if isinstance(function, MethodType):
            function = function.__func__
        else:
            function = function.func
    if not inspect.isfunction(function):
        function = getattr(type(function), "__call__", None)  # noqa: B004  # the method
    return function if inspect.isfunction(function) else None


def _named(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield every name that the code uses, with what it stands for (or None)."""
    cells = dict(
        zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    )
    for code in _codes(function.__code__):
        for name in (*code.co_names, *code.co_freevars):
            if name in cells:
                try:
                    yield name, cells[name].cell_contents
                except ValueError:  # a cell that is not filled yet
                    continue
            else:
                yield name, function.__globals__.get(name)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _sent(code: CodeType) -> Iterator[str | None]:
    """Yield what stands behind each ``Send(`` of the code, if it is a constant."""
    instructions = [
        each for each in dis.get_instructions(code) if each.opname not in _SILENT
    ]
    for each, following in itertools.pairwise(instructions):
        if each.argval == "Send" and each.opname.startswith("LOAD"):
            text = following.argval
            constant = following.opname == "LOAD_CONST" and isinstance(text, str)
            yield text if constant else None


def _constants(values: tuple[object, ...] | frozenset[object]) -> Iterator[str]:
    for each in values:
        if isinstance(each, str):
            yield each
        elif isinstance(each, tuple | frozenset):
            yield from _constants(each)


def _same_package(value: object, function: FunctionType) -> bool:
    if not isinstance(value, FunctionType):
        return False
    return value.__module__.partition(".")[0] == function.__module__.partition(".")[0]
