"""DeltaChannel: a list that LangGraph rebuilds from the writes of its ancestors."""

from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from memory_backends import RUN, Backend, MemoryBackend
from memory_graphs import CONFIG

WIDTH = 12


def extend(state: list[Any], writes: list[list[Any]]) -> list[Any]:
    return [*state, *(item for write in writes for item in write)]


class State(TypedDict):
    items: Annotated[list[Any], DeltaChannel(extend, snapshot_frequency=3)]
    rounds: int


def fanning(rounds: int) -> StateGraph[Any]:
    def work(state: dict[str, int]) -> dict[str, Any]:
        return {"items": [state["item"]]}

    def turn(state: State) -> dict[str, Any]:
        return {"rounds": state["rounds"] + 1}

    def spread(state: State) -> Any:
        first = 100 * state["rounds"]
        return [Send("work", {"item": first + n}) for n in range(WIDTH)]

    graph = StateGraph(State)
    graph.add_node("turn", turn)
    graph.add_node("work", work)
    graph.add_node("check", lambda state: {})
    graph.add_edge(START, "turn")
    graph.add_conditional_edges("turn", spread, ["work"])
    graph.add_edge("work", "check")
    graph.add_conditional_edges(
        "check", lambda s: "turn" if s["rounds"] < rounds else END, ["turn", END]
    )
    return graph


def expected(rounds: int) -> list[int]:
    return [100 * (turn + 1) + n for turn in range(rounds) for n in range(WIDTH)]


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_parallel_sends_are_reloaded_in_the_order_they_were_applied(
    backend: Backend, rounds: int
) -> None:
    graph = fanning(rounds).compile(checkpointer=backend.saver())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    again = fanning(rounds).compile(checkpointer=backend.saver())
    assert again.get_state(CONFIG).values["items"] == expected(rounds)


def test_history_in_one_walk_is_what_langgraphs_own_walk_gives(
    memory: MemoryBackend,
) -> None:
    graph = fanning(4).compile(checkpointer=memory.saver())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    saver = memory.saver()
    channels = ["items", "rounds", "no such channel"]
    for found in saver.list({"configurable": {"thread_id": RUN, "checkpoint_ns": ""}}):
        walked = BaseCheckpointSaver.get_delta_channel_history(
            saver, config=found.config, channels=channels
        )
        fresh = memory.saver()
        assert fresh.get_delta_channel_history(
            config=found.config, channels=channels
        ) == dict(walked)
    latest = memory.saver().get_delta_channel_history(config=CONFIG, channels=channels)
    assert len(latest["items"]["writes"]) < 4 * WIDTH


def test_history_costs_one_query(memory: MemoryBackend) -> None:
    graph = fanning(3).compile(checkpointer=memory.saver())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    saver = memory.saver()
    before = memory.records.calls["query"]
    saver.get_delta_channel_history(config=CONFIG, channels=["items"])
    assert memory.records.calls["query"] == before + 1
    assert saver.get_delta_channel_history(config=CONFIG, channels=[]) == {}
