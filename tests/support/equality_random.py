"""Random graphs: the same seed builds the same graph, in every process.

Each graph is layers of nodes, up to three levels of subgraphs deep. Layers are
joined in the ways LangGraph has: plain edges, joins, conditional edges, commands,
``Send``. Nodes ask, fail at first, or are graphs. The root may loop once.

Every execution of a task has a name that no other has: its node, the item it was
sent, how much state it saw, and how often it is to start once more (``+1`` for an
answer or a retry). It notes that name when it starts and writes it into the state.
So a state says exactly what ran, where and after what.
"""

import operator
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt

from graphs_case import Case, Node, Runs

LISTS = ("root", "middle", "inner")
"""The channel that each level adds to; a nested graph gives its whole to the above."""


class Root(TypedDict, total=False):
    """The state of the outermost graph."""

    item: str
    root: Annotated[list[str], operator.add]


class Middle(TypedDict, total=False):
    """The state of a graph in it. ``root`` is what it was given and what it gives."""

    at: str
    item: str
    root: list[str]
    middle: Annotated[list[str], operator.add]


class Inner(TypedDict, total=False):
    """The state of a graph in that. ``at`` says which execution of the graph it is."""

    at: str
    item: str
    middle: list[str]
    inner: Annotated[list[str], operator.add]


class GivesRoot(TypedDict):
    """What a middle graph gives."""

    root: list[str]


class GivesMiddle(TypedDict):
    """What an inner graph gives."""

    middle: list[str]


STATES: tuple[Any, ...] = (Root, Middle, Inner)
GIVES: tuple[Any, ...] = (Root, GivesRoot, GivesMiddle)
FLAKY = RetryPolicy(initial_interval=0.001, max_attempts=3, jitter=False)


def random_case(seed: int) -> Case:
    """Return the graph of a seed."""

    def build(runs: Runs) -> Any:  # LangGraph's type of graph
        return _Level(random.Random(f"graph {seed}"), runs, 0, "").compiled()

    return Case(f"seed {seed}", build, {"root": []}, lambda asked: f"yes to {asked}")


@dataclass
class _Level:
    """One graph under construction; ``path`` names it within the whole."""

    chance: random.Random
    runs: Runs
    depth: int
    path: str
    graph: Any = field(init=False)  # LangGraph's builder
    _joins: list[tuple[list[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = StateGraph(STATES[self.depth], output_schema=GIVES[self.depth])

    @property
    def adds_to(self) -> str:
        """The channel that this graph adds to."""
        return LISTS[self.depth]

    def compiled(self) -> Any:
        """Return the graph, with a breakpoint now and then."""
        wide = 2 if self.depth else 3
        layers = [
            [
                f"{self.path}n{row}{column}"
                for column in range(self.chance.randint(1, wide))
            ]
            for row in range(self.chance.randint(2, wide + 1))
        ]
        close = f"{self.path}close"
        first: str = START
        if self.depth:
            first = f"{self.path}open"
            self.graph.add_node(first, self._opening(first))
            self.graph.add_edge(START, first)
        for name in layers[0]:
            self.graph.add_edge(first, name)
        for row, names in enumerate(layers):
            follow = layers[row + 1] if row + 1 < len(layers) else [close]
            self._connect(names, follow)
        self._close(close, layers[0])
        for names, after in self._joins:  # joins only name nodes that are there
            self.graph.add_edge(names, after)
        held = []
        if not self.depth and self.chance.random() < 0.15:
            held = [self.chance.choice(layers[-1])]
        return self.graph.compile(interrupt_before=held)

    def _connect(self, names: list[str], follow: list[str]) -> None:
        """Add the nodes of a layer, and what leads to the next one."""
        how = self.chance.choice(["edges", "join", "choice", "command", "sends"])
        for name in names:
            if how == "command":
                node = self._going(name, follow)
                self.graph.add_node(name, node, destinations=tuple(follow))
            else:
                self._add(name)
        if how == "join":
            self._joins += [(names, after) for after in follow]
            return
        if how == "sends":
            self._scatter(names[0], follow)
            names = names[1:]
        for name in names:
            if how == "choice":
                self.graph.add_conditional_edges(
                    name, self._choice(name, follow), follow
                )
            elif how != "command":
                for after in follow:
                    self.graph.add_edge(name, after)

    def _add(self, name: str) -> None:
        kind = self.chance.choices(
            ["plain", "ask", "flaky", "graph"], [6, 1, 1, (2, 1, 0)[self.depth]]
        )[0]
        if kind == "graph":
            below = _Level(self.chance, self.runs, self.depth + 1, f"{name}-")
            self.graph.add_node(name, below.compiled())
        elif kind == "flaky":
            self.graph.add_node(name, self._flaky(name), retry_policy=FLAKY)
        elif kind == "ask":
            self.graph.add_node(name, self._asking(name, self.chance.randint(1, 2)))
        else:
            self.graph.add_node(name, self._plain(name))

    def _scatter(self, name: str, follow: list[str]) -> None:
        """Let a node send to a node of its own, or to a graph, two to four times."""
        count, worker = self.chance.randint(2, 4), f"{name}s"
        self._add(worker)

        def spread(state: Any) -> list[Send]:
            item = f"{state.get('item', '')}/{name} {len(state[self.adds_to])}."
            kept = {"at": state["at"]} if self.depth else {}
            return [
                Send(worker, {**kept, self.adds_to: [], "item": f"{item}{n}"})
                for n in range(count)
            ]

        self.graph.add_conditional_edges(name, spread, [worker])
        for after in follow:
            self.graph.add_edge(worker, after)

    def _close(self, name: str, first: list[str]) -> None:
        """Add the last node, which may go back once, and gives what there is."""
        defer = self.chance.random() < 0.5
        again = not self.depth and self.chance.random() < 0.4

        def close(state: Any) -> dict[str, Any]:
            started = self._started(name, state)
            if not self.depth:
                return {"root": [started]}
            above = LISTS[self.depth - 1]
            return {self.adds_to: [started], above: [*state[self.adds_to], started]}

        def route(state: Any) -> Any:
            rounds = sum(each.startswith(name) for each in state[self.adds_to])
            return first if rounds < 2 else END

        self.graph.add_node(name, close, defer=defer)
        if again:
            self.graph.add_conditional_edges(name, route, [*first, END])

    def _opening(self, name: str) -> Node:
        """Return the first node of a graph below, which says when it was entered."""
        above = LISTS[self.depth - 1]

        def node(state: Any) -> dict[str, Any]:
            item, size = state.get("item", ""), len(state.get(above, ()))
            at = f"{state.get('at', '')} {item}>{size}"
            self.runs.append(f"{name}+0@{at}")
            return {"at": at, self.adds_to: [f"{name}+0@{at}"]}

        return node

    def _started(self, name: str, state: Any, again: int = 0) -> str:
        """Note that a task starts; return its name, which says how often it will."""
        size, item = len(state.get(self.adds_to, ())), state.get("item", "")
        task = f"{name}+{again}@{state.get('at', '')} {item}:{size}"
        self.runs.append(task)
        return task

    def _plain(self, name: str) -> Node:
        return lambda state: {self.adds_to: [self._started(name, state)]}

    def _flaky(self, name: str) -> Node:
        def node(state: Any) -> dict[str, list[str]]:
            task = self._started(name, state, again=1)
            if self.runs.count(task) < 2:
                raise ConnectionError("not yet")
            return {self.adds_to: [task]}

        return node

    def _asking(self, name: str, questions: int) -> Node:
        def node(state: Any) -> dict[str, list[str]]:
            task = self._started(name, state, again=questions)
            said = [interrupt(f"{task}? {number}") for number in range(questions)]
            return {self.adds_to: [task, *said]}

        return node

    def _going(self, name: str, follow: list[str]) -> Node:
        choose = self._choice(name, follow)

        def node(state: Any) -> Command[Any]:
            task = self._started(name, state)
            return Command(update={self.adds_to: [task]}, goto=choose(state))

        return node

    def _choice(self, name: str, follow: list[str]) -> Callable[[Any], list[str]]:
        """Return what chooses one or more of the next, by how much there is."""

        def choose(state: Any) -> list[str]:
            size = len(state.get(self.adds_to, ()))
            number = zlib.crc32(f"{name} {size}".encode()) % (2 ** len(follow) - 1) + 1
            return [each for bit, each in enumerate(follow) if number >> bit & 1]

        return choose
