"""The reference page of the strategies, written from the strategies themselves."""

from __future__ import annotations

import inspect
from typing import Final

from quarterdeck.strategies.builtin import BUILTIN

_HEAD: Final = """# Strategies

Generated from `quarterdeck.strategies` by `python tools/render_docs.py`; a test fails when the two differ.

A bot's file names a strategy, the timeframe of its bars, and parameters other than the defaults:

```yaml
strategy: {name: donchian_breakout, timeframe: 1h, parameters: {entry_bars: 55, exit_bars: 20}}
```

A strategy says BUY, SELL or nothing on each closed bar. BUY opens a long position, or closes a short one and turns it
around; SELL closes a long position, and where `risk.short` is set and the instrument is a perpetual, opens a short one.
How much, at which venue, with which stop and whether at all is decided by sizing, routing, risk and guardrails.

Averages, sums and levels are compared as whole numbers of price steps, so that a tie is a tie, in a backtest as live;
where a square root makes that impossible, the one float comparison is the same in both. No strategy looks further back
than its window. They are examples that do what they say, not advice: whether one earns anything on a market is for a
backtest, and then for paper money, to show.
"""

_TAIL: Final = """
## Strategies of your own

A strategy is a plain file in the workspace; [write a strategy](../guide/write-a-strategy.md) tells how. Bots load it
from `strategies/production/NAME.py` by the name of the file, which must hold exactly one subclass of `Strategy`; what
stands in `strategies/development/` is for trying. A running bot is pinned to the content that it started with.

## What check-strategy tries

A backtest asks a strategy once about a whole series, a live bot about one window after the other. What it earned in the
one says something of the other only where both get the same answers.

- *answer*: actions are int8, one per bar and out of -1, 0, 1; confidences are numbers from 0 to 1; nothing is raised
  and no candle is written to. That holds on the series, and on no bars, one bar, a bar less than the window, exactly
  the window, flat prices, prices of one step, bars without volume, jumps of a thousandfold and a gap in time.
- *deterministic*: the same candles get the same answer, whatever was asked in between.
- *look-ahead*: nothing up to a bar changes when the series ends there, or goes on with other prices.
- *window*: the last `window_bars` bars alone give each bar the action that the whole series gives it, and a confidence
  within 1e-9.
- *compiled*: array functions in the strategy's own file say the same compiled as they are written; tried where there
  are any and numba is installed.
- *run time*: the slowest window took no longer than a bot waits, 5 s.
- *signals*: there is a BUY or a SELL; without any, nothing was shown.

Look-ahead is tried at up to 60 bars, windows at up to 3,000, half of them bars that say something. Bars before the
first full window count for nothing, in backtests as live.
"""


def render_strategies() -> str:
    """Write the reference of every strategy of the house: what it does, its parameters, its window."""
    parts = [_HEAD]
    for name, kind in BUILTIN.items():
        parts.append(f"\n## {name}\n\n{inspect.cleandoc(kind.__doc__ or '')}\n")
        parts.append("\n| parameter | default | takes |\n|---|---|---|\n")
        parts += [
            f"| `{parameter}` | `{declared.default}` | {declared.describe()} |\n"
            for parameter, declared in kind.parameters.items()
        ]
        window_bars = kind().window_bars
        parts.append(f"\nIts window: {window_bars} bars with the defaults. In Python: `quarterdeck.{kind.__name__}`.\n")
    return "".join(parts) + _TAIL
