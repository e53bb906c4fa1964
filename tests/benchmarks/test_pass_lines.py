"""Which measurements pass, and which decide the exit code."""

import pytest

from benchmarks.memory import ours
from benchmarks.memory.growth import Grown
from benchmarks.memory.laptop import OURS, OURS_SYNCED, STOCK, Rates
from benchmarks.memory.measure import Cost
from benchmarks.memory.passlines import Line, Verdict, lines, show_lines
from benchmarks.memory.places import Calls, Contender
from benchmarks.memory.plan import Plan
from benchmarks.memory.resume import Resume
from benchmarks.memory.terminal import Terminal

PLAN = Plan(shown=(), checked=(100,), pairs=((100, 400),))


def grown(bytes_each: float, writes: dict[int, int]) -> Grown:
    contender = Contender(ours.AWS, lambda: pytest.fail("nothing is opened"))
    costs = {
        size: Cost(size, int(bytes_each * size), Calls(calls, 0), 1.0)
        for size, calls in writes.items()
    }
    return Grown(contender, costs, resumed=Resume(400, 1_500_000, Calls(0, 3), 1.0))


def verdicts(measured: Grown) -> dict[str, Verdict]:
    names = (ours.SQLITE, ours.AWS, ours.AWS_EVERY)
    growth = {"str": dict.fromkeys(names, measured)}
    return {
        f"{line.store}, {line.message}: {line.what}": line.verdict
        for line in lines(PLAN, growth, None, None)
    }


def test_bytes_at_the_limit_pass_and_one_byte_more_does_not() -> None:
    at, above = grown(2000, {100: 102}), grown(2000.01, {100: 102})
    line = "AWS, str: bytes a superstep, N = 100"

    assert verdicts(at)[line] is Verdict.PASSED
    assert verdicts(above)[line] is Verdict.FAILED


def test_what_was_not_measured_has_failed() -> None:
    found = verdicts(grown(1000, {100: 102}))

    assert found["AWS, str: bytes(400) / bytes(100)"] is Verdict.FAILED


def test_calls_to_start_a_run_are_not_calls_of_its_supersteps() -> None:
    line = "AWS, str: write calls a superstep, every task recorded"

    assert verdicts(grown(1, {100: 203, 400: 803}))[line] is Verdict.PASSED
    assert verdicts(grown(1, {100: 203, 400: 804}))[line] is Verdict.FAILED


def test_cold_resume_may_read_once_a_begun_megabyte_and_once_more() -> None:
    line = "AWS, str: read calls of a cold resume, N = 400"

    assert Resume(400, 1_500_000, Calls(), 1.0).allowed_reads == 3
    assert verdicts(grown(1, {100: 102, 400: 402}))[line] is Verdict.PASSED


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        (Line("AWS", "str", "counted", 1.0, 2.0), True),
        (Line("AWS", "str", "counted", 3.0, 2.0), False),
        (Line("AWS", "str", "counted", None, 2.0), False),
        (Line("AWS", "str", "timed", 3.0, 2.0, is_counted=False), True),
    ],
    ids=["holds", "does not", "not run", "timed"],
)
def test_only_counted_lines_decide(
    line: Line, holds: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_lines([line], Terminal()) is holds
    assert line.verdict in capsys.readouterr().out


def test_workflows_under_another_guarantee_do_not_pass_and_decide_nothing() -> None:
    rates = Rates({STOCK: 100.0, OURS: 300.0, OURS_SYNCED: 199.0})

    (line,) = lines(PLAN, None, None, rates)

    assert line.verdict is Verdict.FAILED
    assert not line.is_counted
