"""The suite runs what is asked for, survives every check, and tells what it saw."""

import asyncio
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from analemma.testing import (
    NotOffered,
    Outcome,
    Report,
    Result,
    Saver,
    Subject,
    Violation,
    checks,
    run_suite,
    side_by_side,
)
from testing_defects_protocol import HasNoFence
from testing_reference import ReferenceSaver, Vault, subject_of

ONE = "values/nan_comes_back"


def test_report_of_a_right_saver_has_no_failure() -> None:
    report = run_suite(subject_of, only=["values", "attempts"])
    assert report.passed
    assert report.failures == ()
    assert report.count(Outcome.PASSED) == len(report.results) == 48


def test_failures_are_told_with_what_was_expected_and_seen() -> None:
    report = run_suite(
        lambda: subject_of(HasNoFence), only=["fencing/of_two_writers_one_is_refused"]
    )
    assert not report.passed
    assert {result.way for result in report.failures} == {"sync", "async"}
    for result in report.failures:
        assert "expected the second put to raise, it returned" in result.message
        assert result.message in report.table()


def test_whatever_a_check_raises_ends_that_check_alone() -> None:
    class Explodes(ReferenceSaver):
        def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
            raise SystemExit("as if the process were to end")

    report = run_suite(lambda: subject_of(Explodes), only=[ONE, "listing"])
    broken = [result for result in report.results if result.title == ONE]
    assert [result.outcome for result in broken] == [Outcome.FAILED] * 2
    assert "as if the process were to end" in broken[0].message
    assert report.count(Outcome.PASSED) == 22


def test_subject_that_cannot_be_made_is_a_failure_of_each_check() -> None:
    def factory() -> Subject:
        raise OSError("no database")

    report = run_suite(factory, only=ONE)
    assert [r.message for r in report.results] == ["OSError: no database"] * 2


def test_check_that_does_not_end_is_a_failure() -> None:
    released = threading.Event()

    class Hangs(ReferenceSaver):
        def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
            released.wait()
            return None

    report = run_suite(
        lambda: subject_of(Hangs), only=[f"{ONE}/sync"], limit_seconds=0.1
    )
    released.set()
    assert report.failures[0].message == "did not end within 0.1 seconds"


def test_methods_that_are_left_to_langgraph_are_not_offered() -> None:
    report = run_suite(lambda: Subject(open=InMemorySaver), only=["pruning/*"])
    assert report.count(Outcome.NOT_OFFERED) == len(report.results) == 18
    assert not report.passed
    assert report.results[0].message == "InMemorySaver does not implement prune"


def test_faulty_storage_is_asked_for_only_where_it_is_needed() -> None:
    vaultless = Subject(open=subject_of().open)
    report = run_suite(lambda: vaultless, only=["torn writes"])
    assert report.count(Outcome.NOT_OFFERED) == 12


def test_faulty_storage_that_does_not_fail_is_found() -> None:
    def factory() -> Subject:
        right = subject_of()
        return Subject(open=right.open, faulty=lambda after_calls: right.open())

    report = run_suite(factory, only=["torn writes"])
    assert report.count(Outcome.FAILED) == 12
    assert "faulty(0) does nothing" in report.failures[0].message


def test_only_takes_names_titles_concerns_and_patterns() -> None:
    assert [name for name, _ in checks([f"{ONE}/sync"])] == [f"{ONE}/sync"]
    assert [name for name, _ in checks([ONE])] == [f"{ONE}/sync", f"{ONE}/async"]
    assert [name for name, _ in checks(ONE)] == [f"{ONE}/sync", f"{ONE}/async"]
    assert {check.concern for _, check in checks(["delta", "growth"])} == {
        "delta",
        "growth",
    }
    assert len(list(checks(["*/async"]))) * 2 == len(list(checks()))


def test_what_matches_no_check_is_refused() -> None:
    with pytest.raises(ValueError, match="matches none"):
        list(checks(["fencing", "fensing"]))


def test_names_are_unique_and_every_check_states_its_rule() -> None:
    every = list(checks())
    assert max(Counter(name for name, _ in every).values()) == 1
    for _, check in every:
        assert check.rule.endswith(".")


def test_check_called_by_itself_raises_what_it_found() -> None:
    by_name = dict(checks())
    fencing = by_name["fencing/of_two_writers_one_is_refused/sync"]
    pruning = by_name["pruning/prune_delete_leaves_nothing/sync"]
    with pytest.raises(Violation):
        fencing(subject_of(HasNoFence))
    with pytest.raises(NotOffered):
        pruning(Subject(open=InMemorySaver))


def test_subject_is_closed_whatever_came_of_the_check() -> None:
    closed: list[str] = []
    for saver in (ReferenceSaver, HasNoFence):
        subject = subject_of(saver)
        run_suite(
            lambda subject=subject: Subject(  # type: ignore[misc]  # bound early
                open=subject.open, close=lambda: closed.append("closed")
            ),
            only=["fencing/of_two_writers_one_is_refused"],
        )
    assert len(closed) == 4


def test_each_check_has_a_subject_of_its_own() -> None:
    made: list[Subject] = []

    def factory() -> Subject:
        made.append(subject_of())
        return made[-1]

    report = run_suite(factory, only=["values"])
    assert len(made) == len(report.results)


def test_results_are_told_as_they_come() -> None:
    told: list[Result] = []
    report = run_suite(subject_of, only=["listing"], on_result=told.append)
    assert tuple(told) == report.results


def test_both_halves_of_a_saver_are_called() -> None:
    called: Counter[str] = Counter()

    class Counts(ReferenceSaver):
        def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
            called["get_tuple"] += 1
            return super().get_tuple(config)

        async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
            called["aget_tuple"] += 1
            return await super().aget_tuple(config)

    run_suite(lambda: subject_of(Counts), only=[f"{ONE}/sync"])
    assert set(called) == {"get_tuple"}
    called.clear()
    run_suite(lambda: subject_of(Counts), only=[f"{ONE}/async"])
    assert called["aget_tuple"] == called["get_tuple"] > 0


def test_saver_is_made_and_closed_in_the_loop_that_calls_it() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    class Notes(ReferenceSaver):
        async def aput(self, *args: Any) -> RunnableConfig:
            loops.append(asyncio.get_running_loop())
            return await super().aput(*args)

    async def opened() -> Saver:
        loops.append(asyncio.get_running_loop())
        return Notes(vault)

    async def close() -> None:
        loops.append(asyncio.get_running_loop())

    vault = Vault()
    subject = Subject(open=opened, close=close)
    assert run_suite(lambda: subject, only=f"{ONE}/async").passed
    assert len(loops) >= 4
    assert len(set(loops)) == 1


def test_async_half_that_a_saver_refuses_is_not_offered(tmp_path: Path) -> None:
    def factory() -> Subject:
        opened = SqliteSaver.from_conn_string(str(tmp_path / "one.db"))
        saver = opened.__enter__()
        return Subject(
            open=lambda: saver, close=lambda: opened.__exit__(None, None, None)
        )

    report = run_suite(factory, only=ONE)
    outcomes = {result.way: result.outcome for result in report.results}
    assert outcomes == {"sync": Outcome.PASSED, "async": Outcome.NOT_OFFERED}


def test_async_saver_of_langgraph_is_checked(tmp_path: Path) -> None:
    def factory() -> Subject:
        connections: list[aiosqlite.Connection] = []

        async def opened() -> Saver:
            connections.append(await aiosqlite.connect(tmp_path / "one.db"))
            return AsyncSqliteSaver(connections[-1])

        async def close() -> None:
            for connection in connections:
                await connection.close()

        return Subject(open=opened, close=close)

    report = run_suite(factory, only=[f"{ONE}/async"])
    assert report.passed, report.table()


def test_tables_show_concerns_failures_and_savers_side_by_side() -> None:
    only = ["fencing", "values/nan_comes_back/sync"]
    right = run_suite(subject_of, only=only)
    wrong = run_suite(lambda: subject_of(HasNoFence), only=only)
    lines = wrong.table().splitlines()
    assert lines[0].split("  ")[0] == "concern"
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["fencing", "0", "12", "0"],
        ["values", "1", "0", "0"],
        ["together", "1", "12", "0"],
    ]
    table = side_by_side({"right": right, "wrong": wrong}).splitlines()
    assert table[0].split() == ["check", "right", "wrong"]
    assert table[1].split() == [
        "fencing/of_two_writers_one_is_refused/sync",
        "passed",
        "failed",
    ]
    assert "nan_comes_back" not in "\n".join(table)
    full = side_by_side({"right": right, "wrong": wrong}, all_checks=True)
    assert "values/nan_comes_back/sync" in full
    assert len(wrong.rows()) == 13
    assert wrong.rows()[-1] == (ONE, "sync", "passed", "")
    assert "passed: values/nan_comes_back/sync" in wrong.table(all_checks=True)


def test_report_of_nothing_is_no_pass() -> None:
    assert not Report(()).passed
    assert issubclass(ReferenceSaver, BaseCheckpointSaver)
