"""Small graphs that note which of their nodes ran, for tests of slices."""

import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt


class State(TypedDict, total=False):
    target: int
    seen: Annotated[list[str], operator.add]


def counting(runs: list[str], *, killed_at: int | None = None) -> StateGraph[State]:
    """A node that appends its number until ``target`` is reached.

    At the number ``killed_at`` it ends as a process does that somebody stops.
    """

    def step(state: State) -> State:
        if len(state["seen"]) == killed_at:
            raise KeyboardInterrupt
        runs.append(str(len(state["seen"])))
        return {"seen": [str(len(state["seen"]))]}

    def again(state: State) -> str:
        return "step" if len(state["seen"]) < state["target"] else END

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", again, ["step", END])
    return graph


def scattering(runs: list[str], fail: set[str] | None = None) -> StateGraph[State]:
    """One task a number below ``target``; those in ``fail`` raise; then a join."""

    def scatter(state: State) -> list[Send]:
        return [Send("work", {"seen": [str(n)]}) for n in range(state["target"])]

    def work(state: State) -> State:
        (name,) = state["seen"]
        runs.append(name)
        if fail and name in fail:
            raise ValueError(f"task {name} cannot")
        return {"seen": [f"did {name}"]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_node("join", lambda state: {"seen": ["joined"]})
    graph.add_conditional_edges(START, scatter, ["work"])
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    return graph


def asking(answers: list[Any], questions: int = 1) -> StateGraph[State]:
    """A node that asks its questions one after the other."""

    def ask(state: State) -> State:
        for number in range(questions):
            answers.append(interrupt(f"question {number}"))
        return {"seen": [repr(answer) for answer in answers[-questions:]]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph
