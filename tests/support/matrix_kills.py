"""Real kills: a run dies at one store call, and a fresh process takes it up."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matrix_points import Attach, Outcome, Point, at_each_call
from matrix_stores import Moment


@dataclass
class Executioner:
    """A process that forks, and what is asked of it."""

    process: "subprocess.Popen[str]"
    ground: Path
    errors: Path
    _points: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def kill(self, attach: Attach, point: Point) -> Outcome:
        """Run, kill at ``point``, resume; return what became of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {
            "call": point.call,
            "moment": point.moment,
            "attach": attach,
            "directory": str(self.ground / str(next(self._points))),
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the server is gone"}
        assert "error" not in answer, (point, answer, self.errors.read_text()[-4000:])
        return Outcome(**answer)

    def kill_at_every(
        self, attach: Attach, moment: Moment, stride: int = 1, first: int = 1
    ) -> Iterator[tuple[Point, Outcome]]:
        """Kill at every ``stride``-th call, until there is no such call."""

        def outcome_of(call: int) -> Outcome:
            return self.kill(attach, Point(call, moment))

        for call, outcome in at_each_call(outcome_of, stride, first):
            yield Point(call, moment), outcome


@contextmanager
def executioner(ground: Path, endpoint_url: str = "") -> Iterator[Executioner]:
    """Start the process; SQLite and files below ``ground``, or an emulated AWS."""
    errors = ground / "errors"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("matrix_server.py")),
                endpoint_url,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
        with process:
            yield Executioner(process, ground, errors)


def check_all(
    points: Iterable[tuple[Point, Outcome]], expected: Mapping[str, Any]
) -> list[Outcome]:
    """Hold every outcome against a plain run; return those that were cut."""
    outcomes = []
    for point, outcome in points:
        try:
            outcome.check(expected)
        except AssertionError as error:
            error.add_note(f"cut {point.moment} call {point.call}")
            raise
        outcomes.append(outcome)
    assert not outcomes[-1].struck
    return [outcome for outcome in outcomes if outcome.struck]
