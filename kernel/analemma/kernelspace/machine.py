"""The machine a kernel runs on: its stores, its clock, its policy, its model.

Assembled in one place (``analemma.wiring``) and handed down as an argument, so
that nothing in kernel space knows whether it runs on a laptop or in Lambda.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import (
    Clock,
    ModelProvider,
    ModelRequest,
    PageStore,
    RecordStore,
)
from analemma.ids import IdSource, Owner
from analemma.kernelspace.backoff.breaker import Breakers
from analemma.kernelspace.backoff.guarded_model import guarded
from analemma.kernelspace.serializer import PLAIN
from analemma.records.policy import KernelPolicy

ScriptedAnswer = Callable[[ModelRequest], str]
"""What a workflow offers in place of a model when no key is configured."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the kernel asks of the world.

    ``pages`` gives the page store of one owner. ``model`` gives the provider
    for a workflow, which names what stands in when none is configured (None:
    nothing does, and asking a model is then an error). ``serde`` serializes all
    values that runs remember, and encrypts them where a key is configured.
    ``breakers`` are kept as long as the process, with what they have read; None
    guards nothing.
    """

    records: RecordStore
    pages: Callable[[Owner], PageStore]
    clock: Clock
    ids: IdSource
    policy: KernelPolicy
    model: Callable[[ScriptedAnswer | None], ModelProvider]
    serde: SerializerProtocol = field(default=PLAIN)
    breakers: Breakers | None = None

    def guarded_model(self, scripted: ScriptedAnswer | None) -> ModelProvider:
        """Return the model for a workflow, behind its breaker if there are any."""
        model = self.model(scripted)
        return model if self.breakers is None else guarded(model, self.breakers)
