"""A sweep settles what nobody is left to settle."""

from datetime import timedelta

import pytest

from analemma.ids import LOCAL_OWNER, Owner
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.spending.settlement import settle_abandoned
from analemma.records.budget import Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.policy import KernelPolicy
from analemma.records.spending import Counter
from analemma.records.transition import TerminationReason
from priced_models import PricedModel, question
from spending_purses import Writers

REASONS = (TerminationReason.TOKENS, TerminationReason.MICRO_USD)
DAY = timedelta(days=1).total_seconds()


def tokens(number: int) -> Amount:
    return Amount(tokens=number, micro_usd=2 * number)


@pytest.fixture
def writers() -> Writers:
    """A slice that made a call, was making another, and died."""
    found = Writers(LimitsPolicy(environment=SharedLimit(tokens=1000)))
    record = found.record(Budget())
    ProcessTable(found.memory.records).admit(record)
    metered, purse = found.meter(record, "1-a", PricedModel())
    metered.ask(question(30))
    purse.reserve_call(question(30), PricedModel().bound, REASONS)
    return found


def environment(writers: Writers) -> Counter:
    return writers.counter(writers.scopes(writers.record(Budget()))[2])


def sweep(writers: Writers, *, dry_run: bool = False) -> int:
    machine = writers.memory.machine(KernelPolicy(limits=writers.limits))
    return settle_abandoned(machine, LOCAL_OWNER, dry_run=dry_run)


def test_what_a_run_holds_that_may_still_move_is_left_alone(writers: Writers) -> None:
    assert sweep(writers) == 0

    assert environment(writers).held == tokens(110)


def test_what_an_abandoned_run_holds_is_settled_by_its_ledger(writers: Writers) -> None:
    writers.memory.clock.move(DAY)

    assert sweep(writers, dry_run=True) == 1
    assert sweep(writers) == 1
    assert sweep(writers) == 0

    assert environment(writers) == Counter(settled=tokens(40), unknown=tokens(110))


def test_what_a_run_held_that_is_gone_counts_as_its_bound(writers: Writers) -> None:
    for partition, sort in list(writers.memory.records.cells):
        if partition.startswith("run/"):
            writers.memory.records.delete(partition, sort)

    assert sweep(writers) == 1

    assert environment(writers) == Counter(settled=tokens(40), unknown=tokens(110))


def test_runs_of_others_are_not_touched(writers: Writers) -> None:
    writers.memory.clock.move(DAY)
    machine = writers.memory.machine(KernelPolicy(limits=writers.limits))
    assert settle_abandoned(machine, Owner("somebody-else")) == 0


def test_counters_of_days_long_past_are_deleted() -> None:
    limit = SharedLimit(tokens=1000, per="day")
    writers = Writers(LimitsPolicy(environment=limit))
    for _ in range(2):
        metered, purse = writers.meter(writers.record(Budget()), "1-a", PricedModel())
        metered.ask(question(30))
        purse.close()
        writers.memory.clock.move(30 * DAY)

    sweep(writers, dry_run=True)
    assert len(counters(writers)) == 2
    sweep(writers)
    assert counters(writers) == ["environment/2026-02-01"]


def counters(writers: Writers) -> list[str]:
    return [sort for part, sort in writers.memory.records.cells if part == "budgets"]
