"""Recorded candles into memory, whatever file they stand in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.domain import InputError, instrument_from
from quarterdeck.feeds.clean import MS_NS, OPENED_MS_MAX, cleaned
from quarterdeck.feeds.csv_file import read_csv
from quarterdeck.feeds.parquet import is_parquet, read_parquet
from quarterdeck.feeds.tape import RawColumns, Tape, TapeRequest

_VENUE: Final = re.compile(r"[a-z][a-z0-9_-]*")


class ReplayArgument(Struct, frozen=True):
    """One `--replay VENUE:PAIR=PATH` of the command line; the pair is named as the venue lists it."""

    venue: str
    instrument: str
    path: Path


def parse_replay_argument(text: str) -> ReplayArgument:
    """
    Parse `VENUE:PAIR=PATH`.

    Raises:
        InputError: If it has another form, or the pair is no instrument.

    Example:
        >>> parse_replay_argument("coinbase:BTC-USD=btc.parquet").instrument
        'BTC-USD'
    """
    front, equals, path = text.partition("=")
    venue, colon, instrument = front.partition(":")
    if not (equals and colon and path and _VENUE.fullmatch(venue)):
        raise InputError(f"replay {text!r}: write VENUE:PAIR=PATH, like coinbase:BTC-USD=btc.parquet")
    return ReplayArgument(venue=venue, instrument=instrument_from(instrument).id, path=Path(path))


def load_tape(request: TapeRequest) -> Tape:
    """
    Read recorded candles, Parquet or CSV, and clean them.

    Raises:
        InputError: If the file is missing or unreadable, lacks a column, has bars off the timeframe's grid, or holds
            no sound bar of the asked period. Other faults are answered as `TapeReport` says.
    """
    if request.timeframe_ns <= 0:
        raise InputError(f"{request.path}: a timeframe of {request.timeframe_ns} ns; it must be above zero")
    first_ms = 0 if request.from_ns is None else max(0, -(-request.from_ns // MS_NS))
    stop_ms = OPENED_MS_MAX if request.to_ns is None else min(OPENED_MS_MAX, -(-request.to_ns // MS_NS))
    return cleaned(read_recording(request.path, first_ms, stop_ms), request)


def read_recording(path: Path, first_ms: int, stop_ms: int) -> RawColumns:
    """
    Read the bars of a recording, Parquet or CSV, that opened in [first_ms, stop_ms), in the file's order.

    Raises:
        InputError: If the file is missing or unreadable, or lacks a column.
    """
    reader = read_parquet if is_parquet(path) else read_csv
    return reader(path, first_ms, stop_ms)
