"""The ``analemma`` command in this process: as fast as a call, as strict as a user.

For everything to which a process of its own adds nothing; ``command_line`` has
the other kind.
"""

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import structlog

from analemma.entrypoints.cli.main import main
from command_line import Ended


@dataclass(frozen=True)
class CommandHere:
    """Runs the command in a home of its own, in this process."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Ended:
        """Run to the end; nothing of it stays in this process but modules."""
        out, err = io.StringIO(), io.StringIO()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANALEMMA_", "GEMINI_", "ANTHROPIC_"))
        }
        environment = {**inherited, "ANALEMMA_HOME": str(self.home), **self.environment}
        logging, path, code = structlog.get_config(), list(sys.path), 0
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "argv", ["analemma", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
            finally:
                structlog.configure(**logging)
                sys.path[:] = path
        return Ended(code, out.getvalue(), err.getvalue())

    def run_id(self) -> str:
        """Return the id of the run that was admitted last."""
        found: str = self("list", "--json", "-n", "1").document[0]["run_id"]
        return found

    def approval_id(self) -> str:
        """Return the id of the one approval that waits."""
        (waiting,) = self("approvals", "--json").document
        found: str = waiting["approval_id"]
        return found


def digest_of(folder: Path) -> str:
    """Return a digest of everything below a folder: names, kinds and bytes."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.relative_to(folder)} {path.is_dir()}\n".encode())
        if path.is_file():
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
