"""What came of the checks, to be read by a program or by a person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"


@dataclass(frozen=True, slots=True)
class Result:
    """One check's outcome. ``message`` says what was seen, unless it passed."""

    concern: str
    title: str
    way: str
    outcome: Outcome
    message: str
    seconds: float

    @property
    def name(self) -> str:
        """The check's name."""
        return f"{self.title}/{self.way}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of a suite's checks, in the order in which they ran."""

    results: tuple[Result, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks had this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def failures(self) -> tuple[Result, ...]:
        """The checks that failed."""
        return tuple(r for r in self.results if r.outcome is Outcome.FAILED)

    @property
    def passed(self) -> bool:
        """Whether some check passed and none failed."""
        return bool(self.count(Outcome.PASSED)) and not self.failures

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return one row a check: title, way, outcome and message."""
        return [(r.title, r.way, r.outcome.value, r.message) for r in self.results]

    def table(self, *, all_checks: bool = False) -> str:
        """Return a table of concerns, and what failed with its message.

        Args:
            all_checks: A line for every check, those that passed too.
        """
        head = ("concern", "passed", "failed", "not offered", "seconds")
        lines = aligned([head, *map(self._concern_row, self._concerns()), self._sum()])
        told = self.results if all_checks else self.failures
        for result in told:
            lines += ["", f"{result.outcome}: {result.name}"]
            lines += [f"    {line}" for line in result.message.splitlines()]
        return "\n".join(lines)

    def _concerns(self) -> list[str]:
        return list(dict.fromkeys(result.concern for result in self.results))

    def _concern_row(self, concern: str) -> tuple[str, ...]:
        return _row(concern, [r for r in self.results if r.concern == concern])

    def _sum(self) -> tuple[str, ...]:
        return _row("together", self.results)


def side_by_side(reports: Mapping[str, Report], *, all_checks: bool = False) -> str:
    """Return a table with a line for each check and a column for each report.

    Args:
        reports: Reports by the name that heads their column.
        all_checks: Lines also for checks that failed nowhere.
    """
    names = list(
        dict.fromkeys(r.name for report in reports.values() for r in report.results)
    )
    found = {
        head: {result.name: result.outcome for result in report.results}
        for head, report in reports.items()
    }
    rows: list[tuple[str, ...]] = [("check", *reports)]
    for name in names:
        outcomes = [found[head].get(name) for head in reports]
        if all_checks or Outcome.FAILED in outcomes:
            rows.append((name, *("" if o is None else o.value for o in outcomes)))
    for outcome in Outcome:
        counts = (f"{report.count(outcome)}" for report in reports.values())
        rows.append((f"together {outcome.value}", *counts))
    return "\n".join(aligned(rows))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines whose columns begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _row(head: str, results: Iterable[Result]) -> tuple[str, ...]:
    results = list(results)
    counts = (sum(r.outcome is outcome for r in results) for outcome in Outcome)
    seconds = sum(result.seconds for result in results)
    return (head, *map(str, counts), f"{seconds:.1f}")
