"""Runs in fresh processes: the tests' end of ``equality_server``."""

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equality_steps import Cut
from graphs_case import Case

SEEN = "seen"


@dataclass
class Forker:
    """A process that forks others, and what is asked of it."""

    process: "subprocess.Popen[str]"

    def run(self, case: Case, cut: Cut, directory: Path) -> Any:
        """Run a graph in a directory of its own; return what was ``Seen``."""
        return self._ask({"case": case.name, "cut": cut.name}, directory)

    def run_and_kill(self, seed: int, directory: Path) -> Any:
        """Run the random graph of a seed, cut at random; return its ``Survivor``."""
        return self._ask({"kills": True, "seed": seed}, directory)

    def _ask(self, request: dict[str, object], directory: Path) -> Any:
        # Any: what the server pickled.
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {**request, "directory": str(directory)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the server is gone"}
        assert "error" not in answer, f"{request}:\n{answer['error']}"
        return pickle.loads((directory / SEEN).read_bytes())


@contextmanager
def forker() -> Iterator[Forker]:
    """Start the process that forks."""
    server = Path(__file__).with_name("equality_server.py")
    with subprocess.Popen(
        [sys.executable, str(server)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Forker(process)
