"""From a wanted change of position to orders: size, route, guardrails, plan. The one door; there is no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    ZERO,
    BotSettings,
    Effect,
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
from quarterdeck.engine.drafts import Draft, Refusal
from quarterdeck.engine.exits import draft_reducing
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.openings import draft_opening
from quarterdeck.engine.reports import request_cancel
from quarterdeck.engine.state import State
from quarterdeck.engine.subjects import ALONE, subject_of
from quarterdeck.guardrails import judge, passed, refusing
from quarterdeck.orders import client_id, client_prefix

_OPEN: Final = Effect.OPEN
_REDUCE: Final = Effect.REDUCE
_BUY: Final = Side.BUY
_LIMIT: Final = OrderKind.LIMIT


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
    if state.live and intent.effect is _REDUCE and not (isinstance(drafts, Refusal) and drafts.stage == "intent"):
        for order in state.live_orders():
            if order.pair == intent.instrument and order.effect is _OPEN and venue in (None, order.venue):
                yield from request_cancel(order, now.at_ns, "an exit was decided")
    if isinstance(drafts, Refusal):
        yield IntentRefused(
            at_ns=now.at_ns,
            intent_id=intent.id,
            instrument=intent.instrument,
            stage=drafts.stage,
            reason=drafts.reason,
            failed=drafts.failed,
            routes=drafts.routes,
        )
        return
    yield from _judge_and_plan(state, now, settings, intent, drafts)


def _drafts(
    state: State, now: Moment, settings: BotSettings, intent: Intent, venue: str | None
) -> list[Draft] | Refusal:
    if state.stopping:
        return Refusal("intent", "the bot is stopping")
    if intent.instrument not in settings.pairs:
        known = ", ".join(settings.pairs)
        return Refusal("intent", f"{intent.instrument} is not among the pairs of this bot: {known}", failed=("G3",))
    unfit = _unfit(intent)
    if unfit:
        return Refusal("intent", unfit)
    if venue is not None and venue not in state.venues:
        return Refusal("intent", f"this bot has no venue {venue}: {', '.join(state.venues)}")
    draft = draft_opening if intent.effect is _OPEN else draft_reducing
    return draft(state, now, settings, intent, venue)


def _unfit(intent: Intent) -> str:
    """Say why an intent makes no sense; empty where it does."""
    is_opening, unit = intent.effect is _OPEN, intent.asked_unit
    if is_opening is not (intent.side is _BUY):
        return "this bot is never short: buy to open, sell to reduce"
    if unit == "position":
        if is_opening:
            return "say how much to open, in base or in quote"
    elif not (intent.asked.is_finite() and intent.asked > ZERO):
        return f"asks for {intent.asked}; ask for an amount above zero"
    elif unit == "quote" and not is_opening:
        return "reduce by a base quantity, or by the whole position"
    if intent.order_kind is _LIMIT and not (intent.limit is not None and intent.limit.is_finite() and intent.limit > 0):
        return "a limit order needs a limit price above zero"
    return ""


def _judge_and_plan(
    state: State, now: Moment, settings: BotSettings, intent: Intent, drafts: list[Draft]
) -> Sequence[Fact]:
    """Judge every child together with those before it; a refused exit on one venue does not hold up the rest."""
    limits, risk = settings.guardrails, settings.risk
    prefix = client_prefix(settings.bot)
    refused: list[tuple[Draft, Verdicts]] = []
    planned: list[OrderPlanned] = []
    beside = ALONE
    for child, draft in enumerate(drafts):
        subject = subject_of(state, now, settings, intent, draft, beside)
        verdicts = judge(subject, limits, risk)
        if passed(verdicts):
            planned.append(_plan(state, now, intent, draft, verdicts, client_id(prefix, intent.id, child)))
            beside = (beside[0] + 1, beside[1] + subject.notional)
        else:
            refused.append((draft, verdicts))
    return planned or [_refused(now, intent, *refused[0])]


def _refused(now: Moment, intent: Intent, draft: Draft, verdicts: Verdicts) -> IntentRefused:
    rules, listing = refusing(verdicts), draft.grid.listing
    return IntentRefused(
        at_ns=now.at_ns,
        intent_id=intent.id,
        instrument=intent.instrument,
        stage="guardrails",
        reason="; ".join(f"{rule.id} {rule.name}: {rule.reason}" for rule in rules),
        failed=tuple(rule.id for rule in rules),
        verdicts=verdicts,
        routes=draft.routes,
        venue=listing.venue,
        qty=multiply(listing.lot, Decimal(draft.lots)),
        price=draft.price,
        sized_by=draft.sized_by,
    )


def _plan(state: State, now: Moment, intent: Intent, draft: Draft, verdicts: Verdicts, order_id: str) -> OrderPlanned:
    listing = draft.grid.listing
    # Most go without their names: CPython makes a dictionary first of more than fifteen names in a call.
    return OrderPlanned(
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
        now.at_ns + settings_of(state).send_within_ns,
        kill_epoch=state.kill_epoch,
        verdicts=verdicts,
        limit_ticks=draft.limit_ticks,
        routes=draft.routes,
        sized_by=draft.sized_by,
        pair=listing.pair,
        rate=draft.rate,
    )
