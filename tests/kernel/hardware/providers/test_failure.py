"""Refusals in general: every status means something, and the key is cut out."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import (
    ProviderRejected,
    ProviderThrottled,
    ProviderUnavailable,
    Retryable,
)
from analemma.hardware.providers.failure import failure_of_status, retry_after, told


@given(st.integers(300, 999))
def test_every_status_is_one_of_three_errors(status: int) -> None:
    failure = failure_of_status("who", status, "text", "key")
    if status in (429, 529):
        assert isinstance(failure, ProviderThrottled)
    elif status >= 500 or status in (408, 409):
        assert isinstance(failure, ProviderUnavailable)
    else:
        assert isinstance(failure, ProviderRejected)
    assert isinstance(failure, Retryable) == (not isinstance(failure, ProviderRejected))


def test_text_is_one_short_line_without_the_key() -> None:
    text = "your key\nsecret-1\n is  bad " + "x" * 1000
    assert told(text, "secret-1").startswith("your key [key] is bad xxx")
    assert len(told(text, "secret-1")) == 500


def test_date_to_wait_until_becomes_seconds_from_now() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    seconds = retry_after({"retry-after": until})
    assert seconds is not None
    assert 80 < seconds <= 90


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("٣", None),
        ("9" * 400, None),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
    ],
)
def test_wait_is_read_or_counts_as_not_said(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_no_header_says_nothing() -> None:
    assert retry_after({}) is None
