"""Decide, between two supersteps, whether a slice goes on.

LangGraph reads ``drain_requested`` once before each superstep, of the root
graph and of every nested one. Only root boundaries may stop a slice: a nested
stop makes the calling node run its first lines again, and a budget eaten by a
parent's tick would keep a subgraph from ever advancing.

A slice never stops before its first superstep. It could not tell progress from
standing still, and an answer to an interrupt would be lost (LangGraph keeps a
resume map only in memory until a superstep has run).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.runtime import RunControl

from analemma.kernelspace.memory.saver import RootCheckpoint
from analemma.records.budget import Budget, Usage


class StopReason(StrEnum):
    """Why a slice stopped between two supersteps."""

    BUDGET = "budget"
    TIME = "time"
    SUPERSTEPS = "supersteps"
    FAN_OUT = "fan_out"


@dataclass(frozen=True, slots=True)
class SliceLimits:
    """What one slice may use.

    ``stop_at_seconds`` is a moment of the machine's monotonic clock, the
    reserve for sealing already taken off; ``supersteps`` caps the slice;
    ``fan_out_tasks`` is how many pending tasks make a superstep leave it;
    ``expected_superstep_seconds`` is the longest superstep of earlier slices.
    """

    stop_at_seconds: float | None
    supersteps: int | None
    fan_out_tasks: int | None
    expected_superstep_seconds: float = 0.0


class SliceControl(RunControl):
    """A run control that reads the slice's limits instead of being told."""

    __slots__ = (
        "_budget",
        "_last_boundary_seconds",
        "_limits",
        "_longest_superstep_seconds",
        "_monotonic_seconds",
        "_pending_sends",
        "_supersteps",
        "_usage",
    )

    def __init__(
        self,
        limits: SliceLimits,
        budget: Budget,
        usage: Callable[[], Usage],
        monotonic_seconds: Callable[[], float],
    ) -> None:
        super().__init__()
        self._limits = limits
        self._budget = budget
        self._usage = usage
        self._monotonic_seconds = monotonic_seconds
        self._supersteps = 0
        self._pending_sends = 0
        self._last_boundary_seconds = monotonic_seconds()
        self._longest_superstep_seconds = limits.expected_superstep_seconds

    @property
    def supersteps(self) -> int:
        """How many root supersteps this slice has sealed."""
        return self._supersteps

    @property
    def longest_superstep_seconds(self) -> float:
        """How long the longest superstep took, of this slice and those before."""
        return self._longest_superstep_seconds

    def sealed(self, checkpoint: RootCheckpoint) -> None:
        """Take note of a durable root checkpoint. Called by the saver."""
        now = self._monotonic_seconds()
        took = now - self._last_boundary_seconds
        self._last_boundary_seconds = now
        self._longest_superstep_seconds = max(self._longest_superstep_seconds, took)
        self._pending_sends = checkpoint.pending_sends
        if checkpoint.step >= 0:
            self._supersteps += 1

    @property
    def drain_requested(self) -> bool:
        """Whether LangGraph is to stop before the superstep it has prepared."""
        if var_child_runnable_config.get() is not None:
            return False
        if self.drain_reason is None and self._supersteps > 0:
            reason = self._reason_to_stop()
            if reason is not None:
                self.request_drain(reason)
        return self.drain_reason is not None

    def _reason_to_stop(self) -> StopReason | None:
        limits = self._limits
        if self._budget.exceeded_by(self._usage()) is not None:
            return StopReason.BUDGET
        if (
            limits.fan_out_tasks is not None
            and self._pending_sends >= limits.fan_out_tasks
        ):
            return StopReason.FAN_OUT
        if limits.supersteps is not None and self._supersteps >= limits.supersteps:
            return StopReason.SUPERSTEPS
        if limits.stop_at_seconds is not None:
            # The next superstep is expected to take as long as the longest yet.
            expected_end = self._monotonic_seconds() + self._longest_superstep_seconds
            if expected_end > limits.stop_at_seconds:
                return StopReason.TIME
        return None
