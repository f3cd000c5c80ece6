import math

import pytest
from msgspec.structs import replace

from quarterdeck.market import Cause, Trigger, crossed, nearest_first

STOP = Trigger("paper", "BTC-USD", "stop_loss", 95.0, falling=True)
TARGET = Trigger("paper", "BTC-USD", "take_profit", 110.0, falling=False)


def short_level(cause: Cause, price: float) -> Trigger:
    return Trigger("paper", "BTC-USD:USD", cause, price, falling=False)


@pytest.mark.parametrize(
    ("low", "high", "causes"),
    [
        (96.0, 109.0, []),
        (95.0, 100.0, ["stop_loss"]),
        (100.0, 110.0, ["take_profit"]),
        (90.0, 120.0, ["stop_loss", "take_profit"]),
        (120.0, 130.0, ["take_profit"]),
        (80.0, 90.0, ["stop_loss"]),
    ],
)
def test_a_trigger_fires_at_or_beyond_its_price(low: float, high: float, causes: list[str]) -> None:
    assert [trigger.cause for trigger in crossed((STOP, TARGET), low, high)] == causes


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 120.0), (-1.0, 120.0), (math.nan, 120.0), (90.0, math.nan), (math.nan, math.nan), (5.0, 4.0)],
)
def test_no_price_fires_nothing(low: float, high: float) -> None:
    assert crossed((STOP, TARGET), low, high) == []


def test_a_trailing_stop_falls_and_its_ratchet_rises() -> None:
    trail = Trigger("paper", "BTC-USD", "trailing_stop", 98.0, falling=True)
    ratchet = Trigger("paper", "BTC-USD", "ratchet", 100.1, falling=False)

    assert crossed((trail, ratchet), 98.1, 100.0) == []
    assert crossed((trail, ratchet), 99.0, 100.1) == [ratchet]
    assert crossed((trail, ratchet), 97.0, 100.1) == [trail, ratchet]


def test_what_loses_counts_before_what_wins_and_the_nearest_first() -> None:
    trail, forced = replace(STOP, cause="trailing_stop", price=97.0), replace(STOP, cause="liquidation", price=80.0)
    assert nearest_first([TARGET, forced, STOP, trail]) == [trail, STOP, forced, TARGET]


def test_of_a_short_position_the_levels_mirror() -> None:
    stop = short_level("stop_loss", 105.0)
    trail = short_level("trailing_stop", 103.0)
    target = replace(short_level("take_profit", 90.0), falling=True)
    assert nearest_first(crossed((stop, trail, target), 85.0, 120.0)) == [trail, stop, target]


def test_levels_at_one_price_keep_the_order_given() -> None:
    forced = replace(STOP, cause="liquidation", price=STOP.price)
    assert nearest_first([STOP, forced]) == [STOP, forced]
    assert nearest_first([forced, STOP]) == [forced, STOP]
