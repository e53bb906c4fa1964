"""Port: a language model, asked one question at a time.

Every answer carries what it cost, in tokens as the provider counted them and in
integer micro-dollars by the price table of the environment, because a budget in
floats drifts.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question.

    ``system`` instructs, ``prompt`` asks; both are plain text. ``max_tokens``
    caps the answer.
    """

    prompt: str
    system: str = ""
    max_tokens: int = 1024


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one call cost, as the provider reported it."""

    input_tokens: int
    output_tokens: int
    micro_usd: int


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One answer. ``model`` is the name the provider gave back."""

    text: str
    model: str
    usage: ModelUsage


class ModelProvider(Protocol):
    """A vendor's models, or a script that stands in for one in tests."""

    @property
    def name(self) -> str:
        """``gemini/<model>``, ``anthropic/<model>`` or ``scripted``."""
        ...

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer ``request``. Blocks; safe to call from many threads.

        Raises:
            ProviderThrottled: the provider said wait (HTTP 429, 529).
            ProviderUnavailable: no answer, or a server error; safe to retry.
            ProviderRejected: bad key, bad request, refused content.
        """
        ...
