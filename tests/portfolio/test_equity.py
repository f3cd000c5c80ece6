"""What the bot is worth at given marks."""

from decimal import Decimal

from quarterdeck.domain import MarkTaken
from quarterdeck.portfolio import FLAT, Position, marked_equity

AT_PAR = ("USD", "USDT")


def test_cash_and_positions_add_up() -> None:
    cash = {"a": {"USD": Decimal(100)}, "b": {"USDT": Decimal(50)}}
    positions = {"a": {"BTC-USD": Position(qty=Decimal(2), cost=Decimal(1))}}
    equity, marks = marked_equity(cash, positions, AT_PAR, lambda _venue, _instrument: 10.0)
    assert equity == 170.0
    assert marks == (MarkTaken("a", "BTC-USD", 10.0),)


def test_something_held_without_a_price_gives_no_equity() -> None:
    positions = {"a": {"BTC-USD": Position(qty=Decimal(2), cost=Decimal(1))}}
    assert marked_equity({"a": {"USD": Decimal(1)}}, positions, AT_PAR, lambda *_: None)[0] is None


def test_cash_in_another_asset_needs_a_price_of_its_own() -> None:
    cash = {"a": {"USD": Decimal(100), "BNB": Decimal("-0.5")}}
    asked: list[tuple[str, str]] = []

    def price_of(venue: str, instrument: str) -> float | None:
        asked.append((venue, instrument))
        return 300.0

    assert marked_equity(cash, {}, AT_PAR, price_of) == (-50.0, ())
    assert asked == [("a", "BNB-*")]
    assert marked_equity(cash, {}, AT_PAR, lambda *_: None)[0] is None


def test_what_is_not_held_needs_no_price() -> None:
    cash = {"a": {"USD": Decimal(100), "BNB": Decimal(0)}}
    assert marked_equity(cash, {"a": {"BTC-USD": FLAT}}, AT_PAR, lambda *_: None) == (100.0, ())
