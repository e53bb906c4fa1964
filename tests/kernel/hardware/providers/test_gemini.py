"""What is Gemini's own: thinking, filters, and where it says how long to wait."""

from collections.abc import Iterator

import pytest

from analemma.errors import (
    ConfigInvalid,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
)
from analemma.hardware.ports import ModelRequest, ModelUsage
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.hardware.providers.price import ModelPrice
from model_servers import KEY, MODEL, Gemini, ModelServer, Reply, reply

QUESTION = ModelRequest("what?")
PRICE = ModelPrice(1_000_000, 2_000_000)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    made = ModelServer(Gemini())
    with made.running():
        yield made


@pytest.fixture
def provider(server: ModelServer) -> Iterator[GeminiProvider]:
    made = GeminiProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
    yield made
    made.close()


def answer(finish: str | None, text: str | None, **usage: int) -> Reply:
    content = {} if text is None else {"role": "model", "parts": [{"text": text}]}
    candidate = {"content": content} | ({"finishReason": finish} if finish else {})
    return reply({"candidates": [candidate], "usageMetadata": usage})


def test_thinking_is_billed_as_output(
    provider: GeminiProvider, server: ModelServer
) -> None:
    server.instead(
        answer(
            "STOP",
            "so",
            promptTokenCount=10,
            toolUsePromptTokenCount=1,
            candidatesTokenCount=2,
            thoughtsTokenCount=100,
        )
    )
    assert provider.ask(QUESTION).usage == ModelUsage(11, 102, 11 + 204)


def test_thoughts_are_not_part_of_the_answer(
    provider: GeminiProvider, server: ModelServer
) -> None:
    parts = [{"text": "hmm", "thought": True}, {"text": "yes"}]
    server.instead(
        reply({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    )
    found = provider.ask(QUESTION)
    assert found.text == "yes"
    assert found.model == MODEL
    assert found.usage == ModelUsage(0, 0, 0, reported=False)


def test_answer_that_thinking_used_up_is_empty_and_still_metered(
    provider: GeminiProvider, server: ModelServer
) -> None:
    server.instead(
        answer("MAX_TOKENS", None, promptTokenCount=3, thoughtsTokenCount=64)
    )
    found = provider.ask(QUESTION)
    assert found.text == ""
    assert found.usage == ModelUsage(3, 64, 131)


@pytest.mark.parametrize("finish", ["SAFETY", "RECITATION", "BLOCKLIST", "SPII"])
def test_answer_that_a_filter_stopped_is_rejected_by_its_name(
    provider: GeminiProvider, server: ModelServer, finish: str
) -> None:
    server.instead(answer(finish, "half an ans"))
    with pytest.raises(ProviderRejected, match=finish):
        provider.ask(QUESTION)


@pytest.mark.parametrize("finish", ["OTHER", "MALFORMED_RESPONSE"])
def test_answer_that_broke_off_is_unavailable(
    provider: GeminiProvider, server: ModelServer, finish: str
) -> None:
    server.instead(answer(finish, None))
    with pytest.raises(ProviderUnavailable):
        provider.ask(QUESTION)


@pytest.mark.parametrize("finish", ["CONTINUATION", None])
def test_unfinished_answer_is_not_continued_behind_the_ledger(
    provider: GeminiProvider, server: ModelServer, finish: str | None
) -> None:
    server.instead(answer(finish, "part"))
    assert provider.ask(QUESTION).text == "part"
    assert len(server.received) == 1


@pytest.mark.parametrize(("delay", "seconds"), [("34s", 34.0), ("0.25s", 0.25)])
def test_wait_is_read_from_the_body_of_a_429(
    provider: GeminiProvider, server: ModelServer, delay: str, seconds: float
) -> None:
    error = {
        "code": 429,
        "message": "Quota exceeded",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": delay,
            },
        ],
    }
    server.instead(reply({"error": error}, 429))
    with pytest.raises(ProviderThrottled, match="Quota exceeded") as throttled:
        provider.ask(QUESTION)
    assert throttled.value.retry_after_seconds == seconds


def test_environment_cannot_turn_the_call_elsewhere(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx")
    provider = GeminiProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
    assert provider.ask(QUESTION).text == "what?"
    server.instead(Reply(503, b"", {}))
    with pytest.raises(ProviderUnavailable):
        provider.ask(QUESTION)
    provider.close()


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "kéy"])
def test_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    with pytest.raises(ConfigInvalid, match="GEMINI_API_KEY") as refused:
        GeminiProvider(key, model=MODEL, price=PRICE)
    assert not key.strip() or key not in str(refused.value)
