"""Which model answers: chosen by the API keys in the environment.

Gemini, else Anthropic, else the script that the caller brings. A key without
settings is an error, not a reason to fall back: nobody should read a script's
answer and believe it a model's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from analemma.errors import ConfigInvalid
from analemma.hardware.ports.models import ModelProvider
from analemma.hardware.providers.price import ModelPrice

if TYPE_CHECKING:
    from analemma.hardware.providers.anthropic import AnthropicProvider
    from analemma.hardware.providers.gemini import GeminiProvider

_GEMINI_KEY = "GEMINI_API_KEY"
_ANTHROPIC_KEY = "ANTHROPIC_API_KEY"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One vendor's model and what it costs. ``base_url`` of None: the vendor's.

    ``longest_answer`` is the most tokens it can write; None: the adapter knows.
    """

    model: str
    price: ModelPrice
    base_url: str | None = None
    longest_answer: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model of each vendor to use, and how long a call may take."""

    gemini: ModelChoice | None = None
    anthropic: ModelChoice | None = None
    timeout_seconds: float = 120.0


def provider_from(
    environ: Mapping[str, str], settings: ModelSettings, scripted: ModelProvider
) -> ModelProvider:
    """Return the provider that ``environ`` has a key for, else ``scripted``.

    The vendors' packages are imported here and only when needed.

    Raises:
        ConfigInvalid: a key without settings, settings that cannot hold, or the
            extra ``models`` is not installed.
    """
    if key := environ.get(_GEMINI_KEY, "").strip():
        return _gemini(key, settings)
    if key := environ.get(_ANTHROPIC_KEY, "").strip():
        return _anthropic(key, settings)
    return scripted


def _gemini(key: str, settings: ModelSettings) -> "GeminiProvider":
    choice = _checked(settings.gemini, "gemini", _GEMINI_KEY)
    try:
        from analemma.hardware.providers.gemini import LONGEST_ANSWER, GeminiProvider
    except ImportError as error:
        raise _not_installed(_GEMINI_KEY, error) from error
    return GeminiProvider(
        key,
        model=choice.model,
        price=choice.price,
        longest_answer=choice.longest_answer or LONGEST_ANSWER,
        base_url=choice.base_url,
        timeout_seconds=settings.timeout_seconds,
    )


def _anthropic(key: str, settings: ModelSettings) -> "AnthropicProvider":
    choice = _checked(settings.anthropic, "anthropic", _ANTHROPIC_KEY)
    try:
        from analemma.hardware.providers.anthropic import (
            LONGEST_ANSWER,
            AnthropicProvider,
        )
    except ImportError as error:
        raise _not_installed(_ANTHROPIC_KEY, error) from error
    return AnthropicProvider(
        key,
        model=choice.model,
        price=choice.price,
        longest_answer=choice.longest_answer or LONGEST_ANSWER,
        base_url=choice.base_url,
        timeout_seconds=settings.timeout_seconds,
    )


def _checked(choice: ModelChoice | None, vendor: str, variable: str) -> ModelChoice:
    if choice is None:
        raise ConfigInvalid(
            f"{variable} is set, but no model and price for {vendor} are configured; "
            "configure them or unset the key"
        )
    if not choice.model:
        raise ConfigInvalid(f"the model of {vendor} is empty; name one")
    if choice.base_url is not None and not _is_http(choice.base_url):
        raise ConfigInvalid(
            f"the base URL of {vendor}, {choice.base_url!r}, is no http(s) URL"
        )
    return choice


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _not_installed(variable: str, error: ImportError) -> ConfigInvalid:
    return ConfigInvalid(
        f"{variable} is set, but the model clients are not installed "
        f"({error}); pip install 'analemma[models]', or unset the key"
    )
