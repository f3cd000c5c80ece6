import math

import numpy as np
import pytest

from quarterdeck.domain import Action, InputError
from quarterdeck.strategies import BUY, HOLD, SELL, Signals, checked, last_signal

ACTIONS = np.array([BUY, SELL, HOLD], dtype=np.int8)


def test_sound_signals_pass() -> None:
    checked(Signals(ACTIONS), 3)
    checked(Signals(ACTIONS, np.array([0.0, 0.5, 1.0])), 3)
    checked(Signals(ACTIONS[:0], np.zeros(0)), 0)


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_a_confidence_that_is_none_never_leaves_a_strategy(confidence: float) -> None:
    with pytest.raises(InputError, match=r"confidence of bar 1 is .* from 0 to 1"):
        checked(Signals(ACTIONS, np.array([0.5, confidence, 0.5])), 3)


@pytest.mark.parametrize("code", [2, -2, 100])
def test_an_unknown_action_is_refused(code: int) -> None:
    with pytest.raises(InputError, match="nothing else"):
        checked(Signals(np.array([0, code, 0], dtype=np.int8)), 3)


@pytest.mark.parametrize(
    ("signals", "problem"),
    [
        (Signals(ACTIONS[:2]), "one value for each of 3 bars"),
        (Signals(ACTIONS.reshape(3, 1)), "one value for each of 3 bars"),
        (Signals(ACTIONS, np.zeros(2)), "'confidence' must hold one value for each"),
        (Signals(ACTIONS.astype(np.int64)), "array of int8, not int64"),
        (Signals([1, 0, 0]), "array of int8, not list"),  # type: ignore[arg-type]  # the point
        (Signals(ACTIONS, ACTIONS), "array of float64, not int8"),  # type: ignore[arg-type]  # the point
        (ACTIONS, "must return Signals, not ndarray"),
    ],
)
def test_signals_of_the_wrong_shape_or_type_are_refused(signals: Signals, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        checked(signals, 3)


@pytest.mark.parametrize(("code", "action"), [(1, Action.BUY), (-1, Action.SELL), (0, Action.HOLD)])
def test_the_last_signal_is_the_opinion_on_the_last_bar(code: int, action: Action) -> None:
    actions = np.array([0, code], dtype=np.int8)

    assert last_signal(Signals(actions)) == (action, 1.0)
    assert last_signal(Signals(actions, np.array([0.1, 0.7]))) == (action, 0.7)
