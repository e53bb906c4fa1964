"""A distributed circuit breaker: one record for each model and each tool.

    breakers    model:NAME      the circuit of a model
                tool:NAME       the circuit of a tool

The record store is an environment's own, so a record of it is known to all its
processes and to nobody else. Every change is a compare-and-set on the revision
that was read, and a probe is known by the revision it made: whoever finds another
one there is no probe any more and says nothing.

A breaker must not be one more thing that fails. If the store does not answer, the
call goes through, and the failure it ends with is not counted.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import structlog
from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from analemma.errors import Corrupt, ProviderThrottled, StoreUnavailable
from analemma.hardware.ports import (
    ABSENT,
    Clock,
    Record,
    RecordConflict,
    RecordStore,
)
from analemma.kernelspace.backoff.circuit import Circuit, CircuitOpen, CircuitState
from analemma.kernelspace.backoff.delay import chance_of
from analemma.records.concurrency_policy import BreakerPolicy

PARTITION: Final = "breakers"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A circuit as it was stored under a revision."""

    circuit: Circuit
    revision: int


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to call, to be answered for by the call's end. ``probe``: it is one."""

    probe: _Seen | None = None


class Breaker:
    """The breaker of one subject, as this process knows it. Safe among threads."""

    def __init__(
        self, records: RecordStore, clock: Clock, policy: BreakerPolicy, subject: str
    ) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._seen_seconds = 0.0
        self.subject = subject

    @contextmanager
    def guard(
        self, failures: tuple[type[Exception], ...] = (Exception,)
    ) -> Iterator[None]:
        """Run the block if the circuit allows it, and learn from how it ends.

        What it raises goes on. One of ``failures`` counts; any other error is an
        answer; an interrupt of the graph, a refusal of another breaker and the end
        of the process say nothing about the subject.

        Raises:
            CircuitOpen: the block was not run.
        """
        permit = self.enter()
        try:
            yield
        except BaseException as error:
            self.left(permit, error, failures)
            raise
        self.left(permit, None, failures)

    def enter(self) -> Permit:
        """Return leave to call. At most one store read in ``cache_seconds``.

        Raises:
            CircuitOpen: not now; it says when.
            Corrupt: the record is not a circuit.
        """
        try:
            return self._enter()
        except StoreUnavailable:
            _log.warning("breaker not read", subject=self.subject)
            return Permit()

    def left(
        self,
        permit: Permit,
        error: BaseException | None,
        failures: tuple[type[Exception], ...] = (Exception,),
    ) -> None:
        """Take down how a permitted call ended, as ``guard`` says."""
        try:
            if isinstance(error, GraphBubbleUp | CircuitOpen) or not (
                error is None or isinstance(error, Exception)
            ):
                self._give_back(permit)
            elif isinstance(error, failures):
                self._failed(permit, error)
            else:
                self._answered(permit)
        except StoreUnavailable:
            # Never in the way of an answer that was paid, nor of the first error.
            _log.warning("breaker not written", subject=self.subject)

    def _enter(self) -> Permit:
        seen = self._current()
        while True:
            now = self._clock.now()
            seconds = seen.circuit.refuses_seconds(now, self._policy)
            if seconds > 0:
                raise CircuitOpen(
                    f"{self.subject} failed too often and is not asked for another "
                    f"{seconds:.0f} s",
                    retry_after_seconds=seconds,
                )
            if seen.circuit.state is CircuitState.CLOSED:
                return Permit()
            wrote = self._write(seen, seen.circuit.probed(now, self._policy))
            if wrote is not None:
                _log.info("breaker probing", subject=self.subject)
                return Permit(probe=wrote)
            seen = self._current()

    def _failed(self, permit: Permit, error: BaseException) -> None:
        asked = (
            error.retry_after_seconds if isinstance(error, ProviderThrottled) else None
        )
        seen = permit.probe or self._current()
        while permit.probe or seen.circuit.state is CircuitState.CLOSED:
            now = self._clock.now()
            circuit = seen.circuit.failed(
                now,
                self._policy,
                chance_of(self.subject, seen.revision, now),
                retry_after_seconds=asked,
            )
            if self._write(seen, circuit) is not None:
                if circuit.state is CircuitState.OPEN:
                    _log.warning(
                        "breaker opened", subject=self.subject, until=circuit.until
                    )
                return
            if permit.probe:
                return  # it took too long, and another one probes
            seen = self._current()

    def _answered(self, permit: Permit) -> None:
        if permit.probe is not None:
            if self._write(permit.probe, Circuit()) is not None:
                _log.info("breaker closed", subject=self.subject)
            return
        with self._lock:
            seen = self._seen
        # As it was last read: an answer costs no read, and no write while clean.
        if seen and not seen.circuit.is_clean(self._clock.now(), self._policy):
            self._write(seen, Circuit())

    def _give_back(self, permit: Permit) -> None:
        if permit.probe is not None:
            circuit = permit.probe.circuit.given_back(self._clock.now())
            self._write(permit.probe, circuit)

    def _current(self) -> _Seen:
        """Return the circuit as it was read or written within ``cache_seconds``."""
        with self._lock:
            age = self._clock.monotonic_seconds() - self._seen_seconds
            if self._seen is None or age >= self._policy.cache_seconds:
                found = self._records.get(PARTITION, self.subject)
                self._keep(_seen(self.subject, found))
            assert self._seen is not None
            return self._seen

    def _write(self, seen: _Seen, circuit: Circuit) -> _Seen | None:
        """Put ``circuit`` where ``seen`` is; None, with what is there kept, if not."""
        body = circuit.model_dump_json(exclude_defaults=True).encode()
        try:
            revision = self._records.put(
                PARTITION, self.subject, body, expected=seen.revision
            )
        except RecordConflict as conflict:
            with self._lock:
                self._keep(_seen(self.subject, conflict.current))
            return None
        wrote = _Seen(circuit, revision)
        with self._lock:
            self._keep(wrote)
        return wrote

    def _keep(self, seen: _Seen) -> None:
        self._seen = seen
        self._seen_seconds = self._clock.monotonic_seconds()


class Breakers:
    """The breakers of an environment, one of each subject a process."""

    def __init__(
        self, records: RecordStore, clock: Clock, policy: BreakerPolicy
    ) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy
        self._lock = threading.Lock()
        self._known: dict[str, Breaker] = {}

    def of_model(self, name: str) -> Breaker:
        """Return the breaker of a model, by its provider's name for it."""
        return self._of(f"model:{name}")

    def of_tool(self, name: str) -> Breaker:
        """Return the breaker of a tool."""
        return self._of(f"tool:{name}")

    def _of(self, subject: str) -> Breaker:
        with self._lock:
            if subject not in self._known:
                self._known[subject] = Breaker(
                    self._records, self._clock, self._policy, subject
                )
            return self._known[subject]


CURRENT_BREAKERS: ContextVar[Breakers | None] = ContextVar(
    "analemma_breakers", default=None
)
"""The breakers of the environment whose node is executing."""


def _seen(subject: str, record: Record | None) -> _Seen:
    if record is None:
        return _Seen(Circuit(), ABSENT)
    try:
        circuit = Circuit.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {PARTITION} {subject} is not a circuit: "
            f"{error.error_count()} errors, the first at {error.errors()[0]['loc']}"
        ) from None
    return _Seen(circuit, record.revision)
