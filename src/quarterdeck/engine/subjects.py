"""What the guardrails are shown of a draft: the order and the worst state it could leave behind, as plain numbers."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    Effect,
    GuardrailSettings,
    Intent,
    Listing,
    OrderKind,
    OrderState,
    Side,
    Source,
)
from quarterdeck.engine.drafts import Draft
from quarterdeck.engine.exposure import NONE_STANDING, exposure_worst, standing
from quarterdeck.engine.losses import losses_of
from quarterdeck.engine.moment import INF, NAN, Moment, price_age_ns_max, rate_of
from quarterdeck.engine.state import State
from quarterdeck.guardrails import SLACK, Subject, crosses_resting, liquidation_price, needs_no_stop, stop_distances
from quarterdeck.orders import ENDED, Order

ALONE: Final = (0, 0.0)
SPOT: Final = (1.0, True, INF)
"""Spot knows neither leverage nor liquidation."""
UNGRANTED: Final = (0.0, NAN, NAN)
"""A bot that no fleet grants anything is not asked for its exposure."""
_REDUCE: Final = Effect.REDUCE
_MARKET: Final = OrderKind.MARKET
_PROTECTION: Final = Source.PROTECTION


def subject_of(
    state: State, now: Moment, settings: BotSettings, intent: Intent, draft: Draft, beside: tuple[int, float] = ALONE
) -> Subject:
    """
    Put together what every guardrail reads, for one draft of an intent.

    `beside`: how many children of the intent passed before this one, and what they are worth in base currency.
    """
    limits, grid, listing, pair = settings.guardrails, draft.grid, draft.grid.listing, intent.instrument
    reducing, margined = intent.effect is _REDUCE, grid.is_perpetual
    qty = draft.lots * grid.lot
    notional_quote = qty * draft.price
    notional = notional_quote * draft.rate
    held_after = draft.held_qty - qty if reducing else draft.held_qty + qty
    after, off_peg = held_after * draft.price * draft.rate, False
    if draft.rate != 1.0 or listing.base in limits.stablecoins:
        after, off_peg = _counted(state, now, limits, draft, after)
    alive = standing(state, pair) if state.live else NONE_STANDING
    more, worth = beside
    lost, fallen, fallen_ever = losses_of(state)
    last_ns, trades = _trades(state, intent, now.at_ns, limits)
    # In the order of the fields, without names: of more than fifteen, a call first makes a dictionary, which is slow.
    return Subject(
        *(
            state.kill_raised,
            state.control,
            reducing,
            intent.source is _PROTECTION,
            settings.approved is None or pair in settings.approved,
            listing.tradable,
            notional,
            draft.equity,
            lost,
            fallen,
            fallen_ever,
            after,
            off_peg,
            (now.at_ns - last_ns) / SECOND_NS if last_ns else INF,
            trades + 1,
            qty if margined and reducing else float(draft.reserve_per_lot) * draft.lots,
            draft.free,
            draft.lots,
            listing.lots_min,
            listing.lots_max,
            notional_quote,
            0.0 if margined and reducing else grid.notional_min,
            grid.notional_max,
        ),
        *(
            abs(draft.price * draft.rate / draft.reference - 1.0),
            abs(draft.price / draft.best - 1.0) if intent.order_kind is _MARKET and draft.best > 0.0 else 0.0,
            now.age_s(draft.quote),
            price_age_ns_max(settings) / SECOND_NS,
            draft.is_sound,
            qty,
            draft.qty_max,
            alive.orders + 1 + more,
            alive.orders_pair + 1 + more,
            alive.unexecuted + worth + notional,
            _duplicates(state, now.at_ns - int(limits.duplicate_window_s * SECOND_NS), intent, draft),
            _unresolved(state, listing.venue, pair) if state.live or state.reconciling else 0,
            now.skew_ms(listing.venue),
            now.at_ns >= state.clock_steady_at_ns,
            _rejects(state, listing) if state.rejects else 0,
            state.executions,
            _crossing(state, limits, intent, draft) if state.live else 0,
        ),
        *(_margin(state, now, settings, intent, draft) if margined else SPOT),
        *(_granted(state, now, 0.0 if reducing else notional) if limits.fleet_grant else UNGRANTED),
    )


def at_rest(subject: Subject) -> Subject:
    """
    Give the subject of a stop order: it rests, and is no trade and no order that waits until it awakes.

    It repeats and meets no other, for a position has but one, and that one waits behind the market.
    """
    return replace(
        subject,
        since_last_trade_s=INF,
        trades=subject.trades - 1,
        open_orders=subject.open_orders - 1,
        open_orders_pair=subject.open_orders_pair - 1,
        unexecuted=subject.unexecuted - subject.notional,
        duplicates=0,
        crossing=0,
    )


def _counted(state: State, now: Moment, limits: GuardrailSettings, draft: Draft, worth: float) -> tuple[float, bool]:
    """Give the worth that counts to G7, nothing for a stablecoin at its peg, and if any coin here is off it."""
    listing, coins = draft.grid.listing, limits.stablecoins
    off_peg = draft.rate != 1.0 and listing.quote in coins
    if listing.base in coins:
        if rate_of(state, now, listing.base) == 1.0:
            return 0.0, off_peg
        off_peg = True
    return worth, off_peg


def _trades(state: State, intent: Intent, at_ns: int, limits: GuardrailSettings) -> tuple[int, int]:
    """
    Give the last counted trade of the pair (0 for none since it cooled down), and all trades within the window.

    One that is exactly as old as the window counts no more; one of this very intent is not another trade, and neither
    is the closing of the position that it flips.
    """
    since_ns = at_ns - limits.trades_window_min * MINUTE_NS
    cooled_ns = at_ns - int(limits.cooldown_s * SECOND_NS)
    trades, pair = state.trades, intent.instrument
    own = trades.get(intent.flips or intent.id)
    counted = 0 if own is None or own.at_ns <= since_ns else -1
    last_ns = 0
    for trade in reversed(trades.values()):  # they stand in the order of time
        traded_ns = trade.at_ns
        if traded_ns > since_ns:
            counted += 1
        elif last_ns or traded_ns < cooled_ns:
            break
        if not last_ns and trade.pair == pair and trade is not own:
            last_ns = traded_ns
    return last_ns, counted


def _granted(state: State, now: Moment, more: float) -> tuple[float, float, float]:
    """Give the exposure that an order leads to, what the fleet grants, and since when; NaN where it grants nothing."""
    exposure, grant = exposure_worst(state) + more, now.grant
    if grant is None:
        return exposure, NAN, NAN
    return exposure, grant.exposure_max, (now.at_ns - grant.at_ns) / SECOND_NS


def _rejects(state: State, listing: Listing) -> int:
    """Count how often in a row the venue rejected what it is to be sent again."""
    rejections = state.rejections(listing.venue, listing.instrument)
    return 0 if rejections is None else rejections.count


def _duplicates(state: State, since_ns: int, intent: Intent, draft: Draft) -> int:
    """Count orders like this one that the same source planned a moment ago for another intent, stop orders apart."""
    found, limit = 0, None if draft.limit_ticks is None else draft.price
    for order in reversed(state.orders.values()):
        if order.planned_at_ns <= since_ns:
            break
        found += (
            order.pair == intent.instrument
            and order.side is intent.side
            and order.source is intent.source
            and order.qty_lots * order.lot == draft.lots * draft.grid.listing.lot
            and _limit(order) == limit
            and order.trigger_ticks is None
            and order.intent_id not in (intent.id, intent.flips)
        )
    return found


def _limit(order: Order) -> float | None:
    return None if order.limit_ticks is None else order.limit_ticks * float(order.tick)


def _unresolved(state: State, venue: str, pair: str) -> int:
    unknown = sum(
        [
            order.state is OrderState.UNKNOWN and order.venue == venue and order.pair == pair
            for order in map(state.orders.__getitem__, state.live)
        ]
    )
    return unknown + (1 if venue in state.reconciling else 0)


def _crossing(state: State, limits: GuardrailSettings, intent: Intent, draft: Draft) -> int:
    """Count resting orders of ours on the account that this one could trade against; a market order reaches further."""
    found = 0
    reach = SLACK if draft.limit_ticks is not None else limits.headroom_share + SLACK
    for client_id in state.live:
        order = state.orders[client_id]
        if order.limit_ticks is None or order.side is intent.side or order.state in ENDED:
            continue
        if order.venue == draft.grid.listing.venue and order.instrument == draft.grid.listing.instrument:
            resting = order.limit_ticks * float(order.tick)
            found += crosses_resting(draft.price, resting, reach, 1 if intent.side is Side.BUY else -1)
    return found


def _margin(
    state: State, now: Moment, settings: BotSettings, intent: Intent, draft: Draft
) -> tuple[float, bool, float]:
    """
    Give the leverage of a perpetual, whether margin is as configured, and how many stop distances liquidation is away.

    What was not read back is not a number, and refuses. Less of a position is liquidated no sooner than more of it.
    """
    listing, risk, limits = draft.grid.listing, settings.risk, settings.guardrails
    reading = now.margin(listing.venue, listing.instrument)
    leverage, is_configured, multiple = NAN, False, NAN
    if reading is not None:
        leverage = reading.leverage
        is_configured = reading.mode == limits.margin_mode and leverage <= risk.leverage_max + SLACK
    if intent.effect is _REDUCE:
        return leverage, is_configured, INF
    if reading is not None and limits.margin_mode == "isolated":  # nobody knows when all of an account is at stake
        stops = [stop for stop in (risk.stop_loss, risk.trailing_stop) if stop is not None]
        sign = 1 if intent.side is Side.BUY else -1
        liquidated_at = _liquidated_at(state, draft, reading.maintenance, sign)
        multiple = stop_distances(draft.price, liquidated_at, min(stops, default=NAN), sign)
    if needs_no_stop(limits.liquidation_multiple_min) and multiple != multiple:  # noqa: PLR0124 - not a number
        multiple = INF
    return leverage, is_configured, multiple


def _liquidated_at(state: State, draft: Draft, maintenance: float, sign: int) -> float:
    """Give the price at which the position would be liquidated once the order has filled."""
    grid, listing = draft.grid, draft.grid.listing
    position = state.position(listing.venue, listing.instrument)
    held = max(float(position.qty) * sign, 0.0)  # dust of the other direction is closed first, and counts to nothing
    cost = abs(float(position.cost)) if held else 0.0
    margin = float(position.margin) if held else 0.0
    qty = draft.lots * grid.lot
    notional = qty * draft.price
    return liquidation_price(cost + notional, margin + notional / draft.leverage, held + qty, maintenance, sign)


def liquidation_level(state: State, venue: str, instrument: str, maintenance: float) -> float:
    """
    Give the price at which the venue would liquidate a position; 0.0 where no price does, or nothing is held.

    Args: where; the share of its worth at which it is liquidated. Returns: quote per base.
    """
    position = state.position(venue, instrument)
    if not position.qty:
        return 0.0
    sign = 1 if position.qty > 0 else -1
    cost, margin, qty = abs(float(position.cost)), float(position.margin), abs(float(position.qty))
    return liquidation_price(cost, margin, qty, maintenance, sign)
