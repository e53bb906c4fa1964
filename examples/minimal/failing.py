"""Add up a file's numbers, and fail until the file is there: ``{"path": "…"}``."""

from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class Numbers(TypedDict, total=False):
    path: str
    started: int
    total: int


def start(state: Numbers) -> Numbers:
    return {"started": state.get("started", 0) + 1}


def add_up(state: Numbers) -> Numbers:
    return {"total": sum(map(int, Path(state["path"]).read_text().split()))}


graph = (
    StateGraph(Numbers)
    .add_node(start)
    .add_node(add_up)
    .add_edge(START, "start")
    .add_edge("start", "add_up")
    .add_edge("add_up", END)
    .compile(name="failing")
)
