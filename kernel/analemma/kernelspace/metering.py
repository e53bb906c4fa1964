"""Meter model calls: every call is a ledger entry, checked before it is made.

Nodes find their model through a context variable, because LangGraph copies the
context into every task's thread and an unmodified graph has no other argument
of ours. A ledger entry is written before the answer is handed to the node: what
was paid is never forgotten, also when the node or the process then dies.
"""

import json
import threading
from collections.abc import Callable
from contextvars import ContextVar

from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp

from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    RecordStore,
)
from analemma.kernelspace import layout
from analemma.records.budget import Budget

CURRENT_MODEL: ContextVar[ModelProvider | None] = ContextVar(
    "analemma_model", default=None
)
"""The model of the run whose node is executing."""


class BudgetReached(GraphBubbleUp):
    """A model call was refused because nothing of the budget is left.

    A ``GraphBubbleUp``, so that LangGraph records no error on the task: the run
    stops in the middle of a superstep and can go on there with a larger budget.
    """


class Ledger:
    """The metered model calls of one run."""

    def __init__(
        self, records: RecordStore, owner: str, run_id: str, writer: str
    ) -> None:
        self._records = records
        self._partition = layout.run_partition(owner, run_id)
        self._writer = writer
        self._lock = threading.Lock()
        self._calls = 0
        self.tokens = 0
        self.micro_usd = 0

    def load(self) -> None:
        """Add up every entry there is; call once before the first read."""
        tokens = micro_usd = 0
        for entry in self._records.query(
            self._partition, low=layout.LEDGER, high=layout.after(layout.LEDGER)
        ):
            fields = json.loads(entry.body)
            tokens += fields["input_tokens"] + fields["output_tokens"]
            micro_usd += fields["micro_usd"]
        with self._lock:
            self.tokens, self.micro_usd = tokens, micro_usd

    def enter(self, task_id: str, answer: ModelAnswer) -> None:
        """Store what a call cost, under a key of its own."""
        with self._lock:
            self._calls += 1
            call = self._calls
            self.tokens += answer.usage.input_tokens + answer.usage.output_tokens
            self.micro_usd += answer.usage.micro_usd
        body = {
            "model": answer.model,
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "micro_usd": answer.usage.micro_usd,
        }
        self._records.put(
            self._partition,
            layout.ledger_sort(task_id, f"{self._writer}-{call:06d}"),
            json.dumps(body).encode(),
        )


class MeteredModel:
    """A model whose calls are checked against a budget and entered in a ledger.

    ``connect`` is called when a node first asks: a graph that asks no model
    fetches no key, loads no vendor's client and cannot fail for want of one.

    ``shared`` says that other processes spend from the same budget: the ledger is
    read anew before each call. Calls in flight at that moment are not in it, so
    parallel calls may pass a limit by what they cost.
    """

    def __init__(
        self,
        connect: Callable[[], ModelProvider],
        ledger: Ledger,
        budget: Budget,
        *,
        shared: bool = False,
    ) -> None:
        self._shared = shared
        self._connect = connect
        self._connected: ModelProvider | None = None
        self._lock = threading.Lock()
        self._ledger = ledger
        self._budget = budget

    @property
    def name(self) -> str:
        """The name of the model behind the meter."""
        return self._model().name

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model, unless nothing of the budget is left.

        Raises:
            BudgetReached: tokens or micro-dollars are used up.
            ConfigInvalid: the settings of the model do not hold.
        """
        budget, ledger = self._budget, self._ledger
        if self._shared and (budget.tokens or budget.micro_usd):
            ledger.load()
        if (budget.tokens is not None and ledger.tokens >= budget.tokens) or (
            budget.micro_usd is not None and ledger.micro_usd >= budget.micro_usd
        ):
            raise BudgetReached("the budget of the run is used up")
        task_id = _task_id()  # before it is paid: nothing may fail after
        answer = self._model().ask(request)
        ledger.enter(task_id, answer)
        return answer

    def _model(self) -> ModelProvider:
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected


def _task_id() -> str:
    try:
        configurable = get_config()["configurable"]
    except RuntimeError:  # a thread of the node's own, which has no config
        configurable = {}
    namespace = str(configurable.get("checkpoint_ns", ""))
    return namespace.rpartition(":")[2] or "outside-a-task"
