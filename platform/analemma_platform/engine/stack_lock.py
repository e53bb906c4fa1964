"""One command at a time on a stack. The lock goes with its process, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analemma_platform.engine.failures import StackBusy


@contextmanager
def stack_lock(path: Path, stack: str) -> Iterator[None]:
    """Hold the lock at ``path`` for the time of the block.

    Raises:
        StackBusy: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackBusy(
                f"stack {stack} is being changed by another command; wait for it"
            ) from error
        yield
