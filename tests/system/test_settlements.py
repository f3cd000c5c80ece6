"""Funding in a market of bars: handed out once, in the order of time."""

from decimal import Decimal

import numpy as np

from quarterdeck.feeds import FundingTape
from quarterdeck.system import Settlements


def tape(*settled: tuple[int, float]) -> FundingTape:
    return FundingTape(
        np.array([at_ns for at_ns, _ in settled], dtype=np.int64), np.array([rate for _, rate in settled])
    )


def both() -> Settlements:
    return Settlements(
        {("b", "X-USD:USD"): tape((10, 0.1), (30, 0.3)), ("a", "Z-USD:USD"): tape((10, 1e-7), (20, 0.2))}
    )


def test_they_come_in_the_order_of_time_and_then_of_the_places() -> None:
    settlements = both()
    assert settlements.next_ns == 10
    due = settlements.take_due(20)
    assert [(one.at_ns, one.venue, one.rate) for one in due] == [
        (10, "a", Decimal("1E-7")),
        (10, "b", Decimal("0.1")),
        (20, "a", Decimal("0.2")),
    ]
    assert settlements.take_due(29) == []
    assert [one.at_ns for one in settlements.take_due(30)] == [30]
    assert settlements.next_ns > 1 << 62


def test_what_lies_before_the_beginning_is_passed_over_and_the_beginning_is_not() -> None:
    settlements = both()
    settlements.skip_before(20)
    assert [one.at_ns for one in settlements.take_due(100)] == [20, 30]


def test_without_recordings_nothing_is_due() -> None:
    assert Settlements({}).take_due(1 << 60) == []
