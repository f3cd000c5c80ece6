"""A backtest's settings as the reference reads them: money exact, thresholds as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from quarterdeck.backtest import BacktestSettings, Board, FundingRates
from quarterdeck.domain import MINUTE_NS, GuardrailSettings, OrderSettings, RiskSettings, SizingSettings
from tests.parity.reference.grid import exact
from tests.parity.reference.records import Traded

HUGE: Final = 1e18
NEVER_NS: Final = 2**63
WITHOUT_LIMITS: Final = GuardrailSettings(
    order_value_max_quote=HUGE,
    order_value_max_share=HUGE,
    daily_loss_max=HUGE,
    drawdown_max=HUGE,
    loss_rate_max=HUGE,
    concentration_max=HUGE,
    cooldown_s=0.0,
    trades_max=10**9,
    headroom_share=0.0,
    stablecoins=(),
    collar_max=HUGE,
    collar_exit_max=HUGE,
    book_walk_max=HUGE,
    qty_value_multiple=HUGE,
    open_orders_max=10**9,
    open_orders_pair_max=10**9,
    unexecuted_max=HUGE,
    duplicate_window_s=0.0,
    rejects_max=10**9,
    executions_max=None,
    leverage_max=HUGE,
    liquidation_multiple_min=0.0,
)
"""Guardrails that are switched off: limits that nothing reaches. What the exchange itself demands still counts."""


@dataclass(frozen=True)
class Settings:
    """What the reference is told."""

    cash: Decimal
    fee_taker: Decimal
    fee_maker: Decimal
    slippage: float
    sizing: SizingSettings
    limits: GuardrailSettings
    risk: RiskSettings
    orders: OrderSettings
    notional_min: float
    maintenance: Decimal
    leverage: Decimal
    approved: tuple[str, ...] | None
    funding: Mapping[str, FundingRates]
    timeframe_ns: int
    timeout_ns: int

    @property
    def mark_every_ns(self) -> int:
        """One mark a bar, but never more than one a minute."""
        return max(self.timeframe_ns, MINUTE_NS)

    @property
    def price_age_ns_max(self) -> int:
        """Prices count for two bars; for ever where no guardrails ask for their age."""
        return NEVER_NS if self.limits is WITHOUT_LIMITS else 2 * self.timeframe_ns


def settings_of(board: Board, given: BacktestSettings) -> Settings:
    """Read a backtest's settings. An order waits two bars at least, for ever where its time is 0."""
    timeout_ns = int(given.order_timeout_min * MINUTE_NS)
    return Settings(
        cash=exact(given.cash),
        fee_taker=exact(given.fee_taker),
        fee_maker=exact(given.fee_maker),
        slippage=given.slippage_bps * 1e-4,
        sizing=given.sizing,
        limits=WITHOUT_LIMITS if given.guardrails is None else given.guardrails,
        risk=given.risk,
        orders=given.orders,
        notional_min=given.notional_min,
        maintenance=exact(given.maintenance),
        leverage=exact(given.risk.leverage_max),
        approved=given.approved,
        funding=given.funding,
        timeframe_ns=board.timeframe_ns,
        timeout_ns=max(timeout_ns, 2 * board.timeframe_ns) if timeout_ns else 0,
    )


def instruments_of(board: Board) -> list[Traded]:
    """List the instruments of a board in their order."""
    return [
        Traded(place, name, exact(board.price_step[place]), exact(board.lot[place]))
        for place, name in enumerate(board.instruments)
    ]
