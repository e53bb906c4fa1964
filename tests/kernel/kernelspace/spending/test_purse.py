"""The purse: reserve, then settle, in every scope; wait, cut, or refuse."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from analemma.errors import (
    CallCost,
    Corrupt,
    LeaseLost,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
    StoreUnavailable,
)
from analemma.hardware.ports import ModelAnswer, ModelRequest, ModelUsage, RecordStore
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.records.budget import NOTHING, Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.spending import Counter
from analemma.records.transition import TerminationReason
from memory_stores import MemoryRecordStore
from priced_models import PricedModel, question
from spending_purses import Writers


def ended(counter: Counter) -> tuple[Amount, Amount]:
    """Return what is settled and unknown of a counter that nobody holds."""
    assert counter.holds == {}
    return counter.settled, counter.unknown


def tokens(settled: int) -> Amount:
    return Amount(tokens=settled, micro_usd=2 * settled)


# -- what is stored, and what it costs


def test_where_nothing_is_limited_a_call_is_one_write_to_the_ledger() -> None:
    writers = Writers()
    metered, purse = writers.meter(writers.record(Budget()), "1-a", PricedModel())
    writers.memory.records.calls.clear()

    for _ in range(3):
        metered.ask(question(30))
    purse.close()

    assert writers.memory.records.calls == {"put": 3}


def test_a_run_with_its_own_limit_pays_one_more_write_a_call() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=10_000))
    metered, purse = writers.meter(record, "1-a", PricedModel())
    writers.memory.records.calls.clear()

    for _ in range(5):
        metered.ask(question(30))
    purse.close()

    # Once read, once closed; each call is reserved, and settled by the next write.
    assert writers.memory.records.calls == {"get": 1, "put": 5 + 5 + 1}
    run, _, _ = writers.scopes(record)
    assert ended(writers.counter(run)) == (tokens(5 * 40), NOTHING)


def test_a_run_that_asks_no_model_makes_no_store_call_whatever_is_limited() -> None:
    writers = Writers(LimitsPolicy(environment=SharedLimit(tokens=5)))
    _, purse = writers.meter(
        writers.record(Budget(tokens=5)), "1-a", PricedModel(), alone=False
    )
    purse.close()

    assert not writers.memory.records.calls


def test_every_scope_counts_what_was_spent() -> None:
    limit = SharedLimit(tokens=1000, micro_usd=5000)
    writers = Writers(LimitsPolicy(environment=limit, workflow_version=limit))
    for number, workflow in enumerate(("one", "two", "two")):
        record = writers.record(Budget(tokens=500), f"run-{number}", of=workflow)
        metered, purse = writers.meter(record, "1-a", PricedModel())
        metered.ask(question(30))
        purse.close()

    run, version, environment = writers.scopes(record)
    assert ended(writers.counter(run)) == (tokens(40), NOTHING)
    assert ended(writers.counter(version)) == (tokens(80), NOTHING)
    assert ended(writers.counter(environment)) == (tokens(120), NOTHING)


def test_another_version_of_a_workflow_has_a_limit_of_its_own() -> None:
    writers = Writers(LimitsPolicy(workflow_version=SharedLimit(tokens=120)))
    record = writers.record(Budget())
    purse, _ = writers.purse(record, "1-a")
    reasons = (TerminationReason.TOKENS,)
    purse.reserve(Amount(tokens=120), reasons)
    assert purse.left(TerminationReason.TOKENS) == 0

    newer, _ = writers.purse(record, "2-b", digest="e" * 64)

    assert newer.left(TerminationReason.TOKENS) == 120


def test_a_limit_by_the_day_starts_anew_at_midnight_utc() -> None:
    limit = SharedLimit(tokens=110, per="day")
    writers = Writers(LimitsPolicy(environment=limit))
    metered, purse = writers.meter(writers.record(Budget()), "1-a", PricedModel())
    metered.ask(question(30))
    with pytest.raises(BudgetReached, match="110 of 2026-01-02 of the environment"):
        metered.ask(question(30, at_most=100))

    clock = writers.memory.clock
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    clock.move((midnight - clock.now()).total_seconds())

    metered.ask(question(30))
    purse.close()
    sorts = [sort for part, sort in writers.memory.records.cells if part == "budgets"]
    assert sorted(sorts) == ["environment/2026-01-02", "environment/2026-01-03"]


# -- refused, cut, waited for


def test_a_call_that_does_not_fit_is_not_made() -> None:
    model, writers = PricedModel(), Writers()
    metered, _ = writers.meter(writers.record(Budget(tokens=149)), "1-a", model)
    metered.ask(question(30))

    with pytest.raises(BudgetReached) as reached:
        metered.ask(question(30))

    assert len(model.asked) == 1
    refusal = reached.value.refusal
    assert (refusal.spent, refusal.wanted, refusal.limit) == (40, 110, 149)
    assert (refusal.scope, refusal.reason) == ("the run", TerminationReason.TOKENS)


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(tokens=109), TerminationReason.TOKENS),
        (Budget(micro_usd=219), TerminationReason.MICRO_USD),
        (Budget(tokens=110, micro_usd=219), TerminationReason.MICRO_USD),
    ],
)
def test_whichever_limit_is_too_small_refuses(
    budget: Budget, reason: TerminationReason
) -> None:
    writers = Writers()
    metered, _ = writers.meter(writers.record(budget), "1-a", PricedModel())

    with pytest.raises(BudgetReached) as reached:
        metered.ask(question(30))

    assert reached.value.refusal.reason is reason


def test_a_call_that_fits_exactly_is_made() -> None:
    writers = Writers()
    budget = Budget(tokens=110, micro_usd=220)
    metered, _ = writers.meter(writers.record(budget), "1-a", PricedModel())

    assert metered.ask(question(100)).usage.tokens == 110


def test_an_answer_is_cut_to_what_is_left_and_no_shorter_than_allowed() -> None:
    model, writers = PricedModel(), Writers(LimitsPolicy(least_answer_tokens=50))
    metered, _ = writers.meter(writers.record(Budget(tokens=211)), "1-a", model)
    for _ in range(2):
        metered.ask(question(80))  # 90 of 211, then 180
    assert [request.max_tokens for request in model.asked] == [100, 100]
    with pytest.raises(BudgetReached):
        metered.ask(question(80))  # 21 answer tokens would fit

    writers = Writers(LimitsPolicy(least_answer_tokens=50))
    metered, _ = writers.meter(writers.record(Budget(tokens=160)), "1-a", model)
    metered.ask(question(80))
    metered.ask(question(80))

    assert model.asked[-1].max_tokens == 60
    assert model.billed[-1].tokens == 70
    assert sum(usage.tokens for usage in model.billed[-2:]) == 160


def test_a_call_without_a_limit_of_its_own_is_bounded_by_the_longest_answer() -> None:
    model, writers = PricedModel(), Writers()
    metered, _ = writers.meter(writers.record(Budget(tokens=1009)), "1-a", model)
    metered.ask(question(30, at_most=None))

    assert model.asked[0].max_tokens == 999  # cut, by one


def test_calls_at_once_wait_for_each_other_instead_of_being_refused() -> None:
    """Ten calls that may take 110 and take 40, of 450: four fit at once, all in all."""
    model, writers = PricedModel(), Writers()
    most, now, lock = 0, 0, threading.Lock()

    def begins(request: ModelRequest) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)

    def ends(request: ModelRequest) -> None:
        nonlocal now
        with lock:
            now -= 1

    model.before, model.after = begins, ends
    record = writers.record(Budget(tokens=470))
    metered, purse = writers.meter(record, "1-a", model)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: metered.ask(question(30)), range(10)))
    purse.close()

    assert model.billed_tokens == 400
    assert most <= 4
    assert ended(writers.counter(writers.scopes(record)[0])) == (tokens(400), NOTHING)


def test_a_call_waits_for_another_process_and_is_made_when_that_has_settled() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=150))
    holder, _ = writers.purse(record, "w1-b", alone=False)
    _, held = holder.reserve_call(question(30), PricedModel().bound, REASONS)

    def settles(seconds: float) -> None:
        holder.settle_call(held, tokens(40))

    writers.sleep = settles
    metered, _ = writers.meter(record, "w0-a", PricedModel(), alone=False)

    assert metered.ask(question(30)).usage.tokens == 40


REASONS = (TerminationReason.TOKENS, TerminationReason.MICRO_USD)


def test_a_call_waits_for_another_process_only_so_long() -> None:
    writers = Writers(LimitsPolicy(wait_seconds=7))
    record = writers.record(Budget(tokens=150))
    holder, _ = writers.purse(record, "w1-b", alone=False)
    holder.reserve_call(question(30), PricedModel().bound, REASONS)
    metered, _ = writers.meter(record, "w0-a", PricedModel(), alone=False)

    with pytest.raises(BudgetReached) as reached:
        metered.ask(question(30))

    assert sum(writers.slept) == pytest.approx(7)
    assert reached.value.refusal.reserved == 110


def test_what_is_refused_in_one_scope_is_given_back_in_the_others() -> None:
    limits = LimitsPolicy(
        workflow_version=SharedLimit(tokens=1000), environment=SharedLimit(tokens=50)
    )
    writers = Writers(limits)
    record = writers.record(Budget(tokens=1000))
    metered, purse = writers.meter(record, "1-a", PricedModel())

    with pytest.raises(BudgetReached, match="the 50 of the environment"):
        metered.ask(question(30))
    purse.close()

    for scope in writers.scopes(record):
        assert ended(writers.counter(scope)) == (NOTHING, NOTHING)


# -- calls that end otherwise


@pytest.mark.parametrize(
    ("error", "settled", "unknown"),
    [
        (ProviderThrottled("429"), 0, 0),
        (CircuitOpen("open", retry_after_seconds=1), 0, 0),
        (ProviderUnavailable("503"), 0, 0),
        (ProviderUnavailable("timeout", cost=None), 0, 110),
        (ProviderRejected("400"), 0, 0),
        (ProviderRejected("refused", cost=CallCost(10, 5, 30)), 15, 0),
        (RuntimeError("a bug"), 0, 110),
        (KeyboardInterrupt(), 0, 110),
    ],
    ids=repr,
)
def test_a_call_without_an_answer_counts_as_what_is_known_of_it(
    error: BaseException, settled: int, unknown: int
) -> None:
    def fails(request: ModelRequest) -> None:
        raise error

    writers = Writers()
    record = writers.record(Budget(tokens=500))
    metered, purse = writers.meter(record, "1-a", PricedModel(before=fails))
    with pytest.raises(type(error)):
        metered.ask(question(30))
    purse.close()

    counter = writers.counter(writers.scopes(record)[0])
    assert ended(counter) == (tokens(settled), tokens(unknown))
    ledger = writers.purse(record, "2-b")[1]
    assert ledger.total == tokens(settled)


def test_an_answer_whose_cost_was_not_reported_counts_as_its_bound() -> None:
    class Silent(PricedModel):
        def ask(self, request: ModelRequest) -> ModelAnswer:
            return ModelAnswer("text", "m", ModelUsage(0, 0, 0, reported=False))

    writers = Writers()
    record = writers.record(Budget(tokens=150))
    metered, _ = writers.meter(record, "1-a", Silent())
    metered.ask(question(30))

    with pytest.raises(BudgetReached):
        metered.ask(question(30))


def test_a_call_that_cost_more_than_its_bound_counts_in_full() -> None:
    class Greedy(PricedModel):
        def bound(self, request: ModelRequest) -> ModelUsage:
            return ModelUsage(10, 10, 40)

    writers = Writers()
    record = writers.record(Budget(tokens=100))
    metered, purse = writers.meter(record, "1-a", Greedy())
    # Its cap is what it thinks it was given, hence the answer of 10.
    metered.ask(question(10))
    purse.settle_call(
        purse.reserve_call(question(10), Greedy().bound, REASONS)[1], tokens(60)
    )
    purse.close()

    assert ended(writers.counter(writers.scopes(record)[0]))[0] == tokens(80)


# -- processes that die


def test_what_a_dead_slice_left_is_settled_from_the_ledger() -> None:
    """Two of its calls have entries; a third may have been made: it is its bound."""
    writers = Writers(LimitsPolicy(environment=SharedLimit(tokens=10_000)))
    record = writers.record(Budget(tokens=1000))
    metered, purse = writers.meter(record, "1-a", PricedModel())
    metered.ask(question(30))
    metered.ask(question(20))
    purse.reserve_call(question(30), PricedModel().bound, REASONS)
    # and dies here

    metered, purse = writers.meter(record, "2-b", PricedModel())
    metered.ask(question(0))
    purse.close()

    run, _, environment = writers.scopes(record)
    for scope in (run, environment):
        assert ended(writers.counter(scope)) == (tokens(40 + 30 + 10), tokens(110))


def test_a_writer_that_was_taken_for_dead_makes_no_more_calls() -> None:
    writers, model = Writers(), PricedModel()
    record = writers.record(Budget(tokens=1000))
    zombie, zombies_purse = writers.meter(record, "1-a", model)
    zombie.ask(question(30))
    metered, purse = writers.meter(record, "2-b", model)
    metered.ask(question(30))

    with pytest.raises(LeaseLost, match="taken this one for dead"):
        zombie.ask(question(30))
    zombies_purse.close()
    purse.close()

    assert len(model.asked) == 2
    assert ended(writers.counter(writers.scopes(record)[0])) == (tokens(80), NOTHING)


def test_a_call_of_the_dead_that_ends_after_all_is_covered_by_its_bound() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=1000))
    zombie, ledger = writers.purse(record, "1-a")
    _, held = zombie.reserve_call(question(30), PricedModel().bound, REASONS)
    metered, purse = writers.meter(record, "2-b", PricedModel())
    metered.ask(question(30))

    ledger.enter("task", "m", ModelUsage(10, 30, 80), held.bound)
    zombie.settle_call(held, tokens(40))
    zombie.close()
    purse.close()

    assert ended(writers.counter(writers.scopes(record)[0])) == (
        tokens(40),
        tokens(110),
    )


def test_a_worker_does_not_take_its_siblings_for_dead() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=1000))
    one, _ = writers.meter(record, "w0-a", PricedModel(), alone=False)
    other, _ = writers.meter(record, "w1-b", PricedModel(), alone=False)
    for _ in range(3):
        one.ask(question(30))
        other.ask(question(30))

    counter = writers.counter(writers.scopes(record)[0])
    assert counter.settled == tokens(6 * 40)
    assert set(counter.holds) == {"w0-a", "w1-b"}


def test_a_limit_that_comes_later_knows_what_was_paid_before() -> None:
    writers = Writers()
    before, _ = writers.meter(writers.record(Budget()), "1-a", PricedModel())
    before.ask(question(30))

    record = writers.record(Budget(tokens=145))
    for alone, writer in ((False, "w0-b"), (True, "2-c")):
        metered, _ = writers.meter(record, writer, PricedModel(), alone=alone)
        with pytest.raises(BudgetReached) as reached:
            metered.ask(question(30))
        assert reached.value.refusal.spent == 40


# -- stores that fail


def test_a_lost_answer_of_the_store_counts_nothing_twice() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=1000))
    metered, purse = writers.meter(record, "1-a", PricedModel())
    writers.memory.records.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        metered.ask(question(30))
    metered.ask(question(30))
    metered.ask(question(30))
    purse.close()

    assert ended(writers.counter(writers.scopes(record)[0])) == (tokens(80), NOTHING)


class Broken(MemoryRecordStore):
    """Refuses to write counters once told to."""

    broken = False

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        if self.broken and sort == "budget/spent":
            raise StoreUnavailable("not now")
        return super().put(partition, sort, body, expected=expected, durably=durably)


def test_an_answer_that_was_paid_is_given_although_the_counter_cannot_be_written() -> (
    None
):
    records: Broken = Broken()
    writers = Writers()
    record = writers.record(Budget(tokens=1000))

    def breaks(request: ModelRequest) -> None:
        records.broken = True

    model = PricedModel(after=breaks)
    metered, purse = writers.meter(record, "w0-a", model, alone=False, records=records)

    assert metered.ask(question(30)).text == "text"
    purse.close()
    records.broken = False
    again, purse = writers.meter(record, "2-b", PricedModel(), records=records)
    again.ask(question(30))
    purse.close()

    run = writers.scopes(record)[0]
    found = records.get(run.partition, run.sort)
    assert found is not None
    assert Counter.model_validate_json(found.body) == Counter(settled=tokens(80))


class Crowded(MemoryRecordStore):
    """Somebody else is always faster."""

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        if sort == "budget/spent":
            super().put(partition, sort, b"{}")
        return super().put(partition, sort, body, expected=expected, durably=durably)


def test_a_counter_that_others_always_change_first_is_given_up_in_the_end() -> None:
    writers, model = Writers(), PricedModel()
    records: RecordStore = Crowded()
    metered, _ = writers.meter(
        writers.record(Budget(tokens=1000)), "1-a", model, records=records
    )

    with pytest.raises(StoreUnavailable, match="50 attempts"):
        metered.ask(question(30))

    assert model.asked == []
    assert len(writers.slept) == 50


def test_a_record_that_is_no_counter_is_corrupt() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=1000))
    run = writers.scopes(record)[0]
    writers.memory.records.put(run.partition, run.sort, b"{")
    metered, _ = writers.meter(record, "1-a", PricedModel())

    with pytest.raises(Corrupt, match="no counter"):
        metered.ask(question(30))


def test_a_counter_stays_small_whatever_the_number_of_calls() -> None:
    writers = Writers()
    record = writers.record(Budget(tokens=10**9))
    metered, purse = writers.meter(record, "1-a", PricedModel())
    sizes = set()
    run = writers.scopes(record)[0]
    for _ in range(300):
        metered.ask(question(30))
        sizes.add(len(writers.memory.records.cells[run.partition, run.sort].body))
    purse.close()

    assert max(sizes) < 300
