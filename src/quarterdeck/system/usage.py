"""How much of each guardrail's limit is in use, for the rules in which a number says anything between two orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from quarterdeck.domain import MINUTE_NS, SECOND_NS, GuardrailSettings
from quarterdeck.engine import State, daily_loss, drawdown, drawdown_ever, price_age_ns_max, standing
from quarterdeck.guardrails import RULES
from quarterdeck.system.standing import loss_rate
from quarterdeck.system.tally import rate_of_last_mark

PLACES: Final = {rule.id: place for place, rule in enumerate(RULES)}


class GuardrailUse(Struct, frozen=True):
    """How much of a limit is in use; `used` is None where only an order would tell, `is_share` marks fractions."""

    id: str
    used: float | None
    limit: float | None
    unit: str
    is_share: bool = False


def guardrail_uses(state: State, data_age_s: float | None) -> list[GuardrailUse]:
    """List the use of every limit, in the order of the rules. `data_age_s` is the age of the oldest venue's price."""
    if state.settings is None:
        return []
    limits = state.settings.guardrails
    uses = [*_of_losses(state, limits), *_of_trading(state, limits), *_of_orders(state, limits, data_age_s)]
    return sorted(uses, key=lambda use: PLACES.get(use.id, len(PLACES)))


def _of_losses(state: State, limits: GuardrailSettings) -> Iterator[GuardrailUse]:
    ceiling = state.settings.risk.drawdown_max if state.settings is not None else None
    yield GuardrailUse("G1", float(state.kill_raised), 0.0, "kill switch raised")
    window = f"lost in {limits.loss_rate_window_min} minutes"
    yield GuardrailUse("G2", loss_rate(state), limits.loss_rate_max, window, is_share=True)
    yield GuardrailUse("G5", _loss(daily_loss(state)), limits.daily_loss_max, "lost since 00:00 UTC", is_share=True)
    peak = f"below the {limits.drawdown_window_days}-day peak"
    yield GuardrailUse("G6", _loss(drawdown(state)), limits.drawdown_max, peak, is_share=True)
    if ceiling is not None:
        yield GuardrailUse("G6", _loss(drawdown_ever(state)), ceiling, "below the highest ever", is_share=True)


def _of_trading(state: State, limits: GuardrailSettings) -> Iterator[GuardrailUse]:
    share = limits.order_value_max_share * (state.equity or 0.0)
    yield GuardrailUse("G4", None, min(limits.order_value_max_quote, share), "base currency in one order")
    name, held = _largest_share(state)
    tied = f"of equity in {name or 'one asset'}, at cost"
    yield GuardrailUse("G7", held, limits.concentration_max, tied, is_share=True)
    last_ns = max((trade.at_ns for trade in state.trades.values()), default=0)
    since_s = (state.at_ns - last_ns) / SECOND_NS if last_ns else None
    yield GuardrailUse("G8", since_s, limits.cooldown_s, "seconds since the last trade, at least")
    window_ns = limits.trades_window_min * MINUTE_NS
    recent = sum(trade.at_ns > state.at_ns - window_ns for trade in state.trades.values())
    yield GuardrailUse("G9", float(recent), float(limits.trades_max), f"trades in {limits.trades_window_min} minutes")
    yield GuardrailUse("G10", None, limits.headroom_share, "headroom on the free balance", is_share=True)


def _of_orders(state: State, limits: GuardrailSettings, data_age_s: float | None) -> Iterator[GuardrailUse]:
    settings = state.settings
    age_max_s = price_age_ns_max(settings) / SECOND_NS if settings is not None else None
    working = standing(state, "")
    yield GuardrailUse("E2", data_age_s, age_max_s, "seconds, the oldest venue's price")
    yield GuardrailUse("E4", float(working.orders), float(limits.open_orders_max), "orders working")
    waiting = working.unexecuted / state.equity if state.equity else None
    yield GuardrailUse("E5", waiting, limits.unexecuted_max, "of equity in working orders", is_share=True)
    unresolved = len(state.unknown_orders()) + len(state.reconciling)
    yield GuardrailUse("E7", float(unresolved), 0.0, "orders or accounts not settled")
    stepped = float(state.at_ns < state.clock_steady_at_ns)
    yield GuardrailUse("E8", stepped, 0.0, "clock steps not confirmed")
    rejected = max((found.count for found in state.rejects.values()), default=0)
    yield GuardrailUse("E9", float(rejected), float(limits.rejects_max), "identical rejects in a row")
    if limits.executions_max is not None:
        alone = float(limits.executions_max)
        yield GuardrailUse("E9", float(state.executions), alone, "executions without a person")


def _largest_share(state: State) -> tuple[str, float | None]:
    """Name the asset in which most money is tied up, and its share; at cost, as a face has no prices."""
    costs: dict[str, float] = {}
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            listing = state.grids[venue][instrument].listing
            worth = float(position.cost) * (rate_of_last_mark(state, listing.quote) or 0.0)
            costs[listing.base] = costs.get(listing.base, 0.0) + worth
    if not state.equity:
        return "", None
    name = max(costs, key=costs.__getitem__, default="")
    return (name, costs[name] / state.equity) if name and costs[name] > 0.0 else ("", 0.0)


def _loss(value: float) -> float | None:
    return max(value, 0.0) if value == value else None  # noqa: PLR0124 - NaN is no figure yet
