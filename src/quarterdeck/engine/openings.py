"""Sizing and routing an order that opens: clipped to what the limits leave, sent where it is cheapest."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ZERO, BotSettings, Intent, OrderKind, Side, add, lots_down, multiply
from quarterdeck.engine.drafts import Draft, Refusal, entry_ticks_of, equity_of, leverage_of, qty_max_of
from quarterdeck.engine.exposure import asset_qty_worst, is_held_against
from quarterdeck.engine.moment import Moment, rate_of
from quarterdeck.engine.offers import Offer, offers_of, openable, reference_of
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import lots_within_caps, order_value_max, within_caps, worst_ticks
from quarterdeck.portfolio import margin_above
from quarterdeck.routing import Candidate, Route, best_price, offered, venue_for

_ONE: Final = Decimal(1)
_MARKET: Final = OrderKind.MARKET
_BUY: Final = Side.BUY


class Caps(Struct, frozen=True, gc=False):
    """
    What an opening order may be worth: by G4, and by G7 together with the quantity that is held of the asset.

    In base currency and base units. NaN where equity is not known: then nothing is clipped, and the guardrails refuse.
    """

    equity: float
    value_max: float
    asset_max: float
    held_qty: float

    def allows(self, qty: float, worth: float) -> bool:
        """Tell whether neither rule clips a quantity; NaN does not allow it."""
        return within_caps(qty, worth, self.value_max, self.asset_max, self.held_qty)

    def lots(self, worth: float, lot: float) -> tuple[int, str]:
        """Give the most lots at a price in base currency, and the rule that says so; NaN gives no lot."""
        lots, is_by_share = lots_within_caps(worth, lot, self.value_max, self.asset_max, self.held_qty)
        return lots, "G7" if is_by_share else "G4"


class Wish(Struct, frozen=True, gc=False):
    """
    What is asked of the venue that was chosen.

    `asked` and `reference` are in base currency; `free` is the money that is free there, in its quote, and `spendable`
    the same as a float. `leverage` is that of a perpetual, 0 on spot.
    """

    asked: float
    free: Decimal
    spendable: float
    limit_ticks: int | None
    reference: float
    caps: Caps
    leverage: int


def draft_opening(
    state: State, now: Moment, settings: BotSettings, intent: Intent, venue: str | None
) -> list[Draft] | Refusal:
    """Size and route an order that opens, or say why there can be none."""
    sign = 1 if intent.side is _BUY else -1
    market = offers_of(state, now, settings, intent.instrument)
    offers = openable(market, venue or venue_for(settings.routing, intent.instrument), sign)
    if not offers:
        return Refusal("route", f"no exchange is available for {intent.instrument}: none that may be used has a price")
    if offers[0].grid.is_perpetual:
        offers = [offer for offer in offers if not is_held_against(state, offer.grid, sign)]
        if not offers:
            held = "a short" if sign > 0 else "a long"
            return Refusal("route", f"{held} position in {intent.instrument} is held; reduce it before the other way")
    candidates: list[Candidate] = []
    free: list[Decimal] = []
    limits: list[int | None] = []
    for offer in offers:
        listing = offer.grid.listing
        ticks = None if intent.order_kind is _MARKET else entry_ticks_of(settings, intent, offer, sign)
        if ticks == 0:
            what = f"the limit lies below one tick of {listing.tick}; ask for a higher one"
            return Refusal("size", what)
        money = state.free(listing.venue, listing.quote)
        limits.append(ticks)
        free.append(money)
        candidates.append(_candidate(settings, now, offer, ticks, money))
    # A quantity of base asks for so much money; a sum is asked for in base currency.
    levels = offers[0].quote.asks if sign > 0 else offers[0].quote.bids
    best = levels[0][0] * offers[0].rate
    asked = float(intent.asked) * (best if intent.asked_unit == "base" else 1.0)
    caps = _caps(state, now, settings, offers[0].grid, sign)
    room = min(caps.value_max, caps.asset_max - caps.held_qty * best)
    amount = room if 0.0 < room < asked else asked
    route = best_price(candidates, amount, sign)
    if route is None:
        what = f"no exchange is available for {intent.instrument}: no book offers {amount:.2f} of base currency"
        return Refusal("route", what, routes=offered(candidates, amount, sign))
    chosen = route.index
    lasts: list[float] = []
    for offer in market:
        if offer.is_live:
            lasts.append(offer.quote.last * offer.rate)  # noqa: PERF401 - a comprehension is a call of its own
    grid = offers[chosen].grid
    leverage = leverage_of(settings, now, grid.listing) if grid.is_perpetual else 0
    wish = Wish(asked, free[chosen], float(free[chosen]), limits[chosen], reference_of(lasts), caps, leverage)
    return _sized(settings, intent, offers[chosen], route, wish)


def _candidate(settings: BotSettings, now: Moment, offer: Offer, limit_ticks: int | None, free: Decimal) -> Candidate:
    grid, spendable = offer.grid, float(free)
    if grid.is_perpetual:
        spendable *= leverage_of(settings, now, grid.listing)
    return Candidate(
        quote=offer.quote,
        fee_taker=grid.fee_taker,
        spendable=spendable,
        rate=offer.rate,
        notional_min=grid.notional_min,
        fee_maker=grid.fee_maker,
        limit=0.0 if limit_ticks is None else limit_ticks * grid.tick,
        pair=grid.listing.pair,
    )


def _caps(state: State, now: Moment, settings: BotSettings, grid: Grid, sign: int) -> Caps:
    limits, equity, asset = settings.guardrails, equity_of(state, now, settings), grid.listing.base
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, equity)
    if asset in limits.stablecoins and rate_of(state, now, asset) == 1.0:
        return Caps(equity, value_max, math.inf, asset_qty_worst(state, asset, sign))
    share_max = limits.concentration_max
    position_max = settings.risk.position_max
    if position_max is not None:
        share_max = min(share_max, position_max)
    return Caps(equity, value_max, share_max * equity, asset_qty_worst(state, asset, sign))


def _sized(settings: BotSettings, intent: Intent, offer: Offer, route: Route, wish: Wish) -> list[Draft] | Refusal:
    grid, limits, caps, limit_ticks = offer.grid, settings.guardrails, wish.caps, wish.limit_ticks
    listing, price = grid.listing, route.price
    worth = price * offer.rate
    qty = float(intent.asked) if intent.asked_unit == "base" else wish.asked / worth
    wanted = lots_down(qty, grid.lot)
    if wanted == 0:
        return Refusal("size", f"asks for less than one lot of {listing.lot} {listing.base}", routes=route.quotes)
    worst = worst_ticks(price, 0.0 if limit_ticks is not None else limits.headroom_share, grid.tick)
    if worst == 0:
        return Refusal("size", f"a price of {price:g} {listing.quote} cannot be reckoned with", routes=route.quotes)
    worst_per_lot = multiply(listing.lot, multiply(listing.tick, Decimal(worst)))
    fee = listing.fee_taker if limit_ticks is None else max(listing.fee_taker, listing.fee_maker)
    if grid.is_perpetual:
        per_lot = add(margin_above(worst_per_lot, wish.leverage), multiply(worst_per_lot, fee))
    else:
        per_lot = multiply(worst_per_lot, add(_ONE, fee))
    lots, sized_by = wanted, str(settings.sizing.kind)
    if not (caps.allows(qty, worth) or math.isnan(caps.value_max)):
        capped, rule = caps.lots(worth, grid.lot)
        if capped < lots:
            lots, sized_by = capped, rule
    affordable = int(wish.free // per_lot) if wish.free > ZERO else 0
    if affordable < lots:
        lots, sized_by = affordable, "G10"
    # What a limit clips to nothing stays one lot, so that the guardrail which stands in the way refuses it by name.
    draft = Draft(
        grid,
        offer.quote,
        offer.is_sound,
        max(lots, 1),
        price=price,
        best=route.best,
        rate=offer.rate,
        reference=wish.reference,
        equity=caps.equity,
        qty_max=qty_max_of(limits, intent.instrument, caps.value_max, wish.reference),
        held_qty=caps.held_qty,
        free=wish.spendable,
        limit_ticks=limit_ticks,
        reserve_asset=listing.quote,
        reserve_per_lot=per_lot,
        routes=route.quotes,
        sized_by=sized_by,
        leverage=wish.leverage,
    )
    return [draft]
