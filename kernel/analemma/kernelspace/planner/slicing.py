"""Cut the supersteps of a run into slices, as the kernel would, and count calls.

The same rules as ``scheduler/control.py``: a slice stops before a superstep that
its time is not expected to hold, at the policy's number of supersteps, and before
a superstep of so many sent tasks that it fans out. The counts of calls are those
that the kernel was seen to make on DynamoDB and S3; a test holds them against it.
"""

import math
from dataclasses import dataclass, field

from langgraph.graph import START

from analemma.kernelspace.planner.assumptions import Assumptions, Bound
from analemma.kernelspace.planner.shape import Shape
from analemma.kernelspace.planner.walk import Superstep
from analemma.records.policy import KernelPolicy
from analemma.records.prices import READ_UNIT_BYTES, write_units

WORKER_THREADS = 4
"""Tasks of a batch that one worker runs at once (``scheduler/fan_out.py``)."""

RECORD_BYTES = 220
"""A record of the log beside what its task wrote."""

RUN_RECORD_BYTES = 1100
"""The record of a run."""

PAGE_BYTES = 8 * 1024
"""What is larger becomes an object in S3 (ADR 0008)."""

_MS = 1000


@dataclass(slots=True)
class Counts:
    """What one run uses. ``slice_ms`` and ``worker_ms`` are billed durations."""

    supersteps: int = 0
    tasks: int = 0
    slices: int = 0
    fan_outs: int = 0
    workers: int = 0
    approvals: int = 0
    executions: int = 1
    transitions: int = 0
    lambda_requests: int = 0
    slice_ms: int = 0
    worker_ms: int = 0
    s3_puts: int = 0
    s3_gets: int = 0
    dynamodb_writes: int = 0
    dynamodb_reads: int = 0
    write_units: int = 0
    read_units: int = 0
    longest_slice_ms: int = 0

    def write(self, calls: int, size_bytes: int) -> None:
        """Count writes of one size each."""
        self.dynamodb_writes += calls
        self.write_units += calls * write_units(size_bytes)

    def read(self, calls: int, size_bytes: int = 0) -> None:
        """Count reads that return so many bytes in all."""
        self.dynamodb_reads += calls
        self.read_units += calls + size_bytes // READ_UNIT_BYTES


@dataclass(slots=True)
class Slicing:
    """Walks over supersteps and counts; used once."""

    shape: Shape
    assumptions: Assumptions
    policy: KernelPolicy
    bound: Bound
    counts: Counts = field(default_factory=Counts)
    _elapsed: float = 0.0
    _in_slice: int = 0
    _in_execution: int = 0
    _longest: float = 0.0
    _log_bytes: int = 0

    def count(self, steps: list[Superstep]) -> Counts:
        """Return what a run of these supersteps uses."""
        self._admit()
        self._open()
        held = False
        for step in steps:
            if held or self._breaks(step, self.shape.before):
                self._ask(1)
            self._before(step)
            self._run(step)
            self._seal(step)
            # A breakpoint after the last superstep holds nothing back.
            held = self._breaks(step, self.shape.after)
        self._close()
        self.counts.s3_puts += 1  # the page that names the result
        self.counts.transitions += 1  # Done
        return self.counts

    # -- a run, a slice

    def _admit(self) -> None:
        self.counts.read(3, RUN_RECORD_BYTES)
        self.counts.write(2, RUN_RECORD_BYTES // 2)
        self.counts.s3_puts += 1
        self.counts.s3_gets += 1  # the first slice reads the input
        self.counts.read(2)
        self.counts.write(1, RECORD_BYTES)
        self._log_bytes += RECORD_BYTES

    def _open(self) -> None:
        limit = self.policy.slices.renew_after_slices
        if self._in_execution >= limit:
            # A slice that only renews, and Renew and Done of the old execution.
            self.counts.transitions += 4
            self.counts.lambda_requests += 1
            self.counts.slice_ms += self._overhead_ms()
            self.counts.read(1, RUN_RECORD_BYTES)
            self.counts.write(1, RUN_RECORD_BYTES)
            self.counts.executions += 1
            self._in_execution = 0
        self._in_execution += 1
        self.counts.slices += 1
        self.counts.transitions += 2  # Slice or Join, and Route
        self.counts.lambda_requests += 1
        self.counts.read(1, RUN_RECORD_BYTES)
        self.counts.read(4, 2 * self._log_bytes)
        self.counts.write(1, RECORD_BYTES)  # the claim
        self.counts.write(2, RUN_RECORD_BYTES)  # opened, and sealed
        self._elapsed, self._in_slice = self._overhead_seconds(), 0

    def _close(self) -> None:
        took_ms = math.ceil(self._elapsed * _MS)
        self.counts.slice_ms += took_ms
        self.counts.longest_slice_ms = max(self.counts.longest_slice_ms, took_ms)
        self.counts.read(3, 2 * self._log_bytes)

    def _next_slice(self) -> None:
        self._close()
        self._open()

    # -- what stands before a superstep

    def _breaks(self, step: Superstep, nodes: tuple[str, ...]) -> bool:
        return any(each.node in nodes for each in step)

    def _before(self, step: Superstep) -> None:
        if self._fans_out(step):
            self._fan_out(step)
        elif self._in_slice and self._is_over(step):
            self._next_slice()

    def _is_over(self, step: Superstep) -> bool:
        cap = self.policy.slices.supersteps
        if cap is not None and self._in_slice >= cap:
            return True
        usable = self.assumptions.timeout_seconds * (
            1 - self.policy.slices.seal_reserve
        )
        return self._elapsed + self._longest > usable

    def _fans_out(self, step: Superstep) -> bool:
        sent = sum(each.count for each in step if each.sent)
        return sent >= self.policy.fan_out.min_tasks

    def _fan_out(self, step: Superstep) -> None:
        policy, counts = self.policy.fan_out, self.counts
        sent = [each for each in step if each.sent]
        tasks = sum(each.count for each in sent)
        batches = -(-tasks // policy.batch_size)
        counts.fan_outs += 1
        counts.workers += batches
        counts.s3_puts += 2
        self._close()
        counts.transitions += 1 + batches  # the Map, and each child's Worker
        counts.lambda_requests += batches
        counts.s3_gets += 1 + batches
        seconds = max(self._seconds(each.node) for each in sent)
        full, rest = divmod(tasks, policy.batch_size)
        counts.worker_ms += full * self._batch_ms(policy.batch_size, seconds)
        counts.worker_ms += self._batch_ms(rest, seconds) if rest else 0
        counts.read(batches, batches * RUN_RECORD_BYTES)
        counts.read(2 * batches, 2 * batches * self._log_bytes)
        counts.read(tasks)
        self._open()

    # -- a superstep

    def _run(self, step: Superstep) -> None:
        here = [each.node for each in step if not (each.sent and self._fans_out(step))]
        took = self.assumptions.superstep_seconds.at(self.bound)
        took += max((self._seconds(node) for node in here), default=0.0)
        self._elapsed += took
        asking = self._questions(step)
        if asking:
            # What asks has run up to its question, and runs again with the answer.
            self.counts.write(asking, RECORD_BYTES)
            self._ask(asking)
            self._elapsed += took
        self._longest = max(self._longest, took)
        self._in_slice += 1

    def _questions(self, step: Superstep) -> int:
        if self.bound is Bound.LOWER:
            return 0  # that it can ask does not say that it does
        asks = {node.name for node in self.shape.nodes if node.asks}
        return sum(each.count for each in step if each.node in asks)

    def _seal(self, step: Superstep) -> None:
        counts = self.counts
        tasks = sum(each.count for each in step)
        counts.supersteps += 1
        counts.tasks += tasks
        if tasks == 1:
            self._store(1, self._bytes(step[0].node))
            return
        for each in step:
            self._store(each.count, self._bytes(each.node))
        self._store(1, 0)

    def _store(self, records: int, size_bytes: int) -> None:
        """Count records of the log; what a page of them is too large for, in S3."""
        if size_bytes > PAGE_BYTES:
            self.counts.s3_puts += records
            size_bytes = 0
        self.counts.write(records, RECORD_BYTES + size_bytes)
        self._log_bytes += records * (RECORD_BYTES + size_bytes)

    def _ask(self, approvals: int) -> None:
        """Count a wait for people: a page, a Map, and for each a park and an answer."""
        counts = self.counts
        counts.approvals += approvals
        counts.s3_puts += 1
        self._close()
        counts.transitions += 1 + approvals
        counts.s3_gets += 1
        counts.lambda_requests += approvals
        counts.worker_ms += approvals * self._overhead_ms()
        counts.write(5 * approvals, RECORD_BYTES * 2)
        counts.read(3 * approvals, approvals * RUN_RECORD_BYTES)
        self._open()

    # -- figures

    def _seconds(self, node: str) -> float:
        if node == START:  # LangGraph's own: it copies the input
            return 0.0
        return self.assumptions.seconds_for(node, self.bound)

    def _bytes(self, node: str) -> int:
        return self.assumptions.bytes_for(node, self.bound)

    def _batch_ms(self, tasks: int, seconds: float) -> int:
        turns = -(-tasks // WORKER_THREADS)
        return math.ceil((self._overhead_seconds() + turns * seconds) * _MS)

    def _overhead_seconds(self) -> float:
        return self.assumptions.slice_seconds.at(self.bound)

    def _overhead_ms(self) -> int:
        return math.ceil(self._overhead_seconds() * _MS)
