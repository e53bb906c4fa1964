"""The benchmark of limits: what it counts, and that it complains."""

from dataclasses import replace

import pytest

from benchmarks.budgets import calls, estimates, parallel
from benchmarks.budgets.__main__ import _wrong
from benchmarks.budgets.parallel import Spent


@pytest.mark.parametrize("setting", calls.SETTINGS, ids=lambda each: each.name)
def test_a_model_call_costs_the_store_calls_that_are_expected(
    setting: calls.Setting,
) -> None:
    assert calls.counted(setting).as_expected


def test_examples_take_no_more_than_was_reserved_for_them() -> None:
    found = estimates.estimates()

    assert all(each.holds for each in found)
    assert [each.name for each in found if each.calls] == ["auditor, of idna"]
    (auditor,) = (each for each in found if each.calls)
    assert auditor.used.micro_usd < auditor.bound.micro_usd


def test_calls_that_are_only_checked_would_pass_the_limit() -> None:
    at_once = parallel.TASKS * parallel.call_tokens()

    assert at_once > parallel.limit_tokens()
    assert 1 < parallel.limit_tokens() // parallel.bound_tokens() < parallel.TASKS
    assert 1 < parallel.expected_calls() < parallel.TASKS


GOOD = Spent(
    setting="threads",
    meter="reserved",
    limit=parallel.limit_tokens(),
    calls=parallel.expected_calls(),
    at_once=2,
    tokens=10,
    micro_usd=20,
    ledger_tokens=10,
    ledger_micro_usd=20,
    status="done",
)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, ""),
        ({"ledger_micro_usd": 19}, "the ledger is not the bill"),
        ({"ledger_tokens": 11}, "the ledger is not the bill"),
        ({"tokens": 10**6, "ledger_tokens": 10**6}, "1000000 tokens of"),
        ({"calls": 1}, "not as many as fit"),
        ({"meter": "checked"}, "nothing is shown"),
    ],
)
def test_it_complains_of_what_does_not_hold(
    changes: dict[str, object], complaint: str
) -> None:
    wrong = _wrong([replace(GOOD, **changes)])  # type: ignore[arg-type]  # a field's

    assert bool(wrong) == bool(complaint)
    assert complaint in "".join(wrong)
