"""Many tapes, one stream: everything that closed at one instant, together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final, NamedTuple

import numpy as np

from quarterdeck.domain import InputError
from quarterdeck.feeds.tape import Tape
from quarterdeck.market import Bar

# Bars of one tape turned into Python objects at a time; a year of them would fill the memory.
_CHUNK_BARS: Final = 1024


class BarBatch(NamedTuple):
    """The bars that opened at one instant, in the order of the tapes; a venue without a price has none."""

    open_ns: int
    bars: list[Bar]


def merge(tapes: Sequence[Tape]) -> Iterator[BarBatch]:
    """
    Give the bars of all tapes in order of time, the bars of one instant together.

    Raises:
        InputError: If there is no tape, their timeframes differ, or two are of the same instrument on one venue.
    """
    if not tapes:
        raise InputError("nothing to replay: give at least one tape")
    if len({tape.timeframe_ns for tape in tapes}) > 1:
        listed = ", ".join(f"{tape.venue} {tape.instrument}: {tape.timeframe_ns / 1e9:g} s" for tape in tapes)
        raise InputError(f"the tapes must share one timeframe ({listed})")
    if len({(tape.venue, tape.instrument) for tape in tapes}) < len(tapes):
        listed = ", ".join(f"{tape.venue} {tape.instrument}" for tape in tapes)
        raise InputError(f"two tapes are of the same instrument on the same venue ({listed})")
    return _merged(tapes)


def _merged(tapes: Sequence[Tape]) -> Iterator[BarBatch]:
    positions = [0] * len(tapes)
    while True:
        left = [index for index, tape in enumerate(tapes) if positions[index] < len(tape)]
        if not left:
            return
        begin_ns = min(int(tapes[index].opened_at_ns[positions[index]]) for index in left)
        stop_ns = begin_ns + _CHUNK_BARS * tapes[0].timeframe_ns
        batches: dict[int, list[Bar]] = {}
        for index in left:
            tape, start = tapes[index], positions[index]
            stop = int(np.searchsorted(tape.opened_at_ns, stop_ns))
            positions[index] = stop
            for open_ns, bar in zip(tape.opened_at_ns[start:stop].tolist(), _bars(tape, start, stop), strict=True):
                together = batches.get(open_ns)
                if together is None:
                    batches[open_ns] = [bar]
                else:
                    together.append(bar)
        for open_ns in sorted(batches):
            yield BarBatch(open_ns, batches[open_ns])


def _bars(tape: Tape, start: int, stop: int) -> Iterator[Bar]:
    columns = (tape.open, tape.high, tape.low, tape.close, tape.volume)
    return map(Bar, repeat(tape.venue), repeat(tape.instrument), *(column[start:stop].tolist() for column in columns))
