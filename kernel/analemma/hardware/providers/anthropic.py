"""Claude, through Anthropic's own client.

The client's retries are off: the one retry budget of a task lives in the kernel,
and two layers that retry multiply.
"""

import anthropic
from anthropic.types import Message

from analemma.errors import AnalemmaError, ProviderRejected, ProviderUnavailable
from analemma.hardware.ports.models import ModelAnswer, ModelRequest, ModelUsage
from analemma.hardware.providers.failure import (
    failure_of_status,
    retry_after,
    told,
    usable_key,
)
from analemma.hardware.providers.price import ModelPrice

API_KEY = "ANTHROPIC_API_KEY"

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
                max_tokens=request.max_tokens,
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
                f"{self.name} did not answer: {told(str(error), self._key)}"
            )
        except (AttributeError, TypeError, ValueError):
            # The client does not validate: a field that was not sent is missing,
            # and JSON that was cut is the standard library's ValueError.
            return self._unreadable()

    def _answer(self, message: Message) -> ModelAnswer | AnalemmaError:
        if message.stop_reason == _REFUSED:
            return ProviderRejected(
                f"{self.name} refused the content of the request; change the prompt"
            )
        text = "".join(block.text for block in message.content if block.type == "text")
        usage = message.usage
        read = (
            usage.input_tokens
            + (usage.cache_creation_input_tokens or 0)
            + (usage.cache_read_input_tokens or 0)
        )
        cost = self._price.micro_usd(read, usage.output_tokens)
        return ModelAnswer(
            text, message.model, ModelUsage(read, usage.output_tokens, cost)
        )

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
            f"{self.name} answered with something that is no message"
        )
