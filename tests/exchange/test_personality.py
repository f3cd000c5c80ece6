from decimal import Decimal

import pytest

from quarterdeck.domain import InputError
from quarterdeck.exchange import Personality


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"validity_ns": 0}, "validity"),
        ({"lag_ns": -1}, "lags"),
        ({"fills_lag_ns": -1}, "lags"),
        ({"history_max": 0}, "history"),
        ({"depth_share": 0.0}, "depth_share"),
        ({"fee_conversion": {"USD": Decimal(0)}}, "fee_conversion"),
        ({"stops_refuse_crossed": True}, "needs stops"),
    ],
)
def test_impossible_habits_are_refused_with_what_is_wrong(habits: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Personality(**habits)  # type: ignore[arg-type]


def test_an_order_is_shown_after_the_decision_and_the_lag_together() -> None:
    assert Personality().shown_after_ns == 0
    assert Personality(acks="async", ack_lag_ns=3, lag_ns=4).shown_after_ns == 7
