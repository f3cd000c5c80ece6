"""
Market data in: recorded candles, seeded synthetic markets, and one stream of closed bars made of them.

Every fault of a recording has a defined answer and is counted in its report; nothing is invented for what is missing.
"""

from quarterdeck.feeds.candles import (
    CandleRequest,
    LoadedCandles,
    load_candles,
    price_step_of,
    sound_again,
    sound_candles,
    timeframe_of,
)
from quarterdeck.feeds.derive import Derivation, derived_tape
from quarterdeck.feeds.funding import FundingTape, load_funding
from quarterdeck.feeds.load import ReplayArgument, load_tape, parse_replay_argument
from quarterdeck.feeds.merge import BarBatch, merge
from quarterdeck.feeds.synthetic import ShownBars, SyntheticInstrument, SyntheticMarket
from quarterdeck.feeds.tape import RawColumns, Tape, TapeReport, TapeRequest

__all__ = [
    "BarBatch",
    "CandleRequest",
    "Derivation",
    "FundingTape",
    "LoadedCandles",
    "RawColumns",
    "ReplayArgument",
    "ShownBars",
    "SyntheticInstrument",
    "SyntheticMarket",
    "Tape",
    "TapeReport",
    "TapeRequest",
    "derived_tape",
    "load_candles",
    "load_funding",
    "load_tape",
    "merge",
    "parse_replay_argument",
    "price_step_of",
    "sound_again",
    "sound_candles",
    "timeframe_of",
]
