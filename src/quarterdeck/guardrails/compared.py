"""What each rule compares, and with what, in the order of the bits."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import Control, GuardrailSettings, RiskSettings
from quarterdeck.guardrails.codes import E1, E4, E9, G6, INF, PASSED, REFUSED
from quarterdeck.guardrails.losses import drawdown
from quarterdeck.guardrails.prices import price_collar
from quarterdeck.guardrails.sizes import asset_share_max, order_value_max, share_of
from quarterdeck.guardrails.subject import Subject

LEVELS: Final = {Control.RUNNING: 0, Control.PAUSED: 1, Control.REDUCING: 2, Control.HALTED: 3}
RUNNING: Final = Control.RUNNING

Codes = tuple[int, ...]
Numbers = tuple[float, ...]

_NO_COUNT: Final = -1


def values_of(subject: Subject) -> Numbers:
    """Give what G1 to E12 compare, lowest bit first; of a rule with two comparisons, the first."""
    control = subject.control
    equity = subject.equity
    return (
        subject.kill_raised + 0.0,
        0.0 if control is RUNNING else LEVELS[control] + 0.0,
        (0.0 if subject.approved else 1.0) + (0.0 if subject.tradable else 2.0),
        subject.notional,
        subject.daily_loss,
        subject.drawdown,
        share_of(subject.asset_after, equity),
        subject.since_last_trade_s,
        subject.trades + 0.0,
        subject.need,
        subject.deviation,
        subject.data_age_s,
        subject.qty,
        subject.open_orders + 0.0,
        share_of(subject.unexecuted, equity),
        subject.duplicates + 0.0,
        subject.unresolved + 0.0,
        subject.skew_ms,
        subject.rejects + 0.0,
        subject.crossing + 0.0,
        subject.leverage,
        subject.liquidation_multiple,
    )


def bounds_of(subject: Subject, limits: GuardrailSettings, risk: RiskSettings, *, exiting: bool) -> Numbers:
    """Give what `values_of` are compared with. Exits get a wider collar and older prices."""
    position_max = risk.position_max
    age_max_s = subject.data_age_max_s
    if exiting and limits.data_age_exit_max_s > age_max_s:
        age_max_s = limits.data_age_exit_max_s
    return (
        0.0,
        0.0,
        0.0,
        order_value_max(limits.order_value_max_quote, limits.order_value_max_share, subject.equity),
        limits.daily_loss_max,
        limits.drawdown_max,
        asset_share_max(limits.concentration_max, INF if position_max is None else position_max),
        limits.cooldown_s,
        limits.trades_max + 0.0,
        subject.free,
        limits.collar_exit_max if exiting else limits.collar_max,
        age_max_s,
        subject.qty_max,
        limits.open_orders_max + 0.0,
        limits.unexecuted_max,
        0.0,
        0.0,
        limits.clock_skew_max_ms,
        limits.rejects_max + 0.0,
        0.0,
        limits.leverage_max,
        limits.liquidation_multiple_min,
    )


def telling(
    subject: Subject, limits: GuardrailSettings, risk: RiskSettings, codes: Codes, values: Numbers, bounds: Numbers
) -> tuple[Numbers, Numbers]:
    """Of a rule with two comparisons, show the second where only that one refuses."""
    shown, against = list(values), list(bounds)
    if codes[G6] == REFUSED and drawdown(values[G6], bounds[G6], 0.0, INF) == PASSED:
        shown[G6], against[G6] = subject.drawdown_ever, INF if risk.drawdown_max is None else risk.drawdown_max
    if codes[E1] == REFUSED and price_collar(values[E1], bounds[E1], 0.0, 0.0) == PASSED:
        shown[E1], against[E1] = subject.book_walk, walk_max_of(subject, limits)
    if codes[E4] == REFUSED and subject.open_orders <= limits.open_orders_max:
        shown[E4], against[E4] = subject.open_orders_pair + 0.0, limits.open_orders_pair_max + 0.0
    if codes[E9] == REFUSED and subject.rejects < limits.rejects_max:
        shown[E9], against[E9] = subject.executions + 0.0, executions_max_of(limits) + 0.0
    return tuple(shown), tuple(against)


def walk_max_of(subject: Subject, limits: GuardrailSettings) -> float:
    """Give how far a market order may walk the book; exits may go as far as their collar."""
    return limits.collar_exit_max if subject.reducing and not limits.strict_exits else limits.book_walk_max


def executions_max_of(limits: GuardrailSettings) -> int:
    """Give the limit of executions without a person, below zero for none."""
    return _NO_COUNT if limits.executions_max is None else limits.executions_max
