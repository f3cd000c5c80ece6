import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import (
    Derivation,
    SyntheticInstrument,
    SyntheticMarket,
    Tape,
    TapeRequest,
    derived_tape,
    load_tape,
)
from tests.feeds.recordings import minutes, rows_of, tape_of

MARKET = SyntheticMarket(4, [SyntheticInstrument("BTC-USD", 20_000.0, 0.5)], MINUTE_NS, 0)
BASE = MARKET.tape("first", "BTC-USD", range(20_000))


def assert_sound(tape: Tape) -> None:
    assert bool((tape.low >= tape.price_step).all())
    assert bool(((tape.low <= tape.open) & (tape.open <= tape.high)).all())
    assert bool(((tape.low <= tape.close) & (tape.close <= tape.high)).all())
    for column in (tape.open, tape.high, tape.low, tape.close):
        assert bool((column % tape.price_step == 0.0).all())
    assert bool((np.diff(tape.opened_at_ns) > 0).all())
    assert bool((tape.opened_at_ns % tape.timeframe_ns == 0).all())


def test_without_differences_it_is_the_same_tape_under_another_name() -> None:
    same = derived_tape(BASE, "second", Derivation(1, basis_bps=0.0, outage_share=0.0))

    assert same.venue == "second"
    assert rows_of(same) == rows_of(BASE)


def test_the_same_seed_gives_the_same_tape_and_another_venue_or_seed_another() -> None:
    tapes = [derived_tape(BASE, "second", Derivation(seed)) for seed in (1, 1, 2)]
    third = derived_tape(BASE, "third", Derivation(1))

    assert rows_of(tapes[0]) == rows_of(tapes[1])
    assert rows_of(tapes[0]) != rows_of(tapes[2])
    assert rows_of(tapes[0]) != rows_of(third)


@given(
    st.integers(0, 10**6),
    st.floats(0.0, 500.0),
    st.just(0.0) | st.floats(1e-6, 0.5),
    st.floats(1.0, 500.0),
    st.integers(0, 20),
)
def test_every_derived_tape_is_sound(seed: int, basis_bps: float, share: float, mean: float, lag: int) -> None:
    derivation = Derivation(seed, basis_bps=basis_bps, lag_bars=lag, outage_share=share, outage_bars_mean=mean)

    assert_sound(derived_tape(BASE, "second", derivation))


def test_the_basis_stays_within_its_bound_and_moves_slowly_both_ways() -> None:
    derived = derived_tape(BASE, "second", Derivation(1, basis_bps=25.0, outage_share=0.0))
    basis = derived.close / BASE.close - 1.0
    half_step = 0.25 / 10_000.0

    assert float(np.abs(basis).max()) <= 25e-4 + half_step
    assert float(basis.max()) > 20e-4
    assert float(basis.min()) < -20e-4
    assert float(np.abs(np.diff(basis)).max()) < 1.5e-4
    assert abs(float(basis.mean())) < 5e-4


def test_a_lag_shows_each_price_later_and_ends_with_the_base() -> None:
    base = tape_of([100.0, 101.0, 102.0, 103.0, 104.0])
    late = derived_tape(base, "second", Derivation(1, basis_bps=0.0, lag_bars=2, outage_share=0.0))

    assert minutes(late) == [2, 3, 4]
    assert late.close.tolist() == [100.0, 101.0, 102.0]


@pytest.mark.parametrize(("share", "mean"), [(0.01, 20.0), (0.1, 5.0), (0.3, 60.0)])
def test_outages_take_about_their_share_in_runs_of_about_their_mean(share: float, mean: float) -> None:
    long = MARKET.tape("first", "BTC-USD", range(200_000))
    derived = derived_tape(long, "second", Derivation(3, outage_share=share, outage_bars_mean=mean))
    runs = np.diff(derived.opened_at_ns) // MINUTE_NS - 1
    absent = 1.0 - len(derived) / len(long)

    assert share * 0.7 < absent < share * 1.3
    assert mean * 0.7 < float(runs[runs > 0].mean()) < mean * 1.6


def test_a_part_of_a_tape_derives_to_the_same_part() -> None:
    derivation = Derivation(9, lag_bars=3, outage_share=0.05, outage_bars_mean=10.0)
    whole = derived_tape(BASE, "second", derivation)
    part = derived_tape(MARKET.tape("first", "BTC-USD", range(7_000, 20_000)), "second", derivation)
    expected = [row for row in rows_of(whole) if row[0] >= part.opened_at_ns[0] // 1_000_000]

    assert rows_of(part) == expected


def test_what_the_base_lacks_is_lacking() -> None:
    keep = np.array([0, 1, 7, 8])
    base = tape_of([100.0] * 9)
    gappy = Tape(
        base.venue,
        base.instrument,
        base.timeframe_ns,
        base.price_step,
        *(getattr(base, name)[keep] for name in ("opened_at_ns", "open", "high", "low", "close", "volume")),
    )

    assert minutes(derived_tape(gappy, "second", Derivation(1, outage_share=0.0))) == [0, 1, 7, 8]


def test_a_stray_bar_far_in_the_future_costs_no_memory() -> None:
    stray = tape_of([100.0, 100.0])
    opened = np.array([0, 100_000_000], dtype=np.int64) * MINUTE_NS
    far = Tape("paper", "BTC-USD", MINUTE_NS, 0.5, opened, stray.open, stray.high, stray.low, stray.close, stray.volume)
    tracemalloc.start()
    derived = derived_tape(far, "second", Derivation(1))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(derived) == 2
    assert peak_bytes < 50e6


def test_an_empty_tape_derives_to_an_empty_one() -> None:
    assert len(derived_tape(tape_of([]), "second", Derivation(1, outage_share=0.1))) == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"basis_bps": -1.0},
        {"basis_bps": float("nan")},
        {"lag_bars": -1},
        {"outage_share": 0.6},
        {"outage_share": 1e-96},
        {"outage_share": float("nan")},
        {"outage_bars_mean": 0.5},
    ],
)
def test_a_derivation_out_of_bounds_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="derived venue"):
        Derivation(1, **settings)  # type: ignore[arg-type]  # one of them is an int


def test_recorded_minutes_derive_to_a_sound_second_venue(shared_dir: Path) -> None:
    path = shared_dir / "data/ohlcv/bitfinex/BTC-USD-1m.parquet"
    from_ns, to_ns = 1_506_816_000_000_000_000, 1_514_764_800_000_000_000
    base = load_tape(TapeRequest(path, "bitfinex", "BTC-USD", MINUTE_NS, 0.5, from_ns=from_ns, to_ns=to_ns))
    derived = derived_tape(base, "second", Derivation(1, lag_bars=1))

    assert_sound(derived)
    assert 0.99 * len(base) < len(derived) < len(base)
    assert derived.opened_at_ns[-1] <= base.opened_at_ns[-1]
