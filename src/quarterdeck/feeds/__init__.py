"""
Market data in: recorded candles, seeded synthetic markets, and one stream of closed bars made of them.

Every fault of a recording has a defined answer and is counted in its report; nothing is invented for what is missing.
"""

from quarterdeck.feeds.derive import Derivation, derived_tape
from quarterdeck.feeds.load import ReplayArgument, load_tape, parse_replay_argument
from quarterdeck.feeds.merge import BarBatch, merge
from quarterdeck.feeds.synthetic import ShownBars, SyntheticInstrument, SyntheticMarket
from quarterdeck.feeds.tape import Tape, TapeReport, TapeRequest

__all__ = [
    "BarBatch",
    "Derivation",
    "ReplayArgument",
    "ShownBars",
    "SyntheticInstrument",
    "SyntheticMarket",
    "Tape",
    "TapeReport",
    "TapeRequest",
    "derived_tape",
    "load_tape",
    "merge",
    "parse_replay_argument",
]
