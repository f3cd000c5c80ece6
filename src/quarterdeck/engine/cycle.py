"""A cycle: opinions on a closed bar become intents, exits before entries, pairs in canonical order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    ZERO,
    Action,
    BotSettings,
    Bug,
    CommandAnswered,
    CycleDue,
    CycleRan,
    Effect,
    Fact,
    Intent,
    IntentAsked,
    Side,
    SignalGiven,
    SizingSettings,
    Source,
    TriggerFired,
    WatermarkRaised,
)
from quarterdeck.engine.cover import waiting_for
from quarterdeck.engine.exposure import grids_of, is_dust, sellable_lots
from quarterdeck.engine.intents import pursue
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.state import State
from quarterdeck.engine.watch import RATCHET, watch
from quarterdeck.guardrails import SLACK
from quarterdeck.market import Trigger
from quarterdeck.orders import ENDED

_BUY: Final = Action.BUY
_HOLD: Final = Action.HOLD
_OPEN: Final = Effect.OPEN
_REDUCE: Final = Effect.REDUCE


def run_cycle(state: State, cycle: CycleDue, now: Moment) -> Iterator[Fact]:
    """Work through the signals of one bar; a bar that was worked through before is not taken again."""
    if cycle.bar_ns <= state.last_bar_ns or state.stopping:
        return
    settings = settings_of(state)
    actions, wanted = {}, []
    for signal in cycle.signals:
        if signal.instrument in actions:
            raise Bug("two signals for one pair in one cycle")
        actions[signal.instrument] = signal.action
        if signal.action is not _HOLD:
            wanted.append(signal)
    if len(wanted) > 1:
        wanted.sort(key=lambda signal: (signal.action is _BUY, signal.instrument))
    skipped: dict[str, str] = {}
    for signal in wanted:
        why = _why_not(state, settings.sizing, signal)
        if why:
            skipped[signal.instrument] = why
    yield CycleRan(at_ns=now.at_ns, bar_ns=cycle.bar_ns, actions=actions, skipped=skipped)
    for signal in wanted:
        if signal.instrument not in skipped:
            is_entry, bar_ns = signal.action is _BUY, cycle.bar_ns
            intent = _entry(state, settings, signal, bar_ns) if is_entry else _exit(settings, signal, bar_ns)
            yield from pursue(state, now, intent)


def _why_not(state: State, sizing: SizingSettings, signal: SignalGiven) -> str:
    """Say why an opinion becomes no intent, because the target is what is held already; empty where it becomes one."""
    gate = sizing.confidence_min
    if not signal.confidence >= gate:
        return f"confidence {signal.confidence:.2f} is below {gate:.2f}"
    if signal.action is _BUY:
        return _why_not_enter(state, sizing.entries_max, signal.instrument)
    return "" if _has_position(state, signal.instrument) else "nothing is held that is not being sold already"


def _why_not_enter(state: State, entries_max: int, pair: str) -> str:
    """
    Tell whether the target differs from what is held, working or unknown, each counted as if filled.

    What is too small to be sold is dust and takes no slot. A stop order that rests is no exit until it awakes.
    """
    if state.deferred and waiting_for(state, pair, None) is not None:
        return "an exit is under way"
    entries = 0
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            grid = state.grids[venue][instrument]
            if position.qty and grid.listing.pair_id == pair and not is_dust(state, grid, position):
                entries += max(position.entries, 1)
    for order in state.live_orders():  # one that has ended is among them while lots of it wait to be booked
        if order.pair == pair:
            if order.effect is _REDUCE:
                if order.is_protective and not order.reported_lots:
                    continue
                return "an exit is under way"
            grid = state.grids[order.venue][order.instrument]
            is_seen = not is_dust(state, grid, state.position(order.venue, order.instrument))
            entries += 0 if order.booked_lots and is_seen else 1
    return "" if entries < entries_max else f"{entries} of {entries_max} entries are held or on their way"


def _has_position(state: State, pair: str) -> bool:
    """Tell whether there is anything to sell, or an entry on its way that should not arrive."""
    if state.deferred and waiting_for(state, pair, None) is not None:
        return False
    for grid in grids_of(state, pair):
        if sellable_lots(state, grid) > 0:
            return True
    return any(
        order.pair == pair and order.effect is _OPEN and order.state not in ENDED for order in state.live_orders()
    )


def _entry(state: State, settings: BotSettings, signal: SignalGiven, bar_ns: int) -> Intent:
    sizing = settings.sizing
    asked, unit = sizing.value, "quote"
    if sizing.kind == "equity_share":
        asked = Decimal(repr(round(float(sizing.value) * (state.equity or 0.0), 8)))
    elif sizing.kind == "base":
        unit = "base"
    return _intent_of(settings.bot, signal, bar_ns, (_OPEN, Side.BUY, asked, unit))


def _exit(settings: BotSettings, signal: SignalGiven, bar_ns: int) -> Intent:
    return _intent_of(settings.bot, signal, bar_ns, (_REDUCE, Side.SELL, ZERO, "position"))


def _intent_of(bot: str, signal: SignalGiven, bar_ns: int, want: tuple[Effect, Side, Decimal, str]) -> Intent:
    effect, side, asked, unit = want
    return Intent(
        id=f"{bot}:{signal.instrument}:{bar_ns}:{signal.action}",
        source=signal.source,
        who=str(signal.source),
        effect=effect,
        side=side,
        instrument=signal.instrument,
        asked=asked,
        asked_unit=unit,
        action=signal.action,
        confidence=signal.confidence,
        bar_ns=bar_ns,
    )


def fire_trigger(state: State, fired: TriggerFired, now: Moment) -> Iterator[Fact]:
    """
    Close a position whose protective level was crossed, unless it is being closed already.

    A level that stands no more, because the position changed while the price was on its way, closes nothing.
    """
    level = next((one for one in watch(state) if _is_of(one, fired)), None)
    if state.stopping or level is None:
        return
    beyond = fired.price <= level.price * (1.0 + SLACK) if level.falling else fired.price >= level.price * (1.0 - SLACK)
    if not (beyond and 0.0 < fired.price < math.inf):
        return
    if fired.cause == RATCHET:
        yield WatermarkRaised(at_ns=now.at_ns, venue=fired.venue, instrument=fired.instrument, price=fired.price)
        return
    intent = Intent(
        id=_trigger_id(state, fired, now.at_ns),
        source=Source.PROTECTION,
        who=fired.cause,
        effect=Effect.REDUCE,
        side=Side.SELL,
        instrument=state.pair_of(fired.venue, fired.instrument),
        listing=fired.instrument,
        asked=Decimal(0),
        asked_unit="position",
        cause=f"{fired.cause} at {fired.price}",
    )
    yield from pursue(state, now, intent, venue=fired.venue)


def _is_of(level: Trigger, fired: TriggerFired) -> bool:
    return (level.venue, level.instrument, level.cause) == (fired.venue, fired.instrument, fired.cause)


def _trigger_id(state: State, fired: TriggerFired, at_ns: int) -> str:
    """Name the intent of a trigger; the count of orders tells two apart while a clock that went back stands still."""
    bot, known = settings_of(state).bot, len(state.orders)
    return f"{bot}:{fired.instrument}:{fired.venue}:{at_ns}:{known}:{fired.cause}"


def take_request(state: State, asked: IntentAsked, now: Moment) -> Iterator[Fact]:
    """Take up an intent from outside, once for each key; it passes the same door as every other."""
    if state.is_answered(asked.key):
        return
    own = f"{settings_of(state).bot}:"
    if asked.key.startswith(own):  # else a key could take the id, and so the client id, of an intent of our own
        outcome = f"refused: keys that start with {own} are the bot's own"
        yield CommandAnswered(at_ns=now.at_ns, key=asked.key, outcome=outcome)
        return
    amount, unit = Decimal(0), "position"
    if asked.qty is not None:
        amount, unit = asked.qty, "base"
    elif asked.notional is not None:
        amount, unit = asked.notional, "quote"
    intent = Intent(
        id=asked.key,
        source=asked.source,
        who=asked.who,
        effect=asked.effect,
        side=asked.side,
        instrument=asked.instrument,
        asked=amount,
        asked_unit=unit,
        order_kind=asked.order_kind,
        limit=asked.limit,
    )
    yield from pursue(state, now, intent, venue=asked.venue)
