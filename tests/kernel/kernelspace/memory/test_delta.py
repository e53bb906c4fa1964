"""DeltaChannel: a list that LangGraph rebuilds from the writes of its ancestors."""

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from memory_backends import RUN, Backend, MemoryBackend
from memory_graphs import CONFIG, WIDTH, fanned, fanning


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_parallel_sends_are_reloaded_in_the_order_they_were_applied(
    backend: Backend, rounds: int
) -> None:
    graph = fanning(rounds).compile(checkpointer=backend.saver())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    again = fanning(rounds).compile(checkpointer=backend.saver())
    assert again.get_state(CONFIG).values["items"] == fanned(rounds)


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
