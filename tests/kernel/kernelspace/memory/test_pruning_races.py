"""A pruning may die at any moment, and anything may happen beside it."""

from collections.abc import Callable

import pytest
from langchain_core.runnables import RunnableConfig

from analemma.kernelspace.memory.saver import PagedSaver
from memory_backends import RUN, MemoryBackend, config_of
from memory_checkpoints import loaded, put, values
from memory_moments import (
    Killed,
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
            lambda w=writer, c=configs, n=new: n.extend(  # type: ignore[misc]
                grown(w, 3, c[-1], start=9, run="r3")
            ),
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
            lambda s=saver, c=configs, b=branch: b.extend(  # type: ignore[misc]
                grown(s, 1, c[origin], start=origin + 1, run="r3")
            ),
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


def test_reader_may_be_anywhere_when_a_pruning_begins(memory: MemoryBackend) -> None:
    for met in range(9):
        saver, configs = three_invocations(memory)
        reading = memory.saver().list(config_of())
        told = [next(reading).metadata["step"] for _ in range(met)]
        memory.saver().prune([RUN])
        told += [found.metadata["step"] for found in reading]
        # Nothing is told twice or in another order, and nothing breaks off.
        assert told == sorted(set(told), reverse=True)
        assert_whole(memory, configs[-1], 8)
        saver.delete_thread(RUN)


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
