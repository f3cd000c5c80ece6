"""What the bot is worth at given marks."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from quarterdeck.domain import MarkTaken
from quarterdeck.portfolio import FLAT, Position, marked_equity

HELD = Position(qty=Decimal(2), cost=Decimal(1))


def quote_of(_venue: str, instrument: str) -> str:
    return instrument.partition("-")[2]


def rate_of(**rates: float) -> Callable[[str], float | None]:
    return {"USD": 1.0, **rates}.get


def worth(
    cash: Mapping[str, Mapping[str, Decimal]],
    positions: Mapping[str, Mapping[str, Position]],
    rates: Callable[[str], float | None],
    price: float | None = 10.0,
) -> tuple[float | None, tuple[MarkTaken, ...]]:
    return marked_equity(cash, positions, rates, lambda _venue, _instrument: price, quote_of)


def test_cash_and_positions_add_up_over_all_venues() -> None:
    cash = {"a": {"USD": Decimal(100)}, "b": {"USDT": Decimal(50)}}
    positions = {"a": {"BTC-USD": HELD}, "b": {"BTC-USDT": HELD}}
    equity, marks = worth(cash, positions, rate_of(USDT=1.0))
    assert equity == 190.0
    assert marks == (MarkTaken("a", "BTC-USD", 10.0), MarkTaken("b", "BTC-USDT", 10.0))


def test_what_is_quoted_in_other_money_counts_at_its_rate() -> None:
    """S8: cash in a stablecoin off its peg and a position priced in it are both marked at market."""
    cash = {"a": {"USD": Decimal(100), "USDC": Decimal(50), "BNB": Decimal("-0.5")}}
    positions = {"a": {"BTC-USDC": HELD}}
    equity, marks = worth(cash, positions, rate_of(USDC=0.9, BNB=300.0))
    assert equity == pytest.approx(100.0 + 45.0 - 150.0 + 18.0)
    assert marks == (MarkTaken("a", "BTC-USDC", 10.0),)


def test_something_held_without_a_price_gives_no_equity() -> None:
    equity, marks = worth({"a": {"USD": Decimal(1)}}, {"a": {"BTC-USD": HELD}}, rate_of(), None)
    assert (equity, marks) == (None, ())


@pytest.mark.parametrize(
    ("cash", "positions"),
    [({"a": {"BNB": Decimal("0.1")}}, {}), ({"a": {"USD": Decimal(1)}}, {"a": {"BTC-BNB": HELD}})],
)
def test_money_held_without_a_rate_gives_no_equity(
    cash: dict[str, dict[str, Decimal]], positions: dict[str, dict[str, Position]]
) -> None:
    assert worth(cash, positions, rate_of())[0] is None


def test_what_is_not_held_needs_neither_price_nor_rate() -> None:
    cash = {"a": {"USD": Decimal(100), "BNB": Decimal(0)}}
    assert worth(cash, {"a": {"BTC-BNB": FLAT}}, rate_of(), None) == (100.0, ())
