"""One position: cost, profit, and what opens and closes it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Bug, Side
from quarterdeck.portfolio import FLAT, Position, Trade, average_cost, book, correct

amounts = st.decimals(min_value="0.00000001", max_value=10**6, places=8)
signs = st.sampled_from([1, -1])
trades = st.builds(lambda sign, qty, notional: Trade(sign * qty, notional), signs, amounts, amounts)


@given(st.lists(trades, max_size=25))
def test_what_was_spent_is_cost_or_realised_and_nothing_else(story: list[Trade]) -> None:
    position, spent, held = FLAT, Decimal(0), Decimal(0)
    for trade in story:
        position = book(position, trade, 7)
        spent += trade.notional if trade.qty > 0 else -trade.notional
        held += trade.qty
        assert position.cost - position.realised == spent
        assert position.qty == held


def test_a_part_that_is_sold_takes_its_share_of_the_cost() -> None:
    held = book(FLAT, Trade(Decimal(4), Decimal(400)), 1)
    left = book(held, Trade(Decimal(-1), Decimal(130)), 2)
    assert left == Position(Decimal(3), Decimal(300), Decimal(30), opened_at_ns=1, entries=1)


def test_selling_more_than_is_held_opens_the_other_way() -> None:
    held = book(FLAT, Trade(Decimal(1), Decimal(100)), 1)
    turned = book(held, Trade(Decimal(-3), Decimal(360)), 2)
    assert turned == Position(Decimal(-2), Decimal(-240), Decimal(20), opened_at_ns=2, entries=1)


def test_what_was_closed_begins_anew() -> None:
    held = book(FLAT, Trade(Decimal(1), Decimal(100)), 1)
    flat = book(held, Trade(Decimal(-1), Decimal(90)), 2)
    assert flat == Position(realised=Decimal(-10))
    again = book(flat, Trade(Decimal(1), Decimal(80)), 3)
    assert (again.opened_at_ns, again.entries) == (3, 1)


def test_a_position_whose_rest_went_for_a_fee_is_over_and_leaves_nothing_to_the_next() -> None:
    """A venue may take the fee of a sale in the coin sold: just what was left."""
    held = Position(qty=Decimal("1.001"), cost=Decimal(1_001), opened_at_ns=7, entries=2)
    over = book(held, Trade(Decimal(-1), Decimal(1_200), Decimal("0.001")), 9)
    assert over == Position(qty=Decimal("0.000"), realised=Decimal(199))
    again = book(over, Trade(Decimal(1), Decimal(900)), 11)
    assert (again.cost, again.opened_at_ns, again.entries) == (Decimal(900), 11, 1)


def test_entries_count_the_intents_that_built_a_position_up() -> None:
    position = book(FLAT, Trade(Decimal(1), Decimal(100)), 1, new_entry=True)
    position = book(position, Trade(Decimal(1), Decimal(100)), 2)
    position = book(position, Trade(Decimal(1), Decimal(100)), 3, new_entry=True)
    assert position.entries == 2


@pytest.mark.parametrize(
    ("trade", "words"),
    [(Trade(Decimal(0), Decimal(1)), "no quantity"), (Trade(Decimal(1), Decimal(-1)), "negative notional")],
)
def test_a_trade_that_makes_no_sense_is_a_bug(trade: Trade, words: str) -> None:
    with pytest.raises(Bug, match=words):
        book(FLAT, trade, 1)


@given(amounts, amounts, st.sampled_from(Side), st.decimals(min_value=-100, max_value=100, places=8))
def test_a_correction_moves_exactly_its_amount(qty: Decimal, cost: Decimal, side: Side, change: Decimal) -> None:
    held = Position(qty=qty, cost=cost)
    after = correct(held, side, change)
    spent = change if side is Side.BUY else -change
    assert (after.cost - after.realised) - (held.cost - held.realised) == spent
    assert after.qty == held.qty


def test_a_correction_of_what_is_no_longer_held_is_profit_or_loss() -> None:
    assert correct(FLAT, Side.BUY, Decimal(5)) == Position(realised=Decimal(-5))
    assert correct(FLAT, Side.SELL, Decimal(5)) == Position(realised=Decimal(5))


def test_the_average_cost_of_nothing_is_zero() -> None:
    assert average_cost(FLAT) == 0.0
    assert average_cost(Position(qty=Decimal(4), cost=Decimal(10))) == 2.5
