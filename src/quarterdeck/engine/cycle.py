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
    Source,
    TriggerFired,
    WatermarkRaised,
)
from quarterdeck.engine.flips import await_flip, end_flips
from quarterdeck.engine.intents import pursue
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.opinions import Wanted, entry_of, exit_of, wanted_by
from quarterdeck.engine.state import State
from quarterdeck.engine.watch import RATCHET, watch
from quarterdeck.market import Trigger, is_beyond

_HOLD: Final = Action.HOLD
_OPEN: Final = Effect.OPEN


def run_cycle(state: State, cycle: CycleDue, now: Moment) -> Iterator[Fact]:
    """Work through the signals of one bar; a bar that was worked through before is not taken again."""
    if cycle.bar_ns <= state.last_bar_ns or state.stopping:
        return
    settings, bar_ns = settings_of(state), cycle.bar_ns
    if state.flips:
        yield from end_flips(state, now.at_ns, "what it was to close did not go by the next bar")
    actions, wanted = _sorted_out(state, settings, cycle)
    skipped = {one.signal.instrument: one.why_not for one in wanted if one.why_not}
    yield CycleRan(at_ns=now.at_ns, bar_ns=bar_ns, actions=actions, skipped=skipped)
    for one in wanted:
        if one.why_not:
            continue
        if one.effect is _OPEN:
            yield from pursue(state, now, entry_of(state, settings, one.signal, bar_ns))
            continue
        closing = exit_of(settings, one.signal, bar_ns)
        yield from pursue(state, now, closing)
        if one.flips:
            yield from await_flip(state, now.at_ns, closing.id, bar_ns, one.signal)


def _sorted_out(state: State, settings: BotSettings, cycle: CycleDue) -> tuple[dict[str, Action], list[Wanted]]:
    """Give every opinion by its pair, and what those to buy or sell want: exits before entries, in canonical order."""
    actions: dict[str, Action] = {}
    wanted: list[Wanted] = []
    for signal in cycle.signals:
        if signal.instrument in actions:
            raise Bug("two signals for one pair in one cycle")
        actions[signal.instrument] = signal.action
        if signal.action is not _HOLD:
            wanted.append(wanted_by(state, settings, signal))
    if len(wanted) > 1:
        wanted.sort(key=_order_of)
    return actions, wanted


def _order_of(wanted: Wanted) -> tuple[bool, str]:
    return wanted.order


def fire_trigger(state: State, fired: TriggerFired, now: Moment) -> Iterator[Fact]:
    """
    Close a position whose protective level was crossed, unless it is being closed already.

    A level that stands no more, because the position changed while the price was on its way, closes nothing.
    """
    level = next((one for one in watch(state) if _is_of(one, fired)), None)
    if state.stopping or level is None:
        return
    if not (0.0 < fired.price < math.inf and is_beyond(fired.price, level.price, level.falling)):
        return
    if fired.cause == RATCHET:
        yield WatermarkRaised(at_ns=now.at_ns, venue=fired.venue, instrument=fired.instrument, price=fired.price)
        return
    intent = Intent(
        id=_trigger_id(state, fired, now.at_ns),
        source=Source.PROTECTION,
        who=fired.cause,
        effect=Effect.REDUCE,
        side=Side.SELL if state.position(fired.venue, fired.instrument).qty > ZERO else Side.BUY,
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
    bot, known = settings_of(state).bot, state.retired_orders + len(state.orders)
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
