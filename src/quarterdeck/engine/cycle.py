"""A cycle: opinions on a closed bar become intents, exits before entries, pairs in canonical order."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from quarterdeck.domain import (
    Action,
    CommandAnswered,
    CycleDue,
    CycleRan,
    Effect,
    Fact,
    Intent,
    IntentAsked,
    Side,
    SignalGiven,
    Source,
    TriggerFired,
    ensure,
)
from quarterdeck.engine.intents import least_qty, pursue, sellable_lots
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED


def run_cycle(state: State, cycle: CycleDue, now: Moment) -> Iterator[Fact]:
    """Work through the signals of one bar; a bar that was worked through before is not taken again."""
    if cycle.bar_ns <= state.last_bar_ns or state.stopping:
        return
    actions = {signal.instrument: signal.action for signal in cycle.signals}
    ensure(len(actions) == len(cycle.signals), "two signals for one pair in one cycle")
    yield CycleRan(at_ns=now.at_ns, bar_ns=cycle.bar_ns, actions=actions)
    if all(action is Action.HOLD for action in actions.values()):
        return
    settings = settings_of(state)
    wanted = sorted(cycle.signals, key=lambda signal: (signal.action is Action.BUY, signal.instrument))
    for signal in wanted:
        if signal.action is Action.HOLD or not signal.confidence >= settings.sizing.confidence_min:
            continue
        if signal.action is Action.BUY and _may_enter(state, signal.instrument):
            yield from pursue(state, now, _entry(state, signal, cycle.bar_ns))
        elif signal.action is Action.SELL and _has_position(state, signal.instrument):
            yield from pursue(state, now, _exit(state, signal, cycle.bar_ns))


def _may_enter(state: State, instrument: str) -> bool:
    """
    Tell whether the target differs from what is held, working or unknown, each counted as if filled.

    What is too small to be sold is dust and takes no slot.
    """
    entries = 0
    for venue, held in state.positions.items():
        position = held.get(instrument)
        if position is not None and position.qty >= least_qty(state.grids[venue][instrument]):
            entries += max(position.entries, 1)
    for order in state.live_orders():  # one that has ended is among them while lots of it wait to be booked
        if order.instrument == instrument:
            if order.effect is Effect.REDUCE:
                return False
            seen = state.position(order.venue, instrument).qty >= least_qty(state.grids[order.venue][instrument])
            entries += 0 if order.booked_lots and seen else 1
    return entries < settings_of(state).sizing.entries_max


def _has_position(state: State, instrument: str) -> bool:
    """Tell whether there is anything to sell, or an entry on its way that should not arrive."""
    for grids in state.grids.values():
        grid = grids.get(instrument)
        if grid is not None and sellable_lots(state, grid) > 0:
            return True
    return any(
        order.instrument == instrument and order.effect is Effect.OPEN and order.state not in ENDED
        for order in state.live_orders()
    )


def _entry(state: State, signal: SignalGiven, bar_ns: int) -> Intent:
    sizing = settings_of(state).sizing
    asked, unit = sizing.value, "quote"
    if sizing.kind == "equity_share":
        asked = Decimal(repr(round(float(sizing.value) * (state.equity or 0.0), 8)))
    elif sizing.kind == "base":
        unit = "base"
    return _intent_of(state, signal, bar_ns, (Effect.OPEN, Side.BUY, asked, unit))


def _exit(state: State, signal: SignalGiven, bar_ns: int) -> Intent:
    return _intent_of(state, signal, bar_ns, (Effect.REDUCE, Side.SELL, Decimal(0), "position"))


def _intent_of(state: State, signal: SignalGiven, bar_ns: int, want: tuple[Effect, Side, Decimal, str]) -> Intent:
    effect, side, asked, unit = want
    settings = settings_of(state)
    return Intent(
        id=f"{settings.bot}:{signal.instrument}:{bar_ns}:{signal.action.value}",
        source=signal.source,
        who=signal.source.value,
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
    """Close a position whose protective level was crossed, unless it is being closed already."""
    grid = state.grids.get(fired.venue, {}).get(fired.instrument)
    if state.stopping or grid is None or sellable_lots(state, grid) <= 0:
        return
    intent = Intent(
        id=_trigger_id(state, fired, now.at_ns),
        source=Source.PROTECTION,
        who=fired.cause,
        effect=Effect.REDUCE,
        side=Side.SELL,
        instrument=fired.instrument,
        asked=Decimal(0),
        asked_unit="position",
        cause=f"{fired.cause} at {fired.price}",
    )
    yield from pursue(state, now, intent, venue=fired.venue)


def _trigger_id(state: State, fired: TriggerFired, at_ns: int) -> str:
    """Name the intent of a trigger; the count of orders tells two apart while a clock that went back stands still."""
    bot, known = settings_of(state).bot, len(state.orders)
    return f"{bot}:{fired.instrument}:{fired.venue}:{at_ns}:{known}:{fired.cause}"


def take_request(state: State, asked: IntentAsked, now: Moment) -> Iterator[Fact]:
    """Take up an intent from outside, once for each key; it passes the same door as every other."""
    if asked.key in state.answers:
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
