from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.fills import FEE_STEP, average_price, fee_of

AMOUNTS = st.decimals("0", "1e9", places=8)
RATES = st.decimals("-0.01", "0.02", places=5)


def test_a_fee_is_cut_to_whole_steps_toward_zero() -> None:
    assert fee_of(Decimal("1.23456789"), Decimal("0.001")) == Decimal("0.00123456")
    assert fee_of(Decimal("1.23456789"), Decimal("-0.001")) == Decimal("-0.00123456")
    assert fee_of(Decimal(199), Decimal("0.01"), Decimal("0.1")) == Decimal("1.9")


def test_an_average_price_is_the_notional_by_the_quantity() -> None:
    assert average_price(Decimal(201), Decimal(2)) == Decimal("100.5")
    assert average_price(Decimal(10), Decimal(3)) == Decimal("3.333333333333")
    assert average_price(Decimal(10), Decimal(1)) == Decimal(10)


@given(amount=AMOUNTS, rate=RATES)
def test_a_fee_is_less_than_one_step_away_from_the_exact_one(amount: Decimal, rate: Decimal) -> None:
    assert abs(fee_of(amount, rate) - amount * rate) < FEE_STEP


@given(parts=st.lists(AMOUNTS, min_size=1, max_size=6), rate=st.decimals("0", "0.02", places=5))
def test_the_fees_of_the_parts_never_exceed_the_fee_of_the_whole(parts: list[Decimal], rate: Decimal) -> None:
    assert sum(fee_of(part, rate) for part in parts) <= fee_of(sum(parts, Decimal(0)), rate)
