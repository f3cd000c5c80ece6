"""What an intent could become: an order that is sized and routed but not yet judged, or a reason for none."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    BotSettings,
    Effect,
    GuardrailSettings,
    Intent,
    Listing,
    OrderKind,
    Quote,
    VenueQuote,
    ticks_toward,
)
from quarterdeck.engine.moment import INF, NAN, Moment
from quarterdeck.engine.offers import Offer
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import quantity_max

_MARKET: Final = OrderKind.MARKET  # what is asked for every order has a name of its own: it is found ten times faster


class Draft(Struct, frozen=True, gc=False):
    """
    One order as it was sized and routed, before the guardrails have spoken.

    `price` is what it is judged at, `best` the best level that it takes, both in quote per base; `rate` turns the quote
    into base currency; `reference` is the live price of the pair in base currency, NaN where there is none; `equity` is
    that of the bot as last marked; `qty_max` is what E3 allows, in base units; `held_qty` is what the bot would own of
    the asset without this order if every living buy filled; `free` is what it may spend there of the asset that the
    order spends, in units of it. `trigger_ticks` is set for a stop order, which awakes there. Of an order that sells
    short, or buys back, `held_qty` counts what would be sold short. `leverage` is that of a perpetual, 0 on spot.
    """

    grid: Grid
    quote: Quote
    is_sound: bool
    lots: int
    price: float
    best: float
    rate: float
    reference: float
    equity: float
    qty_max: float
    held_qty: float
    free: float
    limit_ticks: int | None
    reserve_asset: str
    reserve_per_lot: Decimal
    routes: tuple[VenueQuote, ...]
    sized_by: str
    trigger_ticks: int | None = None
    leverage: int = 0


class Refusal(Struct, frozen=True, gc=False):
    """Why an intent ended before the guardrails."""

    stage: str
    reason: str
    failed: tuple[str, ...] = ()
    routes: tuple[VenueQuote, ...] = ()


def equity_of(state: State, now: Moment, settings: BotSettings) -> float:
    """Give the last marked equity; NaN, which refuses, where the last mark that was due did not come."""
    if state.equity is None or now.at_ns - state.minute_ns >= 2 * settings.mark_every_ns:
        return NAN
    return state.equity


def leverage_of(settings: BotSettings, now: Moment, listing: Listing) -> int:
    """Give the leverage of an order on a perpetual: what the venue says that is set, else what the settings want."""
    reading, wanted = now.margin(listing.venue, listing.instrument), settings.risk.leverage_max
    told = wanted if reading is None or not 1.0 <= reading.leverage < INF else reading.leverage
    return max(int(told), 1)


def qty_max_of(limits: GuardrailSettings, pair: str, value_max: float, reference: float) -> float:
    """Give what E3 allows of a pair in one order, in base units, by what G4 allows and the live price of the pair."""
    own_max = limits.qty_max.get(pair, NAN) if limits.qty_max else NAN
    return quantity_max(own_max, limits.qty_value_multiple, value_max, reference)


def limit_ticks_of(intent: Intent, grid: Grid, sign: int) -> int | None:
    """Give the limit of an intent in whole ticks of a venue, 0 where it is below one; None for a market order."""
    if intent.order_kind is _MARKET or intent.limit is None:
        return None
    return ticks_toward(float(intent.limit), grid.tick, sign)


def entry_ticks_of(settings: BotSettings, intent: Intent, offer: Offer, sign: int) -> int | None:
    """
    Give the limit of an entry in whole ticks of a venue, 0 where it is below one; None for a market order.

    An entry that names no limit goes by the settings: so much better than the price that its venue shows.
    """
    if intent.order_kind is _MARKET or intent.limit is not None:
        return limit_ticks_of(intent, offer.grid, sign)
    return ticks_toward(offer.quote.last * (1.0 - sign * settings.orders.entry_offset), offer.grid.tick, sign)


def is_by_settings(settings: BotSettings, intent: Intent) -> bool:
    """Tell whether an intent without a limit is an entry that the settings let rest at an offset from the price."""
    return settings.orders.entry == "limit" and intent.action is not None and intent.effect is Effect.OPEN
