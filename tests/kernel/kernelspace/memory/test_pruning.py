"""What is deleted in the middle of a log is missed by nobody."""

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata

from analemma.kernelspace.layout import log_sort
from memory_backends import RUN, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, loaded, pending, put, values
from memory_graphs import CONFIG, appending, fanned, fanning, limits
from memory_moments import (
    assert_whole,
    checked,
    element,
    grown,
    numbers,
    steps,
    three_invocations,
)

# -- keep_latest


def test_latest_checkpoint_stays_and_the_others_go(memory: MemoryBackend) -> None:
    configs = grown(memory.saver(), 10)
    memory.saver().prune([RUN])
    assert steps(memory) == [9]
    assert_whole(memory, configs[-1], 9)
    assert memory.saver().get_tuple(configs[3]) is None
    assert [key[1] for key in sorted(memory.records.cells)] == [
        log_sort("", 0),
        log_sort("", 10),
        log_sort("", 10, "w/task%209"),
    ]
    assert checked(memory).ok


def test_every_namespace_keeps_its_latest(memory: MemoryBackend) -> None:
    saver = memory.saver()
    root = put(saver, put(saver, x=1), x=2)
    inner = put(saver, put(saver, namespace="inner:1", y=1), namespace="inner:1", y=2)
    memory.saver().prune([RUN])
    assert values(memory.saver(), root) == {"x": 2}
    assert values(memory.saver(), inner) == {"y": 2}
    assert len(list(memory.saver().list({"configurable": {"thread_id": RUN}}))) == 2
    assert checked(memory).ok


def test_run_that_was_pruned_grows_on_and_is_pruned_again(
    memory: MemoryBackend,
) -> None:
    config = grown(memory.saver(), 5)[-1]
    for turn in range(1, 5):
        memory.saver().prune([RUN])
        assert checked(memory).ok
        # By turns a saver that remembers nothing and one that goes on.
        saver = memory.saver()
        if turn % 2:
            loaded(saver)
        config = grown(saver, 5, config, start=5 * turn)[-1]
        assert checked(memory).ok
        assert_whole(memory, config, 5 * turn + 4)
        assert steps(memory) == list(range(5 * turn + 4, 5 * turn - 2, -1))


def test_pruning_twice_changes_nothing_the_second_time(memory: MemoryBackend) -> None:
    grown(memory.saver(), 5)
    memory.saver().prune([RUN])
    before = dict(memory.records.cells)
    memory.saver().prune([RUN])
    assert memory.records.cells == before


def test_pruning_of_a_run_without_a_log_changes_nothing(memory: MemoryBackend) -> None:
    memory.saver().prune([RUN, "run-unknown"])
    assert memory.records.cells == {}


def test_many_pages_remain_in_packs(memory: MemoryBackend) -> None:
    saver = memory.saver()
    many = [f"{n:05d} of many ".ljust(300, ".") for n in range(3000)]
    config = put(saver, many=many)
    for step in range(1, 4):
        config = put(saver, config, step=step, many=[*many, *map(element, range(step))])
    memory.saver().prune([RUN])
    fresh = memory.saver()
    assert values(fresh)["many"] == [*many, *map(element, range(3))]
    put(fresh, config, step=4, many=[*many, element(9)])
    assert values(memory.saver())["many"] == [*many, element(9)]
    memory.saver().prune([RUN])
    assert values(memory.saver())["many"] == [*many, element(9)]
    assert checked(memory).ok


def test_pruning_takes_less_room_than_what_was_there(memory: MemoryBackend) -> None:
    saver = memory.saver()
    config = None
    for step in range(100):
        config = put(saver, config, step=step, text=element(step), n=step)
    memory.saver().prune([RUN])
    assert sum(len(each.body) for each in memory.records.cells.values()) < 3000
    assert values(memory.saver()) == {"text": element(99), "n": 99}


def test_lone_task_of_a_checkpoint_that_stays_is_not_lost(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    graph = saver.bind(appending(6, element).compile())
    graph.invoke({"items": [], "done": 0}, limits(6), durability="sync")
    assert not any("/w/" in sort for _, sort in memory.records.cells)
    before = list(memory.saver().list(config_of()))
    memory.saver().prune([RUN])
    assert list(memory.saver().list(config_of())) == before[:1]
    assert checked(memory).ok


@pytest.mark.parametrize("rounds", [2, 5])
def test_delta_channels_keep_the_ancestors_they_are_rebuilt_from(
    memory: MemoryBackend, rounds: int
) -> None:
    graph = fanning(rounds).compile(checkpointer=memory.saver())
    graph.invoke({"items": [], "rounds": 0}, CONFIG, durability="sync")
    there = len(numbers(memory))
    for _ in range(2):
        memory.saver().prune([RUN])
        again = fanning(rounds).compile(checkpointer=memory.saver())
        assert again.get_state(CONFIG).values["items"] == fanned(rounds)
        assert checked(memory).ok
    assert 1 <= len(numbers(memory)) < there
    # And it goes on from there, and is pruned again.
    further = fanning(rounds + 2).compile(checkpointer=memory.saver())
    further.update_state(CONFIG, {"rounds": rounds}, as_node="check")
    further.invoke(None, CONFIG, durability="sync")
    memory.saver().prune([RUN])
    last = fanning(rounds + 2).compile(checkpointer=memory.saver())
    assert last.get_state(CONFIG).values["items"] == fanned(rounds + 2)
    assert checked(memory).ok


def test_claims_go_with_the_checkpoints_around_them(memory: MemoryBackend) -> None:
    config = None
    for step in range(4):
        saver = memory.saver()
        saver.claim(RUN, f"slice {step}")
        if step:
            config = loaded(saver).config
        config = grown(saver, 1, config, start=step)[-1]
    memory.saver().prune([RUN])
    assert numbers(memory) == [8]
    assert config is not None
    assert_whole(memory, config, 3)
    assert checked(memory).ok
    assert pending(memory.saver(), config) != []


# -- delete_for_runs


@pytest.mark.parametrize(
    ("runs", "stay"),
    [
        (["r0"], [3, 4, 5, 6, 7, 8]),
        (["r1"], [0, 1, 2, 6, 7, 8]),
        (["r2"], [0, 1, 2, 3, 4, 5]),
        (["r0", "r2"], [3, 4, 5]),
        (["r0", "r1", "r2"], []),
        (["r9"], list(range(9))),
        ([], list(range(9))),
    ],
)
def test_invocations_are_deleted_and_the_others_stay_whole(
    memory: MemoryBackend, runs: list[str], stay: list[int]
) -> None:
    _, configs = three_invocations(memory)
    memory.saver().delete_for_runs(runs)
    assert steps(memory) == stay[::-1]
    for step in stay:
        assert_whole(memory, configs[step], step)
    assert checked(memory).ok
    # A fresh process goes on from what is there.
    fresh = memory.saver()
    found = fresh.get_tuple(config_of())
    parent = found.config if found else None
    last = grown(fresh, 2, parent, start=20, run="r3")[-1]
    assert_whole(memory, last, 21)
    assert steps(memory) == [21, 20, *stay[::-1]]
    assert checked(memory).ok


def test_number_of_a_deleted_head_stays_taken(memory: MemoryBackend) -> None:
    three_invocations(memory)
    memory.saver().delete_for_runs(["r2"])
    assert numbers(memory) == [1, 2, 3, 4, 5, 6]
    assert memory.saver().claim(RUN, "slice") == 10


def test_one_invocation_after_another_is_deleted(memory: MemoryBackend) -> None:
    _, configs = three_invocations(memory)
    for run, stay in (("r1", [0, 1, 2, 6, 7, 8]), ("r2", [0, 1, 2]), ("r0", [])):
        memory.saver().delete_for_runs([run])
        assert steps(memory) == stay[::-1]
        for step in stay:
            assert_whole(memory, configs[step], step)
        assert checked(memory).ok


def test_writer_whose_head_was_deleted_goes_on_from_it(memory: MemoryBackend) -> None:
    saver, configs = three_invocations(memory)
    memory.saver().delete_for_runs(["r2"])
    last = grown(saver, 2, configs[-1], start=9, run="r2")[-1]
    assert_whole(memory, last, 10)
    assert checked(memory).ok


def test_other_runs_of_the_owner_are_looked_at_too(memory: MemoryBackend) -> None:
    metadata: CheckpointMetadata = {"step": 0, "run_id": "r0"}
    for run_id in (RUN, "run-2"):
        config = config_of(run_id=run_id)
        memory.saver().put(config, checkpoint_of(x=1), metadata, {"x": 1})
        put(memory.saver(), config_of(namespace="inner:1", run_id=run_id), y=1)
    memory.saver().delete_for_runs(["r0"])
    for run_id in (RUN, "run-2"):
        assert memory.saver().get_tuple(config_of(run_id=run_id)) is None
        inner = config_of(namespace="inner:1", run_id=run_id)
        assert values(memory.saver(), inner) == {"y": 1}


def test_lone_task_told_by_a_deleted_checkpoint_gets_a_record(
    memory: MemoryBackend,
) -> None:
    times = 6
    saver = memory.saver()
    graph = saver.bind(appending(times, element).compile())
    config: RunnableConfig = {**limits(times), "metadata": {"run_id": "r0"}}
    graph.invoke(
        {"items": [], "done": 0}, config, durability="sync", interrupt_after=["grow"]
    )
    second: RunnableConfig = {**limits(times), "metadata": {"run_id": "r1"}}
    graph.invoke(None, second, durability="sync")
    before = {f.checkpoint["id"]: f for f in memory.saver().list(config_of())}
    memory.saver().delete_for_runs(["r1"])
    after = list(memory.saver().list(config_of()))
    assert 0 < len(after) < len(before)
    for found in after:
        assert found.pending_writes == before[found.checkpoint["id"]].pending_writes
    assert any("/w/" in sort for _, sort in memory.records.cells)
    assert checked(memory).ok
