"""Single records of a run's root log, for workers that must not read it whole."""

from dataclasses import replace

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from analemma.errors import Corrupt
from analemma.kernelspace.memory.recollection import Seen
from analemma.kernelspace.memory.saver import PagedSaver
from kernel_graphs import State
from memory_backends import MemoryBackend

RUN = "run-1"
CONFIG: RunnableConfig = {"configurable": {"thread_id": RUN}}


def saver(memory: MemoryBackend, writer: str) -> PagedSaver:
    return PagedSaver(memory.records, memory.pages, owner="local", writer=writer)


def step(memory: MemoryBackend) -> tuple[str, Seen]:
    """Run a graph of one node; return its last checkpoint and where it stands."""
    graph = StateGraph(State)
    graph.add_node("node", lambda state: {"seen": ["x" * 50_000]})
    graph.add_edge(START, "node")
    keeper = saver(memory, "one")
    graph.compile(checkpointer=keeper).invoke(
        {"target": 7, "seen": []}, CONFIG, durability="sync"
    )
    head = keeper.get_tuple(CONFIG)
    assert head is not None
    place = keeper.root_log(RUN).place(head.checkpoint["id"])
    assert place is not None
    return head.checkpoint["id"], place


def test_one_channel_is_read_without_the_others(memory: MemoryBackend) -> None:
    _, place = step(memory)
    memory.pages.cells.clear()  # where the long text of the other channel is

    assert saver(memory, "two").root_log(RUN).channel(place, "target") == 7


def test_channel_is_read_without_what_tasks_wrote_beside_it(
    memory: MemoryBackend,
) -> None:
    checkpoint_id, place = step(memory)
    config: RunnableConfig = {
        "configurable": {
            "thread_id": RUN,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint_id,
        }
    }
    saver(memory, "two").put_writes(config, [("seen", ["more"])], "t-1", "~a")
    (key,) = [key for key in memory.records.cells if "/w/t-1" in key[1]]
    memory.records.cells[key] = replace(memory.records.cells[key], body=b"unreadable")
    with pytest.raises(Corrupt):
        saver(memory, "three").get_tuple(CONFIG)

    assert saver(memory, "three").root_log(RUN).channel(place, "target") == 7


def test_channel_that_the_checkpoint_has_not_is_refused(memory: MemoryBackend) -> None:
    _, place = step(memory)

    with pytest.raises(Corrupt, match="no value of channel 'nothing'"):
        saver(memory, "two").root_log(RUN).channel(place, "nothing")


def test_finished_writes_come_back_as_they_went(memory: MemoryBackend) -> None:
    checkpoint_id, place = step(memory)
    log = saver(memory, "two").root_log(RUN)
    assert log.finished(place, "t-1") is None
    config: RunnableConfig = {
        "configurable": {
            "thread_id": RUN,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint_id,
        }
    }
    writes = [("seen", ["a" * 5000]), ("target", 3)]
    saver(memory, "three").put_writes(config, writes, "t-1", "~a")

    assert log.finished(place, "t-1") == writes


def test_claim_supersedes_no_checkpoint_and_a_later_checkpoint_does(
    memory: MemoryBackend,
) -> None:
    _, place = step(memory)
    log = saver(memory, "two").root_log(RUN)
    saver(memory, "three").claim(RUN, "slice 2")

    assert not log.is_superseded(place)
    assert log.is_superseded(Seen(place.number - 1, b""))


def test_trusted_place_is_not_looked_up(memory: MemoryBackend) -> None:
    checkpoint_id, place = step(memory)
    log = saver(memory, "two").root_log(RUN)
    log.trust(checkpoint_id, place)
    memory.records.calls.clear()

    assert log.place(checkpoint_id) == place
    assert not memory.records.calls
