"""Candles for backtests out of columns from anywhere, with what was found wrong in them and done about it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import InputError, ensure, instrument_from
from quarterdeck.feeds.clean import MS_NS, OPENED_MS_MAX, cleaned
from quarterdeck.feeds.load import read_recording
from quarterdeck.feeds.sound import are_arrays, report_of_sound
from quarterdeck.feeds.tape import RawColumns, TapeReport, TapeRequest
from quarterdeck.market import TICKS_MAX, Candles

# Milliseconds of 1973: what lies before it is in seconds, what lies after OPENED_MS_MAX in something finer.
_MS_MIN: Final = 10**11
_SAMPLE: Final = 20_000
_DECIMALS_MAX: Final = 18
_DECIMALS_OTHERWISE: Final = 8
_DIGITS_OTHERWISE: Final = 6  # of the lowest price, where prices lie on no decimal grid
_ON_STEP_SLACK: Final = 1e-6
_FLOAT_SLACK: Final = 2e-15  # relative; a decimal price that was parsed is off by half of this at most
REGULAR_RUN: Final = 48
"""So many bars in a row at another distance than the rest are bars of another timeframe, not gaps."""


class CandleRequest(Struct, frozen=True):
    """
    Which candles are wanted: of `instrument`, opened at or after `from_ns` and closed at or before `to_ns`.

    `source` names where they come from, for messages. `timeframe_ns` and `price_step` None are found out from the data:
    the usual distance of two bars, and the finest decimal that a price needs.
    """

    source: Path
    instrument: str
    from_ns: int | None = None
    to_ns: int | None = None
    timeframe_ns: int | None = None
    price_step: float | None = None


class LoadedCandles(Struct, frozen=True, eq=False):
    """Sound candles, what was done to make them so, and which of the timeframe and price step were found out."""

    candles: Candles
    report: TapeReport
    found_timeframe: bool = False
    found_price_step: bool = False


def load_candles(request: CandleRequest) -> LoadedCandles:
    """
    Read recorded candles, Parquet or CSV, and clean them.

    Raises:
        InputError: As `sound_candles`, and where the file cannot be read.
    """
    instrument_from(request.instrument)
    first_ms = 0 if request.from_ns is None else max(0, -(-request.from_ns // MS_NS))
    stop_ms = OPENED_MS_MAX if request.to_ns is None else min(OPENED_MS_MAX, -(-request.to_ns // MS_NS))
    return sound_candles(read_recording(request.source, first_ms, stop_ms), request)


def sound_candles(raw: RawColumns, request: CandleRequest) -> LoadedCandles:
    """
    Make candles of columns, answering each fault as `TapeReport` says.

    Raises:
        InputError: If no bar is left, bars are off the timeframe's grid or of several timeframes, or times are in
            another unit than milliseconds.
    """
    _check_unit(raw, request)
    timeframe_ns = request.timeframe_ns or timeframe_of(raw.opened_at_ms, request.source) * MS_NS
    price_step = request.price_step or price_step_of(raw.values[:4])
    tape = cleaned(
        raw,
        TapeRequest(
            path=request.source,
            venue="",
            instrument=request.instrument,
            timeframe_ns=timeframe_ns,
            price_step=price_step,
            from_ns=request.from_ns,
            to_ns=request.to_ns,
        ),
    )
    _check_regular(tape.opened_at_ns, timeframe_ns, request.source)
    candles = Candles(
        request.instrument,
        timeframe_ns,
        tape.opened_at_ns,
        tape.open,
        tape.high,
        tape.low,
        tape.close,
        tape.volume,
        price_step,
    )
    ensure(tape.report is not None, "a cleaned tape has a report")
    return LoadedCandles(
        candles,
        tape.report or TapeReport(0, 0),
        found_timeframe=request.timeframe_ns is None,
        found_price_step=request.price_step is None,
    )


def sound_again(candles: Candles) -> LoadedCandles:
    """
    Clean candles that somebody else made, as those of a file are.

    Raises:
        InputError: As `sound_candles`, and where times are not whole milliseconds.
    """
    if not are_arrays(candles):
        raise InputError(f"{candles.instrument}: times must be int64, prices and volume float64 arrays, of one length")
    sound = report_of_sound(candles)
    if sound is not None:
        _check_regular(candles.opened_at_ns, candles.timeframe_ns, Path(candles.instrument))
        return LoadedCandles(candles, sound)
    if bool((candles.opened_at_ns % MS_NS).any()):
        raise InputError(f"{candles.instrument}: times must be whole milliseconds, in nanoseconds UTC")
    opened_ms = candles.opened_at_ns // MS_NS
    raw = RawColumns(
        row=np.arange(1, len(candles) + 1),
        opened_at_ms=opened_ms,
        values=np.stack([candles.open, candles.high, candles.low, candles.close, candles.volume]),
        file_first_ms=int(opened_ms.min()) if len(candles) else None,
        file_last_ms=int(opened_ms.max()) if len(candles) else None,
    )
    request = CandleRequest(
        source=Path(candles.instrument),
        instrument=candles.instrument,
        timeframe_ns=candles.timeframe_ns,
        price_step=candles.price_step,
    )
    return sound_candles(raw, request)


def timeframe_of(opened_ms: NDArray[np.int64], source: Path) -> int:
    """
    Find out how long a bar is: the most frequent distance between two that follow each other.

    Returns:
        The length in milliseconds.

    Raises:
        InputError: If there are not two bars of different times.
    """
    if not len(opened_ms):
        raise InputError(f"{source}: no bars; give at least two")
    distances = np.diff(np.sort(opened_ms) if bool((np.diff(opened_ms) < 0).any()) else opened_ms)
    distances = distances[distances > 0]
    if not len(distances):
        raise InputError(f"{source}: one bar does not tell how long it is; give at least two, or Candles")
    lengths, counts = np.unique(distances[:_SAMPLE], return_counts=True)
    return int(lengths[np.argmax(counts)])


def price_step_of(prices: NDArray[np.float64]) -> float:
    """
    Find out the grid of prices: the finest power of ten that one of them needs.

    Where none fits it is one hundred-millionth, or what gives the lowest price six digits.

    Args:
        prices: Any shape. Unit: quote per base. What is no price, not finite or not above zero, is left out.

    Example:
        >>> price_step_of(np.array([[64000.5, 64001.25], [63999.0, 64002.1]]))
        0.01
    """
    known = prices[np.isfinite(prices) & (prices > 0.0)]
    if not len(known):
        return 1.0
    highest, lowest = float(known.max()), float(known.min())
    room = int(np.floor(np.log10(TICKS_MAX) - np.log10(highest)))
    for decimals in range(min(_DECIMALS_MAX, room) + 1):
        if _lies_on(known[:_SAMPLE], decimals) and _lies_on(known, decimals):
            return float(f"1e-{decimals}")
    wanted = max(_DECIMALS_OTHERWISE, _DIGITS_OTHERWISE - int(np.floor(np.log10(lowest))))
    return float(f"1e-{max(0, min(wanted, room))}")


def _lies_on(prices: NDArray[np.float64], decimals: int) -> bool:
    scaled = prices * 10.0**decimals
    whole = np.rint(scaled)
    slack = np.minimum(_ON_STEP_SLACK + scaled * _FLOAT_SLACK, 0.01)
    return bool(((np.abs(scaled - whole) <= slack) & (whole >= 1.0)).all())


def _check_unit(raw: RawColumns, request: CandleRequest) -> None:
    first, last = raw.file_first_ms, raw.file_last_ms
    if first is None or last is None:
        return
    if last < _MS_MIN or first > OPENED_MS_MAX:
        unit = "seconds" if last < _MS_MIN else "microseconds or nanoseconds"
        raise InputError(
            f"{request.source}: times like {first} look like {unit}; write whole milliseconds since 1970 in UTC"
        )


def _check_regular(opened_ns: NDArray[np.int64], timeframe_ns: int, source: Path) -> None:
    """Refuse a long run of bars at another distance than the timeframe: that is another timeframe, not gaps."""
    if int(opened_ns[-1]) - int(opened_ns[0]) == (len(opened_ns) - 1) * timeframe_ns:
        return  # no gap at all
    distance = np.diff(opened_ns)
    changes = np.flatnonzero(np.diff(distance)) + 1
    begins, ends = np.append(0, changes), np.append(changes, len(distance))
    other = (ends - begins >= REGULAR_RUN) & (distance[begins] != timeframe_ns)
    if bool(other.any()):
        run = int(np.argmax(other))
        raise InputError(
            f"{source}: most bars are {timeframe_ns / 1e9:g} s apart, but {int(ends[run] - begins[run])} in a row are"
            f" {int(distance[begins[run]]) / 1e9:g} s apart: these are bars of several timeframes; give one"
        )
