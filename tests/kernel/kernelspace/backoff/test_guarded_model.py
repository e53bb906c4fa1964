"""A model behind its breaker."""

from dataclasses import dataclass, field

import pytest

from analemma.errors import (
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
    Retryable,
)
from analemma.hardware.ports import ModelAnswer, ModelRequest, ModelUsage
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.kernelspace.backoff.breaker import PARTITION, Breakers
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.backoff.guarded_model import GuardedModel, guarded
from analemma.records.concurrency_policy import BreakerPolicy
from kernel_machines import HandClock
from memory_stores import MemoryRecordStore

POLICY = BreakerPolicy(failures=2, open_seconds=10)
QUESTION = ModelRequest(prompt="?")


@dataclass
class Provider:
    """A vendor's model that fails as it is told."""

    error: Exception | None = None
    name: str = "gemini/flash"
    asked: list[str] = field(default_factory=list)

    def bound(self, request: ModelRequest) -> ModelUsage:
        return ModelUsage(1, 2, 3)

    def ask(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request.prompt)
        if self.error is not None:
            raise self.error
        return ModelAnswer("!", "flash", ModelUsage(1, 2, 3))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breakers(clock: HandClock) -> Breakers:
    return Breakers(MemoryRecordStore(), clock, POLICY)


def ask(model: GuardedModel, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises((ProviderThrottled, ProviderUnavailable)):
            model.ask(QUESTION)


def test_answers_come_through_under_the_model_s_name(breakers: Breakers) -> None:
    model = GuardedModel(Provider(), breakers)

    assert model.name == "gemini/flash"
    assert model.ask(QUESTION).text == "!"


@pytest.mark.parametrize(
    "error", [ProviderUnavailable("500"), ProviderThrottled("429")], ids=str
)
def test_a_model_that_failed_often_is_not_asked_and_the_error_says_until_when(
    breakers: Breakers, error: Exception
) -> None:
    provider = Provider(error)
    ask(GuardedModel(provider, breakers), times=2)

    another_run = GuardedModel(provider, breakers)
    with pytest.raises(CircuitOpen, match="model:gemini/flash") as refused:
        another_run.ask(QUESTION)

    assert len(provider.asked) == 2
    assert isinstance(refused.value, Retryable)
    assert 10 <= refused.value.retry_after_seconds < 20


def test_other_models_are_still_asked(breakers: Breakers) -> None:
    ask(GuardedModel(Provider(ProviderUnavailable("500")), breakers), times=2)

    other = GuardedModel(Provider(name="anthropic/haiku"), breakers)
    assert other.ask(QUESTION).text == "!"


def test_a_provider_that_refuses_a_request_is_there(
    breakers: Breakers, clock: HandClock
) -> None:
    provider = Provider(ProviderRejected("400"))
    model = GuardedModel(provider, breakers)
    for _ in range(5):
        with pytest.raises(ProviderRejected):
            model.ask(QUESTION)
    assert len(provider.asked) == 5

    provider.error = ProviderUnavailable("500")
    ask(model, times=2)
    clock.move(20)
    provider.error = ProviderRejected("400")  # the probe is answered
    with pytest.raises(ProviderRejected):
        model.ask(QUESTION)
    provider.error = None
    assert model.ask(QUESTION).text == "!"


def test_after_its_time_the_model_is_probed_and_serves_again(
    breakers: Breakers, clock: HandClock
) -> None:
    provider = Provider(ProviderUnavailable("500"))
    model = GuardedModel(provider, breakers)
    ask(model, times=2)
    clock.move(20)
    provider.error = None

    assert [model.ask(QUESTION).text for _ in range(3)] == ["!"] * 3


def test_a_script_has_no_breaker() -> None:
    store = MemoryRecordStore()
    breakers = Breakers(store, HandClock(), POLICY)
    script = ScriptedProvider(["one"])

    assert guarded(script, breakers).ask(QUESTION).text == "one"
    assert guarded(script, breakers) is script
    assert not store.calls
    assert isinstance(guarded(Provider(), breakers), GuardedModel)
    assert store.get(PARTITION, "model:scripted") is None
