"""What a bot may do at present and why, what it lost, and what its day brought: at prices of the last mark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain import ZERO, Control, add, multiply, subtract
from quarterdeck.engine import State, daily_loss, drawdown, drawdown_ever
from quarterdeck.orders import Order
from quarterdeck.portfolio import sums_of
from quarterdeck.system.instants import iso
from quarterdeck.system.tally import HeldPosition, as_money, equity_of, held_positions, rate_of_last_mark


class HoldTold(Struct, frozen=True):
    """One reason why the bot may not do everything; without an end, a person has to lift it."""

    cause: str
    level: str
    reason: str
    until_at: str | None


class Opening(Struct, frozen=True):
    """Whether positions may be opened, and everything that stands in the way."""

    allowed: bool
    reasons: tuple[str, ...]


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


class UnknownOrder(Struct, frozen=True):
    """An order whose outcome is not known, what is being done about it, and what it holds up."""

    client_id: str
    since_at: str
    doing: str
    venue: str
    instrument: str
    side: str
    qty: Decimal
    blocks: str


class Difference(Struct, frozen=True):
    """What an account holds beyond the bot's books, or lacks, and no trade explains."""

    venue: str
    asset: str
    amount: Decimal


class Unprotected(Struct, frozen=True):
    """What is held while no stop would sell it, and why none would."""

    reason: str
    positions: tuple[HeldPosition, ...]


class AlertTold(Struct, frozen=True):
    """An alert that stands until what it is about is over."""

    key: str
    text: str


def holds_of(state: State) -> list[HoldTold]:
    """List what holds the bot, the tightest first."""
    ranked = sorted(state.holds.values(), key=lambda hold: -list(Control).index(hold.level))
    return [HoldTold(hold.cause, hold.level.value, hold.reason, iso(hold.until_ns)) for hold in ranked]


def opening_of(state: State) -> Opening:
    """Say whether positions may be opened, apart from what the guardrails will say of one order."""
    reasons = [f"{hold.level}: {hold.reason}" for hold in holds_of(state)]
    if state.kill_raised and not reasons:
        reasons.append("the kill switch is raised")
    reasons += [f"{venue}: its account is being compared with the books" for venue in state.reconciling]
    reasons += [f"{one.venue}: {one.amount:+f} {one.asset} that no trade explains" for one in differences_of(state)]
    if state.at_ns < state.clock_steady_at_ns:
        reasons.append(f"the clock jumped; nothing is opened before {iso(state.clock_steady_at_ns)}")
    if state.settings is not None and state.equity is None:
        reasons.append("something held has no fresh price, so that equity is not known")
    reasons += _held_by_limits(state)
    return Opening(allowed=not reasons, reasons=tuple(reasons))


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


def unknown_of(state: State, order: Order) -> UnknownOrder:
    """Say what is done about an order whose outcome is not known."""
    needed = state.settings.absences_min if state.settings is not None else 0
    doing = f"asking {order.venue} by client id; {order.absences} of {needed} conclusive denials so far"
    return UnknownOrder(
        client_id=order.client_id,
        since_at=iso(order.unknown_since_ns) or "",
        doing=doing,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.value,
        qty=multiply(order.lot, Decimal(order.qty_lots)),
        blocks=f"nothing is opened in {order.instrument} on {order.venue} until this is known",
    )


def differences_of(state: State) -> list[Difference]:
    """List what accounts hold that no trade explains."""
    return [
        Difference(venue, asset, amount)
        for venue, assets in state.unexplained.items()
        for asset, amount in assets.items()
        if amount
    ]


def unprotected_of(state: State, control: Control, *, is_running: bool) -> Unprotected | None:
    """Say what no stop would sell, and why; None where nothing is held, or stops work."""
    held, settings = tuple(held_positions(state)), state.settings
    if not held or settings is None:
        return None
    if not is_running:
        return Unprotected("the bot is not running", held)
    if control is Control.HALTED and not settings.guardrails.protect_when_halted:
        return Unprotected("the bot is halted, and guardrails.protect_when_halted is false", held)
    if settings.risk.stop_loss is None and settings.risk.trailing_stop is None:
        return Unprotected("no stop is set in risk", held)
    return None


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
