"""Counters, amounts and the policy of shared limits: what they say and keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analemma.records.budget import NOTHING, Amount, Budget
from analemma.records.limits import LimitsPolicy, SharedLimit
from analemma.records.policy import KernelPolicy
from analemma.records.spending import MAX_HOLDS, Counter, Hold, Refusal
from analemma.records.transition import TerminationReason

FIGURES = st.integers(0, 10**9)
AMOUNTS = st.builds(
    Amount,
    supersteps=FIGURES,
    milliseconds=FIGURES,
    tokens=FIGURES,
    micro_usd=FIGURES,
)


def tokens(number: int) -> Amount:
    return Amount(tokens=number)


@given(one=AMOUNTS, other=AMOUNTS)
def test_amounts_are_added_and_compared_part_by_part(
    one: Amount, other: Amount
) -> None:
    assert one + other - other == one
    assert one.at_least(other) == other.at_least(one)
    assert (one + other).at_least(one) == one + other
    assert bool(one) == (one != NOTHING)


@given(amount=AMOUNTS)
def test_an_amount_is_stored_as_a_short_list(amount: Amount) -> None:
    counter = Counter(settled=amount)

    assert Counter.model_validate_json(counter.model_dump_json()) == counter
    assert Amount(tokens=5).model_dump_json() == "[0,0,5,0]"


def test_an_amount_says_what_a_limit_is_about() -> None:
    amount = Amount(supersteps=1, milliseconds=2, tokens=3, micro_usd=4)

    assert [amount.of(reason) for reason, _ in ALL.limits()] == [1, 2, 3, 4]


ALL = Budget(supersteps=1, seconds=1, tokens=1, micro_usd=1)


def test_a_budget_gives_only_some_of_its_limits() -> None:
    only = ALL.only(TerminationReason.TOKENS, TerminationReason.MICRO_USD)

    assert only == Budget(tokens=1, micro_usd=1)


def test_a_hold_counts_until_its_writer_states_what_became_of_it() -> None:
    counter = Counter().with_hold("w", Hold(owner="o", run_id="r", open=tokens(100)))
    assert counter.spent == tokens(100)

    settled = Hold(
        owner="o", run_id="r", open=NOTHING, entered=tokens(100), settled=tokens(30)
    )
    again = counter.with_hold("w", settled)

    assert again.spent == again.settled == tokens(30)
    assert again.with_hold("w", settled) == again
    assert again.without("w") == Counter(settled=tokens(30))


@given(
    bounds=st.lists(st.integers(0, 100), max_size=8),
    stated=st.sets(st.integers(0, 7)),
    entered=st.sets(st.integers(0, 7)),
    share=st.integers(0, 100),
)
def test_what_a_ledger_tells_of_a_hold_never_makes_it_count_too_little(
    bounds: list[int], stated: set[int], entered: set[int], share: int
) -> None:
    """Whichever calls the hold and the ledger know of, of those that were made."""
    costs = [bound * share // 100 for bound in bounds]
    known = [number for number in range(len(bounds)) if number in stated]
    found = [number for number in range(len(bounds)) if number in entered]
    hold = Hold(
        owner="o",
        run_id="r",
        open=tokens(sum(bounds) - sum(bounds[n] for n in known)),
        entered=tokens(sum(bounds[n] for n in known)),
        settled=tokens(sum(costs[n] for n in known)),
    )

    told = hold.told(
        tokens(sum(bounds[n] for n in found)), tokens(sum(costs[n] for n in found))
    )

    assert told.open.tokens + told.settled.tokens >= sum(costs)
    assert told.open.tokens + told.settled.tokens <= sum(bounds)


def test_a_full_counter_fits_a_record() -> None:
    big = Amount(supersteps=10**6, milliseconds=10**9, tokens=10**9, micro_usd=10**9)
    hold = Hold(owner="o" * 64, run_id="r" * 64, open=big, entered=big, settled=big)
    counter = Counter(
        settled=big, holds={f"w{n}-abcdefgh": hold for n in range(MAX_HOLDS)}
    )

    assert len(counter.model_dump_json(exclude_defaults=True)) < 380_000


def test_a_refusal_is_a_sentence_with_every_figure_that_decided_it() -> None:
    refusal = Refusal(
        scope="the environment",
        reason=TerminationReason.MICRO_USD,
        limit=1000,
        spent=300,
        reserved=200,
        unknown=100,
        wanted=500,
        since="2026-01-02",
    )

    assert refusal.sentence() == (
        "the next call may take 500 micro_usd, which does not fit the 1,000 of "
        "2026-01-02 of the environment (300 spent, 200 reserved, up to 100 by calls "
        "that did not say)"
    )


def test_a_single_workflow_has_its_own_limit_before_that_of_all() -> None:
    policy = LimitsPolicy(
        workflow_version=SharedLimit(tokens=5), workflows={"a": SharedLimit(tokens=7)}
    )

    assert policy.of_workflow("a").tokens == 7
    assert policy.of_workflow("b").tokens == 5


@pytest.mark.parametrize(
    "limits",
    [
        {"environment": {"tokens": 0}},
        {"environment": {"per": "week"}},
        {"environment": {"dollars": 1}},
        {"owner": {"tokens": 1}},
        {"least_answer_tokens": 0},
        {"wait_seconds": -1},
    ],
    ids=str,
)
def test_limits_that_cannot_hold_are_refused(limits: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KernelPolicy.model_validate({"limits": limits})
