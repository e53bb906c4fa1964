"""Tallies, bills, and what counts as drift."""

from collections import Counter
from pathlib import Path

import pytest

from analemma.records import prices
from benchmarks.cloud.front import Call
from benchmarks.cloud.history import History
from benchmarks.cost import expectation
from benchmarks.cost.bill import bill, durable_functions
from benchmarks.cost.plain import definition
from benchmarks.cost.tally import Tally, tally

HISTORY = History(
    events=30,
    types=Counter(),
    transitions=4,
    lambda_requests=2,
    items_read=1,
    executions_started=0,
)


def call(operation: str, sent: int = 0, received: int = 0) -> Call:
    return Call("k", "dynamodb", operation, 200, sent, received)


@pytest.mark.parametrize(
    ("sent", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2049, 3)]
)
def test_write_costs_a_unit_a_kilobyte_begun_and_one_at_least(
    sent: int, units: int
) -> None:
    assert tally([call("UpdateItem", sent)], [], {"k": "me"}).write_units == units


@pytest.mark.parametrize(("received", "units"), [(0, 1), (4096, 1), (4097, 2)])
def test_read_costs_a_unit_every_four_kilobytes_begun(
    received: int, units: int
) -> None:
    found = tally([call("Query", received=received)], [], {"k": "me"})

    assert (found.read_units, found.write_units) == (units, 0)


def test_bill_adds_up_calls_units_and_what_step_functions_did() -> None:
    calls = [
        call("UpdateItem", 1500),
        call("GetItem", received=10),
        Call("k", "s3", "PutObject", 200, 10, 0),
        Call("k", "s3", "HeadObject", 200, 0, 0),
        Call("k", "sfn", "StartExecution", 200, 10, 10),
    ]

    found = bill("me", tally(calls, [HISTORY], {"k": "me"}))

    assert found.usd == prices.usd(
        4 * prices.TRANSITION.pico_usd
        + 2 * prices.LAMBDA_REQUEST.pico_usd
        + 2 * prices.WRITE_UNIT.pico_usd
        + prices.READ_UNIT.pico_usd
        + prices.S3_PUT.pico_usd
        + 2 * prices.S3_GET.pico_usd  # the HEAD, and the page that a Map read
    )


def test_bill_of_calls_is_the_sum_of_what_each_call_costs() -> None:
    calls = [
        call("UpdateItem", 1500),
        call("Query", received=9000),
        Call("k", "s3", "PutObject", 412, 10, 200),
        Call("k", "s3", "GetObject", 200, 0, 9000),
        Call("k", "sfn", "StartExecution", 200, 10, 10),
    ]

    each = (
        prices.price_of_call(
            one.service,
            one.operation,
            one.billed_request_bytes,
            one.billed_response_bytes,
        )
        for one in calls
    )
    found = bill("me", tally(calls, [], {"k": "me"}))

    assert found.usd == prices.usd(sum(each))


def test_request_without_a_price_is_not_free() -> None:
    calls = [Call("k", "sqs", "SendMessage", 200, 0, 0)]
    with pytest.raises(KeyError, match=r"sqs\.SendMessage"):
        bill("me", tally(calls, [], {"k": "me"}))


def test_durable_functions_cost_what_their_operations_cost() -> None:
    assert float(durable_functions(100).usd) == pytest.approx(0.00084, abs=0.00001)


def test_plain_machine_has_a_state_a_step_and_ends_with_the_last() -> None:
    states = definition("function", 100)["States"]

    assert len(states) == 100
    assert [each.get("Next") for each in states.values()][-2:] == ["Step099", None]


def test_equal_counts_are_no_drift_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    counted = Tally(requests={"me: s3.PutObject": 2}, write_units=7)
    expectation.record(100, {"ours": counted}, path)

    assert list(expectation.drift(100, {"ours": counted}, path)) == []
    other = Tally(requests={"me: s3.GetObject": 1}, write_units=8)
    assert list(expectation.drift(100, {"ours": other}, path)) == [
        "ours, me: s3.GetObject: 1, not 0",
        "ours, me: s3.PutObject: 0, not 2",
        "ours, write_units: 8, not 7",
    ]
    assert list(expectation.drift(99, {"ours": counted}, path)) == [
        "recorded for 100 supersteps, not 99"
    ]


def test_unit_of_an_item_on_the_edge_is_no_drift_and_any_other_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "expected.json"

    def counted(*sizes: int) -> dict[str, Tally]:
        calls = [call("UpdateItem", size) for size in sizes]
        return {"ours": tally(calls, [], {"k": "me"})}

    expectation.record(100, counted(1020, 1500), path)

    assert list(expectation.drift(100, counted(1030, 1500), path)) == []
    assert list(expectation.drift(100, counted(1030, 2500), path)) == [
        "ours, write_units: 5, not 3"
    ]
    assert list(expectation.drift(100, counted(1500, 1500), path)) == [
        "ours, write_units: 4, not 3"
    ]


def test_nothing_recorded_is_drift(tmp_path: Path) -> None:
    (complaint,) = expectation.drift(100, {}, tmp_path / "expected.json")

    assert "missing" in complaint


def test_system_that_is_gone_or_new_is_drift(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    expectation.record(100, {"gone": Tally(transitions=3)}, path)

    found = list(expectation.drift(100, {"new": Tally(transitions=5)}, path))

    assert "gone, transitions: 0, not 3" in found
    assert "new, transitions: 5, not 0" in found
