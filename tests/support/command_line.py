"""The ``analemma`` command as a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANALEMMA = [sys.executable, "-m", "analemma.entrypoints.cli"]


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Runs the command in a home of its own."""

    home: Path
    environment: dict[str, str]

    @classmethod
    def at(cls, home: Path, **environment: str) -> "CommandLine":
        """Return a command line whose home is ``home``."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANALEMMA_", "GEMINI_", "ANTHROPIC_", "COV_"))
        }
        return cls(home, inherited | {"ANALEMMA_HOME": str(home)} | environment)

    def __call__(self, *arguments: str, timeout: float = 120) -> Ended:
        """Run to the end."""
        done = subprocess.run(
            [*ANALEMMA, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start and return the process."""
        return subprocess.Popen(
            [*ANALEMMA, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
