"""What every strategy of the house keeps: a live window says what the whole series says, and nothing is changed."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import quarterdeck as qd
from quarterdeck.domain import InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, Strategy, checked
from quarterdeck.strategies.parameters import IntegerParameter, RealParameter
from tests.strategies.bars import bars_of, candles_of, recorded_minutes, windowed

NAMES = sorted(BUILTIN)
bars = st.lists(st.tuples(st.integers(20, 26), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=90)


@st.composite
def strategies(draw: st.DrawFn, name: str) -> Strategy:
    """One with short windows, so that little data says much."""
    chosen: dict[str, object] = {}
    for parameter, declared in BUILTIN[name].parameters.items():
        if isinstance(declared, IntegerParameter) and "bars" in parameter:
            chosen[parameter] = draw(st.integers(declared.low, declared.low + 8))
        elif isinstance(declared, IntegerParameter):
            chosen[parameter] = draw(st.integers(40, 60))
        elif isinstance(declared, RealParameter):
            chosen[parameter] = draw(st.floats(declared.low, 2.0))
    try:
        return BUILTIN[name](**chosen)
    except InputError:
        assume(condition=False)  # values that do not go together
        raise


def restless(count: int) -> Candles:
    """A market in which every strategy finds something to say."""
    moves = np.cumsum(np.random.default_rng(3).integers(-9, 10, count))
    return bars_of([(1000 + int(move), 2, 2) for move in moves])


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), ticks=bars)
def test_a_window_gives_the_same_last_action_as_the_whole_series_at_every_bar(
    name: str, data: st.DataObject, ticks: list[tuple[int, int, int]]
) -> None:
    strategy = data.draw(strategies(name))
    candles = bars_of(ticks)
    whole = checked(strategy.signals(candles), len(candles))

    assert windowed(strategy, candles) == whole.action.tolist()
    assert not whole.action[: strategy.window_bars - 1].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_window_is_no_longer_than_it_must_be(name: str) -> None:
    """With one bar less some bar of a restless market is judged otherwise."""
    strategy = BUILTIN[name]()
    candles = restless(600)
    whole, size = strategy.signals(candles).action.tolist(), strategy.window_bars - 1
    short = [int(strategy.signals(candles.window(stop - size, stop)).action[-1]) for stop in range(size, 601)]

    assert short != whole[size - 1 :]


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_leaves_its_candles_alone_and_says_the_same_twice(name: str) -> None:
    candles = restless(600)
    for array in (candles.open, candles.high, candles.low, candles.close, candles.volume, candles.close_ticks):
        array.flags.writeable = False
    first = BUILTIN[name]().signals(candles).action.tolist()

    assert BUILTIN[name]().signals(candles).action.tolist() == first
    assert 1 in first
    assert -1 in first


@pytest.mark.parametrize("name", NAMES)
def test_flat_prices_say_nothing(name: str) -> None:
    assert not BUILTIN[name]().signals(candles_of([1000] * 300)).action.any()


@pytest.mark.parametrize("name", NAMES)
def test_no_bars_have_no_opinions(name: str) -> None:
    assert BUILTIN[name]().signals(candles_of([])).action.tolist() == []


@pytest.mark.parametrize("name", NAMES)
def test_recorded_minutes_say_in_windows_what_they_say_as_a_whole(name: str, shared_dir: Path) -> None:
    candles = recorded_minutes(shared_dir, 1440)
    strategy = BUILTIN[name]()
    whole = strategy.signals(candles).action.tolist()

    assert windowed(strategy, candles) == whole
    assert whole.count(1) > 15
    assert whole.count(-1) > 15


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_says_when_it_is_long_and_when_short(name: str) -> None:
    said = inspect.cleandoc(BUILTIN[name].__doc__ or "")

    assert said.startswith("Long from the bar ")
    assert "Where shorts are allowed it is short " in said


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_is_called_after_its_file_and_can_be_had_from_the_package(name: str) -> None:
    kind = BUILTIN[name]

    assert kind.__module__ == f"quarterdeck.strategies.{name}"
    assert re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower() == name
    assert getattr(qd, kind.__name__) is kind
