"""The runs of nodes, in a file: what is counted outlives the process that ran them.

It is a list, because the graphs of ``graphs_case`` note their runs in one; only
what they use of a list is kept in the file.
"""

import os
from collections.abc import Iterator
from pathlib import Path


class FileRuns(list[str]):
    """One line for each run of a node, each written at once as a node starts."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self._file = directory / "runs"

    def append(self, name: str) -> None:
        """Add a line; it stays when the process is killed."""
        file = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{name}\n".encode())
        os.close(file)

    def count(self, name: str) -> int:
        """Return how often the node ran, in all processes."""
        return sum(each == name for each in self)

    def __iter__(self) -> Iterator[str]:
        if self._file.exists():
            yield from self._file.read_text(encoding="utf-8").splitlines()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(True for _ in self)


def directory_of(runs: list[str]) -> Path:
    """Return the directory that all processes of a run share."""
    assert isinstance(runs, FileRuns)
    return runs.directory
