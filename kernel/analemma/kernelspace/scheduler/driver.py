"""Drive a graph with our saver, our control and our observer attached.

The driver knows LangGraph; the slice above it knows transitions. Nothing it
returns hangs on what ``invoke`` returned: state is read back from the saver, so
that a run which was finished by a process that died looks no different.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained

from analemma.ids import Owner
from analemma.kernelspace.backoff.breaker import CURRENT_BREAKERS
from analemma.kernelspace.langgraph_compat import (
    NO_WRITES,
    edge_writes,
    task_path_str,
)
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.saver import PagedSaver, RootCheckpoint
from analemma.kernelspace.metering import CURRENT_MODEL, MeteredModel
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler.allowance import Allowance
from analemma.kernelspace.scheduler.boundary import Boundary, look
from analemma.kernelspace.scheduler.control import (
    SliceControl,
    SliceLimits,
    StopReason,
)
from analemma.kernelspace.scheduler.observer import TaskObserver
from analemma.kernelspace.scheduler.recursion import RecursionLimit
from analemma.kernelspace.scheduler.tasks import as_failure
from analemma.kernelspace.spending.purse import Purse
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.records.budget import Usage
from analemma.records.run import RunRecord


class Driver:
    """One slice's hold on LangGraph."""

    def __init__(
        self,
        machine: Machine,
        program: Program,
        *,
        owner: str,
        run_id: str,
        writer: str,
        ledger: Ledger,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._machine = machine
        self._program = program
        self._run_id = run_id
        self._ledger = ledger
        self._observer = TaskObserver(log)
        self._control: SliceControl | None = None
        self._step = -1
        self.saver = PagedSaver(
            machine.records,
            machine.pages(Owner(owner)),
            owner=Owner(owner),
            workflow=program.digest,
            writer=writer,
            serde=machine.serde,
            on_root_checkpoint=self._sealed,
        )
        self.graph = self.saver.bind(program.graph)
        self.config: RunnableConfig = {
            "configurable": {"thread_id": run_id},
            "callbacks": [self._observer],
        }

    @property
    def supersteps(self) -> int:
        """How many root supersteps this slice has sealed."""
        return 0 if self._control is None else self._control.supersteps

    @property
    def total_supersteps(self) -> int:
        """How many root supersteps the run has sealed in all."""
        return self._step + 1

    @property
    def longest_superstep_seconds(self) -> float:
        """How long the run's longest superstep took, as far as this slice knows."""
        control = self._control
        return 0.0 if control is None else control.longest_superstep_seconds

    def purse(self, record: RunRecord) -> Purse:
        """Return what a slice of the run, as its record says now, may spend."""
        return Purse(self._machine, record, self._program.digest, self._ledger)

    def attempts(self, task_id: str) -> int:
        """Return how often this slice started the task."""
        return self._observer.attempts(task_id)

    def look(self) -> Boundary | None:
        """Return where the run stands, or None before its first checkpoint."""
        at = look(self.graph, self.saver, self.config)
        if at is not None:
            self._step = max(self._step, at.step)
        return at

    def pass_over(self, at: Boundary) -> None:
        """Let the superstep go on without the tasks that failed.

        LangGraph takes a task as finished that recorded an output, and "no
        writes" is one: first writer wins, so that this is said once for good. The
        plain edges of their nodes are followed all the same: a join must not
        hang on one task that did not fail.

        Raises:
            StoreUnavailable: some are passed over; safe to repeat.
        """
        config: RunnableConfig = {
            "configurable": {
                "thread_id": self._run_id,
                "checkpoint_ns": "",
                "checkpoint_id": at.checkpoint_id,
            }
        }
        for task in at.failed:
            path = task_path_str(task.path)
            writes = [*edge_writes(self.graph.nodes[task.name]), (NO_WRITES, None)]
            self.saver.put_writes(config, writes, task.id, path)

    def drive(
        self,
        value: Any,  # the input of whatever graph this is
        limits: SliceLimits,
        used: Callable[[], Usage],
        purse: Purse,
        asked_at_step: int | None = None,
    ) -> StopReason | Exception | None:
        """Run supersteps; return why it stopped (None: the graph did by itself).

        ``asked_at_step`` is from where the recursion limit counts (``RunRecord``).

        An exception of the graph is returned, because it is an outcome; so is a
        ``BudgetReached`` where the limits that runs share leave no superstep.

        Raises:
            Fenced: another writer owns the run.
        """
        allowance = Allowance(purse, self._machine.clock)
        try:
            limits = allowance.take(limits)
        except BudgetReached as reached:
            return reached
        control = SliceControl(
            limits, purse.budget, used, self._machine.clock.monotonic_seconds
        )
        self._control = control
        model = MeteredModel(
            partial(self._machine.guarded_model, self._program.scripted_answer),
            self._ledger,
            purse,
        )
        token = CURRENT_MODEL.set(model)
        breakers = CURRENT_BREAKERS.set(self._machine.breakers)
        try:
            self._invoke(value, control, asked_at_step)
        except GraphDrained:
            return StopReason(control.drain_reason or StopReason.TIME)
        except Fenced:
            raise
        except (Exception, SystemExit) as raised:  # noqa: BLE001  # a node may raise it
            return as_failure(raised)
        finally:
            CURRENT_MODEL.reset(token)
            CURRENT_BREAKERS.reset(breakers)
            allowance.settle(control.supersteps)
            # LangGraph swallows a refusal that a background save met last.
            self.saver.raise_if_fenced(self._run_id)
            # What a task finished stays, also when its superstep fails.
            self.saver.flush(self._run_id)
        return None

    def _invoke(
        self, value: Any, control: SliceControl, asked_at_step: int | None
    ) -> None:
        # Any: the input of whatever graph this is.
        config: RunnableConfig = {
            **self.config,
            "recursion_limit": RecursionLimit.of(
                self._program.recursion_limit, asked_at_step
            ),
        }
        if self._program.asynchronous:
            asyncio.run(
                self.graph.ainvoke(value, config, control=control, durability="sync")
            )
        else:
            self.graph.invoke(value, config, control=control, durability="sync")

    def _sealed(self, checkpoint: RootCheckpoint) -> None:
        self._step = max(self._step, checkpoint.step)
        if self._control is not None:
            self._control.sealed(checkpoint)
