"""What is spent of a limit, and what is held back for calls that are on their way.

One record a scope, of a bounded size: a hold is a writer's, not a call's, and goes
when the writer ends. All sums only grow, and each writer states its own as totals:
so a write that is repeated, because its answer was lost, says the same again.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.budget import NOTHING, Amount
from analemma.records.transition import TerminationReason

MAX_HOLDS = 1_000
"""Writers that hold something of one scope at once; at most 380 bytes each."""


class _Stored(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Hold(_Stored):
    """One writer's part: a slice or a worker of a run.

    ``open`` is the bound of its calls that have not ended, as far as is known.
    ``entered`` is the bound of those that have, ``settled`` what they cost, which is
    in the counter's ``settled`` already.
    """

    owner: str
    run_id: str
    open: Amount = NOTHING
    entered: Amount = NOTHING
    settled: Amount = NOTHING

    def told(self, entered: Amount, settled: Amount) -> "Hold":
        """Return the hold as the writer's ledger entries say it is.

        They may have been read before the hold was written. Totals only grow, so
        the larger is the truth.
        """
        newer = self.entered.at_least(entered)
        return Hold(
            owner=self.owner,
            run_id=self.run_id,
            open=(self.open - (newer - self.entered)).at_least(NOTHING),
            entered=newer,
            settled=self.settled.at_least(settled),
        )


class Counter(_Stored):
    """One scope. ``unknown`` is the bound of calls whose cost nobody can tell."""

    settled: Amount = NOTHING
    unknown: Amount = NOTHING
    holds: dict[str, Hold] = Field(default_factory=dict)

    @property
    def held(self) -> Amount:
        """The bounds of all calls that are on their way."""
        total = NOTHING
        for hold in self.holds.values():
            total += hold.open
        return total

    @property
    def spent(self) -> Amount:
        """What counts against the limit: never less than what was truly used."""
        return self.settled + self.unknown + self.held

    def with_hold(self, writer: str, hold: Hold) -> "Counter":
        """Return the counter with a writer's hold as it is now."""
        before = self.holds.get(writer)
        gained = hold.settled - (NOTHING if before is None else before.settled)
        return self.model_copy(
            update={
                "settled": self.settled + gained,
                "holds": {**self.holds, writer: hold},
            }
        )

    def without(self, writer: str) -> "Counter":
        """Return the counter without a writer that makes no more calls.

        Of what it still holds nobody knows whether it was used: it counts.
        """
        hold = self.holds[writer]
        holds = {name: each for name, each in self.holds.items() if name != writer}
        return self.model_copy(
            update={
                "unknown": self.unknown + hold.open,
                "holds": holds,
            }
        )


class Refusal(_Stored):
    """Why a call was not made: what it could have cost does not fit a limit.

    ``scope`` names the run, the workflow's version or the environment; ``spent`` is
    known, ``reserved`` held by calls on their way, ``unknown`` the bound of calls
    whose cost nobody can tell. All in the unit of the limit.
    """

    scope: str
    reason: TerminationReason
    limit: int
    spent: int
    reserved: int
    unknown: int
    wanted: int
    since: str = ""

    def sentence(self) -> str:
        """Return the refusal as one line."""
        window = f" of {self.since}" if self.since else ""
        parts = [f"{self.spent:,} spent"]
        if self.reserved:
            parts.append(f"{self.reserved:,} reserved")
        if self.unknown:
            parts.append(f"up to {self.unknown:,} by calls that did not say")
        return (
            f"the next call may take {self.wanted:,} {self.reason.value}, which does "
            f"not fit the {self.limit:,}{window} of {self.scope} ({', '.join(parts)})"
        )
