"""Prices: exact, whole, rounded up, adding up."""

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from analemma.hardware.providers.price import FREE, ModelPrice

TOKENS = st.integers(0, 10**9)
MICRO_USD = st.integers(0, 10**9)


@given(TOKENS, TOKENS, MICRO_USD, MICRO_USD)
def test_cost_is_the_exact_cost_rounded_up(
    read: int, written: int, input_price: int, output_price: int
) -> None:
    exact = Fraction(read * input_price + written * output_price, 10**6)
    cost = ModelPrice(input_price, output_price).micro_usd(read, written)
    assert cost == ceil(exact)
    assert isinstance(cost, int)


def test_a_single_token_is_never_free() -> None:
    assert ModelPrice(1, 1).micro_usd(1, 0) == 1


def test_what_is_free_costs_nothing() -> None:
    assert FREE.micro_usd(10**9, 10**9) == 0
