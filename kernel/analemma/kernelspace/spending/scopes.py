"""Scopes: what has a limit, where its counter stands, and whether a call fits it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from analemma.kernelspace import layout
from analemma.records.budget import Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.run import RunRecord
from analemma.records.spending import Counter, Refusal
from analemma.records.transition import TerminationReason

MONEY = (TerminationReason.TOKENS, TerminationReason.MICRO_USD)
TIME = (TerminationReason.SUPERSTEPS, TerminationReason.SECONDS)

_EVER = "all"
_MS = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """One limit and the record that counts against it.

    ``shared`` says that other runs spend from it too. ``since`` is the day that it
    counts, empty if it counts for ever.
    """

    name: str
    partition: str
    sort: str
    limit: Budget
    shared: bool
    since: str = ""

    def refuses(self, counter: Counter, wanted: Amount) -> Refusal | None:
        """Return why ``wanted`` does not fit beside what is spent; None: it does."""
        spent = counter.spent
        for reason, limit in self.limit.limits():
            scale = _MS if reason is TerminationReason.SECONDS else 1
            more = wanted.of(reason)
            if more > 0 and spent.of(reason) + more > limit * scale:
                return Refusal(
                    scope=self.name,
                    reason=reason,
                    limit=limit,
                    spent=-(-counter.settled.of(reason) // scale),
                    reserved=-(-counter.held.of(reason) // scale),
                    unknown=-(-counter.unknown.of(reason) // scale),
                    wanted=-(-more // scale),
                    since=self.since,
                )
        return None

    def left(self, counter: Counter, reason: TerminationReason) -> int | None:
        """Return how much of a limit is left, time in milliseconds; None: no limit."""
        for name, limit in self.limit.limits():
            if name is reason:
                scale = _MS if reason is TerminationReason.SECONDS else 1
                return max(0, limit * scale - counter.spent.of(reason))
        return None


def run_scope(record: RunRecord) -> Scope:
    """Return the scope of one run: what its model calls may cost.

    Its supersteps and seconds are counted in its own record, by its slices.
    """
    return Scope(
        "the run",
        layout.run_partition(record.owner, record.run_id),
        layout.BUDGET_SPENT,
        record.budget.only(*MONEY),
        shared=False,
    )


def workflow_scope(
    policy: LimitsPolicy, name: str, digest: str, now: datetime
) -> Scope:
    """Return the scope of one version of a workflow."""
    partition = layout.budget_partition("workflow", name, digest)
    title = f"workflow {name}, version {digest[:12]}"
    return _shared(title, partition, policy.of_workflow(name), now)


def environment_scope(policy: LimitsPolicy, now: datetime) -> Scope:
    """Return the scope of everything that runs in this environment."""
    partition = layout.budget_partition("environment")
    return _shared("the environment", partition, policy.environment, now)


def _shared(name: str, partition: str, limit: SharedLimit, now: datetime) -> Scope:
    day = f"{now.astimezone(UTC):%Y-%m-%d}" if limit.per == "day" else ""
    return Scope(name, partition, day or _EVER, limit, shared=True, since=day)
