"""
Flips: an opinion on the other side of what is held closes it, and opens once nothing is left. Never in one order.

The second half is an intent of its own, taken up by the next `Woke` after the first has gone, at what the market is by
then; to cooldown and trade rate both are one trade. A first half that does not go by the next bar ends the flip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from quarterdeck.domain import Fact, FlipAwaited, FlipEnded, SignalGiven
from quarterdeck.engine.cover import waiting_for
from quarterdeck.engine.exposure import grids_of, is_dust
from quarterdeck.engine.intents import pursue
from quarterdeck.engine.moment import NEVER_NS, Moment, settings_of
from quarterdeck.engine.opinions import entry_of
from quarterdeck.engine.state import Flip, State

NOT_CLOSED: Final = "what it was to close is still held, and nothing is closing it"


def await_flip(state: State, at_ns: int, closing_id: str, bar_ns: int, signal: SignalGiven) -> Iterator[Fact]:
    """Remember to open the other side, if an order to close the one that is held was planned, or waits to be."""
    is_planned = any(order.intent_id == closing_id for order in state.live_orders())
    if is_planned or closing_id in state.deferred:
        yield FlipAwaited(at_ns=at_ns, intent_id=closing_id, bar_ns=bar_ns, signal=signal)


def end_flips(state: State, at_ns: int, reason: str) -> Iterator[Fact]:
    """Give up every flip that is awaited."""
    for pair, flip in list(state.flips.items()):
        yield FlipEnded(at_ns=at_ns, pair=pair, intent_id=flip.intent_id, reason=reason)


def flips_due(state: State) -> int:
    """Say when a flip can go on, or is to be given up; `NEVER_NS` while all of them wait for orders."""
    if state.stopping:
        return NEVER_NS  # the next session gives them up
    return min([flip.since_ns for pair, flip in state.flips.items() if not _is_moving(state, pair)], default=NEVER_NS)


def flip_on(state: State, now: Moment) -> Iterator[Fact]:
    """Open the other side of every pair of which nothing is left and nothing is moving."""
    for pair, flip in list(state.flips.items()):
        if not state.stopping and not _is_moving(state, pair):
            yield from _go_on(state, now, pair, flip)


def _go_on(state: State, now: Moment, pair: str, flip: Flip) -> Iterator[Fact]:
    left = _is_held(state, pair)
    reason = NOT_CLOSED if left else ""
    yield FlipEnded(at_ns=now.at_ns, pair=pair, intent_id=flip.intent_id, reason=reason)
    if not left:
        yield from pursue(state, now, entry_of(state, settings_of(state), flip.signal, flip.bar_ns, flip.intent_id))


def _is_moving(state: State, pair: str) -> bool:
    """Tell whether orders of a pair may still change what is held of it, or one waits to be planned."""
    if state.deferred and waiting_for(state, pair, None) is not None:
        return True
    return any(order.pair == pair for order in state.live_orders())


def _is_held(state: State, pair: str) -> bool:
    for grid in grids_of(state, pair):
        position = state.position(grid.listing.venue, grid.listing.instrument)
        if position.qty and not is_dust(state, grid, position):
            return True
    return False
