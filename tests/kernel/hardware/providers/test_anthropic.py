"""What is Anthropic's own: cached input, spend limits, several blocks."""

from collections.abc import Iterator

import pytest

from analemma.errors import ConfigInvalid, ProviderRejected, ProviderThrottled
from analemma.hardware.ports import ModelRequest, ModelUsage
from analemma.hardware.providers.anthropic import AnthropicProvider
from analemma.hardware.providers.price import ModelPrice
from model_servers import KEY, MODEL, Anthropic, ModelServer, reply

QUESTION = ModelRequest("what?")
PRICE = ModelPrice(1_000_000, 2_000_000)


@pytest.fixture
def vendor() -> Anthropic:
    return Anthropic()


@pytest.fixture
def server(vendor: Anthropic) -> Iterator[ModelServer]:
    made = ModelServer(vendor)
    with made.running():
        yield made


@pytest.fixture
def provider(server: ModelServer) -> Iterator[AnthropicProvider]:
    made = AnthropicProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
    yield made
    made.close()


def test_cached_input_is_input(
    provider: AnthropicProvider, server: ModelServer, vendor: Anthropic
) -> None:
    message = vendor.message("two words", "end_turn", 5)
    message["usage"] |= {
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 300,
    }
    server.instead(reply(message))
    assert provider.ask(QUESTION).usage == ModelUsage(325, 2, 329)


def test_text_blocks_are_joined_and_others_left_out(
    provider: AnthropicProvider, server: ModelServer, vendor: Anthropic
) -> None:
    message = vendor.message("", "end_turn", 5)
    message["content"] = [
        {"type": "thinking", "thinking": "hmm", "signature": "x"},
        {"type": "text", "text": "one "},
        {"type": "a_block_of_the_future", "text": "no"},
        {"type": "text", "text": "two"},
    ]
    server.instead(reply(message))
    assert provider.ask(QUESTION).text == "one two"


def test_429_that_no_wait_will_mend_is_rejected(
    provider: AnthropicProvider, server: ModelServer, vendor: Anthropic
) -> None:
    server.instead(vendor.refusal(429, "spend limit", {"x-should-retry": "false"}))
    with pytest.raises(ProviderRejected, match="spend limit"):
        provider.ask(QUESTION)


def test_answer_longer_than_ten_minutes_of_tokens_is_still_asked_for(
    provider: AnthropicProvider, server: ModelServer
) -> None:
    provider.ask(ModelRequest("what?", max_tokens=60_000))
    assert server.received[0].body["max_tokens"] == 60_000


def test_empty_system_text_is_not_sent(
    provider: AnthropicProvider, server: ModelServer
) -> None:
    provider.ask(QUESTION)
    assert "system" not in server.received[0].body


def test_environment_cannot_add_another_credential(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    provider = AnthropicProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
    provider.ask(QUESTION)
    provider.close()
    assert "another" not in str(server.received[0].headers)


def test_wait_may_be_a_date(provider: AnthropicProvider, server: ModelServer) -> None:
    past = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server.instead(server.vendor.refusal(429, "wait", past))
    with pytest.raises(ProviderThrottled) as throttled:
        provider.ask(QUESTION)
    assert throttled.value.retry_after_seconds == 0.0


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "kéy"])
def test_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    with pytest.raises(ConfigInvalid, match="ANTHROPIC_API_KEY") as refused:
        AnthropicProvider(key, model=MODEL, price=PRICE)
    assert not key.strip() or key not in str(refused.value)
