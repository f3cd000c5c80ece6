"""Which bars a run plays where venues list a pair under names of their own."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from quarterdeck.config import BotConfig, load_bot
from quarterdeck.domain import MINUTE_NS, ConfigError
from quarterdeck.feeds import BarBatch
from quarterdeck.system import Market, ReplaySource, RunOptions, open_market
from tests.feeds.recordings import START_MS, START_NS, write_csv

BARS = 40
YAML = """\
name: two-tongues
pairs: [BTC-USD]
equivalent_quotes: [[USD, USDC]]
watch: [USDC-USD, BNB-USD]
strategy: {name: sma_crossover, timeframe: 1m}
exchanges:
  - {name: one, balances: {USD: "5000"}}
  - {name: two, balances: {USDC: "5000"}, pairs: [BTC-USDC, USDC-USD], basis_bps: 20, seed: 3}
"""


@pytest.fixture
def config(tmp_path: Path) -> BotConfig:
    path = tmp_path / "two-tongues.yaml"
    path.write_text(YAML)
    return load_bot(path)


class Recordings:
    """Recordings that hold one price each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, venue: str, instrument: str, price: float) -> ReplaySource:
        rows = [(START_MS + minute * 60_000, price, price, price, price, 1.0) for minute in range(BARS)]
        return ReplaySource(venue, instrument, write_csv(self._folder / f"{venue}-{instrument}.csv", rows))


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path)


def opened(config: BotConfig, *sources: ReplaySource) -> Market:
    return open_market(config, RunOptions(replay=sources), START_NS, -1)


def closes(batches: Sequence[BarBatch]) -> dict[tuple[str, str], list[float]]:
    """Give the closes by venue and instrument."""
    found: dict[tuple[str, str], list[float]] = {}
    for batch in batches:
        for bar in batch.bars:
            found.setdefault((bar.venue, bar.instrument), []).append(bar.close)
    return found


def test_each_venue_plays_the_recording_of_its_own_instrument(config: BotConfig, recordings: Recordings) -> None:
    dollars, coins = recordings.of("one", "BTC-USD", 100.0), recordings.of("two", "BTC-USDC", 101.0)
    played = closes(list(opened(config, dollars, coins).batches))
    assert played == {("one", "BTC-USD"): [100.0] * BARS, ("two", "BTC-USDC"): [101.0] * BARS}


def test_a_venue_without_a_recording_plays_that_of_the_pair_derived(config: BotConfig, recordings: Recordings) -> None:
    played = closes(list(opened(config, recordings.of("one", "BTC-USD", 100.0)).batches))
    assert played.keys() == {("one", "BTC-USD"), ("two", "BTC-USDC")}
    derived = played["two", "BTC-USDC"]
    assert len(set(derived)) > 1
    assert all(abs(close / 100.0 - 1.0) <= 0.0021 for close in derived)


def test_the_recording_of_an_equivalent_quote_serves_the_others(config: BotConfig, recordings: Recordings) -> None:
    played = closes(list(opened(config, recordings.of("two", "BTC-USDC", 100.0)).batches))
    assert played["one", "BTC-USD"] == played["two", "BTC-USDC"] == [100.0] * BARS


def test_what_is_watched_plays_where_it_was_recorded_and_nowhere_else(
    config: BotConfig, recordings: Recordings
) -> None:
    sources = [
        recordings.of("one", "BTC-USD", 100.0),
        recordings.of("two", "USDC-USD", 0.975),
        recordings.of("two", "BNB-USD", 300.0),  # listed by no venue of the bot
    ]
    played = closes(list(opened(config, *sources).batches))
    assert played["two", "USDC-USD"] == [0.975] * BARS
    assert played["two", "BNB-USD"] == [300.0] * BARS
    assert ("one", "USDC-USD") not in played


def test_a_recording_of_what_a_venue_does_not_list_is_refused(config: BotConfig, recordings: Recordings) -> None:
    for venue, instrument in (("two", "BTC-USD"), ("three", "BTC-USD"), ("one", "ETH-USD")):
        with pytest.raises(ConfigError, match=f"{venue}:{instrument}: bot 'two-tongues' has .*two:BTC-USDC"):
            opened(config, recordings.of("one", "BTC-USD", 1.0), recordings.of(venue, instrument, 1.0))


def test_two_recordings_of_one_instrument_on_one_venue_are_refused(config: BotConfig, recordings: Recordings) -> None:
    source = recordings.of("one", "BTC-USD", 1.0)
    with pytest.raises(ConfigError, match="two recordings"):
        opened(config, source, source)


def test_a_recording_of_something_watched_alone_is_no_market(config: BotConfig, recordings: Recordings) -> None:
    with pytest.raises(ConfigError, match="nothing to replay for BTC-USD"):
        opened(config, recordings.of("two", "USDC-USD", 1.0))


def test_a_made_up_market_shows_one_price_of_a_pair_under_every_name(config: BotConfig) -> None:
    market = open_market(config, RunOptions(from_ns=1_770_000_000 * 10**9), START_NS, -1)
    played = closes(list(islice(market.batches, 300)))
    assert played.keys() == {
        ("one", "BTC-USD"),
        ("one", "USDC-USD"),
        ("one", "BNB-USD"),
        ("two", "BTC-USDC"),
        ("two", "USDC-USD"),
    }
    pairs = zip(played["one", "BTC-USD"], played["two", "BTC-USDC"], strict=True)
    assert all(abs(other / close - 1.0) <= 0.0021 for close, other in pairs)
    assert len(set(played["one", "BTC-USD"])) > 100
    assert all(abs(close - 1.0) < 0.01 for close in played["one", "USDC-USD"])
    assert market.start_ns % MINUTE_NS == 0
