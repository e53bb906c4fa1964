"""What a vendor's refusal means, and what of it may be told.

A vendor's exception holds the request, and with it the API key and the prompt.
So it is never chained: the adapters return an error of ours and raise it after
the vendor's has gone, and the key is cut out of the text that is kept.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from analemma.errors import (
    NOT_BILLED,
    AnalemmaError,
    ConfigInvalid,
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
)

_OVERLOADED = 529  # Anthropic's own: all of the service is busy.
_THROTTLED = frozenset({HTTPStatus.TOO_MANY_REQUESTS.value, _OVERLOADED})
# Both vendors' clients would retry these by themselves.
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT.value, HTTPStatus.CONFLICT.value})
# A gateway gave up waiting: what stands behind it may have served the call.
_GAVE_UP = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT.value,
        HTTPStatus.BAD_GATEWAY.value,
        HTTPStatus.GATEWAY_TIMEOUT.value,
    }
)
_MAX_TEXT = 500
_UNCONNECTED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def failure_of_status(
    who: str,
    status: int,
    text: str,
    key: str,
    *,
    retry_after_seconds: float | None = None,
) -> AnalemmaError:
    """Return the error that an HTTP ``status`` of a provider stands for.

    Neither vendor bills a call that it answers with an error. Sources: Google,
    "Gemini API billing" (400 and 500 are not charged); Anthropic, "Errors".

    Args:
        who: The provider's name, for the message.
        status: The HTTP status.
        text: What the vendor said about it.
        key: The API key, cut out of ``text`` wherever it occurs.
        retry_after_seconds: How long the provider asked to wait, if it did.
    """
    said = f"HTTP {status}: {told(text, key)}"
    if status in _THROTTLED:
        return ProviderThrottled(
            f"{who} asked to wait: {said}", retry_after_seconds=retry_after_seconds
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return ProviderUnavailable(
            f"{who} failed on its side: {said}",
            cost=None if status in _GAVE_UP else NOT_BILLED,
        )
    return ProviderRejected(f"{who} refused: {said}; check key, model and request")


def never_connected(error: Exception) -> bool:
    """Say whether a client's error means that no request was ever sent.

    Known by name, because it is one of whichever HTTP library stands below.
    """
    names = {type(each).__name__ for each in (error, error.__cause__) if each}
    return not names.isdisjoint(_UNCONNECTED)


def told(text: str, key: str) -> str:
    """Return ``text`` as one short line without ``key``."""
    return " ".join(text.replace(key, "[key]").split())[:_MAX_TEXT]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` header, given either way.

    RFC 9110, 10.2.3: whole seconds, or an HTTP date. What cannot be read counts
    as not said; a date that has passed as 0.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": UTC, says RFC 5322.
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def usable_key(key: str, variable: str) -> str:
    """Return ``key`` as it goes into a header.

    Raises:
        ConfigInvalid: it has characters that no header takes; a client would
            print the whole key in its complaint.
    """
    stripped = key.strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable():
        raise ConfigInvalid(
            f"{variable} is empty or holds characters that no API key has; "
            "copy the key again"
        )
    return stripped
