"""The marks of functions that the kernel room compiles: they change nothing until somebody asks for a compiler."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.domain import ARRAY_FUNCTIONS, PURE_FUNCTIONS, ArrayFunction, array_function, pure
from quarterdeck.domain.pure import ArrayFunctions


def total(values: NDArray[np.int64]) -> int:
    """Add up."""
    return int(values.sum())


def louder(plain: Callable[..., object]) -> Callable[..., object]:
    """A compiler whose work can be told from what was written."""
    return lambda *args: (plain.__name__, plain(*args))


@pytest.fixture
def as_they_were() -> Iterator[None]:
    """Functions marked here leave the process's list again, and are not compiled for a backtest before them."""
    before = {function.name for function in ARRAY_FUNCTIONS}
    with ARRAY_FUNCTIONS.as_written():
        yield
    for function in list(ARRAY_FUNCTIONS):
        if function.name not in before:
            ARRAY_FUNCTIONS.remove(function)


def test_a_function_marked_pure_comes_back_untouched_and_is_listed() -> None:
    name = f"{total.__module__}.{total.__qualname__}"
    try:
        assert pure(total) is total
        assert PURE_FUNCTIONS[name] is total
    finally:
        del PURE_FUNCTIONS[name]


@pytest.mark.usefixtures("as_they_were")
def test_an_array_function_runs_as_written_and_says_what_it_is() -> None:
    marked = array_function(total)

    assert isinstance(marked, ArrayFunction)
    assert marked(np.array([1, 2])) == 3
    assert not marked.is_compiled
    assert marked.plain is total
    assert marked.__doc__ == "Add up."
    assert repr(marked).endswith("total, as written)")
    assert marked in list(ARRAY_FUNCTIONS)


def test_a_compiler_answers_for_every_function_and_can_be_taken_away_again() -> None:
    functions = ArrayFunctions()
    first: ArrayFunction[[NDArray[np.int64]], object] = ArrayFunction(total)
    functions.add(first)

    functions.compile_with(louder)
    assert first(np.array([1, 2])) == ("total", 3)
    assert first.is_compiled
    assert repr(first).endswith("total, compiled)")

    functions.compile_with(None)
    assert first(np.array([1, 2])) == 3
    assert not first.is_compiled


def test_a_function_that_is_loaded_after_the_compiler_is_compiled_too() -> None:
    functions = ArrayFunctions()
    functions.compile_with(louder)
    late: ArrayFunction[[NDArray[np.int64]], object] = ArrayFunction(total)
    functions.add(late)

    assert late(np.array([4])) == ("total", 4)


def test_a_function_that_was_removed_is_compiled_no_more() -> None:
    functions = ArrayFunctions()
    gone: ArrayFunction[[NDArray[np.int64]], object] = ArrayFunction(total)
    functions.add(gone)
    functions.remove(gone)
    functions.compile_with(louder)

    assert list(functions) == []
    assert not gone.is_compiled


def test_a_function_may_be_compiled_for_a_while() -> None:
    marked: ArrayFunction[[NDArray[np.int64]], object] = ArrayFunction(total)

    with marked.compiled_for_now(louder):
        assert marked(np.array([4])) == ("total", 4)
    assert marked(np.array([4])) == 4


def test_for_a_while_all_run_as_written_and_then_compiled_again() -> None:
    functions = ArrayFunctions()
    first: ArrayFunction[[NDArray[np.int64]], object] = ArrayFunction(total)
    functions.add(first)
    functions.compile_with(louder)

    with functions.as_written():
        assert first(np.array([1, 2])) == 3
    assert first(np.array([1, 2])) == ("total", 3)
