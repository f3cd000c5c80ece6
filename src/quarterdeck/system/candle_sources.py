"""Candles for a backtest from whatever a user has: candles, data frames, files, a folder of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from msgspec import Struct

from quarterdeck.backtest import length
from quarterdeck.domain import InputError
from quarterdeck.feeds import (
    CandleRequest,
    LoadedCandles,
    TapeReport,
    load_candles,
    sound_again,
    sound_candles,
)
from quarterdeck.market import Candles
from quarterdeck.system.frames import columns_of_frame

UNNAMED: Final = "ASSET-QUOTE"
_FILE: Final = re.compile(r"(?P<base>[A-Z0-9]+)[-_](?P<quote>[A-Z0-9]+)([-_.].*)?")
_SUFFIXES: Final = frozenset({".parquet", ".csv"})
_SOUND: Final[WeakKeyDictionary[Candles, LoadedCandles]] = WeakKeyDictionary()
"""What was found in candles that were looked at before: they are frozen, so that once is enough."""


@runtime_checkable
class Frame(Protocol):
    """A pandas DataFrame, or something that behaves like one."""

    @property
    def columns(self) -> Any:  # noqa: ANN401 - other people's type
        """The names of the columns."""

    def __getitem__(self, name: Any) -> Any:  # noqa: ANN401 - other people's type
        """Give a column."""


Source = Candles | Frame | Path | str


class Period(Struct, frozen=True):
    """Bars that opened at or after `from_ns` and closed at or before `to_ns`, UTC; None leaves an end open."""

    from_ns: int | None = None
    to_ns: int | None = None


class CandleSet(Struct, frozen=True, eq=False):
    """Sound candles by instrument, and in sentences what they are and what was done to make them so."""

    candles: dict[str, Candles]
    notes: tuple[str, ...]


def candles_of(
    source: Source | Mapping[str, Source],
    period: Period = Period(),  # noqa: B008 - frozen
    price_steps: Mapping[str, float] = MappingProxyType({}),
) -> CandleSet:
    """
    Make sound candles of what a user has.

    Args:
        source: Candles, a DataFrame, or the path of a Parquet or CSV file, alone or by instrument; or a folder of
            files named like BTC-USD-1h.parquet.
        period: Which part of it.
        price_steps: The grid of prices by instrument, in quote; where it is not given, the data tell. Candles have
            their own.

    Raises:
        InputError: If a source cannot be read, is of no known kind, or its bars break a rule that has no repair.
    """
    loaded: dict[str, LoadedCandles] = {}
    for instrument, one in _by_instrument(source).items():
        found = _loaded(one, instrument, period, price_steps.get(instrument))
        name = found.candles.instrument
        if name in loaded:
            raise InputError(f"backtest: there are two sources of {name}; give one for each instrument")
        loaded[name] = found
    if not loaded:
        raise InputError("backtest: there are no candles; give those of at least one instrument")
    notes = tuple(note for name, found in loaded.items() for note in notes_of(name, found))
    return CandleSet({name: found.candles for name, found in loaded.items()}, notes)


def instrument_of(path: Path) -> str | None:
    """
    Read the instrument off the name of a file.

    Example:
        >>> instrument_of(Path("data/BTC-USDT-1h.parquet")), instrument_of(Path("mine.csv"))
        ('BTC-USDT', None)
    """
    match = _FILE.fullmatch(path.stem)
    return f"{match['base']}-{match['quote']}" if match else None


def notes_of(instrument: str, loaded: LoadedCandles) -> list[str]:
    """Say in sentences which bars these are, and what was found wrong in them and done about it."""
    candles, report = loaded.candles, loaded.report
    why = ", as its prices lie on no decimal grid" if report.off_step else ", the finest decimal that occurs"
    step = f"{candles.price_step:g}" + (why if loaded.found_price_step else "")
    timeframe = length(candles.timeframe_ns) + (", their usual distance" if loaded.found_timeframe else "")
    notes = [f"{len(candles):,} bars of {timeframe}; times are UTC; the price step is {step}."]
    notes += [sentence for count, sentence in _faults(report) if count]
    if report.examples and _repaired(report):
        notes.append(f"For example: {'; '.join(report.examples[:3])}.")
    return [f"{instrument}: {note}" for note in notes]


def _faults(report: TapeReport) -> list[tuple[int, str]]:
    gaps = f"in {report.gaps:,} gap{'' if report.gaps == 1 else 's'}, the longest {report.gap_bars_max:,} long"
    return [
        (report.missing, f"{report.missing:,} bars are missing {gaps}; nothing stands in for them."),
        (report.unsorted, f"{report.unsorted:,} rows came out of order and were sorted in."),
        (report.duplicates, f"{report.duplicates:,} rows stood there twice; one was dropped."),
        (report.conflicts, f"{report.conflicts:,} bars came in two versions; the later one counts."),
        (
            report.unpriced,
            f"{report.unpriced:,} rows without a sound price (none, not above zero, high below low) were dropped.",
        ),
        (report.unmeasured, f"{report.unmeasured:,} rows have no usable volume; it counts as 0."),
        (report.unclosed, f"{report.unclosed:,} bars close after the end of the period and were left out."),
        (report.off_step, f"{report.off_step:,} closes do not lie on the price step; they are kept as they are."),
    ]


def _repaired(report: TapeReport) -> int:
    return report.unsorted + report.duplicates + report.conflicts + report.unpriced + report.unmeasured


def _by_instrument(source: Source | Mapping[str, Source]) -> dict[str, Source]:
    if isinstance(source, Candles):
        return {source.instrument: source}
    if isinstance(source, Mapping):
        return {str(name): one for name, one in source.items()}
    if isinstance(source, Path | str):
        return _files(Path(source))
    return {_attribute(source) or UNNAMED: source}


def _attribute(frame: Frame) -> str | None:
    """Read the instrument that a frame says it holds, in its `attrs`."""
    attributes = getattr(frame, "attrs", None)
    return str(attributes["instrument"]) if isinstance(attributes, Mapping) and "instrument" in attributes else None


def _files(path: Path) -> dict[str, Source]:
    if not path.is_dir():
        instrument = instrument_of(path)
        if instrument is None:
            raise InputError(
                f"{path}: the name does not tell the instrument; name it like BTC-USD-1h.parquet, or give"
                " {'BTC-USD': path} (on the command line BTC-USD=PATH)"
            )
        return {instrument: path}
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and instrument_of(file))
    if not files:
        raise InputError(f"{path}: no candles there; name files like BTC-USD-1h.parquet, or give one file")
    found: dict[str, Source] = {}
    for file in files:
        instrument = instrument_of(file) or UNNAMED
        if instrument in found:
            raise InputError(
                f"{path}: {found[instrument]} and {file.name} are both of {instrument}; give files by name"
            )
        found[instrument] = file
    return found


def _loaded(source: Source, instrument: str, period: Period, price_step: float | None) -> LoadedCandles:
    if isinstance(source, Candles):
        if source.instrument != instrument:
            raise InputError(f"backtest: candles of {source.instrument} are given as {instrument}; use one name")
        return _within(_sound(source), period)
    is_path = isinstance(source, Path | str)
    place = Path(str(source)) if is_path else Path(f"the frame of {instrument}")
    request = CandleRequest(place, instrument, period.from_ns, period.to_ns, price_step=price_step)
    if is_path:
        return load_candles(request)
    if not isinstance(source, Frame):
        raise InputError(
            f"backtest: the candles of {instrument} are a {type(source).__name__};"
            " give Candles, a DataFrame, or the path of a Parquet or CSV file"
        )
    return sound_candles(columns_of_frame(source, request), request)


def _sound(candles: Candles) -> LoadedCandles:
    known = _SOUND.get(candles)
    if known is None:
        known = _SOUND[candles] = sound_again(candles)
    return known


def _within(loaded: LoadedCandles, period: Period) -> LoadedCandles:
    if period.from_ns is None and period.to_ns is None:
        return loaded
    candles = loaded.candles
    opened = candles.opened_at_ns
    first = 0 if period.from_ns is None else int(opened.searchsorted(period.from_ns))
    stop = len(candles)
    if period.to_ns is not None:
        stop = int(opened.searchsorted(period.to_ns - candles.timeframe_ns, side="right"))
    if first >= stop:
        raise InputError(f"{candles.instrument}: no bar lies in the period asked for; choose another")
    return sound_again(candles.window(first, stop))
