import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import BarBatch, Tape, merge
from quarterdeck.market import Bar
from tests.feeds.recordings import START_NS, tape_of


def tape_at(minutes: list[int], venue: str = "paper", timeframe_ns: int = MINUTE_NS) -> Tape:
    close = 100.0 + np.arange(len(minutes), dtype=np.float64)
    opened = np.array(minutes, dtype=np.int64) * timeframe_ns
    return Tape(venue, "BTC-USD", timeframe_ns, 0.5, opened, close, close + 1.0, close - 1.0, close, close)


def test_bars_of_one_instant_come_together_in_the_order_of_the_tapes() -> None:
    tapes = [tape_of([1.5, 2.5], venue="b"), tape_of([7.5, 8.5], venue="a", first=1)]

    assert list(merge(tapes)) == [
        BarBatch(START_NS, [Bar("b", "BTC-USD", 1.0, 2.5, 0.5, 1.5, 1.0)]),
        BarBatch(
            START_NS + MINUTE_NS,
            [Bar("b", "BTC-USD", 2.0, 3.5, 1.5, 2.5, 1.0), Bar("a", "BTC-USD", 7.0, 8.5, 6.5, 7.5, 1.0)],
        ),
        BarBatch(START_NS + 2 * MINUTE_NS, [Bar("a", "BTC-USD", 8.0, 9.5, 7.5, 8.5, 1.0)]),
    ]


@given(
    st.lists(st.lists(st.integers(0, 5_000), unique=True, max_size=60).map(sorted), min_size=1, max_size=4),
)
def test_every_bar_comes_once_and_in_order_of_time(all_minutes: list[list[int]]) -> None:
    tapes = [tape_at(minutes, venue=f"venue{number}") for number, minutes in enumerate(all_minutes)]
    batches = list(merge(tapes))
    times = [batch.open_ns for batch in batches]

    assert times == sorted(set(times))
    assert all(batch.bars for batch in batches)
    for number, tape in enumerate(tapes):
        own = [(batch.open_ns, bar.close) for batch in batches for bar in batch.bars if bar.venue == f"venue{number}"]
        assert own == list(zip(tape.opened_at_ns.tolist(), tape.close.tolist(), strict=True))


def test_numbers_are_plain_python_floats() -> None:
    batch = next(merge([tape_of([100.0])]))

    assert type(batch.open_ns) is int
    assert {type(number) for number in batch.bars[0][2:]} == {float}


def test_tapes_of_different_timeframes_are_refused() -> None:
    with pytest.raises(InputError, match=r"must share one timeframe \(a BTC-USD: 60 s, b BTC-USD: 3600 s\)"):
        merge([tape_at([0], "a"), tape_at([0], "b", 60 * MINUTE_NS)])


def test_two_tapes_of_one_instrument_on_one_venue_are_refused() -> None:
    with pytest.raises(InputError, match="two tapes are of the same instrument"):
        merge([tape_at([0]), tape_at([1])])


def test_no_tape_is_refused() -> None:
    with pytest.raises(InputError, match="at least one tape"):
        merge([])


def test_an_empty_tape_gives_nothing() -> None:
    assert list(merge([tape_at([])])) == []
