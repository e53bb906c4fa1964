"""Meter model calls: reserved before they are made, entered before they are read.

Nodes find their model through a context variable, because LangGraph copies the
context into every task's thread and an unmodified graph has no other argument
of ours. The order is reserve, ask, enter in the ledger, settle, hand over the
answer: a process may die between any two of these, and no limit is passed.
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar

import structlog
from langgraph.config import get_config

from analemma.errors import (
    NOT_BILLED,
    CallCost,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
)
from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.spending.purse import Purse, Reservation
from analemma.kernelspace.spending.scopes import MONEY
from analemma.records.budget import NOTHING, Amount

CURRENT_MODEL: ContextVar[ModelProvider | None] = ContextVar(
    "analemma_model", default=None
)
"""The model of the run whose node is executing."""

_log = structlog.get_logger()


class MeteredModel:
    """A model whose calls fit every limit and stand in the run's ledger.

    ``connect`` is called when a node first asks: a graph that asks no model
    fetches no key, loads no vendor's client and cannot fail for want of one.
    """

    def __init__(
        self, connect: Callable[[], ModelProvider], ledger: Ledger, purse: Purse
    ) -> None:
        self._connect = connect
        self._connected: ModelProvider | None = None
        self._lock = threading.Lock()
        self._ledger = ledger
        self._purse = purse

    @property
    def name(self) -> str:
        """The name of the model behind the meter."""
        return self._model().name

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the most that ``request`` can cost."""
        return self._model().bound(request)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model, if the most it can take fits every limit.

        Where less is left, the answer is cut to it (``LimitsPolicy``). Nothing is
        stored beside the ledger's entry where nothing is limited.

        Raises:
            BudgetReached: it does not fit.
            ConfigInvalid: the settings of the model do not hold.
        """
        model, task_id = self._model(), _task_id()  # before it is paid
        if not self._purse.limits(*MONEY):
            return self._ask(model, task_id, request, None)
        request, held = self._purse.reserve_call(request, model.bound, MONEY)
        return self._ask(model, task_id, request, held)

    def _ask(
        self,
        model: ModelProvider,
        task_id: str,
        request: ModelRequest,
        held: Reservation | None,
    ) -> ModelAnswer:
        usage: ModelUsage | None = None  # what is not known counts as its bound
        try:
            answer = model.ask(request)
            usage = answer.usage
            self._enter(task_id, answer.model, usage, held)
        except (CircuitOpen, ProviderThrottled):
            usage = _FREE
            raise
        except (ProviderUnavailable, ProviderRejected) as failure:
            usage = _usage_of(failure.cost)
            if usage is not None and usage is not _FREE:
                self._enter(task_id, model.name, usage, held)
            raise
        finally:
            if held is not None and usage is _FREE:
                self._purse.release_call(held)
            elif held is not None:
                known = usage is not None and usage.reported
                self._purse.settle_call(held, _amount(usage) if known else None)
        return answer

    def _enter(
        self, task_id: str, model: str, usage: ModelUsage, held: Reservation | None
    ) -> None:
        bound = None if held is None else held.bound
        if bound is not None and bound.at_least(_amount(usage)) != bound:
            # By construction this cannot be. It counts in full.
            _log.error(
                "call cost more than its bound",
                model=model,
                tokens=usage.tokens,
                bound_tokens=bound.tokens,
                micro_usd=usage.micro_usd,
                bound_micro_usd=bound.micro_usd,
            )
        self._ledger.enter(task_id, model, usage, bound)

    def _model(self) -> ModelProvider:
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected


_FREE = ModelUsage(0, 0, 0)
"""Of a call that was not served, by identity: one that cost nothing has an entry."""


def _usage_of(cost: CallCost | None) -> ModelUsage | None:
    if cost is None:
        return None
    if cost == NOT_BILLED:
        return _FREE
    return ModelUsage(cost.input_tokens, cost.output_tokens, cost.micro_usd)


def _amount(usage: ModelUsage | None) -> Amount:
    if usage is None:
        return NOTHING
    return Amount(tokens=usage.tokens, micro_usd=usage.micro_usd)


def _task_id() -> str:
    try:
        configurable = get_config()["configurable"]
    except RuntimeError:  # a thread of the node's own, which has no config
        configurable = {}
    namespace = str(configurable.get("checkpoint_ns", ""))
    return namespace.rpartition(":")[2] or "outside-a-task"
