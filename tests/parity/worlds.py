"""Random markets and settings for backtests, the thresholds often close to what the market makes of them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from quarterdeck.backtest import BacktestSettings, FundingRates
from quarterdeck.backtest.plan import WIDE_LIMITS
from quarterdeck.domain import (
    MINUTE_NS,
    GuardrailSettings,
    OrderSettings,
    RiskSettings,
    SizingSettings,
)
from quarterdeck.market import Candles
from tests.parity.scripted import Scripted

BEGIN_NS: Final = 1_700_006_400 * 1_000_000_000  # a full UTC day
SPOT: Final = ("BTC-USDT", "DOGE-USDT", "ETH-USDT")
PERPETUAL: Final = ("BTC-USDT:USDT", "DOGE-USDT:USDT", "ETH-USDT:USDT")
COIN: Final = "USDC-USDT"
_PRICES: Final = {"BTC": 30_000.0, "ETH": 1_800.0, "DOGE": 0.08, "USDC": 1.0}
_TICKS: Final = {"BTC": (0.01, 0.1, 10.0), "ETH": (0.01, 0.5), "DOGE": (1e-5, 1e-6), "USDC": (1e-4,)}
_MINUTES: Final = (1, 5, 60, 1440)
LOT_WORTH_MIN: Final = 1e-4


class World(Struct, frozen=True):
    """A market, a strategy and settings, all from one seed."""

    seed: int
    candles: dict[str, Candles]
    strategy: Scripted
    settings: BacktestSettings


def world(seed: int, bars: int = 300, *, perpetuals: bool = False, guardrails: bool | None = None) -> World:
    """
    Draw a world.

    Args: its seed; how many bars the timeline has at most; whether there are perpetuals, too; with guardrails or
    without (None: drawn).
    """
    chance = np.random.default_rng(seed)
    known = (*SPOT, *PERPETUAL) if perpetuals else SPOT
    few = perpetuals and bool(chance.random() < 0.6)
    pool = PERPETUAL if few else known
    count = int(chance.choice([1, 1, 2, 3]))
    names = sorted(chance.choice(len(pool), size=count, replace=False))
    instruments = [pool[place] for place in names]
    timeframe_ns = int(chance.choice(_MINUTES)) * MINUTE_NS
    candles = {name: _candles(chance, name, bars, timeframe_ns) for name in instruments}
    strategy = Scripted(
        seed=int(chance.integers(1_000_000)),
        buys=int(chance.choice([20, 60, 150, 400])),
        sells=int(chance.choice([10, 60, 150, 300])),
        window=int(chance.choice([1, 1, 7])),
        unsure=bool(chance.random() < 0.2),
    )
    settings = _settings(chance, candles, guardrails)
    if chance.random() < 0.1:
        settings = replace(settings, approved=(instruments[0],))
    if chance.random() < 0.12:  # a stablecoin, which now and then leaves its band
        candles[COIN] = _candles(chance, COIN, bars, timeframe_ns)
    return World(seed, candles, strategy, settings)


def _candles(chance: np.random.Generator, name: str, bars: int, timeframe_ns: int) -> Candles:
    base = name.partition("-")[0]
    tick = float(chance.choice(_TICKS[base]))
    sigma = float(chance.choice([0.0003, 0.002, 0.01]))
    walk = chance.normal(0.0, sigma, bars) + (chance.random(bars) < 0.01) * chance.normal(0.0, 20 * sigma, bars)
    close = _PRICES[base] * np.exp(np.cumsum(np.clip(walk, -0.4, 0.4)))
    open_ = np.concatenate(([_PRICES[base]], close[:-1])) * np.exp(chance.normal(0.0, sigma / 4, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(chance.normal(0.0, sigma / 2, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(chance.normal(0.0, sigma / 2, bars)))
    if chance.random() < 0.85:  # else its prices are on no grid
        open_, high, low, close = (np.maximum(_on_grid(one, tick), tick) for one in (open_, high, low, close))
    kept = _kept(chance, bars)
    opened = BEGIN_NS + np.arange(bars, dtype=np.int64) * timeframe_ns
    prices = [one[kept].copy() for one in (open_, high, low, close)]
    return Candles(
        instrument=name,
        timeframe_ns=timeframe_ns,
        opened_at_ns=opened[kept].copy(),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=np.ones(len(prices[0])),
        price_step=tick,
    )


def _on_grid(price: NDArray[np.float64], tick: float) -> NDArray[np.float64]:
    ticks = np.rint(price / tick)
    steps = round(1.0 / tick)
    gridded: NDArray[np.float64] = ticks / steps if steps >= 1 else ticks * tick
    return gridded


def _kept(chance: np.random.Generator, bars: int) -> NDArray[np.bool_]:
    """Choose the bars that are there: all of them, or some missing one by one and in runs, at either end too."""
    kept = np.ones(bars, dtype=np.bool_)
    if chance.random() < 0.5:
        kept &= chance.random(bars) > 0.03
        for _ in range(int(chance.integers(0, 3))):
            start = int(chance.integers(bars))
            kept[start : start + int(chance.integers(1, 30))] = False
        if chance.random() < 0.3:
            kept[: int(chance.integers(1, bars // 4))] = False
    kept[bars // 2] = True
    return kept


def _settings(chance: np.random.Generator, candles: dict[str, Candles], guardrails: bool | None) -> BacktestSettings:
    cash = float(chance.choice([1_000.0, 10_000.0, 250_000.0]))
    perpetual = any(":" in name for name in candles)
    guarded = bool(chance.random() < 0.7) if guardrails is None else guardrails
    return BacktestSettings(
        cash=cash,
        fee_taker=float(chance.choice([0.0, 0.0004, 0.001, 0.006])),
        fee_maker=float(chance.choice([-0.0001, 0.0, 0.0002, 0.004])),
        slippage_bps=float(chance.choice([0.0, 0.0, 1.0, 7.5, 50.0])),
        sizing=_sizing(chance, cash),
        guardrails=_limits(chance, cash) if guarded else None,
        risk=_risk(chance, perpetual=perpetual),
        orders=_orders(chance),
        lot=max(float(chance.choice([1e-8, 1e-5, 0.001, 0.1])), _least_lot(candles)),
        notional_min=float(chance.choice([0.0, 0.0, 5.0, 25.0])),
        funding=_funding(chance, candles),
        maintenance=float(chance.choice([0.005, 0.02])),
        order_timeout_min=float(chance.choice([0.0, 10.0, 45.0])),
    )


def _least_lot(candles: dict[str, Candles]) -> float:
    """Give a lot that is worth a ten-thousandth of the quote: of smaller ones the last of a size is float noise."""
    cheapest = min(float(one.close[0]) for one in candles.values())
    return 10.0 ** math.ceil(math.log10(LOT_WORTH_MIN / cheapest))


def _sizing(chance: np.random.Generator, cash: float) -> SizingSettings:
    kind = str(chance.choice(["quote", "equity_share", "base"]))
    share = float(chance.choice([0.01, 0.02, 0.1, 0.25, 0.5, 0.95, 1.0, 1.5, 8.0]))
    value = {"quote": share * cash, "equity_share": share, "base": share * cash / 1_800.0}[kind]
    return SizingSettings(
        kind=kind,  # type: ignore[arg-type]  # one of the three words above
        value=Decimal(repr(round(value, 6))),
        entries_max=int(chance.choice([1, 1, 1, 2, 4])),
        confidence_min=float(chance.choice([0.0, 0.0, 0.5])),
    )


def _risk(chance: np.random.Generator, *, perpetual: bool) -> RiskSettings:
    def drawn(*values: float | None) -> float | None:
        return values[int(chance.integers(len(values)))]

    return RiskSettings(
        stop_loss=drawn(None, None, 0.002, 0.01, 0.05),
        take_profit=drawn(None, None, 0.002, 0.02, 0.1),
        trailing_stop=drawn(None, None, 0.003, 0.03),
        drawdown_max=drawn(None, None, 0.02, 0.15),
        position_max=drawn(None, None, 0.1, 0.5),
        short=perpetual and bool(chance.random() < 0.7),
        leverage_max=float(chance.choice([1, 2, 3, 10, 25])) if perpetual else 1.0,
    )


def _orders(chance: np.random.Generator) -> OrderSettings:
    if chance.random() < 0.65:
        return OrderSettings()
    return OrderSettings("limit", float(chance.choice([0.0, 0.0002, 0.002, 0.02])))


def _limits(chance: np.random.Generator, cash: float) -> GuardrailSettings:
    """Draw thresholds: wide ones, the usual ones, and ones that bind now and then."""
    if chance.random() < 0.15:
        return WIDE_LIMITS
    if chance.random() < 0.15:
        return GuardrailSettings()

    def drawn(*values: float) -> float:
        return float(values[int(chance.integers(len(values)))])

    return GuardrailSettings(
        order_value_max_quote=drawn(500.0, cash, 1e9),
        order_value_max_share=drawn(0.02, 0.25, 1.0, 3.0),
        daily_loss_max=drawn(0.002, 0.02, 0.05, 10.0),
        drawdown_max=drawn(0.005, 0.05, 0.1, 10.0),
        drawdown_window_days=int(drawn(1, 7)),
        loss_rate_max=drawn(0.001, 0.01, 0.02, 10.0),
        loss_rate_window_min=int(drawn(5, 30, 240)),
        loss_rate_pause_min=int(drawn(1, 15, 90)),
        concentration_max=drawn(0.1, 0.25, 1.0, 5.0),
        cooldown_s=drawn(0.0, 60.0, 61.0, 300.0, 7200.0),
        trades_max=int(drawn(1, 5, 1000)),
        trades_window_min=int(drawn(1, 5, 60)),
        headroom_share=drawn(0.0, 0.01, 0.05),
        collar_max=drawn(0.03, 0.6),
        collar_exit_max=drawn(0.08, 0.6),
        book_walk_max=drawn(0.01, 0.6),
        qty_value_multiple=drawn(1.0, 10.0, 1e6),
        open_orders_max=int(drawn(1, 2, 20)),
        open_orders_pair_max=int(drawn(1, 5)),
        unexecuted_max=drawn(0.1, 1.0, 5.0),
        duplicate_window_s=drawn(0.0, 5.0, 61.0, 600.0),
        rejects_max=int(drawn(1, 3)),
        leverage_max=drawn(3.0, 30.0),
        liquidation_multiple_min=drawn(0.0, 0.0, 0.5, 2.0),
        strict_exits=bool(chance.random() < 0.1),
    )


def _funding(chance: np.random.Generator, candles: dict[str, Candles]) -> dict[str, FundingRates]:
    funding: dict[str, FundingRates] = {}
    for name, one in candles.items():
        if ":" not in name or chance.random() < 0.4:
            continue
        span_ns = int(one.opened_at_ns[-1]) - BEGIN_NS
        every_ns = int(chance.choice([7 * MINUTE_NS + 30_000_000_000, 60 * MINUTE_NS, 480 * MINUTE_NS]))
        at_ns = BEGIN_NS + np.arange(min(span_ns // every_ns + 2, 400), dtype=np.int64) * every_ns
        funding[name] = FundingRates(at_ns, np.round(chance.normal(0.0, 0.0005, len(at_ns)), 8))
    return funding
