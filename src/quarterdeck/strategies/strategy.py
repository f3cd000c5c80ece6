"""What every strategy is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from quarterdeck.domain import InputError
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import Parameter
from quarterdeck.strategies.signals import Signals


class Strategy(ABC):
    """
    A strategy: parameters, how many bars it looks back, and signals from candles.

    A subclass declares parameters as class attributes; making a strategy takes other values by name, as in
    `SmaCrossover(fast_bars=10)` or `SmaCrossover(**from_a_file)`. `signals` must be a function of its candles alone,
    and value i of bars up to i: live it gets the last `window_bars` bars, in a backtest all of them, and the
    answers must be equal.
    """

    parameters: ClassVar[Mapping[str, Parameter[object]]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared = {name: value for name, value in vars(cls).items() if isinstance(value, Parameter)}
        taken = sorted(name for name in declared if hasattr(Strategy, name))
        if taken:
            raise InputError(f"strategy {cls.__name__}: '{taken[0]}' has a meaning already; rename the parameter")
        for parameter in declared.values():
            parameter.accept(parameter.default)
        cls.parameters = MappingProxyType({**cls.parameters, **declared})

    def __init__(self, **chosen: object) -> None:
        """
        Make a strategy with these parameters, and the defaults for the rest.

        Raises:
            InputError: If a name is unknown, a value is not allowed, or the values do not go together.
        """
        unknown = sorted(chosen.keys() - self.parameters.keys())
        if unknown:
            raise InputError(f"strategy {type(self).__name__} has no parameter '{unknown[0]}'; {self.describe()}")
        for name, parameter in self.parameters.items():
            self.__dict__[name] = parameter.accept(chosen[name]) if name in chosen else parameter.default
        self.check()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.values().items())})"

    @classmethod
    def describe(cls) -> str:
        """Say which parameters there are, and what each takes."""
        if not cls.parameters:
            return "it takes none"
        return "it takes " + "; ".join(
            f"{name} ({parameter.describe()}, default {parameter.default!r})"
            for name, parameter in cls.parameters.items()
        )

    def values(self) -> dict[str, object]:
        """Read the value of every parameter, in the order declared."""
        return {name: self.__dict__[name] for name in self.parameters}

    def check(self) -> None:  # noqa: B027 - most strategies have nothing to add
        """
        Check that the parameters go together; a strategy may extend it.

        Raises:
            InputError: If they do not.
        """

    @property
    @abstractmethod
    def window_bars(self) -> int:
        """How many of the latest bars decide the signal on the last one, at least 1."""

    @abstractmethod
    def signals(self, candles: Candles) -> Signals:
        """
        Give an opinion on every bar; value i uses bars up to i.

        Args:
            candles: Closed bars, oldest first, maybe fewer than `window_bars`.

        Returns:
            One action per bar, and a confidence where there is one.
        """
