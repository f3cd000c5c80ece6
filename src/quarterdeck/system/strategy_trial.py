"""Trying a strategy before a bot may have it: on recorded candles, or on a made-up market."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.backtest import Bench, SeriesChecked, check_on
from quarterdeck.config import FoundStrategy
from quarterdeck.domain import ARRAY_FUNCTIONS, MINUTE_NS, Compiler, ConfigError, InputError
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.market import Candles
from quarterdeck.strategies import Strategy
from quarterdeck.system.candle_sources import candles_of
from quarterdeck.system.opinions import DEADLINE_S

BARS: Final = 5_000
"""Of a made-up market; more where that is not enough for the window."""
BARS_MAX: Final = 20_000
"""Of a recording, likewise."""
WINDOWS: Final = 10
"""A series holds room for so many windows of the strategy."""

_SEED: Final = 20_171_001
_FIRST_NS: Final = 1_506_816_000 * 1_000_000_000
_CALM: Final = SyntheticInstrument("BTC-USD", 43_000.0, 0.01)
_LIVELY: Final = SyntheticInstrument("DOGE-USD", 0.08, 0.00001, volatility_day=0.15)


class StrategyTried(Struct, frozen=True):
    """
    What became of one strategy on every series: `ok` where it passed all checks on each.

    `file` is None for one of the house; `hash` is that of its source; `notes` say what was done to the data.
    """

    strategy: str
    parameters: dict[str, object]
    file: str | None
    hash: str
    ok: bool
    series: tuple[SeriesChecked, ...]
    notes: tuple[str, ...]


def try_strategy(
    found: FoundStrategy, strategy: Strategy, data: Mapping[str, Path] | Path | None = None
) -> StrategyTried:
    """
    Try a strategy on recorded candles, or on two instruments of a made-up market where there are none.

    Args: where it was found; the strategy; files of candles by pair, or one file or folder of them. The last bars of a
        long recording are enough.
    Raises: ConfigError where data cannot be used or is too short for the strategy's window, or the window is none.
    """
    size = _window_of(strategy)
    series, notes = _recorded(data, size) if data is not None else (_made_up(size), ())
    bench = Bench(time.perf_counter_ns, int(DEADLINE_S * 1e9), _compiler())
    with ARRAY_FUNCTIONS.as_written():  # as a live bot runs them, whatever this process backtested before
        tried = tuple(check_on(strategy, one, bench) for one in series)
    return StrategyTried(
        strategy=type(strategy).__name__,
        parameters=strategy.values(),
        file=None if found.file is None else str(found.file),
        hash=found.hash,
        ok=all(one.passed for one in tried),
        series=tried,
        notes=notes,
    )


def _recorded(data: Mapping[str, Path] | Path, window_bars: int) -> tuple[list[Candles], tuple[str, ...]]:
    series: list[Candles] = []
    most = max(BARS_MAX, WINDOWS * window_bars)
    loaded = candles_of(data)
    notes = list(loaded.notes)
    for one in loaded.candles.values():
        if len(one) > most:
            notes.append(f"{one.instrument}: the last {most:,} of {len(one):,} bars are tried")
        series.append(one.window(max(0, len(one) - most), len(one)))
    return series, tuple(notes)


def _window_of(strategy: Strategy) -> int:
    try:
        size = strategy.window_bars
    except Exception as error:
        raise ConfigError(f"window_bars of {strategy!r} raises {type(error).__name__}: {error}") from error
    if type(size) is not int or size < 1:
        raise InputError(f"window_bars of {strategy!r} is {size!r}; it must be a whole number, at least 1")
    return size


def _compiler() -> Compiler | None:
    """Find what compiles array functions in a backtest; None where it is not installed."""
    if find_spec("numba") is None:
        return None

    def compiled(plain: Callable[..., object]) -> Callable[..., object]:
        made: Callable[..., object] = import_module("numba").njit(error_model="numpy")(plain)
        return made

    return compiled


def _made_up(window_bars: int) -> list[Candles]:
    """Make minutes of two instruments, one with many price steps to a move, the other with few."""
    bars = range(max(BARS, WINDOWS * window_bars))
    market = SyntheticMarket(_SEED, [_CALM, _LIVELY], MINUTE_NS, _FIRST_NS)
    tapes = [market.tape("made up", one.instrument, bars) for one in (_CALM, _LIVELY)]
    return [
        Candles(
            tape.instrument,
            MINUTE_NS,
            tape.opened_at_ns,
            tape.open,
            tape.high,
            tape.low,
            tape.close,
            tape.volume,
            tape.price_step,
        )
        for tape in tapes
    ]
