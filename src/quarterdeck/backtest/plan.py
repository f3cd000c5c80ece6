"""What a backtest's settings mean for the engine and the exchange: the bot that both engines of a backtest are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    GuardrailSettings,
    InputError,
    Instrument,
    Listing,
    OrderSettings,
    RiskSettings,
    SizingSettings,
    VenueSettings,
    instrument_from,
)
from quarterdeck.exchange import PerpetualRules, Personality

VENUE: Final = "backtest"
"""The one exchange of a backtest."""
PRICE_AGE_BARS: Final = 2
PATIENCE_BARS: Final = 2
LOTS_MAX: Final = 9 * 10**15
"""The most lots of one order: up to here every count of them is a float, too."""
SLIPPAGE_BPS_MAX: Final = 1_000.0
LEVERAGE_MAX: Final = 125
UNAGED_NS: Final = 100 * 366 * DAY_NS
"""An age that no price of a backtest reaches."""
CASH_MAX: Final = 1e15
LOT_MAX: Final = 1e9
TIMEOUT_MIN_MAX: Final = 1e9
_WIDE: Final = 1e30
_MANY: Final = 10**12

WIDE_LIMITS: Final = GuardrailSettings(
    order_value_max_quote=_WIDE,
    order_value_max_share=_WIDE,
    daily_loss_max=_WIDE,
    drawdown_max=_WIDE,
    drawdown_window_days=1,
    loss_rate_max=_WIDE,
    loss_rate_window_min=1,
    loss_rate_pause_min=1,
    concentration_max=_WIDE,
    cooldown_s=0.0,
    trades_max=_MANY,
    trades_window_min=1,
    headroom_share=0.0,
    stablecoins=(),
    stablecoin_band=_WIDE,
    collar_max=_WIDE,
    collar_exit_max=_WIDE,
    book_walk_max=_WIDE,
    data_age_max_s=UNAGED_NS / SECOND_NS,
    data_age_exit_max_s=UNAGED_NS / SECOND_NS,
    qty_value_multiple=_WIDE,
    open_orders_max=_MANY,
    open_orders_pair_max=_MANY,
    unexecuted_max=_WIDE,
    duplicate_window_s=0.0,
    clock_skew_max_ms=_WIDE,
    rejects_max=_MANY,
    leverage_max=_WIDE,
    liquidation_multiple_min=0.0,
)
"""Guardrails that are switched off: thresholds so wide that what the account can pay for is all that binds."""


def bot_of(settings: BacktestSettings, board: Board) -> BotSettings:
    """
    Say what the engine is told in a backtest, as a paper bot of the same name on the same bars would be.

    Raises:
        InputError: If the settings make no sense, or do not fit the instruments.
    """
    instruments = [instrument_from(name) for name in board.instruments]
    quote = _check(settings, instruments)
    _check_lots(settings, board)
    age_ns_max = PRICE_AGE_BARS * board.timeframe_ns if settings.guardrails is not None else UNAGED_NS
    timeout_ns = int(settings.order_timeout_min * MINUTE_NS)
    capital = _decimal(settings.cash)
    return BotSettings(
        bot=settings.bot,
        base_currency=quote,
        capital=capital,
        pairs=board.instruments,
        venues=(VenueSettings(name=VENUE, validity_ns=5 * SECOND_NS, lag_ns=0, cash={quote: capital}),),
        listings=tuple(
            _listing(settings, one, tick, lot)
            for one, tick, lot in zip(instruments, board.price_step, board.lot, strict=True)
        ),
        sizing=settings.sizing,
        risk=settings.risk,
        guardrails=WIDE_LIMITS if settings.guardrails is None else settings.guardrails,
        approved=settings.approved,
        price_age_ns_max=age_ns_max,
        mark_age_ns_max=age_ns_max,
        order_timeout_ns=max(timeout_ns, PATIENCE_BARS * board.timeframe_ns) if timeout_ns else 0,
        orders=settings.orders,
        mark_every_ns=max(board.timeframe_ns, MINUTE_NS),
    )


def habits_of(settings: BacktestSettings) -> Personality:
    """Say how the exchange of a backtest behaves."""
    leverage = int(settings.risk.leverage_max)
    rules = PerpetualRules(leverage, leverage, _decimal(settings.maintenance))
    return Personality(perpetuals=rules)


def _listing(settings: BacktestSettings, one: Instrument, tick: float, lot: float) -> Listing:
    return Listing(
        venue=VENUE,
        instrument=one.id,
        base=one.base,
        quote=one.quote,
        tick=_decimal(tick),
        lot=_decimal(lot),
        lots_min=1,
        lots_max=LOTS_MAX,
        notional_min=_decimal(settings.notional_min),
        fee_maker=_decimal(settings.fee_maker),
        fee_taker=_decimal(settings.fee_taker),
    )


def _decimal(value: float) -> Decimal:
    """Take a float for the decimal number that prints as it does: 0.001 means a thousandth."""
    return Decimal(repr(float(value)))


def _check(settings: BacktestSettings, instruments: Sequence[Instrument]) -> str:
    """Refuse settings that make no sense, and name the quote asset that everything is counted in."""
    quotes = sorted({one.quote for one in instruments})
    if not quotes:
        raise InputError("backtest: no candles; give those of at least one instrument")
    if len(quotes) > 1:
        raise InputError(f"backtest: instruments are priced in {', '.join(quotes)}; give those of one quote asset")
    bases = [one.base for one in instruments if one.base == quotes[0]]
    if bases:
        raise InputError(f"backtest: {bases[0]} is both traded and the money that is paid with")
    _check_money(settings)
    _check_sizing(settings.sizing)
    _check_risk(settings.risk, instruments, settings.maintenance)
    _check_orders(settings.orders, settings.order_timeout_min)
    if not settings.bot:
        raise InputError("backtest: bot: name the bot of which these would be the orders")
    unknown = sorted({*(settings.approved or ()), *settings.funding} - {one.id for one in instruments})
    if unknown:
        raise InputError(f"backtest: approved or funding name {unknown[0]}, of which there are no candles")
    return quotes[0]


def _check_money(settings: BacktestSettings) -> None:
    _require(0.0 < settings.cash <= CASH_MAX, "cash", settings.cash, f"an amount above zero, at most {CASH_MAX:g}")
    _require(
        0.0 <= settings.fee_taker < 1.0, "fee_taker", settings.fee_taker, "a fraction of notional, 0.001 for 0.1 %"
    )
    _require(
        abs(settings.fee_maker) < 1.0, "fee_maker", settings.fee_maker, "a fraction of notional; below 0: a rebate"
    )
    most = SLIPPAGE_BPS_MAX
    _require(0.0 <= settings.slippage_bps <= most, "slippage_bps", settings.slippage_bps, f"from 0 to {most:g}")
    _require(0.0 < settings.lot <= LOT_MAX, "lot", settings.lot, "the smallest step of a quantity, like 0.00001")
    _require(0.0 <= settings.notional_min < math.inf, "notional_min", settings.notional_min, "0 or more")


def _check_lots(settings: BacktestSettings, board: Board) -> None:
    """Refuse lots so small that more of them could be bought than can be counted: every such order would be refused."""
    worth = settings.cash * settings.risk.leverage_max
    for name, lot, close in zip(board.instruments, board.lot, board.close, strict=True):
        price = _first_price(close)
        if worth / price / lot > LOTS_MAX:
            least = 10.0 ** math.ceil(math.log10(worth / price / LOTS_MAX))
            what = f"lot is {lot:g}, too fine to count what {settings.cash:g} could buy of {name} at {price:g}"
            raise InputError(f"backtest: {what}; choose {least:g} or more")


def _first_price(close: NDArray[np.float64]) -> float:
    first = float(close[0])
    return first if first == first else float(close[int(np.argmax(~np.isnan(close)))])  # noqa: PLR0124 - NaN: no bar yet


def _check_sizing(sizing: SizingSettings) -> None:
    _require(sizing.value.is_finite() and sizing.value > 0, "sizing.value", sizing.value, "an amount above zero")
    _require(sizing.entries_max >= 1, "sizing.entries_max", sizing.entries_max, "1 or more")
    sure = sizing.confidence_min
    _require(0.0 <= sure <= 1.0, "sizing.confidence_min", sure, "a number from 0 to 1")


def _check_risk(risk: RiskSettings, instruments: Sequence[Instrument], maintenance: float) -> None:
    for name in ("stop_loss", "trailing_stop", "drawdown_max", "position_max"):
        value: float | None = getattr(risk, name)
        _require(value is None or 0.0 < value <= 1.0, f"risk.{name}", value, "a fraction above 0, or None")
    profit = risk.take_profit
    _require(profit is None or 0.0 < profit < math.inf, "risk.take_profit", profit, "a fraction above 0, or None")
    has_perpetuals = any(one.settle is not None for one in instruments)
    if risk.short and not has_perpetuals:
        raise InputError("backtest: risk.short needs perpetuals, like BTC-USDT:USDT; on spot nothing can be sold short")
    leverage = risk.leverage_max
    whole = leverage == math.floor(leverage) if math.isfinite(leverage) else False
    wanted = f"a whole number from 1 to {LEVERAGE_MAX}"
    _require(whole and 1 <= leverage <= LEVERAGE_MAX, "risk.leverage_max", leverage, wanted)
    _require(0.0 < maintenance * leverage < 1.0, "maintenance", maintenance, "above 0 and below 1 / risk.leverage_max")


def _check_orders(orders: OrderSettings, timeout_min: float) -> None:
    offset = orders.entry_offset
    _require(0.0 <= offset < 1.0, "orders.entry_offset", offset, "a fraction of the price from 0 on, below 1")
    _require(0.0 <= timeout_min <= TIMEOUT_MIN_MAX, "order_timeout_min", timeout_min, "minutes, 0 for never")


def _require(holds: bool, name: str, value: object, wanted: str) -> None:  # noqa: FBT001 - the first word of a sentence
    if not holds:
        raise InputError(f"backtest: {name} is {value}; it must be {wanted}")
