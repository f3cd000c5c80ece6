import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.feeds.chance import generator, smooth_noise, uniforms


def test_the_same_seed_and_names_give_the_same_numbers_and_others_do_not() -> None:
    first = generator(1, "a", 2).random(4).tolist()

    assert generator(1, "a", 2).random(4).tolist() == first
    assert all(generator(*key).random(4).tolist() != first for key in [(2, "a", 2), (1, "b", 2), (1, "a", 3)])


@given(st.integers(-3_000, 3_000), st.integers(0, 2_500), st.integers(0, 500))
def test_a_row_is_the_same_however_many_are_asked_for(start: int, before: int, rows: int) -> None:
    many = uniforms(5, "table", range(start - before, start + rows), 3)

    assert many.shape == (before + rows, 3)
    assert (many[before:] == uniforms(5, "table", range(start, start + rows), 3)).all()


@given(st.integers(-(10**6), 10**9), st.integers(1, 500))
def test_a_smooth_curve_stays_in_bounds_and_is_the_same_from_any_part(start: int, period: int) -> None:
    position = np.arange(start, start + 400, dtype=np.int64)
    curve = smooth_noise(5, "curve", position, period)

    assert float(np.abs(curve).max()) <= 1.0
    assert (curve[123:] == smooth_noise(5, "curve", position[123:], period)).all()


def test_a_smooth_curve_moves_slowly_and_both_ways() -> None:
    curve = smooth_noise(5, "curve", np.arange(100_000, dtype=np.int64), 100)

    assert float(np.abs(np.diff(curve)).max()) < 0.04
    assert float(curve.min()) < -0.9
    assert float(curve.max()) > 0.9
    assert abs(float(curve.mean())) < 0.1


def test_no_positions_give_no_curve() -> None:
    assert smooth_noise(5, "curve", np.zeros(0, dtype=np.int64), 10).tolist() == []
