"""What a strategy says, and the check that nothing else than that leaves it."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import Action, InputError

BUY: Final = 1
SELL: Final = -1
HOLD: Final = 0

_ACTIONS: Final = {BUY: Action.BUY, SELL: Action.SELL, HOLD: Action.HOLD}


class Signals(Struct, frozen=True, eq=False):
    """
    One opinion per bar.

    `action` is int8 of shape (bars,): BUY 1, SELL -1, HOLD 0. `confidence` is float64 of the same shape, from 0 to
    1; None means certain.
    """

    action: NDArray[np.int8]
    confidence: NDArray[np.float64] | None = None


def checked(signals: Signals, bars: int) -> Signals:
    """
    Hand signals on when they are sound; nothing else may leave a strategy.

    Args: what the strategy returned; how many bars it was given.
    Raises: InputError where a length or type is wrong, an action is unknown, or a confidence is not from 0 to 1.
    """
    if not isinstance(signals, Signals):
        raise InputError(f"a strategy must return Signals, not {type(signals).__name__}")
    action, confidence = signals.action, signals.confidence
    _check_array("action", action, np.dtype(np.int8), bars)
    if bars and (action.min() < SELL or action.max() > BUY):
        raise InputError("signals: an action is BUY (1), SELL (-1) or HOLD (0), nothing else")
    if confidence is not None:
        _check_array("confidence", confidence, np.dtype(np.float64), bars)
        sound = (confidence >= 0.0) & (confidence <= 1.0)  # false for NaN
        if not bool(sound.all()):
            index = int(np.argmin(sound))
            raise InputError(f"signals: the confidence of bar {index} is {confidence[index]}; it must be from 0 to 1")
    return signals


def last_signal(signals: Signals) -> tuple[Action, float]:
    """Read the opinion on the latest bar, with its confidence from 0 to 1; there must be a bar."""
    confidence = 1.0 if signals.confidence is None else float(signals.confidence[-1])
    return _ACTIONS[int(signals.action[-1])], confidence


def _check_array(name: str, array: object, kind: np.dtype[np.generic], bars: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != kind:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"signals: '{name}' must be an array of {kind}, not {found}")
    if array.shape != (bars,):
        raise InputError(f"signals: '{name}' must hold one value for each of {bars} bars; its shape is {array.shape}")
