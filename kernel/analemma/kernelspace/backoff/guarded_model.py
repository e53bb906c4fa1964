"""A model behind its breaker: one that fails for everybody is not asked.

Stands inside the meter: a call that is refused costs nothing and is no entry of
the ledger.
"""

from analemma.errors import ProviderThrottled, ProviderUnavailable
from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.kernelspace.backoff.breaker import Breakers

_FAILURES = (ProviderThrottled, ProviderUnavailable)

_SCRIPTED = "scripted"


class GuardedModel:
    """A ``ModelProvider`` that goes through the breaker of ``model:NAME``."""

    def __init__(self, model: ModelProvider, breakers: Breakers) -> None:
        self._model = model
        self._breaker = breakers.of_model(model.name)

    @property
    def name(self) -> str:
        """The name of the model behind the breaker."""
        return self._model.name

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the most that the model can take for ``request``."""
        return self._model.bound(request)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model, if its circuit allows it.

        A call that the provider refuses for good is an answer, as far as the
        breaker is concerned: the provider is there.

        Raises:
            CircuitOpen: the model failed too often, for whichever run; a
                ``Retryable`` that says when to come back.
            ProviderThrottled: the provider said wait; this counts.
            ProviderUnavailable: no answer, or a server error; this counts.
            ProviderRejected: bad key, bad request, refused content.
        """
        with self._breaker.guard(_FAILURES):
            return self._model.ask(request)


def guarded(model: ModelProvider, breakers: Breakers) -> ModelProvider:
    """Return ``model`` behind its breaker; a script as it is, for it cannot fail."""
    return model if model.name == _SCRIPTED else GuardedModel(model, breakers)
