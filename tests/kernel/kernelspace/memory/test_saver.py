"""The rest of what LangGraph and the kernel ask of the saver."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from analemma.kernelspace.layout import runs_partition
from analemma.kernelspace.memory.saver import PagedSaver
from memory_backends import OWNER, RUN, Backend, MemoryBackend, config_of, contents
from memory_checkpoints import checkpoint_of, loaded, put, values
from memory_graphs import run_in_slices


def steps(saver: PagedSaver, **options: Any) -> list[int]:
    return [found.metadata["step"] for found in saver.list(config_of(), **options)]


def chain(saver: PagedSaver, length: int) -> list[str]:
    """Put ``length`` checkpoints; return their ids, oldest first."""
    config = None
    ids = []
    for step in range(length):
        config = put(saver, config, step=step, xs=[f"element {n}" for n in range(step)])
        ids.append(config["configurable"]["checkpoint_id"])
    return ids


def test_listing_reads_a_log_once(memory: MemoryBackend) -> None:
    chain(memory.saver(), 30)
    saver = memory.saver()
    before = memory.records.calls["query"]
    assert steps(saver) == list(range(29, -1, -1))
    assert memory.records.calls["query"] == before + 1


def test_listing_obeys_before_limit_and_filter(backend: Backend) -> None:
    ids = chain(backend.saver(), 5)
    saver = backend.saver()
    assert steps(saver, before=config_of(ids[3])) == [2, 1, 0]
    assert steps(saver, before=config_of(ids[3]), limit=2) == [2, 1]
    assert steps(saver, limit=0) == []
    assert steps(saver, filter={"step": 4}) == [4]
    assert next(saver.list(config_of(ids[1]))).checkpoint["id"] == ids[1]


def test_listing_without_a_namespace_covers_them_all(memory: MemoryBackend) -> None:
    run_in_slices(memory.saver)
    found = memory.saver().list({"configurable": {"thread_id": RUN}})
    spaces = {each.config["configurable"]["checkpoint_ns"] for each in found}
    assert len(spaces) == 2
    assert "" in spaces


def test_listing_without_a_run_covers_the_owners_process_table(
    memory: MemoryBackend,
) -> None:
    for run_id in ("run-1", "run-2", "run-unlisted"):
        put(memory.saver(), config_of(run_id=run_id), x=run_id)
    for run_id in ("run-1", "run-2"):
        memory.records.put(runs_partition(OWNER), f"2026/{run_id}", b"")
    listed = [found.config["configurable"] for found in memory.saver().list(None)]
    assert [each["thread_id"] for each in listed] == ["run-1", "run-2"]


async def test_async_methods_do_what_the_others_do(backend: Backend) -> None:
    saver = backend.saver()
    checkpoint = checkpoint_of(x=[1, 2])
    config = await saver.aput(config_of(), checkpoint, {"step": 0}, {"x": 1})
    await saver.aput_writes(config, [("x", [3])], "task")
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.pending_writes == [("task", "x", [3])]
    assert [each.config async for each in saver.alist(config_of())] == [config]
    history = await saver.aget_delta_channel_history(config=config, channels=["x"])
    assert history == {"x": {"writes": []}}
    await saver.adelete_thread(RUN)
    assert await saver.aget_tuple(config) is None


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_async_graph_with_many_tasks_at_once_ends_as_it_should(
    memory: MemoryBackend, durability: Any
) -> None:
    class State(TypedDict):
        items: Annotated[list[int], operator.add]

    async def work(state: dict[str, int]) -> dict[str, Any]:
        return {"items": [state["item"]]}

    graph = StateGraph(State)
    graph.add_node("work", work)  # type: ignore[arg-type]  # takes what Send gives
    graph.add_conditional_edges(
        START, lambda state: [Send("work", {"item": n}) for n in range(80)], ["work"]
    )
    compiled = graph.compile(checkpointer=memory.saver())
    await compiled.ainvoke({"items": []}, config_of(), durability=durability)
    assert values(memory.saver())["items"] == list(range(80))


def test_deleted_run_leaves_no_log_and_can_begin_anew(backend: Backend) -> None:
    saver = backend.saver()
    chain(saver, 3)
    put(saver, namespace="inner:1", x=1)
    put(saver, config_of(run_id="run-2"), x="kept")
    saver.delete_thread(RUN)
    assert contents(backend) == {}
    assert values(saver, config_of(run_id="run-2")) == {"x": "kept"}
    chain(saver, 2)
    assert len(contents(backend)) == 2


def test_owners_do_not_see_each_other(memory: MemoryBackend) -> None:
    put(memory.saver(), x="mine")
    stranger = PagedSaver(memory.records, memory.pages, owner="other", writer="s")
    assert stranger.get_tuple(config_of()) is None
    assert list(stranger.list(config_of())) == []
    stranger.delete_thread(RUN)
    assert values(memory.saver()) == {"x": "mine"}


def test_reader_is_right_whatever_is_written_meanwhile(memory: MemoryBackend) -> None:
    writer = memory.saver()
    config = put(writer, xs=["start " * 20])
    reading = memory.saver().list(config_of())
    first = next(reading)
    for step in range(1, 4):
        task = [("xs", [f"step {step} " * 20])]
        writer.put_writes(config, task, "task")
        config = put(writer, config, step=step, xs=["start " * 20, task[0][1][0]])
    assert list(reading) == []
    assert first.checkpoint["channel_values"] == {"xs": ["start " * 20]}
    assert loaded(memory.saver()).metadata["step"] == 3


def test_reading_needs_one_query_and_a_cold_saver_learns_what_is_there(
    memory: MemoryBackend,
) -> None:
    chain(memory.saver(), 20)
    saver = memory.saver()
    before = memory.records.calls["query"]
    found = loaded(saver)
    assert memory.records.calls["query"] == before + 1
    stored = memory.records.written_bytes
    elements = [*found.checkpoint["channel_values"]["xs"], "one more " * 20]
    put(saver, found.config, step=20, xs=elements)
    assert memory.records.written_bytes - stored < 1500
    assert values(memory.saver())["xs"] == elements


def test_versions_are_whole_numbers_that_count_up(memory: MemoryBackend) -> None:
    saver = memory.saver()
    assert saver.get_next_version(None, None) == 1
    assert saver.get_next_version(41, None) == 42


def test_what_would_move_pages_is_refused(memory: MemoryBackend) -> None:
    saver = memory.saver()
    with pytest.raises(NotImplementedError):
        saver.prune([RUN])
    with pytest.raises(NotImplementedError):
        saver.copy_thread(RUN, "run-2")
    with pytest.raises(NotImplementedError):
        saver.delete_for_runs([RUN])
