"""
The guardrails, from their table: what each compares, and what it means for an order that only reduces.

A number that is not known (NaN) refuses, since no comparison with it is true. Limits are compared with a slack of 1e-9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from quarterdeck.domain import SECOND_NS
from tests.parity.reference.grid import SLACK, ZERO
from tests.parity.reference.history import History
from tests.parity.reference.losses import Losses
from tests.parity.reference.records import BUY, LIMIT, OPENING, REDUCING, RULES, Order, Traded
from tests.parity.reference.settings import Settings
from tests.parity.reference.wallet import Wallet

PASS_EXITS: Final = frozenset(RULES) - {"G1", "G10", "E1", "E2", "E3", "E6", "E10"}
"""Rules that hold no exit up. E1 and E2 are wider for exits; G1, G10, E3, E6 and E10 bind them."""


@dataclass(frozen=True)
class Question:
    """
    An order that wants to go, and what is known only where it was made.

    `last` is the price that it is held against, `heard_at_ns` when that was heard. `need` is what it would spend at
    worst and `free` what there is, both in quote; `qty_max` is the limit of E3, `value_max` that of G4.
    """

    order: Order
    last: float
    heard_at_ns: int
    need: Decimal
    free: Decimal
    value_max: float
    qty_max: float

    @property
    def qty(self) -> float:
        return self.order.lots * float(self.order.instrument.lot)

    @property
    def worth(self) -> float:
        return self.qty * self.order.price


class Judge:
    """Asks every rule about every order."""

    def __init__(
        self, settings: Settings, wallet: Wallet, losses: Losses, history: History, heard: dict[int, float]
    ) -> None:
        self._settings = settings
        self._heard = heard
        self._wallet = wallet
        self._losses = losses
        self._history = history

    def refusing(self, question: Question) -> set[str]:
        """Name the rules that refuse an order."""
        limits = self._settings.limits
        order = question.order
        exiting = order.effect == REDUCING and not limits.strict_exits
        passes = self._of_money(question) | self._of_pace(question) | self._of_market(question, exiting=exiting)
        failed = {rule for rule, is_passed in passes.items() if not is_passed}
        if not exiting:
            return failed
        if math.isnan(question.qty_max):
            failed.discard("E3")  # an exit does not wait for a price that would tell its limit
        return failed - PASS_EXITS

    def _of_money(self, question: Question) -> dict[str, bool]:
        """G4 to G7, G10, E3, E5: how large an order is, and what it leaves behind."""
        limits, risk, losses = self._settings.limits, self._settings.risk, self._losses
        order, worth = question.order, question.worth
        equity = losses.equity
        opening_side = order.side if order.effect == OPENING else -order.side
        after = abs(self.held_worst(order.instrument, opening_side) + order.side * question.qty) * order.price
        if self.is_at_par(order.instrument):
            after = 0.0
        waiting = sum(float(other.qty) * other.price for other in self._wallet.alive)
        ever_max = math.inf if risk.drawdown_max is None else risk.drawdown_max
        covered = question.need <= ZERO or float(question.need) <= float(question.free) * (1.0 + SLACK)
        may_be_small = order.instrument.is_perpetual and order.effect == REDUCING
        return {
            "G4": 0.0 < worth <= question.value_max * (1.0 + SLACK),
            "G5": losses.daily < limits.daily_loss_max - SLACK,
            "G6": losses.drawdown < limits.drawdown_max - SLACK and losses.drawdown_ever < ever_max - SLACK,
            "G7": equity > 0.0
            and after / equity <= self.share_max + SLACK
            and not self._left_its_peg(order.instrument),
            "G10": covered and (may_be_small or worth >= self._settings.notional_min * (1.0 - SLACK)),
            "E3": 0.0 < question.qty <= question.qty_max * (1.0 + SLACK),
            "E5": equity > 0.0 and (waiting + worth) / equity <= limits.unexecuted_max + SLACK,
        }

    def _of_pace(self, question: Question) -> dict[str, bool]:
        """G8, G9, E4, E6, E9, E10: how often, how many, and how an order stands to the others."""
        limits, history, alive = self._settings.limits, self._history, self._wallet.alive
        order = question.order
        at_ns, trade = order.planned_at_ns, order.trade
        of_pair = sum(other.instrument is order.instrument for other in alive)
        executions_max = math.inf if limits.executions_max is None else limits.executions_max
        rejects = history.rejects_in_a_row(order.instrument)
        return {
            "G8": history.since_last_trade_s(order.instrument, trade, at_ns) >= limits.cooldown_s - SLACK,
            "G9": history.trades_within(limits.trades_window_min, trade, at_ns) + 1 <= limits.trades_max,
            "E4": len(alive) + 1 <= limits.open_orders_max and of_pair + 1 <= limits.open_orders_pair_max,
            "E6": history.alike(order, limits.duplicate_window_s) == 0,
            "E9": rejects < limits.rejects_max and len(history.orders) < executions_max,
            "E10": not any(self._meets(order, other) for other in alive),
        }

    def _of_market(self, question: Question, *, exiting: bool) -> dict[str, bool]:
        """G1 to G3, E1, E2, E7, E8, E11 to E13: whether trading is allowed at all, at this price, on borrowed money."""
        settings, limits = self._settings, self._settings.limits
        order = question.order
        age_s_max = settings.price_age_ns_max / SECOND_NS
        if exiting:
            age_s_max = max(age_s_max, limits.data_age_exit_max_s)
        collar = limits.collar_exit_max if exiting else limits.collar_max
        is_perpetual = order.instrument.is_perpetual
        return {
            "G1": True,
            "G2": not self._losses.is_held,
            "G3": settings.approved is None or order.instrument.name in settings.approved,
            "E1": abs(order.price / question.last - 1.0) <= collar + SLACK,
            "E2": (order.planned_at_ns - question.heard_at_ns) / SECOND_NS <= age_s_max + SLACK,
            "E7": True,
            "E8": True,
            "E11": not is_perpetual or float(settings.leverage) <= limits.leverage_max + SLACK,
            "E12": not is_perpetual or self._is_far_from_liquidation(question),
            "E13": not limits.fleet_grant,
        }

    # --- what the rules read ----------------------------------------------------------------------------------------

    @property
    def value_max(self) -> float:
        """The limit of G4: an amount or a share of equity, whichever is less; NaN while equity is unknown."""
        limits, equity = self._settings.limits, self._losses.equity
        share = limits.order_value_max_share * equity
        return share if math.isnan(equity) else min(limits.order_value_max_quote, share)

    @property
    def share_max(self) -> float:
        """The limit of G7, or the bot's own where that is stricter."""
        position_max = self._settings.risk.position_max
        most = self._settings.limits.concentration_max
        return most if position_max is None else min(most, position_max)

    def qty_max(self, instrument: Traded, last: float) -> float:
        """The limit of E3: the one of the instrument, else a multiple of what G4 allows at the last price."""
        limits = self._settings.limits
        own = limits.qty_max.get(instrument.name)
        return limits.qty_value_multiple * self.value_max / last if own is None else own

    def is_at_par(self, instrument: Traded) -> bool:
        """Tell whether what is traded is a stablecoin at its peg: G7 does not ask how much of it is held."""
        return instrument.base in self._settings.limits.stablecoins and not self._left_its_peg(instrument)

    def _left_its_peg(self, instrument: Traded) -> bool:
        """Tell whether what is traded is a stablecoin whose own spot price lies further from 1 than its band."""
        limits = self._settings.limits
        prices = [
            self._heard[one.instrument.place]
            for one in self._wallet.positions
            if one.instrument.base == instrument.base
            and not one.instrument.is_perpetual
            and one.instrument.place in self._heard
        ]
        is_off = any(abs(price - 1.0) > limits.stablecoin_band + SLACK for price in prices)
        return instrument.base in limits.stablecoins and is_off

    def held_worst(self, instrument: Traded, side: int) -> float:
        """Say how much of an asset would be held, long above zero, if every living order of one side filled."""
        qty = sum(
            (float(position.qty) for position in self._wallet.positions if position.instrument.base == instrument.base),
            0.0,
        )
        for other in self._wallet.alive:
            if other.side == side and other.instrument.base == instrument.base:
                qty += side * float(other.qty)
        return qty

    def _meets(self, order: Order, other: Order) -> bool:
        """Tell whether an order could trade against one of ours that rests; a market order reaches a little further."""
        if other.kind != LIMIT or other.instrument is not order.instrument or other.side == order.side:
            return False
        reach = SLACK if order.kind == LIMIT else self._settings.limits.headroom_share + SLACK
        resting = other.limit_ticks * float(other.instrument.tick)
        ours = order.price * (1.0 + order.side * reach)
        return ours >= resting if order.side == BUY else ours <= resting

    def _is_far_from_liquidation(self, question: Question) -> bool:
        """E12: hold the way to liquidation, after the trade, against the way to the nearest stop."""
        order, risk = question.order, self._settings.risk
        if order.effect == REDUCING:
            return True
        least = self._settings.limits.liquidation_multiple_min
        if not least > 0.0:
            return True
        position = self._wallet.positions[order.instrument.place]
        worth = question.worth
        cost = abs(float(position.cost)) + worth
        margin = float(position.margin) + worth / float(self._settings.leverage)
        qty = abs(float(position.qty)) + question.qty
        level = liquidation_level(cost, margin, qty, float(self._settings.maintenance), order.side)
        if level <= 0.0:
            return True
        stops = [stop for stop in (risk.stop_loss, risk.trailing_stop) if stop is not None]
        if not stops:
            return False
        return max(order.side * (order.price - level), 0.0) / order.price / min(stops) >= least - SLACK


def liquidation_level(cost: float, margin: float, qty: float, maintenance: float, sign: int) -> float:
    """Give the price at which what is left of the margin is the maintenance of the position; 0 where there is none."""
    if sign > 0:
        return max((cost - margin) / (qty * (1.0 - maintenance)), 0.0)
    return (cost + margin) / (qty * (1.0 + maintenance))
