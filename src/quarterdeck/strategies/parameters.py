"""Parameters that a strategy declares: a default, bounds, and a clear answer to anything outside them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Self, TypeVar, overload

from quarterdeck.domain import InputError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Parameter(ABC, Generic[T_co]):
    """A declared parameter: on the class it describes itself, on a strategy it is the value."""

    def __init__(self, default: T_co) -> None:
        self.name = "parameter"
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T_co: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T_co:
        if instance is None:
            return self
        value: T_co = instance.__dict__[self.name]
        return value

    def __set__(self, instance: object, value: object) -> None:
        raise AttributeError(f"'{self.name}' is fixed once the strategy is made; make another with the new value")

    @abstractmethod
    def accept(self, value: object) -> T_co:
        """
        Hand a value on, in the parameter's type.

        Raises:
            InputError: If it is of another type or out of bounds.
        """

    @abstractmethod
    def describe(self) -> str:
        """Say in words what is allowed, like `integer from 5 to 60`."""

    def refusal(self, value: object) -> InputError:
        """Make the error for a value that is not allowed."""
        return InputError(f"parameter '{self.name}': {value!r} is not allowed; it takes {self.describe()}")


class IntegerParameter(Parameter[int]):
    """A whole number within bounds, both allowed."""

    def __init__(self, default: int, low: int, high: int) -> None:
        super().__init__(default)
        self.low = low
        self.high = high

    def accept(self, value: object) -> int:
        """Hand a value on, in the parameter's type; InputError where it is not allowed."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise self.refusal(value)
        return value

    def describe(self) -> str:
        """Say in words what is allowed."""
        return f"an integer from {self.low} to {self.high}"


class RealParameter(Parameter[float]):
    """A finite number within bounds, both allowed."""

    def __init__(self, default: float, low: float, high: float) -> None:
        super().__init__(default)
        self.low = low
        self.high = high

    def accept(self, value: object) -> float:
        """Hand a value on, in the parameter's type; InputError where it is not allowed."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.refusal(value)
        if not self.low <= value <= self.high:
            raise self.refusal(value)
        return float(value)

    def describe(self) -> str:
        """Say in words what is allowed."""
        return f"a number from {self.low:g} to {self.high:g}"


class ChoiceParameter(Parameter[T]):
    """One of a few values."""

    def __init__(self, default: T, options: Sequence[T]) -> None:
        super().__init__(default)
        self.options = tuple(options)

    def accept(self, value: object) -> T:
        """Hand a value on, in the parameter's type; InputError where it is not allowed."""
        # True == 1, and a YAML file says both; only the same type is the same choice.
        for option in self.options:
            if type(value) is type(option) and value == option:
                return option
        raise self.refusal(value)

    def describe(self) -> str:
        """Say in words what is allowed."""
        return "one of " + ", ".join(repr(option) for option in self.options)


class FlagParameter(Parameter[bool]):
    """On or off."""

    def accept(self, value: object) -> bool:
        """Hand a value on, in the parameter's type; InputError where it is not allowed."""
        if not isinstance(value, bool):
            raise self.refusal(value)
        return value

    def describe(self) -> str:
        """Say in words what is allowed."""
        return "true or false"


def integer(default: int, *, low: int, high: int) -> IntegerParameter:
    """Declare a whole number with its default and bounds, both allowed."""
    return IntegerParameter(default, low, high)


def real(default: float, *, low: float, high: float) -> RealParameter:
    """Declare a finite number with its default and bounds, both allowed."""
    return RealParameter(default, low, high)


def choice(default: T, options: Sequence[T]) -> ChoiceParameter[T]:
    """Declare one of a few values, with its default."""
    return ChoiceParameter(default, options)


def flag(default: bool) -> FlagParameter:  # noqa: FBT001 - `flag(True)` says what it is
    """Declare something that is on or off, with its default."""
    return FlagParameter(default)
