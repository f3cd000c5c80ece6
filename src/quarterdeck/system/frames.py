"""The columns of a data frame, pandas or alike, without importing whatever made it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.feeds import CandleRequest, RawColumns

_PRICES: Final = ("open", "high", "low", "close")
_TIMES: Final = ("timestamp", "datetime", "date", "time", "open_time", "opened_at")
_READ: Final = frozenset({*_PRICES, *_TIMES, "volume"})
_NS_PER_MS: Final = 1_000_000


def columns_of_frame(frame: Any, request: CandleRequest) -> RawColumns:  # noqa: ANN401 - other people's type
    """
    Read the columns of a frame: `open high low close volume` in any case, and the time.

    The time is a DatetimeIndex, or a column called timestamp, datetime, date or time: datetimes, zone-aware ones
    converted to UTC, naive ones taken for UTC; or whole milliseconds. Without a volume it is missing on every row.

    Raises:
        InputError: If a column is missing, or holds something else.
    """
    names = {str(name).lower(): name for name in frame.columns}
    missing = [name for name in _PRICES if name not in names]
    if missing:
        raise InputError(
            f"{request.source}: no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    twice = sorted({name for name in names if [str(one).lower() for one in frame.columns].count(name) > 1} & _READ)
    if twice:
        raise InputError(f"{request.source}: more than one column {', '.join(twice)}; keep one of each")
    opened_ms = _times(frame, names, request)
    columns = [_numbers(frame[names[name]], name, request) for name in _PRICES]
    volume = (
        _numbers(frame[names["volume"]], "volume", request) if "volume" in names else np.full(len(opened_ms), np.nan)
    )
    inside = np.ones(len(opened_ms), dtype=np.bool_)
    if request.from_ns is not None:
        inside &= opened_ms >= -(-request.from_ns // _NS_PER_MS)
    if request.to_ns is not None:
        inside &= opened_ms < -(-request.to_ns // _NS_PER_MS)
    return RawColumns(
        row=np.flatnonzero(inside) + 1,
        opened_at_ms=opened_ms[inside],
        values=np.stack([*columns, volume])[:, inside],
        file_first_ms=int(opened_ms.min()) if len(opened_ms) else None,
        file_last_ms=int(opened_ms.max()) if len(opened_ms) else None,
    )


def _times(frame: Any, names: dict[str, Any], request: CandleRequest) -> NDArray[np.int64]:  # noqa: ANN401
    name = next((name for name in _TIMES if name in names), None)
    if name is not None:
        column = frame[names[name]]
        return _milliseconds(_in_utc(column, getattr(column, "dt", None)), request)
    index = getattr(frame, "index", None)
    if index is None or np.asarray(_in_utc(index, index)).dtype.kind != "M":
        raise InputError(f"{request.source}: no time; give it a DatetimeIndex, or a column 'timestamp'")
    return _milliseconds(_in_utc(index, index), request)


def _in_utc(times: Any, zoned: Any) -> Any:  # noqa: ANN401 - other people's types
    """Turn zone-aware times into UTC without a zone; `zoned` is what knows the zone of pandas' times."""
    if getattr(zoned, "tz", None) is None:
        return times
    utc = zoned.tz_convert("UTC")
    utc = getattr(utc, "dt", utc)  # a column answers with a column, an index with an index
    return utc.tz_localize(None)


def _milliseconds(times: Any, request: CandleRequest) -> NDArray[np.int64]:  # noqa: ANN401
    values = np.asarray(times)
    if values.dtype.kind == "M":
        if bool(np.isnat(values).any()):
            raise InputError(f"{request.source}: {int(np.isnat(values).sum())} rows have no time; drop them")
        exact = values.astype("M8[ns]").astype(np.int64)
        if bool((exact % _NS_PER_MS).any()):
            raise InputError(f"{request.source}: times must be whole milliseconds")
        return exact // _NS_PER_MS
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.floor(values))).all()):
        return values.astype(np.int64)
    raise InputError(
        f"{request.source}: times are neither datetimes nor whole milliseconds ({values.dtype}); convert them with"
        " pandas.to_datetime(…, utc=True)"
    )


def _numbers(column: Any, name: str, request: CandleRequest) -> NDArray[np.float64]:  # noqa: ANN401
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{request.source}: '{name}' must hold numbers: {error}") from error
