import math

import pytest

from quarterdeck.market import Trigger, crossed

STOP = Trigger("paper", "BTC-USD", "stop", 95.0, falling=True)
TARGET = Trigger("paper", "BTC-USD", "target", 110.0, falling=False)


@pytest.mark.parametrize(
    ("low", "high", "causes"),
    [
        (96.0, 109.0, []),
        (95.0, 100.0, ["stop"]),
        (100.0, 110.0, ["target"]),
        (90.0, 120.0, ["stop", "target"]),
        (120.0, 130.0, ["target"]),
        (80.0, 90.0, ["stop"]),
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
