"""
The same backtest in vectorbt with its compiled engine, in an interpreter of its own that has `vectorbt[rust]`.

Usage: `python with_vectorbt.py BARS.npz ROUNDS`, with arrays `open` and `close`. Prints one JSON object with the wall
time of each round, the orders and the final equity. Averages, crosses, fills, the value of each bar and its deepest
fall are inside the time, as they are for ours; the first round, which warms up, is not counted. The index is naive,
which is this peer's fast way.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt

FAST_BARS, SLOW_BARS, FEE, CASH = 20, 50, 0.001, 100_000_000.0


def trade(open_: pd.Series, close: pd.Series) -> tuple[int, float]:
    """Run it once and give orders and final equity."""
    fast = vbt.MA.run(close, FAST_BARS, engine="rust")
    slow = vbt.MA.run(close, SLOW_BARS, engine="rust")
    entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
    exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
    book = vbt.Portfolio.from_signals(
        close,
        entries,
        exits,
        price=open_,
        size=1.0,
        fees=FEE,
        init_cash=CASH,
        direction="longonly",
        freq="1min",
        engine="rust",
    )
    book.max_drawdown()
    return int(book.orders.count()), float(book.value().iloc[-1])


def main() -> None:
    """Time the rounds."""
    bars = np.load(sys.argv[1])
    index = pd.date_range("2023-01-01", periods=len(bars["close"]), freq="min")
    open_, close = pd.Series(bars["open"], index), pd.Series(bars["close"], index)
    walls, answer = [], (0, 0.0)
    for _ in range(int(sys.argv[2]) + 1):
        began_s = time.perf_counter()
        answer = trade(open_, close)
        walls.append(time.perf_counter() - began_s)
    print(json.dumps({"wall_s": walls[1:], "orders": answer[0], "equity": answer[1]}))


if __name__ == "__main__":
    main()
