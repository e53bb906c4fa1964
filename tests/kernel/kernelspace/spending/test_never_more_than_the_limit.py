"""Whatever is asked at once, and whoever dies when: no limit is passed.

What the provider has billed, which no process of ours can touch, is at most the
limit; it is at most what the counters say; and what has a ledger entry was billed.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from hypothesis import given, settings
from hypothesis import strategies as st

from analemma.errors import AnalemmaError, StoreUnavailable
from analemma.hardware.ports import ModelRequest
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.records.budget import NOTHING, Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.run import RunRecord
from kernel_machines import MemoryMachine
from memory_stores import MemoryRecordStore
from priced_models import PricedModel, question
from spending_purses import Writers


class Died(BaseException):
    """A process ended, as SIGKILL ends it: nothing after this line runs."""


class Where(StrEnum):
    """After what a process dies: every boundary of reserve, ask, enter, settle."""

    NEVER = "never"
    BEFORE_RESERVED = "before the reservation is written"
    RESERVED = "reserved"
    BILLED = "billed"
    ENTERED = "entered"
    BEFORE_SETTLED = "before the settlement is written"


class MortalStore:
    """One process's way to the records; dead, it neither reads nor writes."""

    def __init__(self, store: MemoryRecordStore) -> None:
        self._store = store
        self.dies_at: Where = Where.NEVER
        self.dead = False
        self.asked = False  # of the model: what is written next settles

    def die(self) -> None:
        self.dead = True
        raise Died

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        self.live()
        counter = not sort.startswith("ledger/")
        early = Where.BEFORE_SETTLED if self.asked else Where.BEFORE_RESERVED
        if counter and self.dies_at is early:
            self.die()
        revision = self._store.put(
            partition, sort, body, expected=expected, durably=durably
        )
        if counter and not self.asked and self.dies_at is Where.RESERVED:
            self.die()
        if not counter and self.dies_at is Where.ENTERED:
            self.die()
        return revision

    def __getattr__(self, name: str) -> object:
        self.live()
        return getattr(self._store, name)

    def live(self) -> None:
        if self.dead:
            raise Died


@dataclass
class Process:
    """One slice or worker: asks for every cost, and dies on the way."""

    writers: Writers
    record: RunRecord
    model: PricedModel
    name: str
    costs: list[int]
    dies_at: Where = Where.NEVER
    dies_after: int = 0
    alone: bool = True
    threads: int = 1

    def run(self) -> None:
        """Live, until all is asked, a call is refused, or death."""
        self._store = MortalStore(self.writers.memory.records)
        mine = PricedModel(
            before=self._before, after=self._after, billed=self.model.billed
        )
        self._metered, purse = self.writers.meter(
            self.record, self.name, mine, alone=self.alone, records=self._store
        )
        with suppress(Died):
            with suppress(BudgetReached, AnalemmaError), self._pool() as pool:
                for done in [pool.submit(self._ask, n) for n in range(len(self.costs))]:
                    done.result()
            purse.close()
        self._store.dead = True

    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def _ask(self, number: int) -> None:
        if number == self.dies_after:
            self._store.dies_at = self.dies_at
        self._store.asked = False
        self._metered.ask(question(self.costs[number]))

    def _before(self, request: ModelRequest) -> None:
        self._store.live()

    def _after(self, request: ModelRequest) -> None:
        self._store.asked = True
        if self._store.dies_at is Where.BILLED:
            self._store.die()


LIVES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 100), min_size=1, max_size=5),
        st.sampled_from(Where),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=300)
@given(lives=LIVES, limit=st.integers(1, 1200), shared=st.booleans())
def test_slices_that_die_anywhere_spend_no_more_than_the_limit(
    lives: list[tuple[list[int], Where, int]], limit: int, shared: bool
) -> None:
    policy = LimitsPolicy(
        environment=SharedLimit(tokens=limit) if shared else SharedLimit(),
        least_answer_tokens=20,
        wait_seconds=0,
    )
    writers = Writers(policy)
    record = writers.record(Budget(micro_usd=3000) if shared else Budget(tokens=limit))
    model = PricedModel()
    for number, (costs, dies_at, dies_after) in enumerate(lives):
        Process(writers, record, model, f"{number}-a", costs, dies_at, dies_after).run()
        check(writers, record, model, limit)
        assert model.billed_micro_usd <= (3000 if shared else 10**9)


@settings(max_examples=60)
@given(lives=LIVES, limit=st.integers(100, 2000), seed=st.integers(0, 2**16))
def test_workers_at_once_with_threads_of_their_own_spend_no_more_than_the_limit(
    lives: list[tuple[list[int], Where, int]], limit: int, seed: int
) -> None:
    writers = Writers(LimitsPolicy(wait_seconds=0))
    record = writers.record(Budget(tokens=limit))
    model = PricedModel()
    order = list(enumerate(lives))
    random.Random(seed).shuffle(order)
    with ThreadPoolExecutor(len(order)) as pool:
        lives_on = []
        for number, (costs, dies_at, dies_after) in order:
            process = Process(
                writers,
                record,
                model,
                f"w{number}-b",
                costs,
                dies_at,
                dies_after,
                alone=False,
                threads=3,
            )
            lives_on.append(pool.submit(process.run))
        for done in lives_on:
            done.result()
    check(writers, record, model, limit)

    Process(writers, record, model, "9-join", [50, 50]).run()
    check(writers, record, model, limit)


def check(writers: Writers, record: RunRecord, model: PricedModel, limit: int) -> None:
    """Hold what must hold at any moment at which nobody is half-way."""
    ledger = Ledger(writers.memory.records, record.owner, record.run_id, "reader")
    ledger.load()
    assert model.billed_tokens <= limit
    assert ledger.tokens <= model.billed_tokens
    for scope in writers.scopes(record):
        if list(scope.limit.limits()):
            counter = writers.counter(scope)
            assert counter.spent.tokens >= model.billed_tokens
            assert counter.spent.tokens <= limit or scope.limit.tokens is None


def test_a_run_that_nobody_kills_loses_nothing_and_spends_its_limit() -> None:
    """The bound does not cost the run what it could still have used."""
    memory = MemoryMachine()
    writers = Writers(LimitsPolicy(least_answer_tokens=20), memory)
    record = writers.record(Budget(tokens=1000))
    model = PricedModel()
    metered, purse = writers.meter(record, "1-a", model)
    with suppress(BudgetReached):
        for _ in range(1000):
            metered.ask(question(30))
    purse.close()

    counter = writers.counter(writers.scopes(record)[0])
    assert counter.spent == counter.settled == Amount(tokens=1000, micro_usd=2000)
    assert counter.unknown == NOTHING
    assert model.billed_tokens == 1000


def test_a_store_that_fails_now_and_then_makes_nobody_pass_the_limit() -> None:
    writers, model = Writers(LimitsPolicy(wait_seconds=0)), PricedModel()
    record = writers.record(Budget(tokens=2000))
    chance = random.Random(7)
    for number in range(20):
        metered, purse = writers.meter(record, f"{number}-a", model)
        for _ in range(10):
            writers.memory.records.lose_answers = chance.choice([0, 0, 1, 2])
            with suppress(StoreUnavailable, BudgetReached):
                metered.ask(question(chance.randint(0, 100)))
        writers.memory.records.lose_answers = 0
        purse.close()
        check(writers, record, model, 2000)
    assert model.billed_tokens > 1000
