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
    caps the answer; None: as long as the model can.
    """

    prompt: str
    system: str = ""
    max_tokens: int | None = 1024


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one call cost, as the provider reported it.

    ``reported`` False: the provider answered without saying; the figures are 0.
    """

    input_tokens: int
    output_tokens: int
    micro_usd: int
    reported: bool = True

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens


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

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the most that ``ask(request)`` can cost. Asks nobody.

        Never less than what the provider then reports, in tokens and in dollars,
        and never less for a larger ``max_tokens``.
        """
        ...

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer ``request``. Blocks; safe to call from many threads.

        An error says what the call cost, or that nobody knows.

        Raises:
            ProviderThrottled: the provider said wait (HTTP 429, 529).
            ProviderUnavailable: no answer, or a server error; safe to retry.
            ProviderRejected: bad key, bad request, refused content.
        """
        ...
