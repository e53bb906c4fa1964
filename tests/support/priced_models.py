"""A model with a price, which knows what it has truly been paid.

A question says what its answer takes: ``"cost 30"`` is an answer of 30 tokens. What
the provider bills is in ``billed``, whatever becomes of the process that asked.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from analemma.hardware.ports import ModelAnswer, ModelRequest, ModelUsage

LONGEST = 1000


def question(tokens: int, *, at_most: int | None = 100) -> ModelRequest:
    """Return a question whose answer takes so many tokens."""
    return ModelRequest(prompt=f"cost {tokens}", max_tokens=at_most)


@dataclass
class PricedModel:
    """Reads 10 tokens of every question; a token costs ``micro_usd_a_token``.

    ``before`` and ``after`` are called around each call, on the provider's side:
    what they raise is raised by ``ask``, but what was billed stays billed.
    """

    name: str = "priced/model"
    micro_usd_a_token: int = 2
    before: Callable[[ModelRequest], None] = lambda request: None
    after: Callable[[ModelRequest], None] = lambda request: None
    asked: list[ModelRequest] = field(default_factory=list)
    billed: list[ModelUsage] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def billed_tokens(self) -> int:
        """What the provider has billed in all."""
        return sum(usage.tokens for usage in self.billed)

    @property
    def billed_micro_usd(self) -> int:
        """What the provider has billed in all."""
        return sum(usage.micro_usd for usage in self.billed)

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return 10 tokens and as many as the answer may have."""
        cap = LONGEST if request.max_tokens is None else request.max_tokens
        return self._usage(cap)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer, and bill it."""
        self.before(request)
        cap = self.bound(request).output_tokens
        usage = self._usage(min(int(request.prompt.split()[1]), cap))
        with self._lock:
            self.asked.append(request)
            self.billed.append(usage)
        self.after(request)
        return ModelAnswer("text", "model-001", usage)

    def _usage(self, answer: int) -> ModelUsage:
        return ModelUsage(10, answer, (10 + answer) * self.micro_usd_a_token)
