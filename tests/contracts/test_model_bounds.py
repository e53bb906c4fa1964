"""What every ModelProvider says a call can cost, before it costs it.

Also what it says that a call has cost which gave no answer: a budget counts that.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analemma.errors import (
    NOT_BILLED,
    CallCost,
    ProviderRejected,
    ProviderUnavailable,
)
from analemma.hardware.ports import ModelProvider, ModelRequest
from analemma.hardware.providers.anthropic import AnthropicProvider
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.hardware.providers.price import FRAMING_TOKENS, ModelPrice
from analemma.hardware.providers.scripted import LONGEST_ANSWER, ScriptedProvider
from model_servers import KEY, MODEL, Drop, Hang, ModelServer, reply
from tallying_vendors import VENDORS

PRICE = ModelPrice(300_000, 2_500_000)
PROVIDERS = {"gemini": GeminiProvider, "anthropic": AnthropicProvider}
QUESTION = ModelRequest("a question of six words here", system="Be brief.")


@pytest.fixture(params=sorted(VENDORS))
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(vendor: str) -> Iterator[ModelServer]:
    made = ModelServer(VENDORS[vendor]())
    with made.running():
        yield made


@pytest.fixture
def provider(vendor: str, server: ModelServer) -> Iterator[ModelProvider]:
    made = PROVIDERS[vendor](
        KEY,
        model=MODEL,
        price=PRICE,
        longest_answer=77,
        base_url=server.url,
        timeout_seconds=0.5,
    )
    yield made
    made.close()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(prompt=TEXTS, system=TEXTS, cap=st.integers(1, 50) | st.none())
def test_a_call_never_costs_more_than_its_bound(
    provider: ModelProvider, prompt: str, system: str, cap: int | None
) -> None:
    request = ModelRequest(f"{prompt} word", system=system, max_tokens=cap)

    bound, usage = provider.bound(request), provider.ask(request).usage

    assert usage.input_tokens <= bound.input_tokens
    assert usage.output_tokens <= bound.output_tokens
    assert usage.micro_usd <= bound.micro_usd


@given(prompt=TEXTS, answer=TEXTS, cap=st.integers(1, 50) | st.none())
def test_a_script_never_takes_more_than_its_bound(
    prompt: str, answer: str, cap: int | None
) -> None:
    request = ModelRequest(prompt, max_tokens=cap)
    script = ScriptedProvider(lambda asked: answer)

    assert script.ask(request).usage.tokens <= script.bound(request).tokens
    assert script.ask(request).usage.micro_usd == script.bound(request).micro_usd == 0


def test_the_bound_is_a_token_for_every_byte_and_the_cap_of_the_answer(
    provider: ModelProvider,
) -> None:
    bound = provider.bound(replace(QUESTION, prompt="naïve 😀", max_tokens=40))

    # 9 bytes of system, 11 of prompt: one letter has two, the face four.
    assert bound.input_tokens == 9 + 11 + FRAMING_TOKENS
    assert bound.output_tokens == 40
    assert bound.micro_usd == PRICE.micro_usd(bound.input_tokens, 40)


def test_without_a_cap_the_model_s_own_is_asked_for_and_bounds(
    provider: ModelProvider, server: ModelServer
) -> None:
    request = replace(QUESTION, max_tokens=None)
    provider.ask(request)

    body = server.received[-1].body
    sent = body.get("max_tokens") or body["generationConfig"]["maxOutputTokens"]
    assert sent == provider.bound(request).output_tokens == 77


def test_a_script_without_a_cap_ends_all_the_same() -> None:
    request = ModelRequest("?", max_tokens=None)
    script = ScriptedProvider(lambda asked: "word " * (LONGEST_ANSWER + 5))

    assert script.ask(request).usage.output_tokens == LONGEST_ANSWER
    assert script.bound(request).output_tokens == LONGEST_ANSWER


def test_a_longer_answer_never_has_a_smaller_bound(provider: ModelProvider) -> None:
    bounds = [provider.bound(replace(QUESTION, max_tokens=n)) for n in range(1, 99)]

    assert bounds == sorted(bounds, key=lambda bound: (bound.tokens, bound.micro_usd))


# -- calls without an answer


def cost_of(provider: ModelProvider) -> CallCost | None:
    with pytest.raises((ProviderRejected, ProviderUnavailable)) as failed:
        provider.ask(QUESTION)
    return failed.value.cost


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 503])
def test_a_call_that_is_answered_with_an_error_is_not_billed(
    provider: ModelProvider, server: ModelServer, status: int
) -> None:
    server.instead(server.vendor.refusal(status, "no"))

    assert cost_of(provider) == NOT_BILLED


@pytest.mark.parametrize("status", [408, 502, 504])
def test_what_a_call_cost_that_a_gateway_gave_up_is_not_known(
    provider: ModelProvider, server: ModelServer, status: int
) -> None:
    server.instead(server.vendor.refusal(status, "timeout"))

    assert cost_of(provider) is None


@pytest.mark.parametrize(
    "instead", [Hang(), Drop(), reply("text")], ids=["hang", "drop", "text"]
)
def test_what_a_call_cost_that_was_sent_and_not_answered_is_not_known(
    provider: ModelProvider, server: ModelServer, instead: object
) -> None:
    server.instead(instead)  # type: ignore[arg-type]  # one of the three it takes

    assert cost_of(provider) is None


def test_a_call_that_reached_nobody_is_not_billed(vendor: str) -> None:
    gone = ModelServer(VENDORS[vendor]())
    with gone.running():
        pass
    provider = PROVIDERS[vendor](KEY, model=MODEL, price=PRICE, base_url=gone.url)

    assert cost_of(provider) == NOT_BILLED
    provider.close()


def test_content_that_claude_refuses_costs_what_was_read() -> None:
    server = ModelServer(VENDORS["anthropic"]())
    with server.running():
        provider = AnthropicProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
        server.instead(server.vendor.refused_content())

        assert cost_of(provider) == CallCost(3, 0, 1)
        provider.close()


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, None),
        (
            {
                "promptFeedback": {"blockReason": "SAFETY"},
                "usageMetadata": {"promptTokenCount": 10},
            },
            CallCost(10, 0, 3),
        ),
        (
            {
                "candidates": [{"content": {"parts": []}, "finishReason": "SAFETY"}],
                "usageMetadata": {"promptTokenCount": 10, "thoughtsTokenCount": 2},
            },
            CallCost(10, 2, 8),
        ),
    ],
    ids=["silent", "prompt", "answer"],
)
def test_content_that_gemini_refuses_costs_what_it_says(
    body: dict[str, object], cost: CallCost | None
) -> None:
    server = ModelServer(VENDORS["gemini"]())
    with server.running():
        provider = GeminiProvider(KEY, model=MODEL, price=PRICE, base_url=server.url)
        server.instead(reply(body))

        assert cost_of(provider) == cost
        provider.close()
