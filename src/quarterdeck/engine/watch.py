"""The price levels at which the engine wants to be called; the feed compares them as floats."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import Side
from quarterdeck.engine.cover import is_covered, waiting_for
from quarterdeck.engine.exposure import is_dust, sellable_lots
from quarterdeck.engine.holds import forbids_protection
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import Grid, State, place_of
from quarterdeck.market import Trigger, level_at
from quarterdeck.portfolio import average_cost

RATCHET: Final = "ratchet"
RATCHET_STEP: Final = 0.001


def watch(state: State) -> tuple[Trigger, ...]:
    """
    List the protective levels of everything held and not yet being sold, the stops before the target.

    A level is a fraction of the position's average cost on its venue, or of its highest mark, so that it dies with the
    position; those of a short position lie mirrored, at its lowest mark. A trailing stop also asks to hear of every
    new high (low) by a tenth of a percent. Nothing is watched that could not be closed: dust below the venue's minimum,
    or anything while the bot is halted, unless its settings let protection go on. The fixed stop of a position that a
    stop order covers is left to its venue; what a limit order holds that rests is watched like the rest, for it gives
    way.
    """
    settings = state.settings
    if settings is None or forbids_protection(state):
        return ()
    risk = settings.risk
    if risk.stop_loss is None and risk.take_profit is None and risk.trailing_stop is None:
        return ()
    triggers: list[Trigger] = []
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            grid = state.grids[venue][instrument]
            if state.deferred and waiting_for(state, grid.listing.pair_id, venue) is not None:
                continue
            side = Side.SELL if position.qty > 0 else Side.BUY
            lots = sellable_lots(state, grid, over_resting=True, side=side)
            if lots >= grid.listing.lots_min and not is_dust(state, grid, position):
                triggers += _levels(state, grid, average_cost(position), 1 if side is Side.SELL else -1)
    return tuple(triggers)


def _levels(state: State, grid: Grid, cost: float, sign: int) -> list[Trigger]:
    """List the levels of a position: a long one is stopped below and takes its profit above, a short one mirrored."""
    risk = state.settings.risk if state.settings is not None else None
    venue, instrument = grid.listing.venue, grid.listing.instrument
    levels: list[Trigger] = []
    if risk is None:
        return levels
    is_long = sign > 0
    if risk.stop_loss is not None and not is_covered(state, grid) and not _is_turned_down(state, grid):
        price = level_at(cost, risk.stop_loss, -sign)
        levels.append(Trigger(venue, instrument, "stop_loss", price, falling=is_long))
    if risk.trailing_stop is not None:
        known = state.watermarks.get(venue, {}).get(instrument, cost)
        best = max(known, cost) if is_long else min(known, cost)
        price = level_at(best, risk.trailing_stop, -sign)
        levels.append(Trigger(venue, instrument, "trailing_stop", price, falling=is_long))
        levels.append(Trigger(venue, instrument, RATCHET, level_at(best, RATCHET_STEP, sign), falling=not is_long))
    if risk.take_profit is not None:
        price = level_at(cost, risk.take_profit, sign)
        levels.append(Trigger(venue, instrument, "take_profit", price, falling=not is_long))
    return levels


def _is_turned_down(state: State, grid: Grid) -> bool:
    """Tell whether the venue rejects again and again what protects a position: then it is tried by the clock alone."""
    venue, instrument = grid.listing.venue, grid.listing.instrument
    if place_of(venue, instrument) not in state.naked:
        return False
    rejections = state.rejections(venue, instrument)
    return rejections is not None and rejections.count >= settings_of(state).guardrails.rejects_max
