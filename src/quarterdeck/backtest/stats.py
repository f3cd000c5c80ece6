"""How well it went, in numbers; each with its formula, and a defined answer where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.outcome import Outcome
from quarterdeck.backtest.trades import Trips
from quarterdeck.domain import DAY_NS

YEAR_NS: Final = 365 * DAY_NS


class Statistics(Struct, frozen=True):
    """
    The figures of a backtest, read as attributes or by name: `stats.sharpe`, `stats["sharpe"]`, `dict(stats)`.

    Shares are fractions (0.05 is 5 %), money is in quote. NaN, in JSON null, stands for what has no answer.
    """

    final_equity: float
    total_return: float
    cagr: float
    sharpe: float
    sortino: float
    calmar: float
    volatility: float
    drawdown_max: float
    profit_factor: float
    win_rate: float
    trades: int
    trades_open: int
    profit_mean: float
    bars_mean: float
    fees: float
    funding: float
    exposure: float
    benchmark_return: float
    benchmark_drawdown_max: float

    def __getitem__(self, name: str) -> float:
        if name not in self.__struct_fields__:
            raise KeyError(f"no statistic {name!r}; there are {', '.join(self.__struct_fields__)}")
        value: float = getattr(self, name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.__struct_fields__)

    def keys(self) -> tuple[str, ...]:
        """Name all figures."""
        return self.__struct_fields__

    def as_dict(self) -> dict[str, float]:
        """Give all figures by name."""
        return structs.asdict(self)


FORMULAS: Final[dict[str, str]] = {
    "final_equity": "cash and everything held at its last close, after the last bar",
    "total_return": "final_equity / cash − 1",
    "cagr": (
        "(final_equity / cash) ^ (1 / years) − 1, with years of 365 days from the opening of the first bar to the close"
        " of the last; −1 where nothing is left, no answer where the figure is too large to write"
    ),
    "sharpe": (
        "mean / standard deviation (n − 1) of the returns of UTC days × √365, riskless rate 0; no answer with fewer"
        " than two days or where no day differs from another"
    ),
    "sortino": (
        "mean of the returns of UTC days / √(mean of the squares of the negative ones, the others counted as 0) × √365;"
        " no answer where no day lost"
    ),
    "calmar": "cagr / drawdown_max; no answer without a drawdown",
    "volatility": "standard deviation (n − 1) of the returns of UTC days × √365",
    "drawdown_max": "the deepest fall of equity, bar by bar, from its highest before, as a fraction of that",
    "profit_factor": "profits of closed trades / losses of closed trades; no answer where none lost",
    "win_rate": "closed trades with a profit above 0 / closed trades; no answer without one",
    "trades": "round trips that are closed: from flat to flat, whatever lies between",
    "trades_open": "round trips that the data ended before; they are valued at the last close",
    "profit_mean": "mean profit of a closed trade, after fees and funding",
    "bars_mean": "mean number of bars for which a closed trade was held",
    "fees": "all fees paid, rebates subtracted",
    "funding": "all funding received, less what was paid",
    "exposure": "bars of the timeline during which something was held / all bars",
    "benchmark_return": (
        "buy and hold: the cash spread evenly over the instruments, each bought at the open of its first bar, without"
        " costs, and held to its last close"
    ),
    "benchmark_drawdown_max": "the deepest fall of buy and hold, bar by bar",
}
"""What each figure is; the reference page is written from this."""


def statistics_of(board: Board, outcome: Outcome, trips: Trips, cash: float) -> Statistics:
    """Work out every figure."""
    final = float(outcome.equity[-1])
    growth = growth_per_year(final / cash, board)
    returns, per_year = period_returns(board, outcome.equity, cash)
    deviation = _deviation(returns)
    closed = ~trips.is_open
    profit = trips.profit[closed]
    held = (trips.exit_place - trips.entry_place)[closed]
    benchmark = buy_and_hold(board, cash)
    return Statistics(
        final_equity=final,
        total_return=final / cash - 1.0,
        cagr=growth,
        sharpe=_over(_mean(returns), deviation) * math.sqrt(per_year),
        sortino=_over(_mean(returns), _downside(returns)) * math.sqrt(per_year),
        calmar=_over(growth, outcome.drawdown_max),
        volatility=deviation * math.sqrt(per_year),
        drawdown_max=outcome.drawdown_max,
        profit_factor=_over(float(profit[profit > 0.0].sum()), -float(profit[profit < 0.0].sum())),
        win_rate=_over(int(np.count_nonzero(profit > 0.0)), len(profit)),
        trades=len(profit),
        trades_open=len(trips) - len(profit),
        profit_mean=_mean(profit),
        bars_mean=_mean(held),
        fees=float(outcome.fills["fee"].sum()),
        funding=float(outcome.funding["amount"].sum()),
        exposure=_covered(trips.entry_place, trips.exit_place) / len(outcome.equity),
        benchmark_return=float(benchmark[-1]) / cash - 1.0,
        benchmark_drawdown_max=float(drawdown_of(benchmark).max()),
    )


def growth_per_year(ratio: float, board: Board) -> float:
    """Compound what became of one unit of money to a year of 365 days."""
    if ratio <= 0.0:
        return -1.0
    lasted_ns = int(board.opened_at_ns[-1]) + board.timeframe_ns - int(board.opened_at_ns[0])
    try:
        return math.expm1(math.log(ratio) * (YEAR_NS / lasted_ns))
    except OverflowError:
        return math.nan


def period_returns(board: Board, equity: NDArray[np.float64], cash: float) -> tuple[NDArray[np.float64], float]:
    """
    Give the returns of UTC days, from the cash at the beginning to the last bar, and how many make a year.

    A bar counts for the day in which it closes, midnight being the end of a day; a day without one returns 0. Bars
    longer than a day make periods of their own length. Returns are NaN from where nothing was left.
    """
    opened, timeframe_ns = board.opened_at_ns, board.timeframe_ns
    period_ns = max(DAY_NS, timeframe_ns)
    origin_ns = int(opened[0]) // period_ns * period_ns if timeframe_ns <= DAY_NS else int(opened[0])
    periods = -(-(int(opened[-1]) + timeframe_ns - origin_ns) // period_ns)
    ends_ns = origin_ns + np.arange(1, periods + 1, dtype=np.int64) * period_ns
    last_bar = np.searchsorted(opened, ends_ns - timeframe_ns, side="right") - 1
    worth = np.concatenate(([cash], np.where(last_bar >= 0, equity[last_bar], cash)))
    before = worth[:-1]
    usable = np.where(before > 0.0, before, np.nan)
    return worth[1:] / usable - 1.0, YEAR_NS / period_ns


def drawdown_of(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say how far below its highest so far each value lies, as a fraction of that; in the shape of `equity`."""
    return 1.0 - equity / np.maximum.accumulate(equity)


def buy_and_hold(board: Board, cash: float) -> NDArray[np.float64]:
    """
    Value what holding all instruments in equal parts would have been worth, without costs.

    Returns:
        At the close of each bar. Shape (bars,). Unit: quote.
    """
    total = np.zeros(len(board.opened_at_ns))
    for open_, close in zip(board.open, board.close, strict=True):
        first = 0 if open_[0] == open_[0] else int(np.argmax(open_ == open_))  # noqa: PLR0124 - not NaN
        growth = filled_forward(close) / open_[first]
        growth[:first] = 1.0
        total += growth
    return total * (cash / len(board.instruments))


def filled_forward(price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the last price before it in the place of each NaN; NaN stays before the first price."""
    absent = np.isnan(price)
    if not bool(absent.any()):
        return price.copy()
    places = np.where(absent, 0, np.arange(len(price)))
    return price[np.maximum.accumulate(places)]


def _covered(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
    """Count the places within at least one of the stretches [begin, end)."""
    if not len(begins):
        return 0
    order = np.argsort(begins, kind="stable")
    begin, reached = begins[order], np.maximum.accumulate(ends[order])
    before = np.append(begin[0], reached[:-1])
    return int(np.maximum(0, reached - np.maximum(begin, before)).sum())


def _mean(values: NDArray[np.float64] | NDArray[np.int64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _deviation(returns: NDArray[np.float64]) -> float:
    return float(returns.std(ddof=1)) if len(returns) > 1 else math.nan


def _downside(returns: NDArray[np.float64]) -> float:
    return math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean()))


def _over(above: float, below: float) -> float:
    """Divide; no answer where there is nothing to divide by."""
    return above / below if below > 0.0 else math.nan
