from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import BarBatch, Derivation, ShownBars, SyntheticInstrument, SyntheticMarket
from quarterdeck.feeds.synthetic import PAGE_BARS
from quarterdeck.indicators import crosses
from quarterdeck.market import ticks_from
from tests.feeds.recordings import START_NS, rows_of

BTC = SyntheticInstrument("BTC-USD", 60_000.0, 0.01)
ETH = SyntheticInstrument("ETH-USD", 3_000.0, 0.01, volatility_day=0.06)
SHOWN = [
    ShownBars(venue, instrument, derivation=derivation)
    for venue, derivation in (("first", None), ("second", Derivation(8, lag_bars=2, outage_share=0.02)))
    for instrument in ("BTC-USD", "ETH-USD")
]
SHADOW = Derivation(3, basis_bps=10.0, outage_share=0.0)


def market(seed: int = 1) -> SyntheticMarket:
    return SyntheticMarket(seed, [BTC, ETH], MINUTE_NS, START_NS)


@given(st.integers(0, 5 * PAGE_BARS), st.integers(0, 2 * PAGE_BARS))
def test_bars_are_the_same_from_wherever_they_are_read(first: int, bars: int) -> None:
    whole = rows_of(market().tape("first", "BTC-USD", range(7 * PAGE_BARS)))

    assert rows_of(market().tape("first", "BTC-USD", range(first, first + bars))) == whole[first : first + bars]


def test_seeds_and_instruments_differ() -> None:
    closes = [
        market(seed).tape("first", name, range(100)).close.tolist() for seed, name in [(1, "BTC-USD"), (2, "BTC-USD")]
    ]
    btc, eth = (market().tape("first", name, range(1000)).close for name in ("BTC-USD", "ETH-USD"))

    assert closes[0] != closes[1]
    assert abs(float(np.corrcoef(np.diff(np.log(btc)), np.diff(np.log(eth)))[0, 1])) < 0.2


def test_bars_are_sound_on_the_price_step_and_joined_at_every_edge() -> None:
    tape = market().tape("first", "BTC-USD", range(30 * PAGE_BARS))

    assert bool((tape.open[1:] == tape.close[:-1]).all())
    assert bool(((tape.low <= tape.open) & (tape.open <= tape.high)).all())
    assert bool(((tape.low <= tape.close) & (tape.close <= tape.high)).all())
    assert bool((tape.low >= 0.01).all())
    assert bool((np.abs(tape.close * 100.0 - ticks_from(tape.close, 0.01)) < 1e-6).all())
    assert bool((tape.volume > 0.0).all())
    assert tape.open[0] == 60_000.0


def test_the_market_is_lively_enough_to_trade_and_stays_on_earth_for_years() -> None:
    tape = market().tape("first", "BTC-USD", range(30 * PAGE_BARS))
    marks = crosses(ticks_from(tape.close, 0.01), 20, 50)
    minute = np.abs(np.diff(np.log(tape.close)))
    years = [
        float(market().tape("first", "BTC-USD", range(day * 1440, day * 1440 + 1)).close[0]) for day in range(1500)
    ]

    assert 10 < np.count_nonzero(marks) / 30 < 60
    assert float(minute.max()) < 0.15
    assert 0.0005 < float(minute.mean()) < 0.005
    assert 60_000 / 20 < min(years) < 50_000
    assert 70_000 < max(years) < 60_000 * 20


def test_a_restart_gives_the_batches_that_would_have_come() -> None:
    whole = list(islice(market().batches(SHOWN), 2 * PAGE_BARS + 200))
    first = PAGE_BARS - 50
    restarted = list(islice(market().batches(SHOWN, first), PAGE_BARS + 150))
    expected = [batch for batch in whole if batch.open_ns >= START_NS + first * MINUTE_NS]

    assert restarted == expected[: len(restarted)]


def test_batches_bring_every_instrument_on_every_venue_minute_by_minute() -> None:
    batches: list[BarBatch] = list(islice(market().batches(SHOWN), PAGE_BARS + 10))

    assert [batch.open_ns for batch in batches] == [START_NS + number * MINUTE_NS for number in range(PAGE_BARS + 10)]
    assert [(bar.venue, bar.instrument) for bar in batches[5].bars] == [
        ("first", "BTC-USD"),
        ("first", "ETH-USD"),
        ("second", "BTC-USD"),
        ("second", "ETH-USD"),
    ]
    absent = sum(len(batch.bars) < 4 for batch in batches)
    assert 5 < absent < 200


def test_a_venue_may_list_an_instrument_of_the_market_under_a_name_of_its_own() -> None:
    """An equivalent quote: the venue lists BTC-USDC, and its price follows that of BTC-USD."""
    shown = [SHOWN[0], ShownBars("second", "BTC-USD", "BTC-USDC"), ShownBars("third", "BTC-USD", "BTC-USDC", SHADOW)]
    for batch in islice(market().batches(shown), 50):
        first, second, third = batch.bars
        assert (second.venue, second.instrument, third.instrument) == ("second", "BTC-USDC", "BTC-USDC")
        assert first[2:] == second[2:]
        assert third.close == pytest.approx(first.close, rel=0.001)


def test_an_instant_has_a_bar_number() -> None:
    numbers = [market().bar_number(START_NS + offset) for offset in (-MINUTE_NS, 0, MINUTE_NS - 1, MINUTE_NS)]

    assert numbers == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("instruments", "timeframe_ns", "start_ns"),
    [
        ([], MINUTE_NS, 0),
        ([BTC, BTC], MINUTE_NS, 0),
        ([BTC], 0, 0),
        ([BTC], MINUTE_NS, 5),
        ([BTC], MINUTE_NS, -MINUTE_NS),
    ],
)
def test_a_market_of_nothing_is_refused(
    instruments: list[SyntheticInstrument], timeframe_ns: int, start_ns: int
) -> None:
    with pytest.raises(InputError, match="synthetic market"):
        SyntheticMarket(1, instruments, timeframe_ns, start_ns)


@pytest.mark.parametrize(
    "settings", [{"price": 0.0}, {"price": float("nan")}, {"price_step": 0.0}, {"volatility_day": 0.9}]
)
def test_an_instrument_out_of_bounds_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="BTC-USD: "):
        SyntheticInstrument("BTC-USD", **({"price": 1.0, "price_step": 0.1} | settings))
