"""Which definitions Step Functions refuses, and with which words."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from analemma_platform.emulator.step_functions.definition import (
    ChoiceState,
    MapState,
    ParallelState,
    State,
    StateGraph,
    parse_definition,
)
from analemma_platform.emulator.step_functions.json_values import parse

_STATE_TYPES = frozenset(
    ("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing wrong with a definition. ``location`` is a JSON pointer."""

    code: str
    message: str
    location: str

    def sentence(self) -> str:
        """Return it as AWS words it inside ``InvalidDefinition``."""
        return f"{self.code}: {self.message} at {self.location}"


def diagnose(text: str) -> list[Diagnostic]:
    """Return everything wrong with the definition ``text``; empty: nothing."""
    try:
        parse(text)
    except ValueError as error:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", str(error), "/")]
    try:
        definition = parse_definition(text)
    except ValidationError as error:
        return [
            Diagnostic("SCHEMA_VALIDATION_FAILED", one["msg"], _pointer(one["loc"]))
            for one in error.errors(include_url=False, include_input=False)
        ]
    return list(_dangling(definition, ""))


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = [
        str(part)
        for position, part in enumerate(location)
        # Pydantic names the member of the union after the state's name.
        if not (part in _STATE_TYPES and position >= 2 and _named(location, position))
    ]
    return "/" + "/".join(parts)


def _named(location: tuple[int | str, ...], position: int) -> bool:
    return location[position - 2] == "States"


def _targets(state: State) -> Iterator[str]:
    for name in ("next", "default"):
        target = getattr(state, name, None)
        if target is not None:
            yield target
    if isinstance(state, ChoiceState):
        yield from (choice.next for choice in state.choices)
    yield from (catcher.next for catcher in getattr(state, "catch", ()))


def _dangling(graph: StateGraph, pointer: str) -> Iterator[Diagnostic]:
    if graph.start_at not in graph.states:
        yield Diagnostic(
            "MISSING_TRANSITION_TARGET",
            f"StartAt '{graph.start_at}' is not a state",
            f"{pointer}/StartAt",
        )
    reached = {graph.start_at}
    for name, state in graph.states.items():
        here = f"{pointer}/States/{name}"
        for target in _targets(state):
            reached.add(target)
            if target not in graph.states:
                yield Diagnostic(
                    "MISSING_TRANSITION_TARGET", f"'{target}' is not a state", here
                )
        yield from _inner(state, here)
    for name in graph.states:
        if name not in reached:
            yield Diagnostic(
                "MISSING_TRANSITION_TARGET",
                f"State '{name}' is not reachable",
                f"{pointer}/States/{name}",
            )


def _inner(state: State, pointer: str) -> Iterator[Diagnostic]:
    if isinstance(state, ParallelState):
        for number, branch in enumerate(state.branches):
            yield from _dangling(branch, f"{pointer}/Branches[{number}]")
    elif isinstance(state, MapState):
        yield from _dangling(state.processor, f"{pointer}/ItemProcessor")
