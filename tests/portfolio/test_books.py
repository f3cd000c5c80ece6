"""Nothing is made and nothing is lost: cash, fees and assets under every kind of fill."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Bug, Side, subtract
from quarterdeck.portfolio import FLAT, FillToBook, Position
from tests.portfolio.ledgers import LISTING, Ledger, fill_of

LOT = Fraction(LISTING.lot)
sides = st.sampled_from(Side)
lots = st.integers(min_value=1, max_value=10**12)
prices = st.decimals(min_value="0.000000000001", max_value=10**7, places=12)
fees = st.decimals(min_value=-5, max_value=50, places=10)
fee_assets = st.sampled_from(["USD", "BTC", "BNB"])
fills = st.builds(
    FillToBook,
    side=sides,
    lots=lots,
    price=prices,
    fee=fees,
    fee_asset=fee_assets,
    at_ns=st.just(5),
    new_entry=st.booleans(),
)


def signed(fill: FillToBook) -> Fraction:
    return (1 if fill.side is Side.BUY else -1) * LOT * fill.lots


@given(st.lists(fills, max_size=25))
def test_cash_fees_and_assets_are_conserved_exactly(story: list[FillToBook]) -> None:
    ledger = Ledger()
    for fill in story:
        ledger.real(fill)
    for asset in ("USD", "BTC", "BNB"):
        paid = sum((Fraction(fill.fee) for fill in story if fill.fee_asset == asset), Fraction(0))
        assert Fraction(ledger.fees.get(asset, 0)) == paid
        if asset == "BNB":
            assert Fraction(ledger.cash.get(asset, 0)) == -paid
    spent = sum((signed(fill) * Fraction(fill.price) for fill in story), Fraction(0))
    fees_quote = Fraction(ledger.fees.get("USD", 0))
    fees_base = Fraction(ledger.fees.get("BTC", 0))
    assert Fraction(ledger.cash["USD"]) == 1_000_000 - spent - fees_quote
    assert Fraction(ledger.position.qty) == sum(map(signed, story), Fraction(0)) - fees_base
    books = 1_000_000 - Fraction(ledger.position.cost) + Fraction(ledger.position.realised) - fees_quote
    assert Fraction(ledger.cash["USD"]) == books
    assert "BTC" not in ledger.cash


@given(st.lists(fills, max_size=15))
def test_the_callers_decimal_context_changes_no_amount(story: list[FillToBook]) -> None:
    plain, cramped = Ledger(), Ledger()
    for fill in story:
        plain.real(fill)
    with decimal.localcontext() as context:
        context.prec = 4
        context.rounding = decimal.ROUND_UP
        for fill in story:
            cramped.real(fill)
    assert plain.cash == cramped.cash
    assert plain.fees == cramped.fees
    assert plain.position == cramped.position


@given(st.lists(st.tuples(sides, lots, prices, fees), min_size=1, max_size=25))
def test_a_position_without_base_fees_is_flat_exactly_when_its_cost_is_zero(
    story: list[tuple[Side, int, Decimal, Decimal]],
) -> None:
    ledger = Ledger()
    for side, amount, price, fee in story:
        ledger.real(FillToBook(side, amount, price, fee, "USD", 5, new_entry=False))
        position = ledger.position
        assert position.qty != 0 or position == Position(realised=position.realised)
        assert position.qty == 0 or (position.cost > 0) == (position.qty > 0) or abs(position.cost) <= Decimal("1e-11")
        assert (position.opened_at_ns > 0) == (position.qty != 0) == (position.entries > 0)


@st.composite
def inferred_stories(draw: st.DrawFn) -> tuple[Side, list[tuple[str, FillToBook]], list[FillToBook]]:
    """One order: inferred lots and real trades in any order and any split, until all lots are real."""
    side = draw(sides)
    story: list[tuple[str, FillToBook]] = []
    reals: list[FillToBook] = []
    outstanding = 0
    for _ in range(draw(st.integers(1, 5))):
        amount = draw(st.integers(1, 10**6))
        if draw(st.booleans()):
            outstanding += amount
            inferred = FillToBook(side, amount, draw(prices), draw(fees), "USD", 5, new_entry=False)
            story.append(("infer", inferred))
        else:
            outstanding = max(outstanding - amount, 0)
            reals.append(FillToBook(side, amount, draw(prices), draw(fees), draw(fee_assets), 5, new_entry=False))
            story.append(("real", reals[-1]))
    while outstanding:
        amount = draw(st.integers(1, outstanding + 1))
        outstanding = max(outstanding - amount, 0)
        reals.append(FillToBook(side, amount, draw(prices), draw(fees), draw(fee_assets), 5, new_entry=False))
        story.append(("real", reals[-1]))
    return side, story, reals


@given(inferred_stories(), st.lists(fills, max_size=3))
def test_inferred_lots_that_real_trades_retire_leave_the_books_of_the_real_trades(
    drawn: tuple[Side, list[tuple[str, FillToBook]], list[FillToBook]], before: list[FillToBook]
) -> None:
    _, story, reals = drawn
    with_inference, without = Ledger(), Ledger()
    for fill in before:
        with_inference.real(fill)
        without.real(fill)
    for kind, fill in story:
        if kind == "infer":
            with_inference.infer(fill)
        else:
            with_inference.real(fill)
    for fill in reals:
        without.real(fill)
    assert with_inference.inferred == ()
    for asset in ("USD", "BTC", "BNB"):
        assert with_inference.cash.get(asset, 0) == without.cash.get(asset, 0)
        assert with_inference.fees.get(asset, 0) == without.fees.get(asset, 0)
    assert with_inference.position.qty == without.position.qty
    spent, spent_in_truth = (subtract(one.position.cost, one.position.realised) for one in (with_inference, without))
    assert spent == spent_in_truth


@given(inferred_stories())
def test_the_cash_identity_holds_at_every_step_of_a_correction(
    drawn: tuple[Side, list[tuple[str, FillToBook]], list[FillToBook]],
) -> None:
    ledger = Ledger()
    for kind, fill in drawn[1]:
        booked = ledger.infer(fill) if kind == "infer" else ledger.real(fill)
        assert 0 <= booked.retired_lots <= fill.lots
        cost, realised = Fraction(ledger.position.cost), Fraction(ledger.position.realised)
        assert Fraction(ledger.cash["USD"]) == 1_000_000 - cost + realised - Fraction(ledger.fees.get("USD", 0))


def test_real_trades_retire_the_oldest_inference_first() -> None:
    ledger = Ledger()
    ledger.infer(fill_of(Side.BUY, 10, "100"))
    ledger.infer(fill_of(Side.BUY, 10, "200"))
    booked = ledger.real(fill_of(Side.BUY, 14, "150"))
    assert booked.retired_lots == 14
    assert [(item.lots, item.price) for item in ledger.inferred] == [(6, Decimal(200))]


def test_a_real_trade_beyond_the_inferred_lots_is_new_for_the_rest() -> None:
    ledger = Ledger()
    ledger.infer(fill_of(Side.BUY, 10, "100", "1"))
    booked = ledger.real(fill_of(Side.BUY, 25, "110", "2.5"))
    assert booked.retired_lots == 10
    assert ledger.position.qty == Decimal("25E-8")
    assert ledger.fees["USD"] == Decimal("2.5")


def test_a_fee_in_base_shrinks_what_is_held_and_leaves_its_cost() -> None:
    ledger = Ledger()
    ledger.real(fill_of(Side.BUY, 10**8, "100", "0.001", "BTC"))
    assert ledger.position.qty == Decimal("0.999")
    assert ledger.position.cost == 100
    assert ledger.cash["USD"] == Decimal(999_900)


def test_a_fee_in_base_of_an_inferred_fill_comes_off_when_the_trade_is_known() -> None:
    ledger = Ledger()
    ledger.infer(fill_of(Side.BUY, 10**8, "100", "0.6"))
    ledger.real(fill_of(Side.BUY, 10**8, "100", "0.001", "BTC"))
    assert ledger.position.qty == Decimal("0.999")
    assert ledger.cash["USD"] == Decimal(999_900)
    assert ledger.fees == {"USD": 0, "BTC": Decimal("0.001")}


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "-Infinity"])
def test_a_fill_at_no_price_is_never_booked(price: str) -> None:
    with pytest.raises((Bug, decimal.InvalidOperation)):
        Ledger().real(fill_of(Side.BUY, 1, price))


@pytest.mark.parametrize("fee", ["NaN", "Infinity", "-Infinity"])
def test_a_fee_that_is_no_amount_is_never_booked(fee: str) -> None:
    with pytest.raises(Bug, match="all finite"):
        Ledger().real(fill_of(Side.BUY, 1, "1", fee))


@pytest.mark.parametrize("amount", [0, -1])
def test_a_fill_of_no_lots_is_never_booked(amount: int) -> None:
    with pytest.raises(Bug, match="a fill needs lots"):
        Ledger().real(fill_of(Side.BUY, amount, "1"))


def test_a_flat_position_is_the_default() -> None:
    assert Position() == FLAT
