"""A copy of a run is a run of its own, however often copying was cut short."""

import pytest
from langchain_core.runnables import RunnableConfig

from analemma.errors import Corrupt
from analemma.hardware.ports import RecordConflict
from analemma.kernelspace.layout import run_partition
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, Backend, MemoryBackend, config_of, contents
from memory_checkpoints import checkpoint_of, loaded, pending, put, values
from memory_graphs import FRESH, history, journey, run_in_slices
from memory_moments import Killed, die, element, grown, three_invocations, watched

COPY = "run-00000000000000000000000002"


def listed(saver: PagedSaver, run_id: str) -> list[object]:
    """Return what a run's checkpoints hold, without the run's own id."""
    return [
        (
            found.config["configurable"]["checkpoint_ns"],
            found.checkpoint,
            {k: v for k, v in found.metadata.items() if k != "thread_id"},
            found.parent_config
            and found.parent_config["configurable"]["checkpoint_id"],
            found.pending_writes,
        )
        for found in saver.list({"configurable": {"thread_id": run_id}})
    ]


def assert_is_copied(backend: Backend) -> None:
    saver = backend.saver()
    assert listed(saver, COPY) == listed(saver, RUN) != []
    assert verify(backend.records, backend.pages, OWNER, COPY).ok


def test_copy_has_all_of_the_history(backend: Backend) -> None:
    run_in_slices(backend.saver)
    backend.saver().copy_thread(RUN, COPY)
    assert_is_copied(backend)


def test_copy_goes_on_by_itself(memory: MemoryBackend) -> None:
    saver, configs = three_invocations(memory)
    saver.copy_thread(RUN, COPY)
    before = contents(memory)
    last = config_of(configs[-1]["configurable"]["checkpoint_id"], run_id=COPY)
    put(saver, last, step=9, xs=[element(0)])
    assert contents(memory) == before
    saver.delete_thread(RUN)
    assert values(memory.saver(), config_of(run_id=COPY)) == {"xs": [element(0)]}
    assert len(values(memory.saver(), last)["xs"]) == 9
    assert verify(memory.records, memory.pages, OWNER, COPY).ok


def test_copy_of_a_pruned_run_is_whole(memory: MemoryBackend) -> None:
    _, configs = three_invocations(memory)
    memory.saver().delete_for_runs(["r1"])
    memory.saver().copy_thread(RUN, COPY)
    assert_is_copied(memory)
    memory.saver().prune([COPY])
    assert len(list(memory.saver().list(config_of()))) == 6
    last = config_of(configs[-1]["configurable"]["checkpoint_id"], run_id=COPY)
    assert len(values(memory.saver(), last)["xs"]) == 9


def test_hashes_of_the_chain_are_those_of_the_original(memory: MemoryBackend) -> None:
    three_invocations(memory)
    memory.saver().copy_thread(RUN, COPY)
    source, target = run_partition(OWNER, RUN), run_partition(OWNER, COPY)
    bodies = {
        key: record.body
        for key, record in memory.records.cells.items()
        if key[0] == source
    }
    for (_, sort), body in bodies.items():
        # Only the seal differs, which says where the record stands.
        copied = memory.records.cells[target, sort].body
        assert copied[:32] != body[:32]
        assert copied[32:] == body[32:]


def test_copying_again_changes_nothing(memory: MemoryBackend) -> None:
    three_invocations(memory)
    memory.saver().copy_thread(RUN, COPY)
    before = dict(memory.records.cells)
    memory.saver().copy_thread(RUN, COPY)
    memory.saver().copy_thread(RUN, RUN)
    assert memory.records.cells == before


def test_copy_of_a_run_without_a_log_is_none(memory: MemoryBackend) -> None:
    memory.saver().copy_thread("run-unknown", COPY)
    assert memory.records.cells == {}


def test_copy_that_was_cut_short_is_continued() -> None:
    whole = watched()
    three_invocations(whole.backend)
    whole.moment.calls = 0
    whole.backend.saver().copy_thread(RUN, COPY)
    for at in range(whole.moment.calls):
        scene = watched()
        backend = scene.backend
        three_invocations(backend)
        scene.moment.set(at, die)
        with pytest.raises(Killed):
            backend.saver().copy_thread(RUN, COPY)
        # What is there by then is a shorter, whole log.
        part = listed(backend.saver(), COPY)
        assert len(part) <= 9
        assert verify(backend.records, backend.pages, OWNER, COPY).ok
        backend.saver().copy_thread(RUN, COPY)
        assert_is_copied(backend)


def test_run_that_has_a_log_of_its_own_is_not_overwritten(
    memory: MemoryBackend,
) -> None:
    three_invocations(memory)
    put(memory.saver(), config_of(run_id=COPY), x="kept")
    with pytest.raises(RecordConflict):
        memory.saver().copy_thread(RUN, COPY)
    assert values(memory.saver(), config_of(run_id=COPY)) == {"x": "kept"}


def test_damaged_run_is_not_copied_as_if_it_were_whole(memory: MemoryBackend) -> None:
    put(memory.saver(), x=1)
    (key,) = memory.records.cells
    old = memory.records.cells[key].body
    memory.records.replace_body(*key, bytes([old[0] ^ 1]) + old[1:])
    with pytest.raises(Corrupt):
        memory.saver().copy_thread(RUN, COPY)
    assert len(memory.records.cells) == 1


def test_saver_that_remembers_the_target_reads_the_copy(memory: MemoryBackend) -> None:
    saver, _ = three_invocations(memory)
    assert saver.get_tuple(config_of(run_id=COPY)) is None
    saver.copy_thread(RUN, COPY)
    found = loaded(saver, config_of(run_id=COPY))
    assert len(found.checkpoint["channel_values"]["xs"]) == 9
    grown(saver, 1, found.config, start=9)
    assert verify(memory.records, memory.pages, OWNER, COPY).ok


def test_writes_that_wait_for_their_checkpoint_are_copied_too(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    saver.bind(journey().compile())
    checkpoint = checkpoint_of(log=[])
    checkpoint["updated_channels"] = ["branch:to:finish"]
    config = saver.put(config_of(), checkpoint, {"source": "loop"}, {"log": 1})
    saver.put_writes(config, [("log", ["done"])], "task", "~__pregel_pull, finish")
    assert not any("/w/" in sort for _, sort in memory.records.cells)
    saver.copy_thread(RUN, COPY)
    copied: RunnableConfig = config_of(run_id=COPY)
    assert pending(memory.saver(), copied) == [("task", "log", ["done"])]


def test_graph_goes_on_from_a_copy_of_where_it_stopped(memory: MemoryBackend) -> None:
    graph = journey().compile(checkpointer=memory.saver())
    graph.invoke(FRESH, config_of(), durability="sync")
    memory.saver().copy_thread(RUN, COPY)
    before = history(memory.saver())
    state = (
        journey()
        .compile(checkpointer=memory.saver())
        .get_state(config_of(run_id=COPY), subgraphs=True)
    )
    original = graph.get_state(config_of(), subgraphs=True)
    assert state.values == original.values
    assert state.next == original.next
    assert [i.id for i in state.interrupts] == [i.id for i in original.interrupts]
    assert history(memory.saver()) == before
