"""Candles of several instruments side by side, with what a strategy says on each close."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.domain import InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy, checked


def board_of(candles: Mapping[str, Candles], strategy: Strategy, lot: float) -> Board:
    """
    Put the bars of all instruments on one timeline and ask the strategy about the whole series of each, once.

    Only a bar that ends a full window of the strategy carries an action: before it, a live bot would not ask. For a
    single instrument the arrays are taken over as they are.

    Args:
        candles: Sound candles by instrument, all of one timeframe.
        strategy: Who says what to do.
        lot: The smallest step of a quantity, in base units.

    Raises:
        InputError: If there are no candles, or timeframes differ, or the strategy's answer cannot be used.
    """
    series = [candles[name] for name in sorted(candles)]
    timeframes = sorted({one.timeframe_ns for one in series})
    if not timeframes or not any(len(one) for one in series):
        raise InputError("backtest: there are no bars; give the candles of at least one instrument")
    if len(timeframes) > 1:
        listed = ", ".join(f"{one.instrument}: {one.timeframe_ns / 1e9:g} s" for one in series)
        raise InputError(f"backtest: all candles must be of one timeframe ({listed})")
    misnamed = [name for name in candles if candles[name].instrument != name]
    if misnamed:
        raise InputError(f"backtest: candles of {candles[misnamed[0]].instrument} are given as {misnamed[0]}")
    signals = [_signals(strategy, one) for one in series]
    laid = _alone(series[0], signals[0]) if len(series) == 1 else _together(series, signals)
    opened, prices, action, confidence = laid
    return Board(
        instruments=tuple(one.instrument for one in series),
        timeframe_ns=timeframes[0],
        opened_at_ns=opened,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        action=action,
        confidence=confidence,
        price_step=tuple(one.price_step for one in series),
        lot=(lot,) * len(series),
    )


Laid = tuple[NDArray[np.int64], list[NDArray[np.float64]], NDArray[np.int8], NDArray[np.float64] | None]


def _signals(strategy: Strategy, candles: Candles) -> Signals:
    """Ask about the whole series, and keep silent before the first full window."""
    given = checked(strategy.signals(candles), len(candles))
    silent = min(strategy.window_bars - 1, len(candles))
    if not bool(given.action[:silent].any()):
        return given
    action = given.action.copy()
    action[:silent] = 0
    return Signals(action, given.confidence)


def _alone(candles: Candles, signals: Signals) -> Laid:
    prices = [np.reshape(one, (1, -1)) for one in (candles.open, candles.high, candles.low, candles.close)]
    sure = signals.confidence
    confidence = None if sure is None else np.reshape(sure, (1, -1))
    return candles.opened_at_ns, prices, np.reshape(signals.action, (1, -1)), confidence


def _together(series: list[Candles], signals: list[Signals]) -> Laid:
    opened = np.unique(np.concatenate([one.opened_at_ns for one in series]))
    shape = (len(series), len(opened))
    prices = [np.full(shape, np.nan) for _ in range(4)]
    action = np.zeros(shape, dtype=np.int8)
    confidence = np.ones(shape) if any(one.confidence is not None for one in signals) else None
    for row, (candles, given) in enumerate(zip(series, signals, strict=True)):
        places = np.searchsorted(opened, candles.opened_at_ns)
        for laid, column in zip(prices, (candles.open, candles.high, candles.low, candles.close), strict=True):
            laid[row, places] = column
        action[row, places] = given.action
        if confidence is not None and given.confidence is not None:
            confidence[row, places] = given.confidence
    return opened, prices, action, confidence
