"""What a tally costs, part by part, by the kernel's dated list of prices.

All of us-east-1, without free tiers. Calls of Step Functions' API cost nothing
beside the transitions they cause.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from analemma.records import prices
from analemma.records.prices import Price, price_of_call
from benchmarks.cost.tally import Tally

DURABLE_BYTES_A_STEP = 1384
"""What the SDK of durable functions writes for a step of 1 KB: 13,840 in 10."""

_BY_UNIT = {"dynamodb", "sfn"}
"""Services whose requests have no price of their own."""


@dataclass(frozen=True, slots=True)
class Part:
    """So many units of one thing."""

    price: Price
    count: int

    @property
    def pico_usd(self) -> int:
        """What they cost together."""
        return self.count * self.price.pico_usd


@dataclass(frozen=True, slots=True)
class Bill:
    """The parts of what one system costs for one run.

    ``measured`` is False where nothing was run and all is arithmetic.
    """

    name: str
    parts: tuple[Part, ...]
    measured: bool = True

    @property
    def usd(self) -> Decimal:
        """What a run costs, in dollars."""
        return prices.usd(sum(part.pico_usd for part in self.parts))


def bill(name: str, tally: Tally) -> Bill:
    """Return what ``tally`` costs.

    Raises:
        KeyError: a request of it has no price.
    """
    return Bill(name, tuple(part for part in _parts(tally) if part.count))


def _parts(tally: Tally) -> Iterator[Part]:
    yield Part(prices.TRANSITION, tally.transitions)
    yield Part(prices.LAMBDA_REQUEST, tally.lambda_requests)
    yield Part(prices.WRITE_UNIT, tally.write_units)
    yield Part(prices.READ_UNIT, tally.read_units)
    by_price = {prices.S3_PUT.pico_usd: 0, prices.S3_GET.pico_usd: 0, 0: 0}
    by_price[prices.S3_GET.pico_usd] += tally.s3_reads_of_maps
    for service, operation, count in _named(tally.requests):
        if service not in _BY_UNIT:
            by_price[price_of_call(service, operation, 0, 0)] += count
    yield Part(prices.S3_PUT, by_price[prices.S3_PUT.pico_usd])
    yield Part(prices.S3_GET, by_price[prices.S3_GET.pico_usd])


def _named(requests: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    for name, count in requests.items():
        service, _, operation = name.partition(": ")[2].partition(".")
        yield service, operation, count


def durable_functions(supersteps: int) -> Bill:
    """Return the arithmetic for Lambda durable functions, which nothing here runs.

    A step is an operation, and the start of the run one more.
    """
    return Bill(
        "Lambda durable functions",
        (
            Part(prices.DURABLE_OPERATION, supersteps + 1),
            Part(prices.DURABLE_BYTE, supersteps * DURABLE_BYTES_A_STEP),
            Part(prices.LAMBDA_REQUEST, 1),
        ),
        measured=False,
    )


def cheapest_first(bills: Iterable[Bill]) -> list[Bill]:
    """Return the bills in the order of a table."""
    return sorted(bills, key=lambda each: each.usd)
