"""Real series of the shared data: spot and perpetual, from one minute to one day, some with gaps."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from quarterdeck.backtest import WIDE_LIMITS, BacktestSettings, FundingRates
from quarterdeck.domain import MINUTE_NS, GuardrailSettings, RiskSettings, SizingSettings
from quarterdeck.feeds import TapeRequest, load_funding, load_tape
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN


class Series(Struct, frozen=True):
    """A recording: where it lies, what it is of, its grid, and what the perpetual paid, if it is one."""

    path: str
    instrument: str
    timeframe_min: int
    tick: float
    lot: float
    funding: str = ""

    @property
    def name(self) -> str:
        """A name for reports."""
        return f"{self.instrument}-{self.timeframe_min}m"


SERIES: Final = (
    Series("ohlcv/binanceus/BTC-USDT-1m.parquet", "BTC-USDT", 1, 0.01, 1e-5),
    Series("ohlcv/bitfinex/ETH-USD-1m.parquet", "ETH-USD", 1, 0.001, 1e-6),
    Series("ohlcv/binance/BTC-USDT-1h.parquet", "BTC-USDT", 60, 0.01, 1e-5),
    Series("ohlcv/binance/ADA-USDT-1d.parquet", "ADA-USDT", 1440, 1e-5, 0.1),
    Series(
        "perp/binance/DOGE-USDT-1m.parquet", "DOGE-USDT:USDT", 1, 1e-5, 1.0, "perp/binance/DOGE-USDT-funding.parquet"
    ),
    Series("perp/binance/SOL-USDT-5m.parquet", "SOL-USDT:USDT", 5, 0.01, 0.01),
    Series(
        "perp/binance/BTC-USDT-1h.parquet", "BTC-USDT:USDT", 60, 0.1, 0.001, "perp/binance/BTC-USDT-funding.parquet"
    ),
)
STRATEGIES: Final = tuple(sorted(BUILTIN))


def read(shared: Path, series: Series, bars: int, skipped: int = 2_000) -> dict[str, Candles]:
    """Read some bars of a series; skip the test where they are not there."""
    path = shared / "data" / series.path
    if not path.is_file():
        pytest.skip(f"{path} is not among the recorded data")
    tape = load_tape(TapeRequest(path, "backtest", series.instrument, series.timeframe_min * MINUTE_NS, series.tick))
    start = min(skipped, max(0, len(tape.close) - bars))
    part = slice(start, start + bars)
    candles = Candles(
        instrument=series.instrument,
        timeframe_ns=tape.timeframe_ns,
        opened_at_ns=tape.opened_at_ns[part],
        open=tape.open[part],
        high=tape.high[part],
        low=tape.low[part],
        close=tape.close[part],
        volume=tape.volume[part],
        price_step=series.tick,
    )
    return {series.instrument: candles}


def settings_for(shared: Path, series: Series, *, limits: GuardrailSettings | None = WIDE_LIMITS) -> BacktestSettings:
    """Give settings under which a series trades often: every kind of exit, and shorts on perpetuals."""
    perpetual = ":" in series.instrument
    funding = {}
    if series.funding:
        paid = load_funding(shared / "data" / series.funding)
        funding[series.instrument] = FundingRates(paid.at_ns, paid.rate)
    return BacktestSettings(
        cash=50_000.0,
        fee_taker=0.0005,
        fee_maker=0.0002,
        slippage_bps=1.5,
        sizing=SizingSettings("equity_share", Decimal("0.2")),
        guardrails=limits,
        risk=RiskSettings(
            stop_loss=0.02,
            take_profit=0.06,
            trailing_stop=0.03,
            short=perpetual,
            leverage_max=3.0 if perpetual else 1.0,
        ),
        lot=series.lot,
        funding=funding,
    )


USUAL: Final = GuardrailSettings(order_value_max_quote=5_000.0, order_value_max_share=0.15)
"""The usual limits, but for orders large enough that other rules have their say."""
