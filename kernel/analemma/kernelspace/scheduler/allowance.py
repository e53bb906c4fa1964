"""What a slice may take of supersteps and seconds that runs share.

Taken before the first superstep and settled after the last, so that no superstep
costs a store call. A slice takes an eighth of what is left, because it may be one of
many: so limits that are nearly used up are divided among those that run, and a
slice always gets something while there is something.

A node that runs longer than its slice was allowed is not cut off: its time counts.
"""

from dataclasses import replace

from analemma.hardware.ports import Clock
from analemma.kernelspace.scheduler.control import SliceLimits
from analemma.kernelspace.spending.purse import Purse, Reservation
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.kernelspace.spending.scopes import TIME
from analemma.records.budget import Amount
from analemma.records.transition import TerminationReason

_SHARE = 8
_MOST_SUPERSTEPS = 100
_MOST_MS = 900_000
_TRIES = 10


class Allowance:
    """One slice's part of the shared supersteps and seconds."""

    def __init__(self, purse: Purse, clock: Clock) -> None:
        self._purse = purse
        self._clock = clock
        self._held: Reservation | None = None
        self._began_seconds = 0.0

    def take(self, limits: SliceLimits) -> SliceLimits:
        """Hold back what the slice may use; return its limits, perhaps lowered.

        No store call where nothing of the kind is limited.

        Raises:
            BudgetReached: nothing is left.
        """
        self._began_seconds = self._clock.monotonic_seconds()
        if not self._purse.limits(*TIME):
            return limits
        for _ in range(_TRIES):
            wanted = self._wanted(limits)
            held = self._purse.reserve(wanted, TIME)
            if isinstance(held, Reservation):
                self._held = held
                return self._lowered(limits, wanted)
            refusal = held
        raise BudgetReached(refusal)

    def settle(self, supersteps: int) -> None:
        """Replace what was held by what was used."""
        if self._held is None:
            return
        used_seconds = self._clock.monotonic_seconds() - self._began_seconds
        bound = self._held.bound
        used = Amount(
            supersteps=supersteps if bound.supersteps else 0,
            milliseconds=round(used_seconds * 1000) if bound.milliseconds else 0,
        )
        self._purse.settle(self._held, used)
        self._held = None

    def _wanted(self, limits: SliceLimits) -> Amount:
        supersteps = self._purse.left(TerminationReason.SUPERSTEPS)
        left_ms = self._purse.left(TerminationReason.SECONDS)
        most = min(limits.supersteps or _MOST_SUPERSTEPS, _MOST_SUPERSTEPS)
        most_ms = _MOST_MS
        if limits.stop_at_seconds is not None:
            span = limits.stop_at_seconds - self._began_seconds
            most_ms = max(1, round(span * 1000))
        return Amount(
            supersteps=0 if supersteps is None else _share(supersteps, most),
            milliseconds=0 if left_ms is None else _share(left_ms, most_ms),
        )

    def _lowered(self, limits: SliceLimits, taken: Amount) -> SliceLimits:
        supersteps, stop_at = limits.supersteps, limits.stop_at_seconds
        if taken.supersteps:
            supersteps = taken.supersteps
        if taken.milliseconds:
            stop_at = self._began_seconds + taken.milliseconds / 1000
        return replace(limits, supersteps=supersteps, stop_at_seconds=stop_at)


def _share(left: int, most: int) -> int:
    """Return at least 1, so that a limit that is used up refuses and says so."""
    return max(1, min(most, left // _SHARE))
