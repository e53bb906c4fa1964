"""A growing list costs what it grew by, in bytes and in calls."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.types import Send

from memory_backends import MemoryBackend, config_of
from memory_checkpoints import loaded, put, values
from memory_graphs import CONFIG, appending, fanning, limits

Element = Callable[[int], object]

KILOBYTE = 1024


def noise(number: int) -> str:
    """Return 1 KB of text that Deflate can halve at most: hexadecimal digits."""
    return random.Random(number).randbytes(KILOBYTE // 2).hex()


def letters(number: int) -> str:
    """Return 1 KB of text of 64 letters, of which Deflate spares a quarter."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."
    return "".join(random.Random(number).choices(alphabet, k=KILOBYTE))


def message(number: int) -> AIMessage:
    return AIMessage(content=letters(number), id=str(number))


def grown(times: int, element: Element, *, bound: bool) -> MemoryBackend:
    """Append so many elements, one a superstep, every superstep durable."""
    backend = MemoryBackend()
    saver = backend.saver()
    graph: Any = appending(times, element)
    compiled = (
        saver.bind(graph.compile()) if bound else graph.compile(checkpointer=saver)
    )
    compiled.invoke({"items": [], "done": 0}, limits(times), durability="sync")
    return backend


def stored_bytes(backend: MemoryBackend) -> int:
    return backend.records.written_bytes + backend.pages.written_bytes


def write_calls(backend: MemoryBackend) -> int:
    return backend.records.calls["put"] + backend.pages.calls["put"]


@pytest.mark.parametrize("element", [noise, letters, message])
def test_superstep_of_a_kilobyte_costs_two_thousand_bytes_at_most(
    element: Element,
) -> None:
    few, many = (grown(times, element, bound=True) for times in (100, 400))
    assert stored_bytes(few) <= 100 * 2000
    assert stored_bytes(many) <= 400 * 2000
    assert stored_bytes(many) <= 4.2 * stored_bytes(few)


@pytest.mark.parametrize("element", [letters, message])
def test_superstep_of_an_unknown_graph_costs_what_it_grew_by(element: Element) -> None:
    few, many = (grown(times, element, bound=False) for times in (100, 400))
    assert stored_bytes(few) <= 100 * 2000
    assert stored_bytes(many) <= 4.2 * stored_bytes(few)


@pytest.mark.parametrize("times", [20, 100])
def test_superstep_of_a_lone_task_is_one_write_and_no_read(times: int) -> None:
    backend = grown(times, letters, bound=True)
    assert write_calls(backend) <= 1.1 * times + 2
    assert backend.records.calls["query"] <= 3
    assert backend.records.calls["get"] == 0


def test_lone_tasks_cost_one_write_call_a_superstep_on_average() -> None:
    assert write_calls(grown(400, message, bound=True)) <= 1.1 * 400


def test_superstep_of_an_unknown_graph_is_two_writes_and_no_read() -> None:
    backend = grown(20, str, bound=False)
    assert write_calls(backend) <= 2 * 20 + 3
    assert backend.records.calls["query"] <= 3
    assert backend.records.calls["get"] == 0


def test_parallel_tasks_are_one_write_each_and_one_for_their_checkpoint() -> None:
    backend = MemoryBackend()
    saver = backend.saver()
    graph = saver.bind(fanning(3).compile())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    entries = [sort for _, sort in backend.records.cells if sort.endswith("/!")]
    finished = [sort for _, sort in backend.records.cells if "/w/" in sort]
    assert len(finished) == 3 * 12
    assert write_calls(backend) == len(entries) + len(finished)


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "unknown"])
def test_fork_costs_a_kilobyte_at_most(bound: bool) -> None:
    backend = grown(100, message, bound=bound)
    saver = backend.saver()
    compiled = appending(100, message).compile(checkpointer=saver)
    then = list(compiled.get_state_history(CONFIG))[50]
    before = stored_bytes(backend)
    compiled.update_state(then.config, {"done": 7})
    assert stored_bytes(backend) - before <= 1024
    assert compiled.get_state(CONFIG).values == {**then.values, "done": 7}


@pytest.mark.parametrize("times", [100, 400])
def test_fresh_saver_reads_the_latest_in_one_query(times: int) -> None:
    backend = grown(times, message, bound=True)
    backend.records.calls.clear()
    backend.pages.calls.clear()
    items = values(backend.saver())["items"]
    assert items == [message(number) for number in range(times)]
    assert backend.records.calls == {"query": 1}
    assert backend.pages.calls == {}


def test_many_channels_of_which_one_changes_cost_that_one() -> None:
    backend = MemoryBackend()
    saver = backend.saver()
    channels: dict[str, Any] = {f"channel {n}": letters(n) for n in range(20)}
    config = put(saver, **channels)
    first = stored_bytes(backend)
    for step in range(1, 101):
        before = loaded(saver, config).checkpoint
        name = f"channel {step % 20}"
        channels = {**before["channel_values"], name: letters(1000 + step)}
        checkpoint = {**before, "channel_values": channels}
        checkpoint["id"] = f"{step:04d}"
        checkpoint["channel_versions"] = {**before["channel_versions"], name: step + 1}
        config = saver.put(
            config,
            checkpoint,  # type: ignore[arg-type]  # a copy of one
            {"step": step},
            {name: step + 1},
        )
    assert stored_bytes(backend) - first <= 100 * 1250
    assert values(backend.saver(), config_of()) == channels


def test_sends_are_not_stored_twice() -> None:
    backend = MemoryBackend()
    saver = backend.saver()
    config = put(saver, x=0)
    sends = [Send("node", {"text": letters(n)}) for n in range(20)]
    saver.put_writes(config, [("__pregel_tasks", send) for send in sends], "task")
    before = stored_bytes(backend)
    put(saver, config, x=0, __pregel_tasks=sends)
    assert stored_bytes(backend) - before <= 2000
    assert values(backend.saver())["__pregel_tasks"] == sends


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("bound", [True, False], ids=["bound", "unknown"])
def test_every_durability_keeps_the_whole_list(durability: Any, bound: bool) -> None:
    backend = MemoryBackend()
    saver = backend.saver()
    graph = appending(12, str)
    compiled = (
        saver.bind(graph.compile()) if bound else graph.compile(checkpointer=saver)
    )
    compiled.invoke({"items": [], "done": 0}, limits(12), durability=durability)
    again = appending(12, str).compile(checkpointer=backend.saver())
    assert again.get_state(limits(12)).values["items"] == [str(n) for n in range(12)]
