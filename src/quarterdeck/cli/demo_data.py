"""Which recorded candles the demo plays: one recording by name, a file, or what lies in a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.cli.running import replay_source
from quarterdeck.config import TIMEFRAMES_NS, Starter
from quarterdeck.domain import ConfigError
from quarterdeck.system import ReplaySource

PAIRS_MAX: Final = 3
FIRST_VENUE: Final = "coinbase"  # the other venue of the demo plays the same tape, derived

_FILE: Final = re.compile(
    r"(?P<pair>[A-Z0-9]+-(?P<quote>USD[CT]?|EUR))(-(?P<timeframe>1m|5m|15m|1h|4h|1d))?\.(parquet|csv)"
)
_ADVICE: Final = "give a folder or file named like BTC-USD-1m.parquet, or VENUE:PAIR=PATH"


class DemoData(Struct, frozen=True):
    """What the demo plays; no sources stand for the made-up market."""

    pairs: tuple[str, ...]
    timeframe: str = "1m"
    sources: tuple[ReplaySource, ...] = ()


class _Recording(Struct, frozen=True):
    path: Path
    pair: str
    quote: str
    timeframe: str


def find_data(words: tuple[str, ...]) -> DemoData:
    """
    Find the recordings that the words name.

    Raises:
        ConfigError: If there is none, or a word makes no sense.
    """
    if not words:
        return DemoData(Starter().pairs)
    if all("=" in word for word in words):
        sources = tuple(replay_source(word) for word in words)
        return DemoData(tuple(dict.fromkeys(source.instrument for source in sources)), "1m", sources)
    recordings = [recording for word in words for recording in _recordings_at(Path(word))]
    # The finest bars first, dollars first: files are then taken as long as they go with the first one.
    recordings.sort(key=lambda found: (list(TIMEFRAMES_NS).index(found.timeframe), found.quote != "USD", found.pair))
    first = recordings[0]
    chosen = {
        found.pair: found.path
        for found in recordings
        if (found.timeframe, found.quote) == (first.timeframe, first.quote)
    }
    pairs = tuple(chosen)[:PAIRS_MAX]
    return DemoData(pairs, first.timeframe, tuple(ReplaySource(FIRST_VENUE, pair, chosen[pair]) for pair in pairs))


def _recordings_at(path: Path) -> list[_Recording]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [
        _Recording(file, match["pair"], match["quote"], match["timeframe"] or "1m")
        for file in files
        if file.is_file() and (match := _FILE.fullmatch(file.name))
    ]
    if not found:
        raise ConfigError(f"--data {path}: no recorded candles there; {_ADVICE}")
    return found
