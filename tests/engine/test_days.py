"""The profit and loss of a UTC day, exact: it adds up to the last digit, whatever happened. R49, R59, S6."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import DAY_NS, MINUTE_NS, DayClosed, Fact, FundingReported, Side, Woke
from tests.engine.driving import BTC, ETH, START_NS, Bot, planned_in
from tests.engine.scenes import (
    TwoDollars,
    begun,
    fund,
    half_in_btc,
    mark_at,
    small_settings,
    take_in,
    two_dollars,
)

MIDNIGHT_NS = START_NS - START_NS % DAY_NS + DAY_NS


def closed_in(facts: list[Fact]) -> DayClosed:
    (closed,) = [fact for fact in facts if isinstance(fact, DayClosed)]
    return closed


def adds_up(day: DayClosed) -> bool:
    parts = day.realised + day.unrealised - day.fees + day.funding + day.flows + day.revaluation
    return day.equity - day.equity_open == parts


def test_a_day_is_closed_by_the_first_mark_of_the_next_one() -> None:
    bot = begun(small_settings())
    bot.at_ns = MIDNIGHT_NS - 1
    assert not [fact for fact in bot.wake() if isinstance(fact, DayClosed)]
    bot.at_ns = MIDNIGHT_NS
    closed = closed_in(bot.wake())
    assert (closed.day_ns, closed.equity_open) == (MIDNIGHT_NS - DAY_NS, Decimal(1_000))
    assert closed.equity == 1_000
    assert bot.later(60).wake()
    assert not [fact for fact in bot.later(60).wake() if isinstance(fact, DayClosed)]


def test_the_parts_of_a_day_are_what_happened() -> None:
    bot = begun(small_settings(), spare=1_000)
    take_in(bot, "0.02")
    (sale,) = planned_in(bot.later(61).ask("x", Side.SELL, qty=Decimal("0.01")))
    bot.fill(bot.state.orders[sale.client_id], sale.qty_lots, price=Decimal(25_500), fee=Decimal("1.53"))
    bot.take(FundingReported(bot.at_ns, "a", BTC, "f", "USD", Decimal("-0.25"), bot.at_ns))
    fund(bot, "100")
    closed = closed_in(mark_at_price(bot, 26_000.0, MIDNIGHT_NS))
    assert (closed.realised, closed.unrealised, closed.fees) == (Decimal(5), Decimal(10), Decimal("1.53"))
    assert (closed.funding, closed.flows, closed.revaluation) == (Decimal("-0.25"), Decimal(100), Decimal(0))
    assert (closed.fills, closed.equity) == (2, Decimal("1113.22"))
    assert adds_up(closed)
    assert bot.state.equity == pytest.approx(float(closed.equity))


def mark_at_price(bot: Bot, price: float, at_ns: int) -> list[Fact]:
    bot.prices[BTC] = price
    bot.at_ns = at_ns
    return bot.wake()


def test_a_fee_in_the_coin_shows_in_what_is_held_and_not_twice() -> None:
    """0.0001 BTC went as a fee: there is that much less to be worth something."""
    bot = begun(small_settings())
    (planned,) = planned_in(bot.ask("in", qty=Decimal("0.02"), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(25_000), fee=Decimal("0.0001"), fee_asset="BTC")
    closed = closed_in(mark_at_price(bot, 25_000.0, MIDNIGHT_NS))
    assert (closed.fees, closed.unrealised, closed.equity) == (Decimal(0), Decimal("-2.5"), Decimal("997.5"))
    assert adds_up(closed)


def test_a_fee_in_a_third_coin_counts_at_its_market() -> None:
    bot = begun(small_settings())
    bot.prices["BNB-USD"] = 500.0
    order = take_in(bot, "0.02")
    assert order.booked_lots == order.qty_lots
    (planned,) = planned_in(bot.later(61).ask("x", Side.SELL, qty=Decimal("0.01")))
    bot.fill(
        bot.state.orders[planned.client_id],
        planned.qty_lots,
        price=Decimal(25_000),
        fee=Decimal("0.002"),
        fee_asset="BNB",
    )
    closed = closed_in(mark_at_price(bot, 25_000.0, MIDNIGHT_NS))
    assert (closed.fees, closed.equity) == (Decimal(1), Decimal(999))
    assert adds_up(closed)


def test_what_a_coin_off_its_peg_lost_is_revaluation_and_not_trading() -> None:
    bot = TwoDollars(two_dollars(), started=False)
    bot.start()
    bot.take(Woke(bot.at_ns, bot.market()))
    bot.peg = 0.9
    bot.at_ns = MIDNIGHT_NS
    closed = closed_in(bot.take(Woke(bot.at_ns, bot.market())))
    assert (closed.revaluation, closed.realised, closed.unrealised) == (Decimal(-100_000), Decimal(0), Decimal(0))
    assert adds_up(closed)
    bot.peg = 1.0
    bot.at_ns = MIDNIGHT_NS + DAY_NS
    back = closed_in(bot.take(Woke(bot.at_ns, bot.market())))
    assert (back.revaluation, back.equity) == (Decimal(100_000), Decimal(2_000_000))


def test_days_follow_each_other_without_a_gap_through_restarts_and_days_without_a_mark() -> None:
    bot = half_in_btc()
    first = closed_in(mark_at(bot, 0.99, MIDNIGHT_NS))
    bot.start()
    second = closed_in(mark_at(bot, 0.985, MIDNIGHT_NS + DAY_NS + 5 * MINUTE_NS))
    third = closed_in(mark_at(bot, 0.99, MIDNIGHT_NS + 5 * DAY_NS))
    assert first.equity == second.equity_open
    assert second.equity == third.equity_open
    assert [one.day_ns for one in (first, second, third)] == [MIDNIGHT_NS + n * DAY_NS for n in (-1, 0, 1)]


def test_without_a_price_at_midnight_the_day_is_closed_by_the_next_mark() -> None:
    bot = half_in_btc()
    bot.quoted = "b"
    assert not [fact for fact in mark_at(bot, 1.0, MIDNIGHT_NS) if isinstance(fact, DayClosed)]
    bot.quoted = "ab"
    assert closed_in(mark_at(bot, 0.99, MIDNIGHT_NS + MINUTE_NS)).day_ns == MIDNIGHT_NS - DAY_NS


STEPS = st.tuples(
    st.sampled_from(["buy", "sell", "fund", "funding", "price", "peg", "day"]),
    st.sampled_from(["a", "b"]),
    st.decimals(min_value="0.0001", max_value="0.9999", places=4),
)


@given(st.lists(STEPS, min_size=3, max_size=30))
def test_every_day_of_every_life_adds_up_to_the_last_digit(steps: list[tuple[str, str, Decimal]]) -> None:
    bot = TwoDollars(two_dollars(loss_rate_max=1.0, daily_loss_max=1.0, drawdown_max=1.0), started=False)
    bot.start(reconciled=False)
    bot.account("a", USD=Decimal(9_000_000))
    bot.account("b", USDC=Decimal(9_000_000))
    bot.take(Woke(bot.at_ns, bot.market()))
    days: list[DayClosed] = []
    for number, (word, venue, part) in enumerate([*steps, ("day", "a", Decimal(0))]):
        money = "USD" if venue == "a" else "USDC"
        bot.later(7)
        if word == "buy":
            bot.peg = 1.0 if venue == "b" else bot.peg
            for planned in planned_in(bot.ask(f"k{number}", qty=part, venue=venue)):
                fill(bot, planned.client_id, part, money if number % 3 else "BTC")
        elif word == "sell":
            for planned in planned_in(bot.ask(f"k{number}", Side.SELL, qty=part / 3, venue=venue)):
                fill(bot, planned.client_id, part, money)
        elif word == "fund":
            fund(bot, str(part * (1 if number % 2 else -1) * 1000), money, venue)
        elif word == "funding":
            asked = FundingReported(bot.at_ns, venue, BTC, f"f{number}", money, part - Decimal("0.5"), bot.at_ns)
            bot.take(asked)
        elif word == "price":
            bot.prices[BTC] = round(20_000 + 20_000 * float(part), 2)
        elif word == "peg":
            bot.peg = 0.8 + 0.4 * float(part)
        else:
            bot.at_ns = (bot.at_ns // DAY_NS + 1) * DAY_NS
            days += [f for f in bot.take(Woke(bot.at_ns, bot.market())) if isinstance(f, DayClosed)]
    assert days
    assert all(adds_up(day) for day in days)
    assert all(one.equity == two.equity_open for one, two in pairwise(days))
    assert float(days[-1].equity) == pytest.approx(bot.state.equity or 0.0, rel=1e-9)
    assert days[0].equity_open == Decimal(2_000_000)


def fill(bot: Bot, client_id: str, part: Decimal, fee_asset: str) -> None:
    order = bot.state.orders[client_id]
    price = Decimal(str(bot.prices[ETH if order.instrument == ETH else BTC]))
    fee = part / (7 if fee_asset != "BTC" else 70_000)
    bot.fill(order, order.qty_lots, price=price, fee=fee.quantize(Decimal("1e-8")), fee_asset=fee_asset)
