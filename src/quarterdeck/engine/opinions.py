"""
Opinions of a strategy, and what each of them wants: to close, to open, to do one after the other, or nothing.

The target differs from what is held, working or unknown, each counted as if filled. A sale of spot never opens a short
position; on a perpetual it does where the settings let the bot be short.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import ZERO, Action, BotSettings, Effect, Intent, OrderKind, Side, SignalGiven, SizingSettings
from quarterdeck.engine.cover import waiting_for
from quarterdeck.engine.exposure import grids_of, is_dust, sellable_lots
from quarterdeck.engine.state import State
from quarterdeck.guardrails import is_sure
from quarterdeck.orders import ENDED

_BUY: Final = Action.BUY
_OPEN: Final = Effect.OPEN
_REDUCE: Final = Effect.REDUCE
_NOTHING_HELD: Final = "nothing is held that is not being sold already"


class Wanted(Struct, frozen=True, gc=False):
    """What an opinion asks for: its effect, why it becomes no intent, and if it opens once the other side is closed."""

    signal: SignalGiven
    effect: Effect
    why_not: str
    flips: bool = False

    @property
    def order(self) -> tuple[bool, str]:
        """Sort key: exits before entries, pairs in canonical order."""
        return self.effect is _OPEN, self.signal.instrument


def wanted_by(state: State, settings: BotSettings, signal: SignalGiven) -> Wanted:
    """Say what an opinion to buy or sell asks for, given what is held, working or unknown."""
    pair, sizing, is_buy = signal.instrument, settings.sizing, signal.action is _BUY
    if ":" in pair:
        return _wanted_of_perpetual(state, settings, signal)
    if not is_sure(signal.confidence, sizing.confidence_min):
        return Wanted(signal, _OPEN if is_buy else _REDUCE, _too_unsure(signal, sizing))
    if is_buy:
        return Wanted(signal, _OPEN, _why_not_enter(state, sizing.entries_max, pair))
    return Wanted(signal, _REDUCE, "" if _has_position(state, pair, Side.SELL) else _NOTHING_HELD)


def _wanted_of_perpetual(state: State, settings: BotSettings, signal: SignalGiven) -> Wanted:
    pair, sizing, is_buy = signal.instrument, settings.sizing, signal.action is _BUY
    may_open = is_buy or settings.risk.short
    reduces = _has_position(state, pair, Side.BUY if is_buy else Side.SELL)
    effect = _REDUCE if reduces or not may_open else _OPEN
    if not is_sure(signal.confidence, sizing.confidence_min):
        return Wanted(signal, effect, _too_unsure(signal, sizing))
    if reduces:
        return Wanted(signal, effect, "", flips=may_open)
    if not may_open:
        return Wanted(signal, effect, _NOTHING_HELD)
    return Wanted(signal, effect, _why_not_enter(state, sizing.entries_max, pair))


def _too_unsure(signal: SignalGiven, sizing: SizingSettings) -> str:
    return f"confidence {signal.confidence:.2f} is below {sizing.confidence_min:.2f}"


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


def _has_position(state: State, pair: str, side: Side) -> bool:
    """Tell whether an order of a side has anything to reduce, or an entry on its way that should not arrive."""
    if state.deferred and waiting_for(state, pair, None) is not None:
        return False
    for grid in grids_of(state, pair):
        if sellable_lots(state, grid, side=side) > 0:
            return True
    return any(
        order.pair == pair and order.effect is _OPEN and order.side is not side and order.state not in ENDED
        for order in state.live_orders()
    )


def entry_of(state: State, settings: BotSettings, signal: SignalGiven, bar_ns: int, flips: str = "") -> Intent:
    """Word the intent by which an opinion opens; `flips` names the one that closed the other side for it."""
    sizing = settings.sizing
    asked, unit = sizing.value, "quote"
    if sizing.kind == "equity_share":
        asked = Decimal(repr(round(float(sizing.value) * (state.equity or 0.0), 8)))
    elif sizing.kind == "base":
        unit = "base"
    side = Side.BUY if signal.action is _BUY else Side.SELL
    intent = _intent_of(settings.bot, signal, bar_ns, (_OPEN, side, asked, unit))
    if flips:
        intent = replace(intent, id=f"{flips}:open", flips=flips)
    return intent if settings.orders.entry == "market" else replace(intent, order_kind=OrderKind.LIMIT)


def exit_of(settings: BotSettings, signal: SignalGiven, bar_ns: int) -> Intent:
    """Word the intent by which an opinion closes what is held the other way."""
    side = Side.BUY if signal.action is _BUY else Side.SELL
    return _intent_of(settings.bot, signal, bar_ns, (_REDUCE, side, ZERO, "position"))


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
