"""Prices are exact, dated, and those of ADR 0008."""

from decimal import Decimal
from pathlib import Path

import pytest

from analemma.records import prices
from analemma.records.prices import PRICES, price_of_call, read_units, usd, write_units

PICO = 10**12
ADR = Path(__file__).parents[3] / "docs/adr/0008-where-a-page-is-cheapest.md"


@pytest.mark.parametrize(
    ("price", "dollars", "count"),
    [
        (prices.WRITE_UNIT, "0.625", 1_000_000),
        (prices.READ_UNIT, "0.125", 1_000_000),
        (prices.S3_PUT, "0.005", 1_000),
        (prices.S3_GET, "0.0004", 1_000),
        (prices.TRANSITION, "0.025", 1_000),
        (prices.MAP_CHILD_TRANSITION, "0.025", 1_000),
        (prices.EXPRESS_REQUEST, "1", 1_000_000),
        (prices.LAMBDA_REQUEST, "0.20", 1_000_000),
        (prices.GB_SECOND_ARM, "0.0000133334", 1),
        (prices.KMS_REQUEST, "0.03", 10_000),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_price_is_what_the_vendor_lists(
    price: prices.Price, dollars: str, count: int
) -> None:
    assert usd(price.pico_usd * count) == Decimal(dollars)


def test_every_price_says_when_and_where_it_was_published() -> None:
    for price in PRICES:
        assert price.pico_usd > 0
        assert price.as_of.year >= 2026
        assert price.source.startswith("https://aws.amazon.com/")
    assert len({(price.name, price.unit) for price in PRICES}) == len(PRICES)


def test_the_decision_on_pages_rests_on_the_same_prices() -> None:
    text = ADR.read_text(encoding="utf-8")

    assert f"${prices.WRITE_UNIT.pico_usd / 1e6:g} per million KB" in text
    assert f"${prices.READ_UNIT.pico_usd / 1e6:g} per million 4 KB" in text
    assert f"${prices.S3_PUT.pico_usd / 1e6:g} per million calls" in text
    assert f"${prices.S3_GET.pico_usd / 1e6:.2f} per million calls" in text


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (10_240, 10)]
)
def test_a_write_is_billed_by_the_kilobyte_begun(size: int, units: int) -> None:
    assert write_units(size) == units
    assert price_of_call("dynamodb", "PutItem", size, 0) == units * 625_000
    assert price_of_call("dynamodb", "UpdateItem", size, 9999) == units * 625_000
    assert (
        price_of_call("dynamodb", "TransactWriteItems", size, 0) == 2 * units * 625_000
    )


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (4096, 1), (4097, 2), (40_960, 10)]
)
def test_a_read_is_billed_by_four_kilobytes_begun(size: int, units: int) -> None:
    assert read_units(size) == units
    assert price_of_call("dynamodb", "Query", 9999, size) == units * 125_000
    assert price_of_call("dynamodb", "TransactGetItems", 0, size) == units * 250_000
    assert (
        price_of_call("dynamodb", "GetItem", 0, size, consistent=False)
        == units * 62_500
    )


@pytest.mark.parametrize(
    ("service", "operation", "pico_usd"),
    [
        ("s3", "PutObject", 5_000_000),
        ("s3", "ListObjectsV2", 5_000_000),
        ("s3", "GetObject", 400_000),
        ("s3", "HeadObject", 400_000),
        ("s3", "DeleteObject", 0),
        ("sfn", "StartExecution", 0),
        ("lambda", "Invoke", 200_000),
        ("kms", "Decrypt", 3_000_000),
        ("secretsmanager", "GetSecretValue", 5_000_000),
        ("logs", "PutLogEvents", 50_000),
        ("dynamodb", "DescribeTable", 0),
    ],
)
def test_a_call_has_the_price_of_its_kind(
    service: str, operation: str, pico_usd: int
) -> None:
    assert price_of_call(service, operation, 100, 100) == pico_usd


@pytest.mark.parametrize(
    ("service", "operation"),
    [("ec2", "RunInstances"), ("s3", "Unheard"), ("dynamodb", "ExecuteStatement")],
)
def test_a_call_without_a_price_is_an_error_and_never_free(
    service: str, operation: str
) -> None:
    with pytest.raises(KeyError, match=operation):
        price_of_call(service, operation, 1, 1)


def test_sums_of_millions_of_calls_are_exact() -> None:
    assert usd(3_000_001 * price_of_call("dynamodb", "GetItem", 0, 0)) == Decimal(
        "0.375000125"
    )
    assert usd(PICO) == 1
