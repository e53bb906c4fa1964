"""The writes of tasks: attempts never mix, and nothing asked or answered is lost."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import writes_sort_key

from analemma.kernelspace.langgraph_compat import (
    ERROR,
    ERROR_SOURCE_NODE,
    INTERRUPT,
    NO_WRITES,
    NULL_TASK_ID,
    RESUME,
    read_task_statuses,
)
from analemma.kernelspace.memory.saver import PagedSaver
from memory_backends import Backend, MemoryBackend, contents
from memory_checkpoints import checkpoint_of, pending, put, values

Writes = list[tuple[str, Any]]


def recorded(backend: Backend, *attempts: Writes, task: str = "task") -> Writes:
    """Record attempts, each by a saver of its own; return what LangGraph sees."""
    config = put(backend.saver(), x=0)
    for attempt in attempts:
        saver = backend.saver()
        saver.put_writes(config, attempt, task)
    return [(channel, value) for _, channel, value in pending(backend.saver(), config)]


def test_second_attempt_of_a_finished_task_changes_nothing(backend: Backend) -> None:
    seen = recorded(
        backend,
        [("xs", ["A0"])],
        [("zs", ["B0"]), ("xs", ["B1"]), ("ys", ["B2"])],
    )
    assert seen == [("xs", ["A0"])]


def test_task_that_wrote_nothing_stays_finished(memory: MemoryBackend) -> None:
    seen = recorded(memory, [(NO_WRITES, None)], [("xs", 1)])
    assert seen == [(NO_WRITES, None)]


def test_failed_attempt_with_partial_output_is_not_finished(backend: Backend) -> None:
    config = put(backend.saver(), x=0)
    error = ("xs", "half"), (ERROR, ValueError("no"))
    backend.saver().put_writes(config, error, "task")
    status = read_task_statuses(pending(backend.saver(), config))["task"]
    assert not status.finished
    assert status.error is not None


def test_success_after_a_failure_is_all_that_is_seen(backend: Backend) -> None:
    seen = recorded(
        backend,
        [("xs", "half"), (ERROR, ValueError("no"))],
        [("xs", "whole"), ("ys", "too")],
    )
    assert seen == [("xs", "whole"), ("ys", "too")]


def test_failure_after_a_success_is_not_seen(memory: MemoryBackend) -> None:
    seen = recorded(memory, [("xs", "whole")], [(ERROR, ValueError("late"))])
    assert seen == [("xs", "whole")]


def test_error_for_a_handler_keeps_what_the_failed_task_had_written(
    memory: MemoryBackend,
) -> None:
    attempt: Writes = [("xs", "half"), (ERROR, "no"), (ERROR_SOURCE_NODE, "node")]
    assert sorted(recorded(memory, attempt)) == sorted(attempt)


def test_failure_keeps_the_answers_and_drops_the_question(
    memory: MemoryBackend,
) -> None:
    seen = recorded(
        memory,
        [(INTERRUPT, "question"), (RESUME, ["earlier"])],
        [(ERROR, "no")],
    )
    assert sorted(seen) == [(ERROR, "no"), (RESUME, ["earlier"])]


def test_newer_answers_replace_older_ones(memory: MemoryBackend) -> None:
    seen = recorded(
        memory,
        [(INTERRUPT, "first?")],
        [(INTERRUPT, "second?"), (RESUME, ["one"])],
        [(RESUME, ["one", "two"])],
    )
    assert sorted(seen) == [(INTERRUPT, "second?"), (RESUME, ["one", "two"])]


def test_finished_task_still_shows_what_it_had_asked(memory: MemoryBackend) -> None:
    seen = recorded(
        memory,
        [(INTERRUPT, "question"), (ERROR, "no")],
        [("xs", 1), (RESUME, ["answer"])],
    )
    assert sorted(seen) == [(INTERRUPT, "question"), (RESUME, ["answer"]), ("xs", 1)]


def test_writes_of_no_task_keep_their_places_as_in_langgraphs_savers(
    memory: MemoryBackend,
) -> None:
    seen = recorded(
        memory,
        [("xs", 1), (RESUME, "old")],
        [("xs", 1), ("ys", 2), (RESUME, "new")],
        task=NULL_TASK_ID,
    )
    assert seen == [(RESUME, "new"), ("xs", 1), ("ys", 2)]


def test_pending_writes_come_in_the_order_langgraph_applies_them(
    backend: Backend,
) -> None:
    config = put(backend.saver(), x=0)
    # Ids and paths that disagree, as hashes of paths do.
    tasks = {f"{97 * n % 12:02d}-task": f"~__pregel_push, {n:010d}" for n in range(12)}
    saver = backend.saver()
    for task, path in sorted(tasks.items()):
        saver.put_writes(config, [("xs", path), ("ys", path)], task, path)
    keys = [
        writes_sort_key(tasks[task], task, ["xs", "ys"].index(channel))
        for task, channel, _ in pending(backend.saver(), config)
    ]
    assert len(keys) == 24
    assert keys == sorted(keys)


def test_writes_handed_over_before_their_checkpoint_become_durable_with_it(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    checkpoint = checkpoint_of(x=1)
    early: RunnableConfig = {
        "configurable": {"thread_id": "run-1", "checkpoint_id": checkpoint["id"]}
    }
    saver.put_writes(early, [("xs", ["done"])], "task")
    saver.put_writes(early, [(INTERRUPT, "question")], "other")
    assert contents(memory, "run-1") == {}
    config: RunnableConfig = {"configurable": {"thread_id": "run-1"}}
    stored = saver.put(config, checkpoint, {"step": 0}, {"x": 1})
    assert pending(memory.saver(), stored) == [
        ("other", INTERRUPT, "question"),
        ("task", "xs", ["done"]),
    ]


def test_writes_find_a_checkpoint_that_this_saver_never_read(
    backend: Backend,
) -> None:
    first = backend.saver()
    config = put(first, x=0)
    latest = put(first, config, x=1)
    backend.saver().put_writes(config, [("xs", "late")], "task")
    assert pending(backend.saver(), config) == [("task", "xs", "late")]
    assert pending(backend.saver(), latest) == []


def test_page_of_a_replaced_record_is_nobody_elses(memory: MemoryBackend) -> None:
    page = "a page of its own " * 20
    saver = memory.saver()
    config = put(saver, x=0)
    saver.put_writes(config, [(INTERRUPT, page)], "task")
    saver.put_writes(config, [(ERROR, page), ("xs", [page])], "failed")
    put(saver, config, x=page, xs=[page])
    saver.put_writes(config, [(INTERRUPT, "another")], "task")
    saver.put_writes(config, [(ERROR, "another")], "failed")
    assert values(memory.saver()) == {"x": page, "xs": [page]}


def test_parked_task_keeps_the_pages_of_its_older_answers(
    memory: MemoryBackend,
) -> None:
    answer = ["an answer of some length " * 10]
    seen = recorded(
        memory,
        [(INTERRUPT, "first?"), (RESUME, [answer])],
        [(INTERRUPT, "again? " * 100)],
    )
    assert sorted(seen) == [(INTERRUPT, "again? " * 100), (RESUME, [answer])]


def test_parkings_count_what_was_recorded_anew(memory: MemoryBackend) -> None:
    saver = memory.saver()
    config = put(saver, x=0)
    run_id = config["configurable"]["thread_id"]
    checkpoint_id = config["configurable"]["checkpoint_id"]

    def parkings(reader: PagedSaver) -> int:
        return reader.parkings(run_id, checkpoint_id, "task")

    assert parkings(saver) == 0
    saver.put_writes(config, [(INTERRUPT, "first?")], "task")
    saver.put_writes(config, [(INTERRUPT, "first?")], "task")
    assert parkings(memory.saver()) == 1
    saver.put_writes(config, [(INTERRUPT, "second?"), (RESUME, ["one"])], "task")
    assert parkings(memory.saver()) == 2
    assert memory.saver().parkings(run_id, "no such checkpoint", "task") == 0
