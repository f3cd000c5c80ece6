"""The marks of pure functions, of numbers and of arrays, which the kernel room may compile as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Compiler = Callable[[Callable[..., object]], Callable[..., object]]

PURE_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {}


def pure(function: Callable[P, R]) -> Callable[P, R]:
    """
    Mark a function as pure and scalar: plain numbers in, plain numbers out, no state.

    The function itself comes back untouched. A live bot runs it interpreted; the backtest kernel compiles
    the very same function, so a rule is written once.
    """
    PURE_FUNCTIONS[f"{function.__module__}.{function.__qualname__}"] = function
    return function


class ArrayFunction(Generic[P, R_co]):
    """
    A function of arrays that runs as it is written, until the process has it compiled.

    `plain` is the function as written. Either way it gives the same answers: a live bot interprets it on a window of
    bars and never loads a compiler, a backtest compiles it for a series.
    """

    def __init__(self, plain: Callable[P, R_co]) -> None:
        self.plain = plain
        self.name = f"{plain.__module__}.{plain.__qualname__}"
        self.__doc__ = plain.__doc__
        self.__wrapped__ = plain
        self._runs: Callable[P, R_co] = plain

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it, compiled or as it is written."""
        return self._runs(*args, **kwargs)

    def __repr__(self) -> str:
        return f"ArrayFunction({self.name}, {'compiled' if self.is_compiled else 'as written'})"

    @property
    def is_compiled(self) -> bool:
        """Whether calls go to the compiled twin."""
        return self._runs is not self.plain

    @contextmanager
    def compiled_for_now(self, compiler: Compiler) -> Iterator[None]:
        """Have calls answered by a compiler's work within a `with`, and as before after it."""
        before = self._runs
        self.compile_with(compiler)
        try:
            yield
        finally:
            self._runs = before

    def compile_with(self, compiler: Compiler | None) -> None:
        """Have calls answered by what a compiler makes of the function from now on; None: as it is written."""
        self._runs = self.plain if compiler is None else compiler(self.plain)  # type: ignore[assignment]


class ArrayFunctions:
    """Every array function that this process has loaded, and the compiler it uses for them, if any."""

    def __init__(self) -> None:
        self._by_name: dict[str, ArrayFunction[..., object]] = {}
        self._compiler: Compiler | None = None

    def __iter__(self) -> Iterator[ArrayFunction[..., object]]:
        return iter(tuple(self._by_name.values()))

    def add(self, function: ArrayFunction[..., object]) -> None:
        """Add one; it is compiled where the others are."""
        self._by_name[function.name] = function
        if self._compiler is not None:
            function.compile_with(self._compiler)

    def remove(self, function: ArrayFunction[..., object]) -> None:
        """Forget one, so that it stays as it is."""
        del self._by_name[function.name]

    def compile_with(self, compiler: Compiler | None) -> None:
        """Have all of them compiled, and those that are loaded later; None goes back to how they are written."""
        self._compiler = compiler
        for function in self._by_name.values():
            function.compile_with(compiler)

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Have none of them compiled within a `with`, and as before after it."""
        compiler = self._compiler
        self.compile_with(None)
        try:
            yield
        finally:
            self.compile_with(compiler)


ARRAY_FUNCTIONS: Final = ArrayFunctions()


def array_function(function: Callable[P, R]) -> ArrayFunction[P, R]:
    """
    Mark a function of arrays as one that may be compiled.

    It takes arrays of numpy and plain numbers, and gives arrays or numbers. It is written as loops with what numba
    understands, calls nothing but numpy and functions marked `pure`, raises nothing, changes none of its arguments,
    and keeps whole numbers within 64 bits: so it says the same interpreted and compiled.
    """
    marked = ArrayFunction(function)
    ARRAY_FUNCTIONS.add(marked)
    return marked
