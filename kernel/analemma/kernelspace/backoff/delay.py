"""How long to wait before the next attempt: exponential backoff with full jitter.

The jitter is not random. It is a digest of who waits for what, so that a slice
which is repeated says the same again, while runs that failed together come back
apart, which is all that jitter is for.

Source: Marc Brooker, "Timeouts, retries, and backoff with jitter", Amazon
Builders' Library: ``sleep = random_between(0, min(cap, base * 2 ** attempt))``.
"""

import hashlib
import math

from analemma.records.concurrency_policy import BackoffPolicy

LONGEST_SECONDS = 86_400.0
"""Who asks for more is asked again after a day."""


def delay(
    attempt: int,
    policy: BackoffPolicy,
    chance: float,
    *,
    retry_after_seconds: float | None = None,
) -> float:
    """Return the seconds to wait after ``attempt`` failed.

    What the other side asked for is the least wait, and the jitter comes on top:
    if all waited just as long as they were told, they would all come back at once.

    Args:
        attempt: Which attempt failed, counted from 1.
        policy: How the jitter's bound grows.
        chance: A number drawn evenly from 0 to below 1; see ``chance_of``.
        retry_after_seconds: What the other side asked for; at most a day is heard.
    """
    if attempt < 1 or not 0.0 <= chance < 1.0:
        raise ValueError(f"attempt {attempt} and chance {chance}: 1.., and 0 to 1")
    least = min(max(0.0, retry_after_seconds or 0.0), LONGEST_SECONDS)
    return least + chance * _bound(attempt, policy)


def chance_of(*parts: object) -> float:
    """Return a number from 0 to below 1: the same for the same parts.

    Spread evenly over different parts, as SHA-256 spreads its digests.
    """
    text = "\0".join(map(str, parts))
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # what a float holds exactly


def _bound(attempt: int, policy: BackoffPolicy) -> float:
    # In logarithms: a rate of 10 at attempt 400 is no float any more.
    grown = math.log(policy.base_seconds) + (attempt - 1) * math.log(
        policy.backoff_rate
    )
    if grown >= math.log(policy.max_seconds):
        return policy.max_seconds
    return math.exp(grown)
