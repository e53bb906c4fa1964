"""What a lone task wrote waits for the next checkpoint, and is never lost by it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.func import entrypoint, task
from langgraph.types import Command, Send

from analemma.errors import StoreUnavailable
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, Backend, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, pending, values
from memory_graphs import (
    ANSWERS,
    CONFIG,
    FRESH,
    OneSuperstep,
    appending,
    journey,
    limits,
    run_whole,
)
from memory_lone import GRAPHS
from memory_stores import MemoryRecordStore


@pytest.mark.parametrize("name", GRAPHS)
def test_bound_graph_ends_as_over_langgraphs_own_saver(
    backend: Backend, name: str
) -> None:
    expected = (
        GRAPHS[name]()
        .compile(checkpointer=InMemorySaver())
        .invoke({"log": []}, CONFIG, durability="sync")
    )
    saver = backend.saver()
    graph = saver.bind(GRAPHS[name]().compile())
    assert graph.invoke({"log": []}, CONFIG, durability="sync") == expected
    again = GRAPHS[name]().compile(checkpointer=backend.saver())
    assert again.get_state(CONFIG).values == expected
    assert verify(backend.records, backend.pages, OWNER, RUN).ok


def test_bound_journey_in_slices_ends_as_over_langgraphs_own_saver(
    backend: Backend,
) -> None:
    answers = iter(ANSWERS)
    given: Any = FRESH
    while True:
        saver = backend.saver()
        graph = saver.bind(journey().compile())
        with contextlib.suppress(GraphDrained):
            graph.invoke(given, CONFIG, durability="sync", control=OneSuperstep())
        saver.flush(RUN)
        state = journey().compile(checkpointer=backend.saver()).get_state(CONFIG)
        if not state.next:
            break
        given = Command(resume=next(answers)) if state.interrupts else None
    own: Any = InMemorySaver()
    assert dict(state.values) == run_whole(lambda: own)
    assert verify(backend.records, backend.pages, OWNER, RUN).ok


def test_every_checkpoint_shows_what_its_lone_task_wrote(backend: Backend) -> None:
    own = InMemorySaver()
    graph = appending(5, lambda n: f"element {n} " * 30)
    plain = graph.compile(checkpointer=own)
    plain.invoke({"items": [], "done": 0}, limits(5), durability="sync")
    saver = backend.saver()
    bound = saver.bind(graph.compile())
    bound.invoke({"items": [], "done": 0}, limits(5), durability="sync")
    wanted = [
        sorted(
            (channel, repr(value)) for _, channel, value in each.pending_writes or ()
        )
        for each in own.list(CONFIG)
    ]

    def shown(reader: PagedSaver) -> list[list[tuple[str, str]]]:
        found = []
        for each in list(reader.list(CONFIG)):
            alone = reader.get_tuple(each.config)
            assert alone is not None
            assert alone.pending_writes == each.pending_writes
            writes = alone.pending_writes or ()
            found.append(sorted((channel, repr(v)) for _, channel, v in writes))
        return found

    assert shown(backend.saver()) == wanted
    # And to the saver that knows where everything stands.
    assert shown(saver) == wanted


def lone_checkpoint(
    saver: PagedSaver, parent: RunnableConfig | None = None, **channels: object
) -> RunnableConfig:
    """Put a checkpoint that one task follows, node ``finish`` of the journey."""
    checkpoint = checkpoint_of(**channels)
    checkpoint["updated_channels"] = ["branch:to:finish"]
    return saver.put(
        parent or config_of(), checkpoint, {"source": "loop", "step": 1}, {"log": 1}
    )


PATH = "~__pregel_pull, finish"
PAGE = "a page " * 30


def waiting(backend: MemoryBackend) -> tuple[PagedSaver, RunnableConfig]:
    """Return a saver with a lone task's writes that are recorded nowhere yet."""
    saver = backend.saver()
    saver.bind(journey().compile())
    config = lone_checkpoint(saver, log=[])
    saver.put_writes(config, [("log", [PAGE])], "task", PATH)
    assert recorded(backend) == []
    return saver, config


def recorded(backend: MemoryBackend) -> list[str]:
    return [sort for _, sort in sorted(backend.records.cells) if not sort.endswith("!")]


def test_writes_of_a_lone_task_travel_in_the_next_checkpoint(
    memory: MemoryBackend,
) -> None:
    saver, config = waiting(memory)
    lone_checkpoint(saver, config, log=[PAGE])
    assert recorded(memory) == []
    assert pending(memory.saver(), config) == [("task", "log", [PAGE])]
    assert pending(saver, config) == [("task", "log", [PAGE])]
    # Its page stands there once, for the task and for the channel.
    assert verify(memory.records, memory.pages, OWNER, RUN).pages == 1


def test_flush_records_what_waits_and_nothing_twice(memory: MemoryBackend) -> None:
    saver, config = waiting(memory)
    saver.flush(RUN)
    assert len(recorded(memory)) == 1
    saver.flush(RUN)
    saver.flush("run-unknown")
    assert pending(memory.saver(), config) == [("task", "log", [PAGE])]
    stored = memory.records.written_bytes
    lone_checkpoint(saver, config, log=[PAGE])
    assert memory.records.written_bytes - stored < 400
    assert pending(memory.saver(), config) == [("task", "log", [PAGE])]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


READS: dict[str, Callable[[PagedSaver, RunnableConfig], object]] = {
    "get_tuple": lambda saver, config: saver.get_tuple(config_of()),
    "get_tuple of it": lambda saver, config: saver.get_tuple(config),
    "list": lambda saver, config: list(saver.list(config_of())),
}


@pytest.mark.parametrize("name", READS)
def test_whoever_asks_this_saver_sees_what_waits(
    memory: MemoryBackend, name: str
) -> None:
    saver, config = waiting(memory)
    READS[name](saver, config)
    assert pending(memory.saver(), config) == [("task", "log", [PAGE])]


def test_second_task_after_all_brings_both_into_the_store(
    memory: MemoryBackend,
) -> None:
    saver, config = waiting(memory)
    saver.put_writes(config, [("log", ["another"])], "other", PATH)
    assert len(recorded(memory)) == 2
    lone_checkpoint(saver, config, log=[PAGE, "another"])
    writes = [("other", "log", ["another"]), ("task", "log", [PAGE])]
    assert sorted(pending(memory.saver(), config)) == writes


@pytest.mark.parametrize("channel", ["__interrupt__", "__error__"])
def test_task_that_did_not_finish_is_recorded_at_once(
    memory: MemoryBackend, channel: str
) -> None:
    saver = memory.saver()
    saver.bind(journey().compile())
    config = lone_checkpoint(saver, log=[])
    saver.put_writes(config, [(channel, "said")], "task", PATH)
    assert len(recorded(memory)) == 1


def test_task_that_another_one_called_is_recorded_at_once(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    saver.bind(journey().compile())
    config = lone_checkpoint(saver, log=[])
    path = f"{PATH}~0000000000"
    saver.put_writes(config, [("__return__", 1)], "called", path)
    assert len(recorded(memory)) == 1


def test_branch_does_not_take_the_writes_of_another_ones_task(
    memory: MemoryBackend,
) -> None:
    saver, config = waiting(memory)
    parent = memory.saver()
    assert recorded(memory) == []
    other = lone_checkpoint(saver, None, log=["elsewhere"])
    assert len(recorded(memory)) == 1
    assert pending(parent, config) == [("task", "log", [PAGE])]
    assert pending(memory.saver(), other) == []


def test_checkpoint_that_fails_leaves_the_writes_for_the_next_attempt() -> None:
    @dataclass
    class Failing(MemoryRecordStore):
        """Refuses the next so many writes, applied or not."""

        failures: int = 0
        applied: bool = False

        # Any: the port's options, whichever they are, pass through.
        def put(self, partition: str, sort: str, body: bytes, **options: Any) -> int:
            if not self.failures:
                return super().put(partition, sort, body, **options)
            self.failures -= 1
            if self.applied:
                super().put(partition, sort, body, **options)
            raise StoreUnavailable("no answer")

    for applied in (False, True):
        for way in ("try again", "flush"):
            records = Failing(applied=applied)
            backend = MemoryBackend(records=records)
            saver, config = waiting(backend)
            checkpoint = checkpoint_of(log=[PAGE])
            records.failures = 1
            with pytest.raises(StoreUnavailable):
                saver.put(config, checkpoint, {"source": "loop"}, {"log": 2})
            if way == "flush":
                saver.flush(RUN)
                assert pending(backend.saver(), config) == [("task", "log", [PAGE])]
            saver.put(config, checkpoint, {"source": "loop"}, {"log": 2})
            assert values(backend.saver()) == {"log": [PAGE]}
            assert pending(backend.saver(), config) == [("task", "log", [PAGE])]
            assert verify(backend.records, backend.pages, OWNER, RUN).ok


def test_claim_drops_what_waits_for_a_slice_that_was_given_up(
    memory: MemoryBackend,
) -> None:
    saver, config = waiting(memory)
    saver.claim(RUN, "another slice of the same saver")
    saver.flush(RUN)
    assert recorded(memory) == []
    assert pending(memory.saver(), config) == []


def test_many_sends_of_a_lone_task_fit_the_checkpoints_record(
    memory: MemoryBackend,
) -> None:
    saver, config = waiting(memory)
    saver.flush(RUN)
    config = lone_checkpoint(saver, config, log=[])
    sends = [("__pregel_tasks", Send("node", {"item": n})) for n in range(3000)]
    saver.put_writes(config, sends, "spread", PATH)
    lone_checkpoint(saver, config, log=[PAGE])
    found = pending(memory.saver(), config)
    assert [value for _, _, value in found] == [send for _, send in sends]
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_functional_workflow_does_not_run_finished_tasks_again(
    memory: MemoryBackend,
) -> None:
    runs: list[str] = []

    class Killed(BaseException):
        """What a test raises where a process would die."""

    def build(saver: PagedSaver, *, dies: bool) -> Any:
        @task
        def step(number: int) -> str:
            runs.append(f"step {number}")
            return f"result {number}"

        @entrypoint(checkpointer=saver)
        def workflow(count: int) -> list[str]:
            results = [step(number).result() for number in range(count)]
            if dies:
                raise Killed
            return results

        return saver.bind(workflow)

    with pytest.raises(Killed):
        build(memory.saver(), dies=True).invoke(3, CONFIG, durability="sync")
    result = build(memory.saver(), dies=False).invoke(None, CONFIG, durability="sync")
    assert result == [f"result {number}" for number in range(3)]
    assert runs == [f"step {number}" for number in range(3)]
