"""
From a wanted change of position to orders: size, route, guardrails, plan. The one door; there is no other.

What a stop order at a venue holds can be sold by nobody else: an exit of it is deferred until that order is cancelled.
To protection and to a flatten limit orders that rest give way likewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    ZERO,
    BotSettings,
    Effect,
    ExitDeferred,
    ExitResumed,
    Fact,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderKind,
    OrderPlanned,
    Side,
    Verdicts,
    multiply,
)
from quarterdeck.engine.cover import Stop, is_leaving, is_wished, takes, waiting_for
from quarterdeck.engine.drafts import Draft, Refusal, is_by_settings
from quarterdeck.engine.exits import draft_reducing, draft_stop
from quarterdeck.engine.exposure import goes_over_resting, grids_of, sellable_lots
from quarterdeck.engine.moment import NEVER_NS, Moment, settings_of
from quarterdeck.engine.offers import Offer
from quarterdeck.engine.openings import draft_opening
from quarterdeck.engine.reports import request_cancel
from quarterdeck.engine.state import Deferred, State
from quarterdeck.engine.subjects import ALONE, at_rest, subject_of
from quarterdeck.guardrails import judge, passed, refusing
from quarterdeck.orders import ENDED, Order, client_id, client_prefix

_OPEN: Final = Effect.OPEN
_REDUCE: Final = Effect.REDUCE
_BUY: Final = Side.BUY
_MARKET: Final = OrderKind.MARKET
_STOP: Final = OrderKind.STOP
_GIVE_WAY: Final = "an exit is to sell what it holds"


def pursue(state: State, now: Moment, intent: Intent, venue: str | None = None) -> Iterator[Fact]:
    """
    Take an intent up and bring it to orders, or to a refusal that says why.

    Args:
        state: The state, up to date with this instant.
        now: Instant and surroundings.
        intent: What is wanted.
        venue: The only venue to use, None to choose.
    """
    settings = settings_of(state)
    yield IntentFormed(at_ns=now.at_ns, intent=intent)
    drafts = _drafts(state, now, settings, intent, venue)
    held: Sequence[Order] = ()
    if state.live and intent.effect is _REDUCE and not (isinstance(drafts, Refusal) and drafts.stage == "intent"):
        for order in state.live_orders():
            if order.pair == intent.instrument and order.effect is _OPEN and venue in (None, order.venue):
                yield from request_cancel(order, now.at_ns, "an exit was decided")
        held = resting_over(state, intent, venue)
    if isinstance(drafts, Refusal):
        yield _ended(now, intent, drafts)
    elif intent.effect is _REDUCE and state.live:
        yield from _plan_or_defer(state, now, intent, venue, drafts, held)
    else:
        yield from _judge_and_plan(state, now, settings, intent, drafts)


def _plan_or_defer(
    state: State, now: Moment, intent: Intent, venue: str | None, drafts: list[Draft], held: Sequence[Order]
) -> Iterator[Fact]:
    """
    Plan an exit, or let it wait for what stands in its way.

    That is a stop order that holds what it would sell, whose cancel is asked for; or an entry of ours that it would
    trade against, whose cancel was asked for already.
    """
    wanted = {(draft.grid.listing.venue, draft.grid.listing.instrument) for draft in drafts}
    held = [order for order in held if (order.venue, order.instrument) in wanted]
    facts = _judge_and_plan(state, now, settings_of(state), intent, drafts)
    first = facts[0]
    meets_entry = (
        isinstance(first, IntentRefused) and first.failed == ("E10",) and leaving_entries(state, intent, venue)
    )
    if not meets_entry and (not held or isinstance(first, IntentRefused)):
        yield from facts  # what is refused now need not cost a position its stop
        return
    yield ExitDeferred(at_ns=now.at_ns, intent=intent, venue=venue)
    yield from _ask_to_give_way(held, now)


def resume_exit(state: State, now: Moment, deferred: Deferred) -> Iterator[Fact]:
    """
    Bring an exit that waited to orders, or to a refusal, as soon as what held its goods has ended.

    A venue that does not answer holds up the others only for a while: then the exit sells what nothing holds.
    """
    intent, venue = deferred.intent, deferred.venue
    held = resting_over(state, intent, venue)
    is_late = now.at_ns >= gives_up_ns(state, deferred)
    if not is_late and (any(map(is_leaving, held)) or leaving_entries(state, intent, venue)):
        return
    settings = settings_of(state)
    drafts = _drafts(state, now, settings, intent, venue, held)
    if held and not is_late and isinstance(drafts, Refusal):
        yield from _ask_to_give_way(held, now)
        return
    if isinstance(drafts, Refusal) and any(map(is_leaving, held)):  # nothing else can be sold into at this moment
        yield ExitDeferred(at_ns=now.at_ns, intent=intent, venue=venue)
        return
    yield ExitResumed(at_ns=now.at_ns, intent_id=intent.id)
    if not isinstance(drafts, Refusal):
        yield from _judge_and_plan(state, now, settings, intent, drafts)
        return
    why = f"{drafts.reason}; it waited for another order to be cancelled, which may have sold first"
    yield _ended(now, intent, replace(drafts, reason=why))


def gives_up_ns(state: State, deferred: Deferred) -> int:
    """Say when a deferred exit waits no longer for what still holds a part; `NEVER_NS` where all is held."""
    intent, venue = deferred.intent, deferred.venue
    held, over = (
        {(order.venue, order.instrument) for order in resting_over(state, intent, venue)},
        goes_over_resting(intent),
    )
    for grid in grids_of(state, intent.instrument, venue):
        place = (grid.listing.venue, grid.listing.instrument)
        lots = sellable_lots(state, grid, over_resting=over, side=intent.side)
        if intent.listing in ("", place[1]) and place not in held and lots > 0:
            return deferred.since_ns + settings_of(state).naked_ns_max
    return NEVER_NS


def _ask_to_give_way(held: Iterable[Order], now: Moment) -> Iterator[Fact]:
    for order in held:
        yield from request_cancel(order, now.at_ns, _GIVE_WAY)


def place_stop(state: State, now: Moment, intent: Intent, offer: Offer, stop: Stop) -> Iterator[Fact]:
    """Bring the stop order of a position through the door: judged as every other, and refused as every other."""
    yield IntentFormed(at_ns=now.at_ns, intent=intent)
    yield from _judge_and_plan(state, now, settings_of(state), intent, [draft_stop(state, now, offer, stop)])


def resting_over(state: State, intent: Intent, venue: str | None) -> list[Order]:
    """List the orders that hold what an exit may want to sell and that give way to it, unknown ones among them."""
    over_limits = goes_over_resting(intent)
    return [
        order
        for order in _alive_beside(state, intent, venue)
        if order.is_protective or (over_limits and order.limit_ticks is not None and order.effect is _REDUCE)
    ]


def leaving_entries(state: State, intent: Intent, venue: str | None) -> list[Order]:
    """List the resting entries of a pair that are being cancelled and that an exit could still trade against."""
    return [
        order
        for order in _alive_beside(state, intent, venue)
        if order.effect is _OPEN and order.limit_ticks is not None and is_leaving(order)
    ]


def _alive_beside(state: State, intent: Intent, venue: str | None) -> list[Order]:
    """List the orders that have not ended where an intent wants to trade."""
    return [
        order
        for order in state.live_orders()
        if order.state not in ENDED
        and order.pair == intent.instrument
        and venue in (None, order.venue)
        and intent.listing in ("", order.instrument)
    ]


def _ended(now: Moment, intent: Intent, refusal: Refusal) -> IntentRefused:
    return IntentRefused(
        at_ns=now.at_ns,
        intent_id=intent.id,
        instrument=intent.instrument,
        stage=refusal.stage,
        reason=refusal.reason,
        failed=refusal.failed,
        routes=refusal.routes,
    )


def _drafts(
    state: State,
    now: Moment,
    settings: BotSettings,
    intent: Intent,
    venue: str | None,
    held: Sequence[Order] | None = None,
) -> list[Draft] | Refusal:
    """Size and route an intent. `held`: the stop orders that an exit leaves alone; None for one that is new."""
    if state.stopping:
        return Refusal("intent", "the bot is stopping")
    if intent.instrument not in settings.pairs:
        known = ", ".join(settings.pairs)
        return Refusal("intent", f"{intent.instrument} is not among the pairs of this bot: {known}", failed=("G3",))
    unfit = _unfit(settings, intent)
    if unfit:
        return Refusal("intent", unfit)
    if venue is not None and venue not in state.venues:
        return Refusal("intent", f"this bot has no venue {venue}: {', '.join(state.venues)}")
    if intent.effect is _OPEN:
        return draft_opening(state, now, settings, intent, venue)
    if state.deferred and held is None:
        waiting = waiting_for(state, intent.instrument, venue)
        if waiting is not None:
            what = f"an exit of {intent.instrument} waits already for another order to be cancelled"
            return Refusal("intent", f"{what} ({waiting.id}); ask again when it has ended")
    avoided = {(order.venue, order.instrument) for order in held} if held else ()
    return draft_reducing(state, now, settings, intent, venue, avoided)


def _unfit(settings: BotSettings, intent: Intent) -> str:
    """Say why an intent makes no sense; empty where it does."""
    is_opening, unit = intent.effect is _OPEN, intent.asked_unit
    if is_opening is not (intent.side is _BUY):
        if ":" not in intent.instrument:
            return "this bot is never short on spot: buy to open, sell to reduce"
        if is_opening and not settings.risk.short:
            return "this bot does not sell short; set risk.short, or buy to open"
    if unit == "position":
        if is_opening:
            return "say how much to open, in base or in quote"
    elif not (intent.asked.is_finite() and intent.asked > ZERO):
        return f"asks for {intent.asked}; ask for an amount above zero"
    elif unit == "quote" and not is_opening:
        return "reduce by a base quantity, or by the whole position"
    return "" if intent.order_kind is _MARKET else _unfit_kind(settings, intent)


def _unfit_kind(settings: BotSettings, intent: Intent) -> str:
    if intent.order_kind is _STOP:
        return "the bot places its stop orders itself; set risk.stop_loss, and let the venue hold them"
    if intent.limit is None and is_by_settings(settings, intent):
        return ""
    if not (intent.limit is not None and intent.limit.is_finite() and intent.limit > 0):
        return "a limit order needs a limit price above zero"
    return ""


def _judge_and_plan(
    state: State, now: Moment, settings: BotSettings, intent: Intent, drafts: list[Draft]
) -> Sequence[Fact]:
    """Judge every child together with those before it; a refused exit on one venue does not hold up the rest."""
    limits, risk = settings.guardrails, settings.risk
    is_protected = intent.effect is _OPEN and not (risk.stop_loss is None and risk.trailing_stop is None)
    prefix = client_prefix(settings.bot)
    refused: list[tuple[Draft, Verdicts]] = []
    planned: list[OrderPlanned] = []
    beside = ALONE
    for child, draft in enumerate(drafts):
        subject = subject_of(state, now, settings, intent, draft, beside)
        if draft.trigger_ticks is not None:
            subject = at_rest(subject)
        verdicts = judge(subject, limits, risk)
        if passed(verdicts):
            order_id, send_by_ns = client_id(prefix, intent.id, child), now.at_ns + settings.send_within_ns
            plan = _plan(state, now, intent, draft, verdicts, (order_id, send_by_ns))
            if is_protected:
                plan = replace(plan, protection=_protection(state, settings, draft))
            planned.append(plan)
            beside = (beside[0] + 1, beside[1] + subject.notional)
        else:
            refused.append((draft, verdicts))
    return planned or [_refused(now, intent, *refused[0])]


def _refused(now: Moment, intent: Intent, draft: Draft, verdicts: Verdicts) -> IntentRefused:
    rules, listing = refusing(verdicts), draft.grid.listing
    reason = "; ".join(f"{rule.id} {rule.name}: {rule.reason}" for rule in rules)
    return IntentRefused(
        at_ns=now.at_ns,
        intent_id=intent.id,
        instrument=intent.instrument,
        stage="guardrails",
        reason=reason,
        failed=tuple(rule.id for rule in rules),
        verdicts=verdicts,
        routes=draft.routes,
        venue=listing.venue,
        qty=multiply(listing.lot, Decimal(draft.lots)),
        price=draft.price,
        sized_by=draft.sized_by,
    )


def _plan(
    state: State, now: Moment, intent: Intent, draft: Draft, verdicts: Verdicts, sending: tuple[str, int]
) -> OrderPlanned:
    """Word the plan of a draft that passed. `sending`: its client id, and the last instant at which it is signed."""
    listing, (order_id, send_by_ns) = draft.grid.listing, sending
    # Most go without their names: CPython makes a dictionary first of more than fifteen names in a call.
    planned = OrderPlanned(
        now.at_ns,
        order_id,
        intent.id,
        listing.venue,
        listing.instrument,
        intent.side,
        intent.effect,
        intent.source,
        intent.order_kind,
        draft.lots,
        listing.lot,
        listing.tick,
        draft.price,
        draft.reserve_asset,
        draft.reserve_per_lot,
        send_by_ns,
        kill_epoch=state.kill_epoch,
        verdicts=verdicts,
        limit_ticks=draft.limit_ticks,
        routes=draft.routes,
        sized_by=draft.sized_by,
        pair=listing.pair,
        rate=draft.rate,
    )
    if draft.leverage:
        return replace(planned, leverage=draft.leverage, flips=intent.flips)
    return planned if draft.trigger_ticks is None else replace(planned, trigger_ticks=draft.trigger_ticks)


def _protection(state: State, settings: BotSettings, draft: Draft) -> str:
    """Say who will protect what an entry opens: the venue where it takes the stop order, else the bot."""
    share = settings.risk.stop_loss
    if share is None or draft.grid.is_perpetual or not is_wished(settings, state, draft.grid.listing.venue):
        return "bot"
    return "venue" if takes(draft.grid, draft.lots, int(draft.price * (1.0 - share) / draft.grid.tick)) else "bot"
