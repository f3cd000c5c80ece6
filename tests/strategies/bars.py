"""Bars that the tests of strategies share, made by hand or recorded, and the windows in which a live bot sees them."""

from pathlib import Path

import numpy as np

from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import TapeRequest, load_tape
from quarterdeck.market import Candles
from quarterdeck.strategies import Strategy

STEP = 0.25
FIRST_NS = 1_506_816_000 * 1_000_000_000


def candles_of(ticks: list[int]) -> Candles:
    """Minutes that close at these whole ticks, and trade nowhere else."""
    close = np.array(ticks, dtype=np.float64) * STEP
    opened = np.arange(len(ticks), dtype=np.int64) * MINUTE_NS
    return Candles("BTC-USD", MINUTE_NS, opened, close, close, close, close, np.ones(len(ticks)), STEP)


def bars_of(ticks: list[tuple[int, int, int]]) -> Candles:
    """Minutes of which each is a close in whole ticks, and how far its high lies above and its low below that."""
    whole = np.array(ticks, dtype=np.int64).reshape(-1, 3)
    opened = np.arange(len(ticks), dtype=np.int64) * MINUTE_NS
    prices = whole.astype(np.float64) * STEP
    close = prices[:, 0]
    high, low = close + prices[:, 1], close - prices[:, 2]
    return Candles("BTC-USD", MINUTE_NS, opened, close.copy(), high, low, close, np.ones(len(ticks)), STEP)


def recorded_minutes(shared_dir: Path, count: int) -> Candles:
    """The first so many recorded minutes of October 2017."""
    path = shared_dir / "data/ohlcv/bitfinex/BTC-USD-1m.parquet"
    to_ns = FIRST_NS + count * MINUTE_NS
    tape = load_tape(TapeRequest(path, "bitfinex", "BTC-USD", MINUTE_NS, 0.1, from_ns=FIRST_NS, to_ns=to_ns))
    return Candles(
        "BTC-USD", MINUTE_NS, tape.opened_at_ns, tape.open, tape.high, tape.low, tape.close, tape.volume, 0.1
    )


def windowed(strategy: Strategy, candles: Candles) -> list[int]:
    """The last action of each window, as a live bot sees them."""
    size = strategy.window_bars
    stops = range(1, len(candles) + 1)
    return [int(strategy.signals(candles.window(max(0, stop - size), stop)).action[-1]) for stop in stops]
