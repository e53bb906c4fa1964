"""Scopes: what has a limit, where its counter stands, and whether a call fits it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import ValidationError

from analemma.errors import Corrupt
from analemma.hardware.ports import Record, RecordStore
from analemma.kernelspace import layout
from analemma.records.budget import Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.run import RunRecord
from analemma.records.spending import Counter, Refusal
from analemma.records.transition import TerminationReason

MONEY = (TerminationReason.TOKENS, TerminationReason.MICRO_USD)
TIME = (TerminationReason.SUPERSTEPS, TerminationReason.SECONDS)

THE_RUN = "the run"
"""The name of a run's own scope, to itself."""

_EVER = "all"
_ENVIRONMENT, _WORKFLOW = "environment", "workflow"
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
        THE_RUN,
        layout.run_partition(record.owner, record.run_id),
        layout.BUDGET_SPENT,
        record.budget.only(*MONEY),
        shared=False,
    )


def run_counter(records: RecordStore, record: RunRecord) -> tuple[Scope, Counter]:
    """Return a run as a scope, with every limit it has, and its counter. One read."""
    scope = replace(run_scope(record), limit=record.budget)
    found = records.get(scope.partition, scope.sort)
    return scope, Counter() if found is None else parse_counter(found)


def workflow_scope(
    policy: LimitsPolicy, name: str, digest: str, now: datetime
) -> Scope:
    """Return the scope of one version of a workflow."""
    title = f"workflow {name}, version {digest[:12]}"
    return _shared(title, (_WORKFLOW, name, digest), policy.of_workflow(name), now)


def environment_scope(policy: LimitsPolicy, now: datetime) -> Scope:
    """Return the scope of everything that runs in this environment."""
    return _shared("the environment", (_ENVIRONMENT,), policy.environment, now)


def shared_scopes(
    records: RecordStore, policy: LimitsPolicy, now: datetime
) -> list[tuple[Scope, Counter]]:
    """Return the limits that runs share at this moment, with their counters.

    The environment's first, then those of every version of a workflow that has
    spent something. One query.
    """
    environment = environment_scope(policy, now)
    found = {environment.sort: (environment, Counter())}
    for record in records.query(layout.SHARED_BUDGETS):
        kind, *names = layout.shared_budget_names(record.sort)
        scope = environment
        if kind == _WORKFLOW:
            scope = workflow_scope(policy, names[0], names[1], now)
        if scope.sort == record.sort:  # not of another day, or a former window
            found[scope.sort] = (scope, parse_counter(record))
    return [each for each in found.values() if any(each[0].limit.limits())]


def parse_counter(record: Record) -> Counter:
    """Read a counter.

    Raises:
        Corrupt: it is none.
    """
    try:
        return Counter.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {record.partition} {record.sort} is no counter of a budget: "
            f"{error.error_count()} errors, the first at {error.errors()[0]['loc']}"
        ) from None


def _shared(
    name: str, names: tuple[str, ...], limit: SharedLimit, now: datetime
) -> Scope:
    day = f"{now.astimezone(UTC):%Y-%m-%d}" if limit.per == "day" else ""
    return Scope(
        name,
        layout.SHARED_BUDGETS,
        layout.shared_budget_sort(*names, day or _EVER),
        limit,
        shared=True,
        since=day,
    )
