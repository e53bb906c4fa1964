"""The model a node asks: ``current_model().ask(ModelRequest(...))``.

Inside a run it is the run's model, metered against its budget. Outside one (a
plain ``graph.invoke``) it is whatever ``use_model`` put there.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from analemma.errors import ConfigInvalid
from analemma.hardware.ports import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.kernelspace.metering import CURRENT_MODEL

__all__ = [
    "ModelAnswer",
    "ModelProvider",
    "ModelRequest",
    "ModelUsage",
    "current_model",
    "use_model",
]


def current_model() -> ModelProvider:
    """Return the model of the run whose node is executing.

    Raises:
        ConfigInvalid: nothing is executing a run here.
    """
    model = CURRENT_MODEL.get()
    if model is None:
        raise ConfigInvalid(
            "no model here: run the graph with `analemma run`, or wrap the call in "
            "`with analemma.models.use_model(provider):`"
        )
    return model


@contextmanager
def use_model(model: ModelProvider) -> Iterator[None]:
    """Make ``model`` the current one within the block, unmetered."""
    token = CURRENT_MODEL.set(model)
    try:
        yield
    finally:
        CURRENT_MODEL.reset(token)
