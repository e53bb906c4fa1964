"""One writer advances a run; every other one stops and changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langgraph.errors import GraphBubbleUp, GraphDrained
from langgraph.runtime import RunControl

from analemma.errors import LeaseLost, StoreUnavailable
from analemma.kernelspace.memory.saver import Fenced, PagedSaver
from memory_backends import RUN, Backend, MemoryBackend, config_of, contents
from memory_checkpoints import checkpoint_of, loaded, put, values
from memory_graphs import appending, limits
from memory_stores import MemoryRecordStore


def test_of_two_writers_one_advances_and_the_other_changes_nothing(
    backend: Backend,
) -> None:
    base = put(backend.saver(), x="base")
    winner, loser = backend.saver(), backend.saver()
    assert values(winner) == values(loser) == {"x": "base"}
    put(winner, base, x="won")
    before = contents(backend)
    with pytest.raises(Fenced):
        put(loser, base, x="lost")
    assert contents(backend) == before
    assert values(backend.saver()) == {"x": "won"}


def test_of_many_writers_at_once_exactly_one_advances(backend: Backend) -> None:
    base = put(backend.saver(), x="base")
    savers = [backend.saver() for _ in range(6)]
    for saver in savers:
        loaded(saver)

    def advance(saver: PagedSaver) -> bool:
        try:
            put(saver, base, x="mine")
        except Fenced:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(advance, savers)) == 1
    assert len(contents(backend)) == 2


def test_claim_fences_every_older_writer(backend: Backend) -> None:
    old = backend.saver()
    base = put(old, x=1)
    new = backend.saver()
    assert new.claim(RUN, "slice 2") == 2
    before = contents(backend)
    with pytest.raises(Fenced):
        put(old, base, x=2)
    assert contents(backend) == before
    put(new, base, x=3)
    assert values(backend.saver()) == {"x": 3}


def test_later_claim_wins_over_an_earlier_one(memory: MemoryBackend) -> None:
    first, second = memory.saver(), memory.saver()
    assert first.claim(RUN, "first") == 1
    assert second.claim(RUN, "second") == 2
    with pytest.raises(Fenced):
        put(first, x=1)
    put(second, x=2)
    assert values(memory.saver()) == {"x": 2}


def test_writer_that_lost_its_claim_does_not_win_it_back_by_reading(
    memory: MemoryBackend,
) -> None:
    zombie, owner = memory.saver(), memory.saver()
    zombie.claim(RUN, "zombie")
    base = put(zombie, x=1)
    owner.claim(RUN, "owner")
    assert values(zombie) == {"x": 1}
    assert list(zombie.list(config_of()))
    with pytest.raises(Fenced):
        put(zombie, base, x=2)


def test_writer_without_a_claim_goes_on_from_what_it_reads(
    memory: MemoryBackend,
) -> None:
    one, other = memory.saver(), memory.saver()
    base = put(one, x=1)
    loaded(other)
    base = put(other, base, x=2)
    with pytest.raises(Fenced):
        put(one, base, x=3)
    loaded(one)
    put(one, base, x=4)
    assert values(memory.saver()) == {"x": 4}


def test_logs_of_namespaces_and_runs_are_fenced_apart(memory: MemoryBackend) -> None:
    saver = memory.saver()
    put(saver, x="root")
    memory.saver().claim(RUN, "another slice")
    put(saver, namespace="inner:1", x="inner")
    put(saver, config_of(run_id="run-2"), x="other")
    with pytest.raises(Fenced):
        put(saver, x="root again")
    assert values(saver, config_of(namespace="inner:1")) == {"x": "inner"}


def test_lost_answer_of_a_checkpoint_is_found_by_trying_again(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    checkpoint = checkpoint_of(x=["a" * 100])
    attempt: tuple[Any, ...] = (config_of(), checkpoint, {"step": 0}, {"x": 1})
    memory.records.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        saver.put(*attempt)
    before = contents(memory)
    stored = saver.put(*attempt)
    assert contents(memory) == before
    put(saver, stored, x=["a" * 100, "b" * 100])
    assert values(memory.saver()) == {"x": ["a" * 100, "b" * 100]}


def test_lost_answer_of_a_claim_is_found_by_trying_again(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    memory.records.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        saver.claim(RUN, "slice 1")
    saver.claim(RUN, "slice 1")
    put(saver, x=1)
    assert values(memory.saver()) == {"x": 1}


@pytest.mark.parametrize("channel", ["x", "__interrupt__"])
def test_lost_answer_of_writes_is_found_by_trying_again(
    memory: MemoryBackend, channel: str
) -> None:
    saver = memory.saver()
    config = put(saver, x=1)
    memory.records.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        saver.put_writes(config, [(channel, "said")], "task")
    before = contents(memory)
    saver.put_writes(config, [(channel, "said")], "task")
    assert contents(memory) == before
    writes = loaded(memory.saver()).pending_writes
    assert writes == [("task", channel, "said")]


def test_graph_stops_when_another_slice_claims_the_run(backend: Backend) -> None:
    taken: list[int] = []
    owner = backend.saver()

    def element(number: int) -> str:
        if number == 3 and not taken:
            taken.append(owner.claim(RUN, "the next slice"))
        return f"element {number}"

    zombie = backend.saver()
    zombie.claim(RUN, "this slice")
    graph = appending(6, element).compile(checkpointer=zombie)
    with pytest.raises(Fenced):
        graph.invoke({"items": [], "done": 0}, limits(6), durability="sync")
    with pytest.raises(Fenced):
        zombie.raise_if_fenced(RUN)
    resumed = appending(6, element).compile(checkpointer=owner)
    result = resumed.invoke(None, limits(6), durability="sync")
    assert result["items"] == [f"element {n}" for n in range(6)]
    owner.raise_if_fenced(RUN)


def test_refusal_that_langgraph_drops_is_still_told(memory: MemoryBackend) -> None:
    saver = memory.saver()
    saver.claim(RUN, "this slice")
    memory.saver().claim(RUN, "the next slice")
    control = RunControl()
    control.request_drain("admit only")
    graph = appending(2, str).compile(checkpointer=saver)
    # Dropped if the save has ended when the graph stops, raised if it has not.
    with pytest.raises((GraphDrained, Fenced)):
        graph.invoke(
            {"items": [], "done": 0}, limits(2), durability="sync", control=control
        )
    with pytest.raises(Fenced):
        saver.raise_if_fenced(RUN)


def test_fenced_is_what_the_kernel_retries_and_langgraph_lets_through() -> None:
    assert issubclass(Fenced, LeaseLost)
    assert issubclass(Fenced, GraphBubbleUp)


def test_root_checkpoints_are_told_once_they_are_durable(
    memory: MemoryBackend,
) -> None:
    told: list[tuple[int, int, bool]] = []
    reader = memory.saver()
    graph = appending(2, str).compile(
        checkpointer=memory.saver(
            on_root_checkpoint=lambda root: told.append(
                (
                    root.step,
                    root.pending_sends,
                    loaded(reader).checkpoint["id"] == root.checkpoint_id,
                )
            )
        )
    )
    graph.invoke({"items": [], "done": 0}, limits(2), durability="sync")
    assert told == [(-1, 0, True), (0, 0, True), (1, 0, True), (2, 0, True)]


def test_claim_goes_past_what_is_appended_meanwhile() -> None:
    class Racing(MemoryRecordStore):
        """Lets another writer go first, twice."""

        rivals = 2

        # Any: the port's options, whichever they are, pass through.
        def put(self, partition: str, sort: str, body: bytes, **options: Any) -> int:
            if self.rivals:
                self.rivals -= 1
                rival = f"rival {self.rivals}"
                backend.saver().claim(RUN, rival)
            return super().put(partition, sort, body, **options)

    backend = MemoryBackend(records=Racing())
    saver = backend.saver()
    assert saver.claim(RUN, "patient") == 3
    put(saver, x=1)
    assert values(backend.saver()) == {"x": 1}


def test_two_savers_with_claims_of_one_label_are_told_apart(
    memory: MemoryBackend,
) -> None:
    assert memory.saver().claim(RUN, "slice") == 1
    assert memory.saver().claim(RUN, "slice") == 2
