"""Price what a run uses, in pico-dollars.

Not in it: models, logs, data transfer, storage, KMS, retries, free tiers.
"""

from dataclasses import dataclass

from analemma.kernelspace.planner.slicing import Counts
from analemma.records import prices
from analemma.records.prices import Price

_MB_MS_A_GB_SECOND = 1024 * 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a bill. ``count`` is rounded for reading, the price is not."""

    name: str
    count: float
    pico_usd: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one run uses and costs."""

    counts: Counts
    gb_seconds: float
    parts: tuple[Part, ...]

    @property
    def pico_usd(self) -> int:
        """What the run costs in all."""
        return sum(part.pico_usd for part in self.parts)


def estimate(counts: Counts, memory_mb: int) -> Estimate:
    """Return what these counts cost with Lambdas of one size, on arm64."""
    mb_ms = (counts.slice_ms + counts.worker_ms) * memory_mb
    gb_seconds = mb_ms / _MB_MS_A_GB_SECOND
    compute = mb_ms * prices.GB_SECOND_ARM.pico_usd // _MB_MS_A_GB_SECOND
    return Estimate(
        counts=counts,
        gb_seconds=gb_seconds,
        parts=(
            _part("state transitions", counts.transitions, prices.TRANSITION),
            _part("Lambda requests", counts.lambda_requests, prices.LAMBDA_REQUEST),
            Part("Lambda GB-seconds", gb_seconds, compute),
            _part("DynamoDB write units", counts.write_units, prices.WRITE_UNIT),
            _part("DynamoDB read units", counts.read_units, prices.READ_UNIT),
            _part("S3 writes", counts.s3_puts, prices.S3_PUT),
            _part("S3 reads", counts.s3_gets, prices.S3_GET),
        ),
    )


def _part(name: str, count: int, price: Price) -> Part:
    return Part(name, count, count * price.pico_usd)
