"""What a bot may do at present and why, what it lost, and what its day brought: at prices of the last mark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ZERO, Control, add, subtract
from quarterdeck.engine import State, daily_loss, drawdown, drawdown_ever
from quarterdeck.portfolio import sums_of
from quarterdeck.system.instants import iso
from quarterdeck.system.tally import as_money, equity_of, rate_of_last_mark
from quarterdeck.system.unsettled import differences_of

EVERYTHING: Final = "everything"


class HoldTold(Struct, frozen=True):
    """One reason why the bot may not do everything; without an end, a person has to lift it."""

    cause: str
    level: str
    reason: str
    until_at: str | None


class Denial(Struct, frozen=True):
    """One reason why nothing is opened; `scope` is everything, a venue, or a pair on a venue."""

    scope: str
    reason: str


class Opening(Struct, frozen=True):
    """
    Whether positions may be opened, and everything that stands in the way.

    `reasons` hold every opening order up; `denied` are all there are, those of single pairs and venues too.
    """

    allowed: bool
    reasons: tuple[str, ...]
    denied: tuple[Denial, ...] = ()


class LossTold(Struct, frozen=True):
    """
    The loss limits and how far each is used, as fractions by the loss index: deposits and withdrawals never count.

    `day_open` is what today's units were worth when the UTC day began, in base currency.
    """

    day_at: str | None
    day_open: Decimal | None
    index: float
    daily_loss: float | None
    daily_loss_max: float
    drawdown: float | None
    drawdown_max: float
    drawdown_window_days: int
    drawdown_ever: float | None
    drawdown_ever_max: float | None
    loss_rate: float | None
    loss_rate_max: float
    loss_rate_window_min: int


class DayTold(Struct, frozen=True):
    """
    What the UTC day brought so far, in base currency.

    `equity - equity_open = realised + unrealised - fees + funding + flows`. `unrealised` is the change of open profit
    and what stablecoins off their peg gained or lost.
    """

    day_at: str | None
    equity_open: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    flows: Decimal
    fills: int


class AlertTold(Struct, frozen=True):
    """An alert that stands until what it is about is over."""

    key: str
    text: str


def holds_of(state: State) -> list[HoldTold]:
    """List what holds the bot, the tightest first."""
    ranked = sorted(state.holds.values(), key=lambda hold: -list(Control).index(hold.level))
    return [HoldTold(hold.cause, hold.level.value, hold.reason, iso(hold.until_ns)) for hold in ranked]


def opening_of(state: State, closed: Mapping[str, str] = MappingProxyType({})) -> Opening:
    """
    Say whether positions may be opened, apart from what the guardrails will say of one order.

    Args: the state; venue → why nothing is opened there as the market stands, like a price that is too old.
    """
    reasons = list(_everywhere(state))
    if state.venues and set(state.venues) <= set(closed):
        reasons.append("no venue is open: " + "; ".join(closed[venue] for venue in state.venues))
        closed = {}
    denied = [*(Denial(EVERYTHING, reason) for reason in reasons), *_in_part(state, closed)]
    return Opening(allowed=not reasons, reasons=tuple(reasons), denied=tuple(denied))


def _everywhere(state: State) -> Iterator[str]:
    """Name what holds up every opening order, whichever it is."""
    for hold in holds_of(state):
        until = f" (until {hold.until_at[:19].replace('T', ' ')} UTC)" if hold.until_at else ""
        yield f"{hold.level}: {hold.reason}{until}"
    if state.kill_raised and not state.holds:
        yield "the kill switch is raised"
    if state.reconciling and set(state.venues) <= set(state.reconciling):
        yield "every account is still being compared with the books"
    if state.at_ns < state.clock_steady_at_ns:
        yield f"the clock jumped; nothing is opened before {iso(state.clock_steady_at_ns)}"
    if state.settings is not None and state.equity is None:
        yield "something held has no fresh price, so that equity is not known"
    for one in differences_of(state):
        yield f"{one.venue}: {one.amount:+f} {one.asset} that no trade explains"
    yield from _held_by_limits(state)


def _in_part(state: State, closed: Mapping[str, str]) -> Iterator[Denial]:
    """Name what holds up opening on single venues and pairs."""
    if not set(state.venues) <= set(state.reconciling):
        for venue in state.reconciling:
            yield Denial(venue, f"{venue}: its account is being compared with the books")
    for venue, why in closed.items():
        yield Denial(venue, why)
    unknown: dict[str, list[str]] = {}
    for order in state.unknown_orders():
        unknown.setdefault(f"{order.instrument} on {order.venue}", []).append(order.client_id)
    for place, orders in unknown.items():
        yield Denial(place, f"{place}: what became of {_counted(orders)} is not known")
    limit = state.settings.guardrails.rejects_max if state.settings is not None else 0
    for name, rejected in state.rejects.items():
        venue, _, instrument = name.partition(" ")
        if limit and rejected.count >= limit:
            place = f"{instrument} on {venue}"
            yield Denial(
                place, f"{place}: rejected {rejected.count} times in a row ({rejected.reason}); look, then resume"
            )


def _counted(orders: list[str]) -> str:
    return f"order {orders[0]}" if len(orders) == 1 else f"{len(orders)} orders"


def _held_by_limits(state: State) -> Iterator[str]:
    """Name what guardrails say of every opening order alike, whichever it is; no hold tells of these."""
    if state.settings is None:
        return
    alone_max = state.settings.guardrails.executions_max
    if alone_max is not None and state.executions >= alone_max:
        yield f"E9: {state.executions} executions without a person, {alone_max} are the limit; look, then resume"
    if state.settings.approved == ():
        yield "G3: no pair may be opened; see `pairs`"


def loss_of(state: State) -> LossTold | None:
    """Give the loss figures; None before the first mark."""
    if state.settings is None or state.day_ns < 0:
        return None
    limits, risk = state.settings.guardrails, state.settings.risk
    return LossTold(
        day_at=iso(state.day_ns),
        day_open=as_money(state.day_open * state.units),
        index=state.index,
        daily_loss=_known(daily_loss(state)),
        daily_loss_max=limits.daily_loss_max,
        drawdown=_known(drawdown(state)),
        drawdown_max=limits.drawdown_max,
        drawdown_window_days=limits.drawdown_window_days,
        drawdown_ever=_known(drawdown_ever(state)),
        drawdown_ever_max=risk.drawdown_max,
        loss_rate=loss_rate(state),
        loss_rate_max=limits.loss_rate_max,
        loss_rate_window_min=limits.loss_rate_window_min,
    )


def loss_rate(state: State) -> float | None:
    """Give the fraction lost since the highest mark of the short window; None before there is one."""
    high = max((mark.index for mark in state.recent), default=0.0)
    return max(1.0 - state.index / high, 0.0) if high > 0.0 else None


def day_of(state: State) -> DayTold | None:
    """Give the profit and loss of the UTC day so far; None before the first mark, and while a rate is missing."""
    opened = state.day_totals
    equity = equity_of(state)
    if opened is None or equity is None:
        return None
    sums = sums_of(state)
    realised = _gained(state, opened.sums.realised, sums.realised)
    fees = _gained(state, opened.sums.fees, sums.fees)
    funding = _gained(state, opened.sums.funding, sums.funding)
    if realised is None or fees is None or funding is None:
        return None
    flows = subtract(state.flows, opened.flows)
    explained = add(add(subtract(realised, fees), funding), flows)
    return DayTold(
        day_at=iso(state.day_ns),
        equity_open=opened.equity,
        equity=equity,
        realised=realised,
        unrealised=subtract(subtract(equity, opened.equity), explained),
        fees=fees,
        funding=funding,
        flows=flows,
        fills=state.fills - opened.fills,
    )


def alerts_of(state: State) -> list[AlertTold]:
    """List the alerts that stand."""
    return [AlertTold(key, text) for key, text in state.alerts.items()]


def _gained(state: State, before: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> Decimal | None:
    """Add up what was added since, in base currency; None where some of it has no rate."""
    total = ZERO
    for asset, amount in now.items():
        added = subtract(amount, before.get(asset, ZERO))
        rate = rate_of_last_mark(state, asset)
        if added and rate is None:
            return None
        total = add(total, added if rate == 1.0 else as_money(float(added) * (rate or 0.0)))
    return total


def _known(value: float) -> float | None:
    return max(value, 0.0) if math.isfinite(value) else None
