"""Claude, through Anthropic's own client.

The client's retries are off: the one retry budget of a task lives in the kernel,
and two layers that retry multiply.
"""

import anthropic
from anthropic.types import Message

from analemma.errors import (
    NOT_BILLED,
    AnalemmaError,
    CallCost,
    ProviderRejected,
    ProviderUnavailable,
)
from analemma.hardware.ports.models import ModelAnswer, ModelRequest, ModelUsage
from analemma.hardware.providers.failure import (
    failure_of_status,
    never_connected,
    retry_after,
    told,
    usable_key,
)
from analemma.hardware.providers.price import ModelPrice, answer_cap, most

API_KEY = "ANTHROPIC_API_KEY"

LONGEST_ANSWER = 64_000
"""The most output tokens of Claude 4.5's models, as Anthropic lists them."""

_REFUSED = "refusal"
# With it the vendor forbids what the status would allow: a 429 of a spend limit
# does not pass by waiting.
_SHOULD_RETRY = "x-should-retry"


class AnthropicProvider:
    """A ``ModelProvider`` for one Claude model.

    Input tokens are all that was read, cached or not, at the price of input.
    """

    def __init__(
        self,
        api_key: str,
        *,
        model: str,
        price: ModelPrice,
        longest_answer: int = LONGEST_ANSWER,
        base_url: str | None = None,
        timeout_seconds: float = 120.0,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Raises:
            ConfigInvalid: ``api_key`` cannot be a key.
        """
        self._key = usable_key(api_key, API_KEY)
        self._model = model
        self._price = price
        self._longest_answer = longest_answer
        self._client = anthropic.Anthropic(
            api_key=self._key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout_seconds,
        )

    def __repr__(self) -> str:
        return f"AnthropicProvider(model={self._model!r})"

    @property
    def name(self) -> str:
        """``anthropic/<model>``."""
        return f"anthropic/{self._model}"

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the most that ``request`` can cost, by its bytes and its cap."""
        return most(request, self._price, self._longest_answer)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer ``request`` with one call of the Messages API.

        Raises:
            ProviderThrottled: HTTP 429 or 529.
            ProviderUnavailable: no answer in time, 5xx, or no message in it.
            ProviderRejected: any other 4xx, or the model refused.
        """
        outcome = self._call(request)
        if isinstance(outcome, AnalemmaError):
            # Outside any except block: see ``failure`` on what a chain tells.
            raise outcome
        return outcome

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, request: ModelRequest) -> ModelAnswer | AnalemmaError:
        try:
            # object: the client returns text, against its types, when the
            # answer is no JSON.
            message: object = self._client.messages.create(
                model=self._model,
                max_tokens=answer_cap(request, self._longest_answer),
                system=request.system or anthropic.omit,
                messages=[{"role": "user", "content": request.prompt}],
            )
            if not isinstance(message, Message):
                return self._unreadable()
            return self._answer(message)
        except anthropic.APIStatusError as error:
            return self._failure(error)
        except anthropic.AnthropicError as error:
            return ProviderUnavailable(
                f"{self.name} did not answer: {told(str(error), self._key)}",
                cost=NOT_BILLED if never_connected(error) else None,
            )
        except (AttributeError, TypeError, ValueError):
            # The client does not validate: a field that was not sent is missing,
            # and JSON that was cut is the standard library's ValueError.
            return self._unreadable()

    def _answer(self, message: Message) -> ModelAnswer | AnalemmaError:
        usage = message.usage
        read = (
            usage.input_tokens
            + (usage.cache_creation_input_tokens or 0)
            + (usage.cache_read_input_tokens or 0)
        )
        written = usage.output_tokens
        cost = self._price.micro_usd(read, written)
        if message.stop_reason == _REFUSED:
            return ProviderRejected(
                f"{self.name} refused the content of the request; change the prompt",
                cost=CallCost(read, written, cost),
            )
        text = "".join(block.text for block in message.content if block.type == "text")
        return ModelAnswer(text, message.model, ModelUsage(read, written, cost))

    def _failure(self, error: anthropic.APIStatusError) -> AnalemmaError:
        text = error.api_message or error.message
        if error.response.headers.get(_SHOULD_RETRY) == "false":
            return ProviderRejected(
                f"{self.name} refused for good: HTTP {error.status_code}: "
                f"{told(text, self._key)}"
            )
        return failure_of_status(
            self.name,
            error.status_code,
            text,
            self._key,
            retry_after_seconds=retry_after(error.response.headers),
        )

    def _unreadable(self) -> AnalemmaError:
        return ProviderUnavailable(
            f"{self.name} answered with something that is no message", cost=None
        )
