"""What every ModelProvider promises, run against each adapter.

The vendors' adapters run through the vendors' own clients, against servers on
loopback. A token is a word on all of them, so that the answers can be equal.
"""

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from analemma.errors import (
    AnalemmaError,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
)
from analemma.hardware.ports import ModelProvider, ModelRequest, ModelUsage
from analemma.hardware.providers.anthropic import AnthropicProvider
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.hardware.providers.price import ModelPrice
from analemma.hardware.providers.scripted import ScriptedProvider
from model_servers import (
    KEY,
    MODEL,
    Anthropic,
    Drop,
    Gemini,
    Hang,
    ModelServer,
    Reply,
    reply,
)

PRICE = ModelPrice(300_000, 2_500_000)
VENDORS = {"gemini": Gemini, "anthropic": Anthropic}
PROVIDERS = {"gemini": GeminiProvider, "anthropic": AnthropicProvider}
QUESTION = ModelRequest("a question of six words here")


@contextmanager
def vendor_provider(
    vendor: str, server: ModelServer, *, key: str = KEY, model: str = MODEL
) -> Iterator[GeminiProvider | AnthropicProvider]:
    provider = PROVIDERS[vendor](
        key, model=model, price=PRICE, base_url=server.url, timeout_seconds=5.0
    )
    try:
        yield provider
    finally:
        provider.close()


@pytest.fixture(params=sorted(VENDORS))
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(vendor: str) -> Iterator[ModelServer]:
    made = ModelServer(VENDORS[vendor]())
    with made.running():
        yield made


@pytest.fixture
def provider(
    vendor: str, server: ModelServer
) -> Iterator[GeminiProvider | AnthropicProvider]:
    with vendor_provider(vendor, server) as made:
        yield made


@pytest.fixture(params=["scripted", *sorted(VENDORS)])
def any_provider(request: pytest.FixtureRequest) -> Iterator[ModelProvider]:
    if request.param == "scripted":
        yield ScriptedProvider(lambda asked: f"{asked.system} {asked.prompt}".strip())
        return
    server = ModelServer(VENDORS[request.param]())
    with server.running(), vendor_provider(request.param, server) as made:
        yield made


def test_answer_is_the_models_text_and_name(any_provider: ModelProvider) -> None:
    answer = any_provider.ask(ModelRequest("naïve 😀 question"))
    assert answer.text == "naïve 😀 question"
    assert answer.model.startswith(MODEL) or answer.model == "scripted"


def test_name_tells_vendor_and_model(any_provider: ModelProvider) -> None:
    assert any_provider.name in (f"gemini/{MODEL}", f"anthropic/{MODEL}", "scripted")


def test_system_text_reaches_the_model_before_the_prompt(
    any_provider: ModelProvider,
) -> None:
    answer = any_provider.ask(ModelRequest("prompt", system="Be brief."))
    assert answer.text == "Be brief. prompt"
    assert answer.usage.input_tokens == 3


def test_usage_is_what_was_read_and_written(any_provider: ModelProvider) -> None:
    usage = any_provider.ask(QUESTION).usage
    assert (usage.input_tokens, usage.output_tokens) == (6, 6)


def test_answer_keeps_to_max_tokens(any_provider: ModelProvider) -> None:
    answer = any_provider.ask(ModelRequest(QUESTION.prompt, max_tokens=2))
    assert answer.text == "a question"
    assert answer.usage.output_tokens == 2


def test_many_threads_get_their_own_answers(any_provider: ModelProvider) -> None:
    prompts = [f"question {number}" for number in range(32)]
    requests = [ModelRequest(prompt) for prompt in prompts]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(any_provider.ask, requests))
    assert [answer.text for answer in answers] == prompts


def test_cost_is_exact_and_rounded_up(provider: ModelProvider) -> None:
    # 6 x 0.3 + 6 x 2.5 micro-dollars = 16.8
    assert provider.ask(QUESTION).usage == ModelUsage(6, 6, 17)


def test_script_costs_nothing() -> None:
    assert ScriptedProvider(["free"]).ask(QUESTION).usage.micro_usd == 0


def test_one_ask_is_one_request(provider: ModelProvider, server: ModelServer) -> None:
    provider.ask(QUESTION)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("34", 34.0), ("0.5", 0.5), ("soon", None), (None, None), ("-1", None)],
)
def test_throttling_says_how_long_to_wait(
    provider: ModelProvider,
    server: ModelServer,
    status: int,
    header: str | None,
    seconds: float | None,
) -> None:
    headers = {} if header is None else {"retry-after": header}
    server.instead(server.vendor.refusal(status, "too much", headers))
    with pytest.raises(ProviderThrottled, match="too much") as throttled:
        provider.ask(QUESTION)
    assert throttled.value.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_failure_on_their_side_is_unavailable(
    provider: ModelProvider, server: ModelServer, status: int
) -> None:
    server.instead(server.vendor.refusal(status, "our fault"))
    with pytest.raises(ProviderUnavailable, match=f"{status}.*our fault"):
        provider.ask(QUESTION)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_any_other_refusal_is_final(
    provider: ModelProvider, server: ModelServer, status: int
) -> None:
    server.instead(server.vendor.refusal(status, "your fault"))
    with pytest.raises(ProviderRejected, match=f"{status}.*your fault"):
        provider.ask(QUESTION)


def test_refused_content_is_rejected(
    provider: ModelProvider, server: ModelServer
) -> None:
    server.instead(server.vendor.refused_content())
    with pytest.raises(ProviderRejected, match="change"):
        provider.ask(QUESTION)


def test_dropped_connection_is_unavailable(
    provider: ModelProvider, server: ModelServer
) -> None:
    server.instead(Drop())
    with pytest.raises(ProviderUnavailable, match="did not answer"):
        provider.ask(QUESTION)


def test_silence_is_unavailable_after_the_timeout(
    vendor: str, server: ModelServer
) -> None:
    server.instead(Hang())
    provider = PROVIDERS[vendor](
        KEY, model=MODEL, price=PRICE, base_url=server.url, timeout_seconds=0.2
    )
    with pytest.raises(ProviderUnavailable, match="did not answer"):
        provider.ask(QUESTION)
    provider.close()


def test_nobody_listening_is_unavailable(vendor: str) -> None:
    gone = ModelServer(VENDORS[vendor]())
    with gone.running():
        pass
    with (
        vendor_provider(vendor, gone) as provider,
        pytest.raises(ProviderUnavailable, match="did not answer"),
    ):
        provider.ask(QUESTION)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>portal</html>", {"content-type": "text/html"}),
        Reply(200, b'{"cut', {"content-type": "application/json"}),
        reply({}),
        reply([]),
        reply("text"),
        reply({"candidates": [], "content": None}),
    ],
    ids=["html", "cut", "empty", "list", "text", "none"],
)
def test_answer_that_is_none_is_unavailable(
    provider: ModelProvider, server: ModelServer, answer: Reply
) -> None:
    server.instead(answer)
    with pytest.raises(ProviderUnavailable):
        provider.ask(QUESTION)


def test_failures_are_not_retried_below_the_kernel(
    provider: ModelProvider, server: ModelServer
) -> None:
    for failure in (server.vendor.refusal(503, "x"), server.vendor.refusal(429, "x")):
        before = len(server.received)
        server.instead(failure)
        with pytest.raises(AnalemmaError):
            provider.ask(QUESTION)
        assert len(server.received) == before + 1


def test_provider_answers_again_after_a_failure(
    provider: ModelProvider, server: ModelServer
) -> None:
    server.instead(Drop(), server.vendor.refusal(500, "x"))
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            provider.ask(QUESTION)
    assert provider.ask(QUESTION).text == QUESTION.prompt


def test_wrong_key_is_rejected_and_not_shown(vendor: str, server: ModelServer) -> None:
    with (
        vendor_provider(vendor, server, key="wrong-key-5521") as provider,
        pytest.raises(ProviderRejected) as rejected,
    ):
        provider.ask(QUESTION)
    assert "wrong-key-5521" not in everything_shown(rejected.value)


def test_unknown_model_is_rejected_by_name(vendor: str, server: ModelServer) -> None:
    with (
        vendor_provider(vendor, server, model="no-such-model") as provider,
        pytest.raises(ProviderRejected, match="no-such-model"),
    ):
        provider.ask(QUESTION)


def test_key_is_never_shown(
    provider: ModelProvider, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = repr(provider) + str(provider)
    echoes = f"the key {KEY} is not welcome"
    server.instead(
        server.vendor.refusal(403, echoes),
        server.vendor.refusal(429, echoes),
        server.vendor.refusal(500, echoes),
        Drop(),
        reply({}),
    )
    for _ in range(5):
        with pytest.raises(AnalemmaError) as failed:
            provider.ask(QUESTION)
        shown += everything_shown(failed.value)
    provider.ask(QUESTION)
    assert KEY in str(server.received[-1].headers)
    assert "[key]" in shown
    assert KEY not in shown
    # The vendors' own debug lines repeat what a server said, and only that.
    ours = [line for line in caplog.messages if KEY in line and echoes not in line]
    assert ours == []


def everything_shown(error: BaseException) -> str:
    """Return what a log or a crash report would show of ``error``."""
    assert error.__cause__ is None
    assert error.__context__ is None
    return "".join(traceback.format_exception(error)) + repr(vars(error))
