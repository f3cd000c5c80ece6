"""Rows with named columns, as the tables of a result are handed out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import ConfigError


class Records(np.ndarray[tuple[int], np.dtype[np.void]]):
    """
    A structured array: `rows["price"]` is a column, `rows[0]` a row, `rows[rows["profit"] < 0.0]` the rows that lost.

    Columns called `…_ns` are int64 nanoseconds UTC, words are text, everything else is in the unit that the table says.
    """

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]]) -> Self:
        """Put columns of equal length side by side."""
        rows = len(next(iter(columns.values())))
        table = np.empty(rows, dtype=[(name, column.dtype) for name, column in columns.items()])
        for name, column in columns.items():
            table[name] = column
        return table.view(cls)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.dtype.names or ()

    def to_pandas(self) -> Any:  # noqa: ANN401 - pandas is no dependency of ours
        """
        Make a DataFrame; times become UTC timestamps, and their columns lose the `_ns`.

        Raises:
            ConfigError: If pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ConfigError("to_pandas() needs pandas, which is not installed; pip install pandas") from error
        columns = {}
        for name in self.columns:
            column = np.asarray(self[name])
            if name.endswith("_ns"):
                columns[name.removesuffix("_ns")] = pandas.to_datetime(column, utc=True)
            else:
                columns[name] = column.tolist() if column.dtype.kind == "U" else column
        return pandas.DataFrame(columns)


def worded(words: Sequence[str], code: NDArray[Any]) -> NDArray[np.str_]:
    """Write codes as words; code i stands for word i."""
    texts: NDArray[np.str_] = np.array(words, dtype=np.str_)[code]
    return texts
