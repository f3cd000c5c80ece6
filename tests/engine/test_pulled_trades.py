"""How far pulls have come, and what is left alone while trades are still to be pulled."""

from decimal import Decimal

from quarterdeck.domain import BalanceDiffered, Evidence, TradesPulled
from quarterdeck.engine import PullFills, recovery_acts
from quarterdeck.orders import Order
from tests.engine.driving import Bot


def with_inferred_lots() -> tuple[Bot, Order]:
    """A bot whose accounts were compared once, and which then heard that an order filled, but of no trade."""
    bot = Bot()
    bot.account("a", USD=Decimal(1_000_000), USDC=Decimal(50))
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.FILLED)
    bot.later(3).wake()
    assert order.inferred
    return bot, order


def test_a_pushed_trade_leaves_the_cursor_where_it_is() -> None:
    bot = Bot()
    bot.bought()
    assert bot.state.cursors == {}


def test_a_pulled_trade_that_was_known_moves_the_cursor_once() -> None:
    bot = Bot()
    order = bot.bought()
    known = order.trade_ids[0]
    assert bot.fill(order, 1, trade_id=known, cursor=7) == [TradesPulled(bot.state.at_ns, order.venue, 7)]
    assert bot.fill(order, 1, trade_id=known, cursor=7) == []
    assert bot.state.cursors == {order.venue: 7}


def test_a_pull_that_is_behind_never_moves_the_cursor_back() -> None:
    bot = Bot()
    order = bot.bought()
    known = order.trade_ids[0]
    bot.fill(order, 1, trade_id=known, cursor=7)
    assert bot.fill(order, 1, trade_id=known, cursor=3) == []


def test_a_difference_is_no_surprise_while_lots_are_only_inferred() -> None:
    bot, order = with_inferred_lots()
    facts = bot.account(order.venue, USD=Decimal(999_000), USDC=Decimal("49.7"), BTC=Decimal("0.1"))
    assert [fact for fact in facts if isinstance(fact, BalanceDiffered)] == []


def test_a_new_session_pulls_what_was_only_inferred() -> None:
    bot, order = with_inferred_lots()
    assert order.client_id not in bot.state.live
    assert PullFills(order.venue) in list(recovery_acts(bot.state))
