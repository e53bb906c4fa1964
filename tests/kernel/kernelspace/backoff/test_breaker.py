"""A breaker opens for everybody, lets one probe through, and costs next to nothing."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langgraph.errors import GraphInterrupt

from analemma.errors import Corrupt, ProviderThrottled, StoreUnavailable
from analemma.hardware.ports import RecordStore
from analemma.kernelspace.backoff.breaker import PARTITION, Breaker, Breakers
from analemma.kernelspace.backoff.circuit import Circuit, CircuitOpen, CircuitState
from analemma.records.concurrency_policy import BreakerPolicy
from kernel_machines import HandClock
from memory_stores import MemoryRecordStore

POLICY = BreakerPolicy(
    failures=3,
    window_seconds=60,
    open_seconds=10,
    max_open_seconds=80,
    probe_seconds=30,
    cache_seconds=5,
)
SUBJECT = "tool:search"


class Down(Exception):
    """The tool did not answer."""


class Processes:
    """Breakers of one subject in many processes, over one store and one clock."""

    def __init__(self, records: RecordStore, policy: BreakerPolicy = POLICY) -> None:
        self.records = records
        self.clock = HandClock()
        self.policy = policy

    def new(self) -> Breaker:
        return Breaker(self.records, self.clock, self.policy, SUBJECT)

    def circuit(self) -> Circuit:
        found = self.records.get(PARTITION, SUBJECT)
        return Circuit() if found is None else Circuit.model_validate_json(found.body)

    def open(self) -> Breaker:
        """Let a process fail until the circuit is open; return its breaker."""
        breaker = self.new()
        for _ in range(self.policy.failures):
            fail(breaker)
        assert self.circuit().state is CircuitState.OPEN
        return breaker

    def let_time_be_over(self) -> None:
        until = self.circuit().until
        assert until is not None
        self.clock.move((until - self.clock.now()).total_seconds())


@pytest.fixture
def processes(store: RecordStore) -> Processes:
    return Processes(store)


@pytest.fixture
def alone() -> Processes:
    """Processes over a store whose calls can be counted."""
    return Processes(MemoryRecordStore())


def calls(processes: Processes) -> dict[str, int]:
    assert isinstance(processes.records, MemoryRecordStore)
    return dict(processes.records.calls)


def fail(breaker: Breaker, error: Exception | None = None) -> None:
    with pytest.raises(type(error or Down())), breaker.guard():
        raise error or Down


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def refused(breaker: Breaker) -> float:
    """Return for how long the breaker refuses."""
    with pytest.raises(CircuitOpen) as opened, breaker.guard():
        pytest.fail("the block was run")
    return opened.value.retry_after_seconds


# -- opening


def test_failures_of_different_processes_open_it_for_all(
    processes: Processes,
) -> None:
    for _ in range(2):
        fail(processes.new())
    succeed_not_yet = processes.new()
    succeed_not_yet.enter()
    fail(processes.new())

    assert 10 <= refused(processes.new()) < 20
    assert processes.circuit().state is CircuitState.OPEN


def test_failures_that_are_further_apart_than_the_window_do_not_open_it(
    processes: Processes,
) -> None:
    for _ in range(10):
        fail(processes.new())
        processes.clock.move(31)

    succeed(processes.new())
    assert processes.circuit().openings == 0


def test_a_success_that_knows_of_failures_forgets_them(processes: Processes) -> None:
    for _ in range(2):
        fail(processes.new())
    succeed(processes.new())

    fail(processes.new())
    assert processes.circuit().state is CircuitState.CLOSED
    assert len(processes.circuit().failed_at) == 1


def test_errors_that_are_not_failures_are_answers(processes: Processes) -> None:
    breaker = processes.new()
    for _ in range(5):
        with pytest.raises(ValueError, match="bad"), breaker.guard((Down,)):
            raise ValueError("bad arguments")

    assert processes.circuit() == Circuit()


@pytest.mark.parametrize(
    "error", [GraphInterrupt(), CircuitOpen("of another"), KeyboardInterrupt()]
)
def test_what_says_nothing_about_the_subject_does_not_count(
    processes: Processes, error: BaseException
) -> None:
    breaker = processes.new()
    for _ in range(5):
        with pytest.raises(type(error)), breaker.guard():
            raise error

    assert processes.circuit() == Circuit()


def test_it_stays_open_at_least_as_long_as_the_provider_asked(
    processes: Processes,
) -> None:
    breaker = processes.new()
    for _ in range(3):
        fail(breaker, ProviderThrottled("429", retry_after_seconds=40))

    assert 40 <= refused(breaker) < 50


def test_failures_of_calls_from_before_the_opening_change_nothing(
    processes: Processes,
) -> None:
    late = processes.new()
    permit = late.enter()
    processes.open()
    before = processes.circuit()
    late.left(permit, Down())

    assert processes.circuit() == before


def test_success_of_a_call_from_before_the_opening_does_not_close_it(
    processes: Processes,
) -> None:
    late = processes.new()
    permit = late.enter()
    processes.open()
    late.left(permit, None)

    assert processes.circuit().state is CircuitState.OPEN


# -- probing


def test_when_its_time_is_over_one_probe_goes_and_everybody_else_is_refused(
    processes: Processes,
) -> None:
    processes.open()
    processes.let_time_be_over()

    probing = processes.new()
    permit = probing.enter()
    assert permit.probe is not None
    assert refused(processes.new()) == POLICY.open_seconds
    assert refused(probing) == POLICY.open_seconds

    probing.left(permit, None)
    succeed(processes.new())
    assert processes.circuit() == Circuit()


def test_one_of_many_threads_probes(processes: Processes) -> None:
    processes.open()
    processes.let_time_be_over()
    together = threading.Barrier(8)

    def enter(breaker: Breaker) -> bool:
        together.wait()
        try:
            return breaker.enter().probe is not None
        except CircuitOpen:
            return False

    with ThreadPoolExecutor(8) as pool:
        went = list(pool.map(enter, [processes.new() for _ in range(8)]))

    assert went.count(True) == 1


def test_failures_of_many_threads_open_it_once(processes: Processes) -> None:
    together = threading.Barrier(8)
    permits = [(breaker, breaker.enter()) for breaker in [processes.new()] * 8]

    def report(number: int) -> None:
        breaker, permit = permits[number]
        together.wait()
        breaker.left(permit, Down())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(report, range(8)))

    assert processes.circuit().state is CircuitState.OPEN
    assert processes.circuit().openings == 1


def test_a_failed_probe_opens_it_for_longer(processes: Processes) -> None:
    breaker = processes.open()
    bounds = []
    for _ in range(5):
        processes.let_time_be_over()
        fail(breaker)
        bounds.append(processes.circuit().openings)
        seconds = refused(processes.new())
        # The jitter doubles: 10, 20, 40, and then the policy's 80.
        assert 10 <= seconds < 10 + min(80, 10 * 2 ** bounds[-1])

    assert bounds == [2, 3, 4, 5, 6]


def test_a_probe_that_died_is_replaced_when_its_time_is_over(
    processes: Processes,
) -> None:
    processes.open()
    processes.let_time_be_over()
    dead = processes.new()
    of_the_dead = dead.enter()
    processes.clock.move(29)
    assert refused(processes.new()) == 1
    processes.clock.move(1)

    second = processes.new()
    permit = second.enter()
    assert permit.probe is not None
    # It was not dead, but slow. What it says is not heard any more.
    dead.left(of_the_dead, Down())
    assert processes.circuit().state is CircuitState.HALF_OPEN
    dead.left(of_the_dead, None)
    assert processes.circuit().state is CircuitState.HALF_OPEN
    second.left(permit, None)
    assert processes.circuit().state is CircuitState.CLOSED


def test_a_probe_that_was_interrupted_leaves_the_next_one_at_once(
    processes: Processes,
) -> None:
    breaker = processes.open()
    processes.let_time_be_over()
    with pytest.raises(GraphInterrupt), breaker.guard():
        raise GraphInterrupt

    assert processes.new().enter().probe is not None


def test_after_a_good_probe_the_count_of_openings_starts_anew(
    processes: Processes,
) -> None:
    breaker = processes.open()
    processes.let_time_be_over()
    fail(breaker)
    processes.let_time_be_over()
    succeed(breaker)

    processes.open()
    assert processes.circuit().openings == 1


# -- what it costs


def test_a_closed_breaker_is_read_once_in_its_cache_s_time_and_never_written(
    alone: Processes,
) -> None:
    breaker = alone.new()
    for _ in range(100):
        succeed(breaker)
    assert calls(alone) == {"get": 1}

    alone.clock.move(4.9)
    succeed(breaker)
    assert calls(alone) == {"get": 1}

    alone.clock.move(0.1)
    succeed(breaker)
    assert calls(alone) == {"get": 2}


def test_refusing_costs_no_call_of_the_store(alone: Processes) -> None:
    breaker = alone.open()
    before = calls(alone)
    for _ in range(100):
        refused(breaker)

    assert calls(alone) == before


def test_failures_outside_the_window_are_not_worth_a_write(alone: Processes) -> None:
    breaker = alone.new()
    fail(breaker)
    alone.clock.move(60)
    before = calls(alone)
    succeed(breaker)

    assert calls(alone) == before | {"get": before["get"] + 1}


def test_threads_share_one_read(alone: Processes) -> None:
    breaker = alone.new()
    together = threading.Barrier(8)

    def enter(_: int) -> None:
        together.wait()
        succeed(breaker)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(8)))

    assert calls(alone) == {"get": 1}


def test_what_another_process_found_out_is_known_after_the_cache_s_time(
    alone: Processes,
) -> None:
    other = alone.new()
    succeed(other)
    alone.open()
    succeed(other)  # does not know yet
    alone.clock.move(5)

    assert refused(other) > 0


# -- a store that fails


class Deaf(MemoryRecordStore):
    """A store that does not answer while ``deaf``."""

    deaf = False

    def get(self, partition: str, sort: str):
        if self.deaf:
            raise StoreUnavailable("no answer")
        return super().get(partition, sort)

    def put(self, *args, **kwargs) -> int:
        if self.deaf:
            raise StoreUnavailable("no answer")
        return super().put(*args, **kwargs)


def test_a_store_that_does_not_answer_lets_calls_through() -> None:
    store = Deaf()
    processes = Processes(store)
    store.deaf = True
    breaker = processes.new()
    succeed(breaker)
    for _ in range(5):
        fail(breaker)  # with its own error, not with the store's

    store.deaf = False
    assert processes.circuit() == Circuit()


def test_an_answer_is_not_lost_when_the_store_does_not_take_the_probe_s_end() -> None:
    store = Deaf()
    processes = Processes(store)
    breaker = processes.open()
    processes.let_time_be_over()
    with breaker.guard():
        store.deaf = True
    store.deaf = False

    assert processes.circuit().state is CircuitState.HALF_OPEN


def test_a_write_whose_answer_was_lost_is_found_again() -> None:
    store = MemoryRecordStore()
    processes = Processes(store)
    breaker = processes.new()
    for _ in range(3):
        store.lose_answers = 1
        fail(breaker)

    assert refused(processes.new()) > 0


def test_a_record_that_is_no_circuit_is_corrupt(processes: Processes) -> None:
    processes.records.put(PARTITION, SUBJECT, b'{"state": "ajar"}')
    with pytest.raises(Corrupt, match="breakers tool:search is not a circuit"):
        processes.new().enter()


# -- the breakers of an environment


def test_models_and_tools_of_one_name_have_a_breaker_each() -> None:
    breakers = Breakers(MemoryRecordStore(), HandClock(), POLICY)

    assert breakers.of_tool("x") is breakers.of_tool("x")
    assert breakers.of_tool("x").subject == "tool:x"
    assert breakers.of_model("x").subject == "model:x"


def test_refusal_survives_the_way_from_a_worker_process() -> None:
    sent = CircuitOpen("tool:x is not asked", retry_after_seconds=7)
    arrived = pickle.loads(pickle.dumps(sent))

    assert (str(arrived), arrived.retry_after_seconds) == ("tool:x is not asked", 7)
