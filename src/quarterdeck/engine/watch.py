"""The price levels at which the engine wants to be called; the feed compares them as floats."""

from __future__ import annotations

from quarterdeck.domain import Control
from quarterdeck.engine.intents import sellable_lots
from quarterdeck.engine.state import State
from quarterdeck.market import Trigger
from quarterdeck.portfolio import average_cost


def watch(state: State) -> tuple[Trigger, ...]:
    """
    List the protective levels of everything held and not yet being sold, the stop before the target.

    A level is a fraction of the position's average cost on its venue, so that it dies with the position. Nothing is
    watched that could not be sold: dust below the venue's minimum, or anything while the bot is halted, unless its
    settings let protection go on.
    """
    if state.settings is None or (
        state.control is Control.HALTED and not state.settings.guardrails.protect_when_halted
    ):
        return ()
    risk = state.settings.risk
    if risk.stop_loss is None and risk.take_profit is None:
        return ()
    triggers: list[Trigger] = []
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            grid = state.grids[venue][instrument]
            lots, cost = sellable_lots(state, grid), average_cost(position)
            if lots < grid.listing.lots_min or lots * grid.lot * cost < grid.notional_min:
                continue
            if risk.stop_loss is not None:
                triggers.append(Trigger(venue, instrument, "stop_loss", cost * (1.0 - risk.stop_loss), falling=True))
            if risk.take_profit is not None:
                triggers.append(
                    Trigger(venue, instrument, "take_profit", cost * (1.0 + risk.take_profit), falling=False)
                )
    return tuple(triggers)
