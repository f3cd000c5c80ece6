"""A market to try things on without any data: made up, and the same for everybody."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.market import Candles
from quarterdeck.system.candle_sources import CandleSet
from quarterdeck.system.market import SYNTHETIC_BEGINS_NS

SAMPLE_NOTE: Final = "SAMPLE DATA: these prices are made up; no result on them says anything about a real market."
_SEED: Final = 5
_TIMEFRAME_NS: Final = 60 * MINUTE_NS
_BARS: Final = 2 * 365 * 24
_INSTRUMENTS: Final = (
    SyntheticInstrument("BTC-USD", 64_000.0, 0.01, volatility_day=0.03),
    SyntheticInstrument("ETH-USD", 3_200.0, 0.01, volatility_day=0.04),
)


def sample_candles() -> CandleSet:
    """Make two years of hours of two made-up instruments."""
    market = SyntheticMarket(_SEED, _INSTRUMENTS, _TIMEFRAME_NS, SYNTHETIC_BEGINS_NS)
    candles = {}
    for one in _INSTRUMENTS:
        tape = market.tape("", one.instrument, range(_BARS))
        candles[one.instrument] = Candles(
            one.instrument,
            tape.timeframe_ns,
            tape.opened_at_ns,
            tape.open,
            tape.high,
            tape.low,
            tape.close,
            tape.volume,
            tape.price_step,
        )
    return CandleSet(candles, (SAMPLE_NOTE,))
