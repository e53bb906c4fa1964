"""A growing list costs what it grew by."""

import pytest
from langchain_core.messages import AIMessage

from memory_backends import MemoryBackend
from memory_graphs import appending, limits


def stored_bytes(times: int) -> int:
    backend = MemoryBackend()
    graph = appending(
        times, lambda n: AIMessage(content=f"{n:04d}" * 256, id=str(n))
    ).compile(checkpointer=backend.saver())
    graph.invoke({"items": [], "done": 0}, limits(times), durability="sync")
    return backend.records.written_bytes + backend.pages.written_bytes


def test_four_times_as_many_messages_cost_four_times_the_bytes() -> None:
    few, many = stored_bytes(100), stored_bytes(400)
    assert many <= 4.2 * few
    # A message of 1 KB is stored once, and what stands around it is no larger.
    assert few <= 100 * 3 * 1024


def test_superstep_of_one_task_is_two_writes_and_no_read() -> None:
    backend = MemoryBackend()
    graph = appending(20, lambda n: n).compile(checkpointer=backend.saver())
    graph.invoke({"items": [], "done": 0}, limits(20), durability="sync")
    assert backend.records.calls["put"] <= 2 * 20 + 3
    assert backend.records.calls["query"] <= 3
    assert backend.records.calls["get"] == 0


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_every_durability_keeps_the_whole_list(durability: str) -> None:
    backend = MemoryBackend()
    graph = appending(12, str).compile(checkpointer=backend.saver())
    graph.invoke(
        {"items": [], "done": 0},
        limits(12),
        durability=durability,  # type: ignore[arg-type]  # a Literal, one by one
    )
    again = appending(12, str).compile(checkpointer=backend.saver())
    assert again.get_state(limits(12)).values["items"] == [str(n) for n in range(12)]
