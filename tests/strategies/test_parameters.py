import math

import pytest

from quarterdeck.domain import InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import Parameter, Signals, Strategy, choice, flag, integer, real


class Everything(Strategy):
    """One parameter of each kind."""

    bars = integer(20, low=5, high=60)
    band = real(0.5, low=0.0, high=1.0)
    source = choice("close", ["close", "open"])
    inverted = flag(False)

    @property
    def window_bars(self) -> int:
        return self.bars

    def signals(self, candles: Candles) -> Signals:
        raise NotImplementedError


def test_parameters_have_defaults_and_take_other_values_by_name() -> None:
    assert Everything().values() == {"bars": 20, "band": 0.5, "source": "close", "inverted": False}
    changed = Everything(bars=60, band=1, source="open", inverted=True)

    assert (changed.bars, changed.band, changed.source, changed.inverted) == (60, 1.0, "open", True)
    assert isinstance(changed.band, float)
    assert repr(changed) == "Everything(bars=60, band=1.0, source='open', inverted=True)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("bars", value) for value in (4, 61, 20.0, True, "20", None)],
        *[("band", value) for value in (-0.1, 1.1, math.nan, math.inf, "0.5", False)],
        *[("source", value) for value in ("high", 1, None)],
        *[("inverted", value) for value in (1, 0, "yes")],
    ],
)
def test_a_value_outside_its_bounds_or_type_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"parameter '{name}': .* it takes "):
        Everything(**{name: value})


def test_an_unknown_name_lists_the_known_ones_with_their_bounds() -> None:
    with pytest.raises(InputError, match="no parameter 'bar'") as error:
        Everything(bar=20)

    assert "bars (an integer from 5 to 60, default 20)" in str(error.value)
    assert "source (one of 'close', 'open', default 'close')" in str(error.value)
    assert "band (a number from 0 to 1, default 0.5); " in str(error.value)
    assert "inverted (true or false, default False)" in str(error.value)


def test_a_parameter_cannot_be_changed_later() -> None:
    strategy = Everything()

    with pytest.raises(AttributeError, match="fixed once the strategy is made"):
        strategy.bars = 30
    assert strategy.bars == 20


def test_on_the_class_a_parameter_describes_itself() -> None:
    assert isinstance(Everything.bars, Parameter)
    assert (Everything.bars.low, Everything.bars.high) == (5, 60)
    assert list(Everything.parameters) == ["bars", "band", "source", "inverted"]


def test_a_choice_takes_the_same_type_only() -> None:
    class Numbered(Everything):
        level = choice(1, [1, 2])

    with pytest.raises(InputError, match="parameter 'level'"):
        Numbered(level=True)
    with pytest.raises(InputError, match="parameter 'level'"):
        Numbered(level=1.0)


def test_a_default_outside_its_own_bounds_is_refused_where_it_is_declared() -> None:
    with pytest.raises(InputError, match="parameter 'bars': 3 is not allowed"):

        class Wrong(Everything):
            bars = integer(3, low=5, high=9)


def test_a_subclass_inherits_parameters_and_may_declare_them_anew() -> None:
    class Longer(Everything):
        bars = integer(200, low=100, high=300)

    assert Longer().values() == {"bars": 200, "band": 0.5, "source": "close", "inverted": False}
    assert Everything().bars == 20


def test_a_name_that_every_strategy_has_cannot_be_a_parameter() -> None:
    with pytest.raises(InputError, match="'values' has a meaning already"):

        class Wrong(Everything):
            values = integer(5, low=1, high=9)  # type: ignore[assignment]  # that it is refused is the point
