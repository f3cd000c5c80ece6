"""A bot that runs for long keeps what it needs, and nothing else."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from tests.engine.breach import Breach
from tests.simulation.soak import DAY_MIN, HOUR_MIN, LIST_MORE_A_DAY, WEEK_MIN, Sample, check_growth, run_soak

RETIRE_AFTER_NS = "quarterdeck.engine.timekeeping.RETIRE_AFTER_NS"
AN_HOUR_NS = 3_600 * 10**9


def sample(at_min: int) -> Sample:
    return Sample(at_min, 1_000_000, 60_000_000, 12, 6, {"orders": 40, "strays": 0}, 100)


def test_hours_with_a_short_memory_leave_no_more_behind_than_the_first_ones() -> None:
    with patch(RETIRE_AFTER_NS, AN_HOUR_NS):
        samples = run_soak(4 * HOUR_MIN, HOUR_MIN, traced=False)
    assert samples[-1].orders > samples[1].orders + LIST_MORE_A_DAY // 2
    for name in ("trades", "returned"):  # kept for a day, whatever else is forgotten
        samples[1].lists[name] = samples[-1].lists[name] = 0
    check_growth(samples[1], samples[-1])
    assert samples[-1].lists["orders"] < samples[-1].orders


@pytest.mark.slow
def test_a_week_leaves_no_more_behind_than_two_days() -> None:
    samples = run_soak(WEEK_MIN, 12 * HOUR_MIN)
    check_growth(samples[3], samples[-1])
    assert samples[-1].lists["orders"] < samples[-1].orders / 4


@pytest.mark.parametrize(
    "grown",
    [
        replace(sample(3 * DAY_MIN), allocated=9_000_000),
        replace(sample(3 * DAY_MIN), handles=16),
        replace(sample(3 * DAY_MIN), tasks=60),
        replace(sample(3 * DAY_MIN), lists={"orders": 40, "strays": 400}),
    ],
)
def test_i33_what_grows_is_found(grown: Sample) -> None:
    check_growth(sample(DAY_MIN), sample(3 * DAY_MIN))
    with pytest.raises(Breach, match="I33"):
        check_growth(sample(DAY_MIN), grown)
