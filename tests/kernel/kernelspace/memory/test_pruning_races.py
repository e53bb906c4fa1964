"""A pruning may die at any moment, and anything may happen beside it."""

from collections.abc import Callable
from functools import partial

import pytest
from langchain_core.runnables import RunnableConfig

from analemma.kernelspace.memory.log import entries
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import loaded, put, values
from memory_graphs import appending, limits
from memory_moments import (
    Killed,
    Watched,
    assert_whole,
    checked,
    die,
    element,
    grown,
    steps,
    three_invocations,
    watched,
)

Way = Callable[[PagedSaver], None]


def prune(saver: PagedSaver) -> None:
    saver.prune([RUN])


def delete_the_middle(saver: PagedSaver) -> None:
    saver.delete_for_runs(["r1"])


def delete_the_head(saver: PagedSaver) -> None:
    saver.delete_for_runs(["r2"])


WAYS: list[Way] = [prune, delete_the_middle, delete_the_head]
LEFT: dict[Way, list[int]] = {
    prune: [8],
    delete_the_middle: [0, 1, 2, 6, 7, 8],
    delete_the_head: [0, 1, 2, 3, 4, 5],
}


def calls_of(way: Way, *, again: bool) -> int:
    scene = watched()
    three_invocations(scene.backend)
    if again:
        pruned_before(scene.backend)
    scene.moment.calls = 0
    way(scene.backend.saver())
    return scene.moment.calls


def pruned_before(backend: MemoryBackend) -> None:
    """Delete the first invocation, so that there are remains already."""
    backend.saver().delete_for_runs(["r0"])


@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("way", WAYS)
def test_pruning_may_die_before_any_call_and_the_next_one_finishes(
    way: Way, again: bool
) -> None:
    stay = [step for step in LEFT[way] if not again or step > 2]
    for at in range(calls_of(way, again=again)):
        scene = watched()
        backend = scene.backend
        _, configs = three_invocations(backend)
        if again:
            pruned_before(backend)
        scene.moment.set(at, die)
        with pytest.raises(Killed):
            way(backend.saver())
        # What is listed has its values, and what stays has its writes as well.
        listed = list(backend.saver().list(config_of()))
        assert set(stay) <= {found.metadata["step"] for found in listed}, at
        for found in listed:
            assert len(found.checkpoint["channel_values"]["xs"]) == (
                found.metadata["step"] + 1
            )
        for step in stay:
            assert_whole(backend, configs[step], step)
        assert checked(backend).ok, at
        way(backend.saver())
        assert steps(backend) == stay[::-1]
        for step in stay:
            assert_whole(backend, configs[step], step)
        assert checked(backend).ok, at


# -- beside writers


def extend(
    new: list[RunnableConfig],
    saver: PagedSaver,
    length: int,
    config: RunnableConfig,
    start: int,
) -> None:
    new += grown(saver, length, config, start=start, run="r3")


@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("way", WAYS)
def test_writer_may_append_at_any_moment_of_a_pruning(way: Way, again: bool) -> None:
    for at in range(calls_of(way, again=again)):
        scene = watched()
        backend = scene.backend
        writer, configs = three_invocations(backend)
        if again:
            pruned_before(backend)
        new: list[RunnableConfig] = []
        scene.moment.set(
            at,
            partial(extend, new, writer, 3, configs[-1], 9),
        )
        way(backend.saver())
        assert len(new) == 3, at
        for step, config in zip((10, 11), new[1:], strict=True):
            if way is prune and step == 10:
                continue
            assert_whole(backend, config, step)
        assert_whole(backend, new[-1], 11)
        assert checked(backend).ok, at
        last = grown(writer, 2, new[-1], start=12)[-1]
        assert_whole(backend, last, 13)
        fresh = backend.saver()
        loaded(fresh)
        assert_whole(backend, grown(fresh, 1, last, start=14)[-1], 14)
        assert checked(backend).ok, at


@pytest.mark.parametrize("remembers", [True, False], ids=["remembers", "reads"])
@pytest.mark.parametrize("origin", [1, 4, 7])
@pytest.mark.parametrize("way", WAYS)
def test_branch_may_leave_from_an_old_checkpoint_at_any_moment_of_a_pruning(
    way: Way, origin: int, remembers: bool
) -> None:
    for at in range(calls_of(way, again=False)):
        scene = watched()
        backend = scene.backend
        trunk, configs = three_invocations(backend)
        saver = trunk if remembers else backend.saver()
        if not remembers:
            loaded(saver, configs[origin])
            loaded(saver)
        branch: list[RunnableConfig] = []
        scene.moment.set(
            at,
            partial(extend, branch, saver, 1, configs[origin], origin + 1),
        )
        way(backend.saver())
        assert len(branch) == 1, at
        assert_whole(backend, branch[0], origin + 1)
        assert checked(backend).ok, at
        last = grown(saver, 2, branch[0], start=origin + 2, run="r3")[-1]
        assert_whole(backend, last, origin + 3)
        backend.saver().prune([RUN])
        assert_whole(backend, last, origin + 3)
        assert checked(backend).ok, at


@pytest.mark.parametrize("remembers", [True, False], ids=["remembers", "reads"])
@pytest.mark.parametrize("origin", [7, 4])
def test_branch_may_leave_from_a_checkpoint_that_is_gone(
    memory: MemoryBackend, origin: int, remembers: bool
) -> None:
    saver, configs = three_invocations(memory)
    memory.saver().prune([RUN])
    # LangGraph finds no state there and begins with an empty one.
    writer = saver if remembers else memory.saver()
    branch = put(writer, configs[origin], step=0, xs=[element(0)])
    assert values(memory.saver(), branch) == {"xs": [element(0)]}
    assert checked(memory).ok
    memory.saver().prune([RUN])
    assert values(memory.saver()) == {"xs": [element(0)]}
    assert checked(memory).ok


def records_read(read: Callable[[PagedSaver], object]) -> int:
    scene = watched()
    three_invocations(scene.backend)
    scene.moment.calls = 0
    read(scene.backend.saver())
    return scene.moment.calls


@pytest.mark.parametrize("writes", [False, True], ids=["prunes", "writes_and_prunes"])
def test_reader_of_the_latest_may_be_anywhere_when_a_pruning_happens(
    writes: bool,
) -> None:
    def happens(backend: MemoryBackend, config: RunnableConfig) -> None:
        if writes:
            writer = backend.saver()
            loaded(writer)
            grown(writer, 2, config, start=9)
        backend.saver().prune([RUN])

    for at in range(records_read(loaded)):
        scene = watched()
        backend = scene.backend
        _, configs = three_invocations(backend)
        scene.moment.set(at, partial(happens, backend, configs[-1]))
        found = loaded(backend.saver())
        step = found.metadata["step"]
        assert step in (8, 10), at
        xs = found.checkpoint["channel_values"]["xs"]
        assert xs == [element(n) for n in range(step + 1)]
        assert checked(backend).ok, at


def test_reader_of_a_list_may_be_anywhere_when_a_pruning_happens() -> None:
    for at in range(records_read(lambda saver: list(saver.list(config_of())))):
        scene = watched()
        backend = scene.backend
        three_invocations(backend)
        scene.moment.set(at, partial(backend.saver().prune, [RUN]))
        told = [
            (found.metadata["step"], found.checkpoint["channel_values"]["xs"])
            for found in backend.saver().list(config_of())
        ]
        # Nothing is told twice or in another order, and nothing breaks off.
        assert [step for step, _ in told] == sorted({s for s, _ in told}, reverse=True)
        assert told[0][0] == 8
        for step, xs in told:
            assert xs == [element(n) for n in range(step + 1)]


def test_late_writes_of_a_checkpoint_that_is_gone_disturb_nobody(
    memory: MemoryBackend,
) -> None:
    saver, configs = three_invocations(memory)
    memory.saver().prune([RUN])
    saver.put_writes(configs[4], [("xs", [element(4), "late " * 40])], "late task")
    saver.put_writes(configs[5], [("__interrupt__", ["late " * 40])], "late task")
    assert_whole(memory, configs[-1], 8)
    assert steps(memory) == [8]
    assert checked(memory).ok
    config = grown(saver, 3, configs[-1], start=9)[-1]
    memory.saver().prune([RUN])
    assert_whole(memory, config, 11)
    assert checked(memory).ok


def verified(backend: MemoryBackend) -> None:
    assert checked(backend).ok


def copied(backend: MemoryBackend) -> None:
    backend.saver().copy_thread(RUN, "copy")
    assert verify(backend.records, backend.pages, OWNER, "copy").ok
    found = loaded(backend.saver(), config_of(run_id="copy"))
    assert found.checkpoint["channel_values"]["xs"] == [element(n) for n in range(9)]


def told(backend: MemoryBackend) -> None:
    found = [
        each.number for each in entries(backend.records, backend.pages, OWNER, RUN)
    ]
    assert found == sorted(set(found))
    assert found[-1] == 9


def pruned_as_well(backend: MemoryBackend) -> None:
    backend.saver().prune([RUN])
    assert steps(backend) == [8]
    assert checked(backend).ok


@pytest.mark.parametrize("read", [verified, copied, told, pruned_as_well])
@pytest.mark.parametrize("way", [prune, delete_the_middle])
def test_whoever_reads_a_log_forwards_may_be_anywhere_when_a_pruning_happens(
    read: Callable[[MemoryBackend], None], way: Way
) -> None:
    scene = watched()
    three_invocations(scene.backend)
    scene.moment.calls = 0
    read(scene.backend)
    for at in range(scene.moment.calls):
        scene = watched()
        backend = scene.backend
        three_invocations(backend)
        scene.moment.set(at, partial(way, backend.saver()))
        read(backend)


def test_list_that_begins_again_below_a_pruning_shows_what_lone_tasks_wrote() -> None:
    def lived() -> Watched:
        scene = watched()
        saver = scene.backend.saver()
        graph = saver.bind(appending(6, element).compile())
        for run, pause in (("r0", ["grow"]), ("r1", [])):
            config: RunnableConfig = {**limits(6), "metadata": {"run_id": run}}
            given = {"items": [], "done": 0} if run == "r0" else None
            graph.invoke(given, config, durability="sync", interrupt_after=pause)
        return scene

    whole = lived()
    whole.moment.calls = 0
    listed = list(whole.backend.saver().list(config_of()))
    shown = {
        found.metadata["step"]: len(found.pending_writes or ()) for found in listed
    }
    for at in range(whole.moment.calls):
        scene = lived()
        way = partial(scene.backend.saver().delete_for_runs, ["r1"])
        scene.moment.set(at, way)
        for found in scene.backend.saver().list(config_of()):
            assert len(found.pending_writes or ()) == shown[found.metadata["step"]], at
