from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import Listing, Side
from quarterdeck.fills import FEE_STEP, average_price, fee_asset_of, fee_of

AMOUNTS = st.decimals("0", "1e9", places=8)
RATES = st.decimals("-0.01", "0.02", places=5)
STEPS = st.sampled_from([FEE_STEP, Decimal("0.01"), Decimal("0.5"), Decimal("0.25")])
Rounding = Literal["down", "up", "half_even"]
ROUNDINGS: st.SearchStrategy[Rounding] = st.sampled_from(["down", "up", "half_even"])


def test_a_fee_is_cut_to_whole_steps_toward_zero() -> None:
    assert fee_of(Decimal("1.23456789"), Decimal("0.001")) == Decimal("0.00123456")
    assert fee_of(Decimal("1.23456789"), Decimal("-0.001")) == Decimal("-0.00123456")
    assert fee_of(Decimal(199), Decimal("0.01"), Decimal("0.1")) == Decimal("1.9")


@pytest.mark.parametrize(
    ("amount", "rounding", "fee"),
    [
        ("1.21", "down", "1.2"),
        ("1.21", "up", "1.3"),
        ("1.25", "half_even", "1.2"),
        ("1.35", "half_even", "1.4"),
        ("1.20", "up", "1.2"),
    ],
)
def test_a_venue_rounds_its_fees_in_its_own_way(amount: str, rounding: Rounding, fee: str) -> None:
    """S7."""
    assert fee_of(Decimal(amount), Decimal(1), Decimal("0.1"), rounding) == Decimal(fee)


def test_rounding_up_favours_the_venue_in_rebates_too() -> None:
    assert fee_of(Decimal(129), Decimal("-0.01"), Decimal("0.1"), "up") == Decimal("-1.2")
    assert fee_of(Decimal(129), Decimal("-0.01"), Decimal("0.1"), "half_even") == Decimal("-1.3")


@pytest.mark.parametrize(
    ("fee_asset", "bought", "sold"),
    [("quote", "USD", "USD"), ("base", "BTC", "BTC"), ("received", "BTC", "USD"), ("BNB", "BNB", "BNB")],
)
def test_a_fee_is_taken_in_the_asset_that_the_listing_names(fee_asset: str, bought: str, sold: str) -> None:
    """R22."""
    plain = Listing("a", "BTC-USD", "BTC", "USD", Decimal(1), Decimal(1), 1, 2, Decimal(0), Decimal(0), Decimal(0), "")
    listing = replace(plain, fee_asset=fee_asset)
    assert (fee_asset_of(listing, Side.BUY), fee_asset_of(listing, Side.SELL)) == (bought, sold)


def test_an_average_price_is_the_notional_by_the_quantity() -> None:
    assert average_price(Decimal(201), Decimal(2)) == Decimal("100.5")
    assert average_price(Decimal(10), Decimal(3)) == Decimal("3.333333333333")
    assert average_price(Decimal(10), Decimal(1)) == Decimal(10)


@given(amount=AMOUNTS, rate=RATES, step=STEPS, rounding=ROUNDINGS)
def test_a_fee_is_less_than_one_step_away_from_the_exact_one_on_the_side_of_its_rounding(
    amount: Decimal, rate: Decimal, step: Decimal, rounding: Rounding
) -> None:
    fee, exact = fee_of(amount, rate, step, rounding), amount * rate
    assert abs(fee - exact) < step
    assert fee % step == 0
    if rounding == "up":
        assert fee >= exact
    elif rounding == "down":
        assert abs(fee) <= abs(exact)
    else:
        assert abs(fee - exact) <= step / 2


@given(parts=st.lists(AMOUNTS, min_size=1, max_size=6), rate=st.decimals("0", "0.02", places=5), step=STEPS)
def test_cut_fees_of_the_parts_never_exceed_the_fee_of_the_whole(
    parts: list[Decimal], rate: Decimal, step: Decimal
) -> None:
    assert sum(fee_of(part, rate, step) for part in parts) <= fee_of(sum(parts, Decimal(0)), rate, step)
