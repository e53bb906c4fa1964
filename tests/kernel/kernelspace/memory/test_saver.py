"""The rest of what LangGraph and the kernel ask of the saver."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from analemma.kernelspace.layout import runs_partition
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
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
    graph.add_node("work", work)  # type: ignore[type-var]  # takes what Send gives
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


def test_unknown_strategy_of_pruning_is_refused(memory: MemoryBackend) -> None:
    saver = memory.saver()
    chain(saver, 3)
    before = contents(memory)
    with pytest.raises(ValueError, match="'keep_latest' or 'delete'"):
        saver.prune([RUN], strategy="keep_everything")
    assert contents(memory) == before


def test_strategy_delete_removes_every_log_of_the_runs_named(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    chain(saver, 3)
    put(saver, namespace="inner:1", x=1)
    put(saver, config_of(run_id="run-2"), x="kept")
    saver.prune([RUN, "run-unknown"], strategy="delete")
    assert contents(memory) == {}
    assert values(saver, config_of(run_id="run-2")) == {"x": "kept"}


@pytest.mark.parametrize("name", ["n", "map", "0", "set", "in", "cut", "kind", ""])
def test_channel_may_be_named_as_the_formats_name_their_parts(
    memory: MemoryBackend, name: str
) -> None:
    saver = memory.saver()
    text, elements = "a page " * 20, ["an element " * 20]
    both = {name: text, "other": elements}

    def store(parent: RunnableConfig | None, value: object) -> RunnableConfig:
        checkpoint = checkpoint_of(**{name: value})
        return saver.put(parent or config_of(), checkpoint, {"step": 0}, {name: 1})

    first = store(None, text)
    second = store(first, elements)
    third = store(second, [*elements, text])
    fourth = store(third, both)
    saver.put_writes(fourth, [(name, [text])], "task")
    assert values(memory.saver(), first) == {name: text}
    assert values(memory.saver(), second) == {name: elements}
    assert values(memory.saver(), third) == {name: [*elements, text]}
    assert values(memory.saver()) == {name: both}
    assert loaded(memory.saver()).pending_writes == [("task", name, [text])]


def test_what_is_changed_after_it_was_put_changes_no_history(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    # Any: metadata may have more than LangGraph's type says.
    metadata: Any = {"step": 0, "labels": {"deep": [1]}}
    checkpoint = checkpoint_of(x=1)
    first = saver.put(config_of(), checkpoint, metadata, {"x": 1})
    metadata["labels"]["deep"].append(2)
    checkpoint["channel_versions"]["x"] = 2
    checkpoint["versions_seen"]["node"] = {"x": 2}
    # The next one is as the first one has become.
    checkpoint["id"] = checkpoint_of()["id"]
    checkpoint["channel_values"]["x"] = 2
    second = saver.put(first, checkpoint, metadata, {"x": 2})
    then, now = loaded(memory.saver(), first), loaded(memory.saver(), second)
    assert then.checkpoint["channel_versions"] == {"x": 1}
    assert then.checkpoint["versions_seen"] == {}
    assert dict(then.metadata)["labels"] == {"deep": [1]}
    assert now.checkpoint["channel_values"] == {"x": 2}
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_what_is_changed_after_it_was_read_changes_nothing_remembered(
    memory: MemoryBackend,
) -> None:
    put(memory.saver(), x=[1])
    saver = memory.saver()
    found = loaded(saver)
    found.checkpoint["channel_versions"]["x"] = 99
    found.checkpoint["channel_values"]["x"].append(2)
    found.metadata["parents"]["inner"] = "another"
    put(saver, found.config, x=[1, 3])
    assert values(memory.saver()) == {"x": [1, 3]}
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


async def test_async_pruning_and_copying_do_what_the_others_do(
    backend: Backend,
) -> None:
    saver = backend.saver()
    ids = chain(saver, 4)
    await saver.acopy_thread(RUN, "run-2")
    await saver.aprune([RUN])
    assert [found.checkpoint["id"] for found in saver.list(config_of())] == ids[3:]
    copied = saver.list(config_of(run_id="run-2"))
    assert [found.checkpoint["id"] for found in copied] == ids[::-1]
    checkpoint = checkpoint_of(x=1)
    config = config_of(run_id="run-3")
    await saver.aput(config, checkpoint, {"step": 0, "run_id": "r"}, {"x": 1})
    await saver.adelete_for_runs(["r"])
    assert await saver.aget_tuple(config) is None


def test_writes_that_come_before_their_checkpoint_cost_who_owns_the_run_no_reading(
    memory: MemoryBackend,
) -> None:
    chain(memory.saver(), 3)
    saver = memory.saver()
    saver.claim(RUN, "owner")
    newest = loaded(saver)
    coming = checkpoint_of(x="next")
    queries = memory.records.calls["query"]
    config = config_of(coming["id"])
    saver.put_writes(config, [("x", "written first")], "task")
    assert memory.records.calls["query"] == queries
    saver.put(newest.config, coming, {"source": "loop", "step": 3}, {"x": 1})
    assert memory.records.calls["query"] == queries
    found = memory.saver().get_tuple(config)
    assert found is not None
    assert found.pending_writes == [("task", "x", "written first")]


def test_who_deleted_a_run_no_longer_takes_it_for_his(memory: MemoryBackend) -> None:
    saver = memory.saver()
    saver.claim(RUN, "owner")
    saver.delete_thread(RUN)
    ids = chain(memory.saver(), 1)  # somebody else begins it anew
    saver.put_writes(config_of(ids[0]), [("x", "written late")], "task")
    found = memory.saver().get_tuple(config_of())
    assert found is not None
    assert found.pending_writes == [("task", "x", "written late")]
