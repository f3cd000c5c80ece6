"""How far pulls have come, and what is left alone while trades are still to be pulled."""

from decimal import Decimal

from quarterdeck.domain import BalanceDiffered, Evidence, FillReported, ResolveAsked, TradesPulled
from quarterdeck.engine import PullFills, pull_from, recovery_acts
from quarterdeck.orders import Order
from tests.engine.driving import Bot, planned_in


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


def test_trades_are_pulled_anew_from_the_birth_of_an_order_of_which_some_may_be_missing() -> None:
    """A page with a hole moves the cursor past the trade that it lacks; a later read, further back, has it."""
    bot = Bot()
    bot.fill(bot.bought(), 1, cursor=7, trade_id="t")
    (planned,) = planned_in(bot.later(61).ask("k", notional=Decimal(50), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, 40, cursor=9)
    assert pull_from(bot.state, "a") == 9
    bot.report(order, Evidence.CANCELLED, reported_lots=100)
    assert pull_from(bot.state, "a") == 7
    bot.fill(order, 60, cursor=8)
    assert pull_from(bot.state, "a") == 9
    assert pull_from(bot.state, "b") == 0


def test_trades_of_an_unknown_order_and_of_one_just_concluded_to_be_gone_are_pulled_from_its_birth() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.take(FillReported(bot.at_ns, "a", "x", "t", 1, Decimal(1), Decimal(0), "USD", "taker", 0, cursor=30))
    assert (order.cursor, pull_from(bot.state, "a")) == (0, 0)
    bot.take(ResolveAsked(bot.at_ns, "r", "tester", order.client_id))
    bot.later(240).wake()
    assert pull_from(bot.state, "a") == 0, "a page may have had a hole, and a process may have been gone for a while"
    bot.later(61).wake()
    assert pull_from(bot.state, "a") == 30
