"""Sizing and routing an order that reduces: only where something is held, and never more than that."""

from __future__ import annotations

import math
from collections.abc import Collection
from decimal import Decimal
from typing import Final

from quarterdeck.domain import ZERO, BotSettings, Intent, Side, lots_down, multiply
from quarterdeck.engine.cover import Stop
from quarterdeck.engine.drafts import Draft, Refusal, equity_of, leverage_of, limit_ticks_of, qty_max_of
from quarterdeck.engine.exposure import asset_qty_worst, goes_over_resting, grids_of, least_qty, sellable_lots
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.offers import Offer, exits_of, reference_of
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import SLACK, exceeds, order_value_max
from quarterdeck.routing import Candidate, exit_order, exit_price

_SELL: Final = Side.SELL


def draft_reducing(
    state: State,
    now: Moment,
    settings: BotSettings,
    intent: Intent,
    venue: str | None,
    avoided: Collection[tuple[str, str]] = (),
) -> list[Draft] | Refusal:
    """
    Sell where some is held, or buy back what is short, the best price first, and never more than is held there.

    `avoided`: venues and instruments of which nothing may be sold now, for a stop order holds it.
    """
    market = exits_of(state, now, settings, intent.instrument)
    held: list[tuple[Offer, int]] = []
    candidates: list[Candidate] = []
    lasts: list[float] = []
    anywhere, over_resting = venue is None and not intent.listing, goes_over_resting(intent)
    side, sign = intent.side, -1 if intent.side is _SELL else 1
    for offer in market:
        grid = offer.grid
        lasts.append(offer.quote.last * offer.rate)
        is_meant = anywhere or _is_meant(intent, grid, venue)
        lots = sellable_lots(state, grid, over_resting=over_resting, side=side) if is_meant else 0
        if lots > 0 and not (avoided and (grid.listing.venue, grid.listing.instrument) in avoided):
            held.append((offer, lots))
            brings = Candidate(offer.quote, grid.fee_taker, lots * grid.lot, rate=offer.rate, pair=grid.listing.pair)
            candidates.append(brings)
    if not held:
        return _nothing_to_sell(state, intent, venue, avoided)
    reference = reference_of(lasts)
    left = float(intent.asked) if intent.asked_unit == "base" else math.inf
    drafts: list[Draft] = []
    for place in exit_order(candidates, sign) if len(held) > 1 else (0,):
        offer, sellable = held[place]
        lots = min(sellable, lots_down(left, offer.grid.lot)) if math.isfinite(left) else sellable
        if lots > 0:
            draft = _draft(state, now, settings, intent, offer, (lots, reference, candidates[place]))
            left -= draft.lots * offer.grid.lot
            drafts.append(draft)
    if not drafts:
        return Refusal("size", f"asks to {side.value} less than one lot of {intent.instrument}")
    return _without_dust(state, intent, drafts)


def _is_meant(intent: Intent, grid: Grid, venue: str | None) -> bool:
    return venue in (None, grid.listing.venue) and intent.listing in ("", grid.listing.instrument)


def _nothing_to_sell(state: State, intent: Intent, venue: str | None, avoided: Collection[tuple[str, str]]) -> Refusal:
    side = intent.side
    places = [
        grid.listing for grid in grids_of(state, intent.instrument, venue) if sellable_lots(state, grid, side=side) > 0
    ]
    stuck = [one.venue for one in places if (one.venue, one.instrument) not in avoided]
    if stuck:
        return Refusal("route", "; ".join(f"{name} has no fresh price" for name in stuck))
    if side is _SELL:
        return Refusal("route", f"no venue holds {intent.instrument} that is not being sold")
    return Refusal("route", f"no venue is short of {intent.instrument} that is not being bought back")


def _without_dust(state: State, intent: Intent, drafts: list[Draft]) -> list[Draft] | Refusal:
    """Refuse to leave behind what could never be sold: somebody asked for a part, and the rest would be too small."""
    if intent.asked_unit != "base":
        return drafts
    for draft in drafts:
        grid, listing = draft.grid, draft.grid.listing
        rest = sellable_lots(state, grid, side=intent.side) - draft.lots
        worth_min = 0.0 if grid.is_perpetual else grid.notional_min * (1.0 - SLACK)
        is_too_small = rest < listing.lots_min or rest * grid.lot * draft.price < worth_min
        if rest > 0 and is_too_small:
            what = f"would leave {multiply(listing.lot, Decimal(rest))} {listing.base} on {listing.venue}, which"
            least = f"{least_qty(grid)} {listing.base} and {listing.notional_min} {listing.quote}"
            return Refusal("size", f"{what} takes at least {least}; sell the whole position, or less of it")
    return drafts


def _draft(
    state: State,
    now: Moment,
    settings: BotSettings,
    intent: Intent,
    offer: Offer,
    sizing: tuple[int, float, Candidate],
) -> Draft:
    lots, reference, candidate = sizing
    sign = -1 if intent.side is _SELL else 1
    grid, listing, quote = offer.grid, offer.grid.listing, offer.quote
    limits = settings.guardrails
    equity = equity_of(state, now, settings)
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, equity)
    qty_max = qty_max_of(limits, intent.instrument, value_max, reference)
    sized_by = "position"
    if exceeds(lots * grid.lot, qty_max):  # E3 binds exits too: what is left is for a later one
        lots, sized_by = max(lots_down(qty_max, grid.lot), 1), "E3"
    price = exit_price(quote, lots * grid.lot, sign) or quote.last
    levels = quote.bids if sign < 0 else quote.asks
    best = levels[0][0] if levels else quote.last
    limit_ticks = limit_ticks_of(intent, grid, sign)
    if limit_ticks is not None:
        price = best = limit_ticks * grid.tick
    fee = price * grid.fee_taker * lots * grid.lot
    held = float(state.position(listing.venue, listing.instrument).qty) * -sign
    over_resting, is_margined = goes_over_resting(intent), grid.is_perpetual
    selling = state.selling_lots(listing.venue, listing.instrument, over_resting=over_resting, side=intent.side)
    return Draft(
        grid,
        quote,
        offer.is_sound,
        lots,
        price=price,
        best=best,
        rate=offer.rate,
        reference=reference,
        equity=equity,
        qty_max=qty_max,
        held_qty=asset_qty_worst(state, listing.base, -sign),
        free=held - selling * grid.lot,
        limit_ticks=limit_ticks,
        reserve_asset=listing.quote if is_margined else listing.base,
        reserve_per_lot=ZERO if is_margined else listing.lot,
        routes=(candidate.told(price * (1.0 + sign * grid.fee_taker), fee, has_liquidity=True),),
        sized_by=sized_by,
        leverage=leverage_of(settings, now, listing) if is_margined else 0,
    )


def draft_stop(state: State, now: Moment, offer: Offer, stop: Stop) -> Draft:
    """
    Draft the stop order that covers a position.

    It is judged at its trigger, which is held against itself: how far the market is from there is what it is for. And
    E3 lets it cover whatever is held, for a position has one stop order and no more.
    """
    grid, listing = offer.grid, offer.grid.listing
    trigger = stop.trigger_ticks * grid.tick
    held = float(state.position(listing.venue, listing.instrument).qty)
    return Draft(
        grid,
        offer.quote,
        offer.is_sound,
        stop.lots,
        price=trigger,
        best=trigger,
        rate=offer.rate,
        reference=trigger * offer.rate,
        equity=equity_of(state, now, settings_of(state)),
        qty_max=held,
        held_qty=asset_qty_worst(state, listing.base),
        free=held - state.selling_lots(listing.venue, listing.instrument) * grid.lot,
        limit_ticks=None,
        reserve_asset=listing.base,
        reserve_per_lot=listing.lot,
        routes=(),
        sized_by="position",
        trigger_ticks=stop.trigger_ticks,
    )
