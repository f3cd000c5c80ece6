"""From a wanted change of position to orders: size, route, guardrails, plan. The one door; there is no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    GRID_SLACK,
    MINUTE_NS,
    SECOND_NS,
    ZERO,
    BotSettings,
    Control,
    Effect,
    Fact,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderKind,
    OrderPlanned,
    Side,
    Source,
    VenueQuote,
    Verdicts,
    add,
    lots_down,
    multiply,
    subtract,
    ticks_toward,
)
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.reports import request_cancel
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import Subject, judge, order_value_max, passed, refusing
from quarterdeck.orders import client_id, client_prefix
from quarterdeck.routing import Candidate, best_price, exit_price

FOREVER_S: Final = math.inf
ONE: Final = Decimal(1)
LOTS_MAX: Final = 2**53


class Draft(Struct, frozen=True, gc=False):
    """One order as it was sized and routed, before the guardrails have spoken."""

    grid: Grid
    lots: int
    price: float
    limit_ticks: int | None
    reserve_asset: str
    reserve_per_lot: Decimal
    routes: tuple[VenueQuote, ...]
    sized_by: str


class Refusal(Struct, frozen=True, gc=False):
    """Why an intent ended before the guardrails."""

    stage: str
    reason: str
    routes: tuple[VenueQuote, ...] = ()


def pursue(state: State, now: Moment, intent: Intent, venue: str | None = None) -> Iterator[Fact]:
    """
    Take an intent up and bring it to orders, or to a refusal that says why.

    Args:
        state: The state, up to date with this instant.
        now: Instant and surroundings.
        intent: What is wanted.
        venue: The only venue to use, None to choose.
    """
    yield IntentFormed(at_ns=now.at_ns, intent=intent)
    settings = settings_of(state)
    drafts: list[Draft] | Refusal
    unfit = "the bot is stopping" if state.stopping else _unfit(intent, settings)
    if unfit:
        drafts = Refusal("intent", unfit)
    elif intent.effect is Effect.OPEN:
        drafts = _draft_opening(state, now, intent, venue)
    else:
        for order in state.live_orders():
            if order.instrument == intent.instrument and order.effect is Effect.OPEN and venue in (None, order.venue):
                yield from request_cancel(order, now.at_ns, "an exit was decided")
        drafts = _draft_reducing(state, now, intent, venue)
    if isinstance(drafts, Refusal):
        yield IntentRefused(
            at_ns=now.at_ns,
            intent_id=intent.id,
            instrument=intent.instrument,
            stage=drafts.stage,
            reason=drafts.reason,
            routes=drafts.routes,
        )
        return
    yield from _judge_and_plan(state, now, intent, drafts)


def _unfit(intent: Intent, settings: BotSettings) -> str:
    """Say why an intent makes no sense for this bot; empty where it does."""
    if intent.instrument not in settings.pairs:
        return f"{intent.instrument} is not among the pairs of this bot: {', '.join(settings.pairs)}"
    if (intent.effect is Effect.OPEN) is not (intent.side is Side.BUY):
        return "this bot is never short: buy to open, sell to reduce"
    if intent.asked_unit != "position" and not (intent.asked.is_finite() and intent.asked > 0):
        return f"asks for {intent.asked}; ask for an amount above zero"
    if intent.asked_unit == "quote" and intent.effect is Effect.REDUCE:
        return "reduce by a base quantity, or by the whole position"
    if intent.asked_unit == "position" and intent.effect is Effect.OPEN:
        return "say how much to open, in base or in quote"
    if intent.order_kind is OrderKind.LIMIT and not (
        intent.limit is not None and intent.limit.is_finite() and intent.limit > 0
    ):
        return "a limit order needs a limit price above zero"
    return ""


def _judge_and_plan(state: State, now: Moment, intent: Intent, drafts: list[Draft]) -> Iterator[Fact]:
    """Judge every child before any is planned; a refused exit on one venue does not hold up the others."""
    settings = settings_of(state)
    judged = [(draft, judge(_subject(state, now, intent, draft), settings.guardrails)) for draft in drafts]
    if not any(passed(verdicts) for _, verdicts in judged):
        draft, verdicts = judged[0]
        rules = refusing(verdicts)
        yield IntentRefused(
            at_ns=now.at_ns,
            intent_id=intent.id,
            instrument=intent.instrument,
            stage="guardrails",
            reason="; ".join(f"{rule.id} {rule.name}: {rule.reason}" for rule in rules),
            failed=tuple(rule.id for rule in rules),
            verdicts=verdicts,
            routes=draft.routes,
        )
        return
    prefix = client_prefix(settings.bot)
    for child, (draft, verdicts) in enumerate(judged):
        if passed(verdicts):
            yield _plan(state, now, intent, draft, verdicts, client_id(prefix, intent.id, child))


def _plan(state: State, now: Moment, intent: Intent, draft: Draft, verdicts: Verdicts, order_id: str) -> OrderPlanned:
    listing = draft.grid.listing
    return OrderPlanned(
        at_ns=now.at_ns,
        client_id=order_id,
        intent_id=intent.id,
        venue=listing.venue,
        instrument=listing.instrument,
        side=intent.side,
        effect=intent.effect,
        source=intent.source,
        order_kind=intent.order_kind,
        qty_lots=draft.lots,
        lot=listing.lot,
        tick=listing.tick,
        reference_price=draft.price,
        reserve_asset=draft.reserve_asset,
        reserve_per_lot=draft.reserve_per_lot,
        send_by_ns=now.at_ns + settings_of(state).send_within_ns,
        kill_epoch=state.kill_epoch,
        verdicts=verdicts,
        limit_ticks=draft.limit_ticks,
        routes=draft.routes,
        sized_by=draft.sized_by,
    )


def _subject(state: State, now: Moment, intent: Intent, draft: Draft) -> Subject:
    listing = draft.grid.listing
    last_ns = state.last_trade_ns.get(intent.instrument, 0)
    reducing = intent.effect is Effect.REDUCE
    control = state.control
    if control is Control.RUNNING and now.at_ns < state.clock_steady_at_ns:
        control = Control.PAUSED
    free = state.free(listing.venue, draft.reserve_asset)
    if reducing:
        sold = multiply(listing.lot, Decimal(state.selling_lots(listing.venue, listing.instrument)))
        free = subtract(state.position(listing.venue, listing.instrument).qty, sold)
    return Subject(
        kill_raised=state.kill_raised,
        control=control,
        notional=draft.lots * draft.grid.lot * draft.price,
        equity=_equity(state, now),
        since_last_trade_s=(now.at_ns - last_ns) / SECOND_NS if last_ns else FOREVER_S,
        need=float(multiply(draft.reserve_per_lot, Decimal(draft.lots))),
        free=float(free),
        lots=draft.lots,
        lots_min=listing.lots_min,
        lots_max=listing.lots_max,
        notional_min=draft.grid.notional_min,
        reducing=reducing,
        protective=intent.source is Source.PROTECTION,
    )


def _equity(state: State, now: Moment) -> float:
    """Give the last marked equity; NaN, which refuses, where the last minute brought no mark."""
    if state.equity is None or now.at_ns - state.minute_ns >= 2 * MINUTE_NS:
        return math.nan
    return state.equity


def _draft_opening(state: State, now: Moment, intent: Intent, venue: str | None) -> list[Draft] | Refusal:
    settings = settings_of(state)
    candidates = _candidates(state, now, intent, venue)
    if not candidates:
        return Refusal("route", f"no venue has a fresh, two-sided price for {intent.instrument}")
    asked = float(intent.asked)
    if intent.asked_unit == "base":
        asked *= candidates[0].quote.asks[0][0]
    limits = settings.guardrails
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, _equity(state, now))
    clipped = value_max < asked
    least = min(state.grids[c.quote.venue][intent.instrument].notional_min for c in candidates)
    route = best_price(candidates, value_max if clipped and value_max > 0.0 else asked, notional_min=least)
    if route is None:
        return Refusal("route", f"no venue offers any {intent.instrument} at present")
    grid = state.grids[route.venue][intent.instrument]
    price, limit_ticks = _opening_price(intent, grid, route.price)
    if not price > 0.0 or lots_down(asked / price, grid.lot) == 0:
        return Refusal("size", f"asks for less than one lot of {grid.listing.lot} {grid.listing.base}", route.quotes)
    headroom = 1.0 if limit_ticks is not None else 1.0 + limits.headroom_share
    worst_ticks = math.ceil(price * headroom / grid.tick - GRID_SLACK)
    worst_per_lot = multiply(grid.listing.lot, multiply(grid.listing.tick, Decimal(worst_ticks)))
    per_lot = multiply(worst_per_lot, add(ONE, grid.listing.fee_taker))
    lots = lots_down(asked / price, grid.lot)
    sized_by: str = settings.sizing.kind
    if clipped:
        lots, sized_by = lots_down(value_max / price, grid.lot), "G4"
    affordable = int(max(state.free(grid.listing.venue, grid.listing.quote), ZERO) // per_lot)
    if affordable < lots:
        lots, sized_by = affordable, "G10"
    # What a limit clips to nothing stays one lot, so that the guardrail which stands in the way refuses it by name.
    return [
        Draft(grid, max(lots, 1), price, limit_ticks, grid.listing.quote, per_lot, route.quotes, sized_by),
    ]


def _opening_price(intent: Intent, grid: Grid, routed: float) -> tuple[float, int | None]:
    if intent.order_kind is OrderKind.LIMIT and intent.limit is not None:
        ticks = ticks_toward(float(intent.limit), grid.tick, 1)
        return ticks * grid.tick, ticks
    return routed, None


def _candidates(state: State, now: Moment, intent: Intent, venue: str | None) -> list[Candidate]:
    settings = settings_of(state)
    found = []
    for name in state.venues:
        grid = state.grids.get(name, {}).get(intent.instrument)
        if grid is None or venue not in (None, name):
            continue
        quote = now.fresh_quote(name, intent.instrument, settings.price_age_ns_max)
        if quote is not None:
            spendable = float(state.free(name, grid.listing.quote))
            found.append(Candidate(quote=quote, fee_taker=grid.fee_taker, spendable=spendable))
    return found


def _draft_reducing(state: State, now: Moment, intent: Intent, venue: str | None) -> list[Draft] | Refusal:
    """Sell on every venue that holds some, never more than it holds and no living order already sells."""
    settings = settings_of(state)
    left = float(intent.asked) if intent.asked_unit == "base" else math.inf
    drafts: list[Draft] = []
    problems: list[str] = []
    for name in state.venues:
        grid = state.grids.get(name, {}).get(intent.instrument)
        if grid is None or venue not in (None, name):
            continue
        lots = min(sellable_lots(state, grid), lots_down(left, grid.lot) if math.isfinite(left) else LOTS_MAX)
        if lots <= 0:
            continue
        quote = now.fresh_quote(name, intent.instrument, settings.price_age_ns_max)
        price = exit_price(quote, lots * grid.lot) if quote is not None else 0.0
        if not price > 0.0:
            problems.append(f"{name} has no fresh price")
            continue
        left -= lots * grid.lot
        drafts.append(_draft_exit(intent, grid, lots, price))
    if drafts:
        return drafts
    return Refusal("route", "; ".join(problems) or f"no venue holds {intent.instrument} that is not being sold")


def _draft_exit(intent: Intent, grid: Grid, lots: int, price: float) -> Draft:
    limit_ticks = None
    if intent.order_kind is OrderKind.LIMIT and intent.limit is not None:
        limit_ticks = ticks_toward(float(intent.limit), grid.tick, -1)
        price = limit_ticks * grid.tick
    return Draft(
        grid=grid,
        lots=lots,
        price=price,
        limit_ticks=limit_ticks,
        reserve_asset=grid.listing.base,
        reserve_per_lot=grid.listing.lot,
        routes=(VenueQuote(grid.listing.venue, price * (1.0 - grid.fee_taker), 0.0, has_liquidity=True),),
        sized_by="position",
    )


def least_qty(grid: Grid) -> Decimal:
    """Give the smallest base quantity that the venue lets be sold; what lies below is dust."""
    return multiply(grid.listing.lot, Decimal(grid.listing.lots_min))


def sellable_lots(state: State, grid: Grid) -> int:
    """Count the whole lots that a venue holds and no living order is already selling."""
    listing = grid.listing
    held = state.position(listing.venue, listing.instrument).qty
    if held <= 0:
        return 0
    return int(held // listing.lot) - state.selling_lots(listing.venue, listing.instrument)
