"""Gemini, through Google's own client, on the Gemini Developer API.

Thinking is billed as output and reported apart from it, so output tokens are
the sum of both; ``max_tokens`` caps the sum too, and an answer may come back
empty because thinking used it up.
"""

import re

import httpx2
from google import genai
from google.genai import errors, types

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

API_KEY = "GEMINI_API_KEY"

LONGEST_ANSWER = 65_536
"""The most output tokens of Gemini 2.5's models, as Google lists them."""

_ANSWERED = frozenset(
    {
        types.FinishReason.FINISH_REASON_UNSPECIFIED,
        types.FinishReason.STOP,
        types.FinishReason.MAX_TOKENS,
        types.FinishReason.CONTINUATION,
    }
)
_PASSING = frozenset({types.FinishReason.OTHER, types.FinishReason.MALFORMED_RESPONSE})
# google.rpc.RetryInfo in the body of a 429: {"retryDelay": "34s"}.
_RETRY_DELAY = re.compile(r"""["']retryDelay["']: *["'](\d{1,9}(?:\.\d{1,9})?)s["']""")


class GeminiProvider:
    """A ``ModelProvider`` for one Gemini model."""

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
        # Ours, because which HTTP library the client would choose, and hence
        # which errors it would raise, hangs on an environment variable.
        self._http = httpx2.Client(timeout=timeout_seconds)
        self._client = genai.Client(
            api_key=self._key,
            # Otherwise an environment variable may send the key to Vertex AI.
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=base_url,
                httpx_client=self._http,
                timeout=round(timeout_seconds * 1000),
                # One attempt: the one retry budget lives in the kernel.
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    def __repr__(self) -> str:
        return f"GeminiProvider(model={self._model!r})"

    @property
    def name(self) -> str:
        """``gemini/<model>``."""
        return f"gemini/{self._model}"

    def bound(self, request: ModelRequest) -> ModelUsage:
        """Return the most that ``request`` can cost, by its bytes and its cap."""
        return most(request, self._price, self._longest_answer)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer ``request`` with one call of generateContent.

        Raises:
            ProviderThrottled: HTTP 429 (or 529).
            ProviderUnavailable: no answer in time, 5xx, or no answer in it.
            ProviderRejected: any other 4xx, or a filter stopped the answer.
        """
        outcome = self._call(request)
        if isinstance(outcome, AnalemmaError):
            # Outside any except block: see ``failure`` on what a chain tells.
            raise outcome
        return outcome

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._http.close()

    def _call(self, request: ModelRequest) -> ModelAnswer | AnalemmaError:
        config = types.GenerateContentConfig(
            system_instruction=request.system or None,
            max_output_tokens=answer_cap(request, self._longest_answer),
            # One ask is one call, or the ledger would miss some.
            automatic_continuation=False,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(
                disable=True
            ),
        )
        try:
            response = self._client.models.generate_content(
                model=self._model, contents=request.prompt, config=config
            )
        except errors.APIError as error:
            return self._failure(error)
        except httpx2.HTTPError as error:
            return ProviderUnavailable(
                f"{self.name} did not answer: "
                f"{type(error).__name__}: {told(str(error), self._key)}",
                cost=NOT_BILLED if never_connected(error) else None,
            )
        except ValueError:
            # What came back is no JSON, or not of the shape of an answer.
            return ProviderUnavailable(
                f"{self.name} answered with something that is no answer", cost=None
            )
        return self._answer(response)

    def _answer(
        self, response: types.GenerateContentResponse
    ) -> ModelAnswer | AnalemmaError:
        usage = self._usage(response.usage_metadata)
        cost = None
        if usage.reported:
            cost = CallCost(usage.input_tokens, usage.output_tokens, usage.micro_usd)
        if not response.candidates:
            feedback = response.prompt_feedback
            reason = feedback.block_reason if feedback else None
            if reason is None:
                return ProviderUnavailable(f"{self.name} sent no candidate", cost=cost)
            return ProviderRejected(
                f"{self.name} blocked the prompt ({reason.value}); change it", cost=cost
            )
        finish = response.candidates[0].finish_reason
        if finish in _PASSING:
            return ProviderUnavailable(
                f"{self.name} stopped without a reason", cost=cost
            )
        if finish is not None and finish not in _ANSWERED:
            return ProviderRejected(
                f"{self.name} stopped the answer ({finish.value}); change the prompt",
                cost=cost,
            )
        return ModelAnswer(
            response.text or "",
            response.model_version or self._model,
            usage,
        )

    def _usage(
        self, said: types.GenerateContentResponseUsageMetadata | None
    ) -> ModelUsage:
        if said is None:  # The ledger holds what was reported, and no guess.
            return ModelUsage(0, 0, 0, reported=False)
        read = (said.prompt_token_count or 0) + (said.tool_use_prompt_token_count or 0)
        written = (said.candidates_token_count or 0) + (said.thoughts_token_count or 0)
        return ModelUsage(read, written, self._price.micro_usd(read, written))

    def _failure(self, error: errors.APIError) -> AnalemmaError:
        # object: the client takes several HTTP libraries' responses.
        response: object = error.response
        seconds = None
        if isinstance(response, httpx2.Response):
            seconds = retry_after(response.headers)
        if seconds is None and (found := _RETRY_DELAY.search(str(error.details))):
            seconds = float(found[1])
        return failure_of_status(
            self.name,
            error.code,
            error.message or str(error.status),
            self._key,
            retry_after_seconds=seconds,
        )
