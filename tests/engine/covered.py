"""Bots whose venues take stop orders: a position and the stop order that covers it, in a few words."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from quarterdeck.domain import BotSettings, Evidence, Fact, OrderPlanned, RiskSettings
from quarterdeck.engine import stops_resting
from quarterdeck.orders import Order
from tests.engine.driving import BTC, Bot, planned_in, settings_with
from tests.engine.scenes import begun, take_in, venue_with, wide

STOP = RiskSettings(stop_loss=0.05)
NAKED_S = 30
TRIGGER = Decimal(23_750)
"""Five percent below the price of 25 000 that these scenes buy at."""


def stops_settings(risk: RiskSettings = STOP, **limits: object) -> BotSettings:
    """A bot of two thousand dollars on two venues that both take stop orders."""
    venues = tuple(msgspec.structs.replace(venue_with(name, USD=1_000), stops=True) for name in "ab")
    return settings_with(capital=Decimal(2_000), venues=venues, guardrails=wide(**limits), risk=risk)


def holding(qty: str = "0.02", risk: RiskSettings = STOP, **limits: object) -> Bot:
    """A bot that just bought at 25 000 on venue `a`, and was not woken since."""
    given: dict[str, Any] = {**limits}
    bot = begun(stops_settings(risk, **given), spare=1_000_000)
    take_in(bot, qty)
    return bot


def stop_in(bot: Bot, facts: Iterable[Fact]) -> Order:
    """The one stop order that was planned."""
    (planned,) = stops_in(facts)
    return bot.state.orders[planned.client_id]


def stops_in(facts: Iterable[Fact]) -> list[OrderPlanned]:
    """The stop orders that were planned."""
    return [one for one in planned_in(facts) if one.trigger_ticks is not None]


def covered(qty: str = "0.02", risk: RiskSettings = STOP, **limits: object) -> tuple[Bot, Order]:
    """A bot whose position is covered, and the stop order that its venue took."""
    given: dict[str, Any] = {**limits}
    bot = holding(qty, risk, **given)
    stop = stop_in(bot, bot.wake())
    bot.report(stop, Evidence.ACKNOWLEDGED)
    return bot, stop


def resting(bot: Bot, venue: str = "a", instrument: str = BTC) -> list[Order]:
    """The stop orders of a position that have not ended."""
    return stops_resting(bot.state, venue, instrument)


def qty_of(order: Order) -> Decimal:
    """What an order is over, in base units."""
    return order.lot * order.qty_lots


def trigger_of(order: Order) -> Decimal:
    """The price at which a stop order awakes."""
    assert order.trigger_ticks is not None
    return order.tick * order.trigger_ticks
