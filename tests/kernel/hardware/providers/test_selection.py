"""Which provider the environment chooses, and what it must not fall back on."""

import sys
from collections.abc import Iterator

import pytest

from analemma.errors import ConfigInvalid
from analemma.hardware.ports import ModelRequest
from analemma.hardware.providers.anthropic import AnthropicProvider
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.hardware.providers.price import ModelPrice
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.hardware.providers.selection import (
    ModelChoice,
    ModelSettings,
    provider_from,
)
from model_servers import KEY, MODEL, Anthropic, Gemini, ModelServer

PRICE = ModelPrice(1, 1)
BOTH = ModelSettings(
    gemini=ModelChoice("gem", PRICE), anthropic=ModelChoice("claude", PRICE)
)
SCRIPT = ScriptedProvider(["scripted"])


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": "a"}, "gemini/gem"),
        ({"GEMINI_API_KEY": "g"}, "gemini/gem"),
        ({"ANTHROPIC_API_KEY": "a"}, "anthropic/claude"),
        ({"GEMINI_API_KEY": " ", "ANTHROPIC_API_KEY": "a"}, "anthropic/claude"),
        ({"GEMINI_API_KEY": "", "ANTHROPIC_API_KEY": "\n"}, "scripted"),
        ({}, "scripted"),
    ],
    ids=["both", "gemini", "anthropic", "blank", "blanks", "none"],
)
def test_key_chooses_the_provider(environ: dict[str, str], name: str) -> None:
    assert provider_from(environ, BOTH, SCRIPT).name == name


def test_without_a_key_the_callers_script_itself_answers() -> None:
    assert provider_from({}, ModelSettings(), SCRIPT) is SCRIPT


@pytest.mark.parametrize(
    ("variable", "vendor"),
    [("GEMINI_API_KEY", "gemini"), ("ANTHROPIC_API_KEY", "anthropic")],
)
def test_key_without_a_configured_model_is_an_error(variable: str, vendor: str) -> None:
    with pytest.raises(ConfigInvalid, match=f"{variable}.*{vendor}") as refused:
        provider_from({variable: KEY}, ModelSettings(), SCRIPT)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "choice",
    [
        ModelChoice("", PRICE),
        ModelChoice("m", PRICE, "no url"),
        ModelChoice("m", PRICE, "ftp://host"),
        ModelChoice("m", PRICE, "http://"),
        ModelChoice("m", PRICE, "http://[::1"),
    ],
    ids=["no model", "no url", "ftp", "no host", "bad host"],
)
def test_settings_that_cannot_hold_are_refused(choice: ModelChoice) -> None:
    with pytest.raises(ConfigInvalid, match="gemini"):
        provider_from({"GEMINI_API_KEY": KEY}, ModelSettings(gemini=choice), SCRIPT)


@pytest.mark.parametrize(
    ("variable", "package", "adapter"),
    [
        ("GEMINI_API_KEY", "google.genai", "gemini"),
        ("ANTHROPIC_API_KEY", "anthropic", "anthropic"),
    ],
)
def test_missing_package_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, variable: str, package: str, adapter: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(
        sys.modules, f"analemma.hardware.providers.{adapter}", raising=False
    )
    if package == "google.genai":
        monkeypatch.delattr("google.genai", raising=False)
    with pytest.raises(ConfigInvalid, match=rf"{variable}.*analemma\[models\]"):
        provider_from({variable: KEY}, BOTH, SCRIPT)


def test_vendors_packages_are_not_imported_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for package in ("anthropic", "google.genai"):
        monkeypatch.setitem(sys.modules, package, None)
    assert provider_from({}, BOTH, SCRIPT) is SCRIPT


@pytest.fixture(params=[Gemini, Anthropic])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    made = ModelServer(request.param())
    with made.running():
        yield made


def test_base_url_and_key_reach_the_chosen_vendor(server: ModelServer) -> None:
    choice = ModelChoice(MODEL, PRICE, server.url)
    settings = ModelSettings(gemini=choice, anthropic=choice, timeout_seconds=5.0)
    variable = (
        "GEMINI_API_KEY" if isinstance(server.vendor, Gemini) else "ANTHROPIC_API_KEY"
    )
    provider = provider_from({variable: f" {KEY}\n"}, settings, SCRIPT)
    assert isinstance(provider, GeminiProvider | AnthropicProvider)
    assert provider.ask(ModelRequest("hello there")).text == "hello there"
    provider.close()
