"""What is run: everything, or enough for a look (``--quick``)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes, repeats and limits of one run of the benchmark."""

    shown: tuple[int, ...] = (50, 200, 1000, 5000)
    """Supersteps of the growing list, for every saver."""
    checked: tuple[int, ...] = (100, 400, 1000)
    """The sizes whose stored bytes have a pass line."""
    pairs: tuple[tuple[int, int], ...] = (
        (50, 200),
        (100, 400),
        (250, 1000),
        (1250, 5000),
    )
    """Sizes N and 4N whose ratio of stored bytes has a pass line."""
    every_task_largest: int = 1000
    """Where ours records every task it runs no more: that changes no law."""
    kinds: tuple[str, ...] = ("str", "AIMessage")
    """What the messages of the growing list are."""
    english: int = 200
    channels: int = 200
    large_states: int = 20
    parallel: int = 50
    fork_at: int = 100
    forks: int = 64
    rounds: int = 7
    workflows: int = 20
    cap_seconds: float = 60.0
    cap_bytes: float = 1e9
    folder: Path | None = None
    """Where files are made. None: where the system makes temporary ones."""
    concerns: tuple[str, ...] | None = None
    """What of the conformance suite is run. None: all of it."""

    def sizes(self, *, is_ours: bool, leaves_out: bool) -> list[int]:
        """Return the sizes to run of the growing list, smallest first."""
        if not is_ours:
            return list(self.shown)
        if not leaves_out:
            return [size for size in self.shown if size <= self.every_task_largest]
        paired = {size for pair in self.pairs for size in pair}
        return sorted({*self.shown, *self.checked, *paired})


QUICK = Plan(
    shown=(25, 100),
    checked=(100,),
    pairs=((25, 100),),
    kinds=("str",),
    english=25,
    channels=20,
    large_states=1,
    parallel=10,
    fork_at=25,
    forks=16,
    rounds=3,
    workflows=5,
    cap_seconds=5.0,
    concerns=("attempts", "fencing"),
)
