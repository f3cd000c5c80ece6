"""How fast backtests are: beside the one-pass limit and a peer in the same run, and the event backtest by itself."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from msgspec.structs import replace

import quarterdeck as qd
from bench.measuring import ROOT, Effort, Measure, scratch_folder
from bench.one_pass import one_pass
from bench.walk import ANSWERS, walk
from quarterdeck.domain import GuardrailSettings, SizingSettings, ensure
from quarterdeck.market import Candles

CASH, FEE, WINDOWS = 100_000_000.0, 0.001, (20, 50)
SHORT, FULL, LONG = 100_000, 1_000_000, 10_000_000
EVENT_BARS: Final = 100_000
EVENT_BARS_PER_S_MIN: Final = 50_000
LIMIT_SHARE_MIN: Final = 0.60
GUARDED_SHARE_MIN: Final = 0.15
GUARDED_SHARE_LONG_MIN: Final = 0.20
PEER_TIMES_MIN: Final = 10.0
PEER_TIMES_GUARDED_MIN: Final = 3.0
GROWTH_MAX: Final = 1.25
EQUITY_SLACK: Final = 1e-9
MEMORY_MB_MAX: Final = 2_000.0
COLD_S_MAX: Final = 1.5
PEER: Final = "BENCH_PEER_PYTHON"
"""The interpreter, in the environment, that has the peer: a pip install of vectorbt[rust]."""

WITHOUT: Final = qd.BacktestSettings(
    cash=CASH,
    fee_taker=FEE,
    fee_maker=FEE,
    guardrails=None,
    sizing=SizingSettings(kind="base", value=Decimal(1)),
)
ADMITTING: Final = GuardrailSettings(
    order_value_max_quote=1e9,
    order_value_max_share=1.0,
    daily_loss_max=0.99,
    drawdown_max=0.99,
    loss_rate_max=0.99,
    concentration_max=1.0,
    cooldown_s=0.0,
    trades_max=1_000_000,
    qty_value_multiple=1e9,
    unexecuted_max=1.0,
    open_orders_max=1_000,
    open_orders_pair_max=1_000,
)
"""Every rule is evaluated for every order, and admits it."""
GUARDED: Final = replace(WITHOUT, guardrails=ADMITTING)
COLD: Final = (
    "from bench.walk import BEGINS_NS, STEP\nimport numpy as np\nimport quarterdeck as qd\n"
    "close = 30_000 + np.round(np.sin(np.arange(5_000) / 40.0) * 100, 2)\n"
    "opened = BEGINS_NS + np.arange(5_000) * 60_000_000_000\n"
    "bars = qd.Candles('BTC-USD', 60_000_000_000, opened, close, close, close, close, close, STEP)\n"
    "print(qd.backtest(qd.SmaCrossover(), bars).stats['trades'])\n"
)
BIG: Final = (
    "import resource\nfrom bench.backtesting import GUARDED\nfrom bench.walk import walk\nimport quarterdeck as qd\n"
    "bars = walk({bars})\nresult = qd.backtest(qd.SmaCrossover(), bars, settings=GUARDED)\n"
    "print(len(result.orders), result.drawdown.max(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
)

Run = Callable[[], object]


def backtests(effort: Effort) -> list[Measure]:
    """Time the kernel, with and without guardrails, beside the limit; then the event backtest, a peer, the start."""
    sizes = effort.of(LONG, SHORT) if effort.quick else LONG
    bars = [size for size in (SHORT, FULL, LONG) if size <= sizes]
    times = {size: _kernel_times(walk(size), effort.rounds) for size in bars}
    measures = [measure for size in bars for measure in _beside_limit(size, times[size])]
    if LONG in times:
        measures += _growth(times)
    measures.append(_events(effort))
    if FULL in times:
        measures += _beside_peer(times[FULL], effort.rounds)
    measures.append(_cold_start(effort.rounds))
    if LONG in times:
        measures.append(_memory())
    return measures


Times = dict[str, list[float]]


def _kernel_times(candles: Candles, rounds: int) -> Times:
    """Time limit, unguarded and guarded kernel in turn, after one warm round each; the answers are checked."""
    equity = np.empty(len(candles))
    money = (CASH, 1.0, FEE)
    sides: dict[str, Run] = {
        "limit": lambda: one_pass(candles.open, candles.close, WINDOWS, money, equity),
        "without": lambda: _checked(candles, WITHOUT),
        "guarded": lambda: _checked(candles, GUARDED),
    }
    times: Times = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, run in sides.items():
            began_s = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - began_s)
    return times


def _checked(candles: Candles, settings: qd.BacktestSettings) -> None:
    result = qd.backtest(qd.SmaCrossover(), candles, settings=settings)
    found = result.scene.outcome
    orders, equity = ANSWERS[len(candles)]
    ensure(len(found.orders) == orders, f"{len(found.orders)} orders, not {orders}")
    ensure(abs(result.equity[-1] / equity - 1.0) <= EQUITY_SLACK, f"equity {result.equity[-1]}, not {equity}")


def _beside_limit(bars: int, times: Times) -> list[Measure]:
    least = {
        FULL: {"without": LIMIT_SHARE_MIN, "guarded": GUARDED_SHARE_MIN},
        LONG: {"guarded": GUARDED_SHARE_LONG_MIN},
    }.get(bars, {})
    named = {"without": "no guardrails", "guarded": "all guardrails"}
    measures = [Measure(f"one-pass limit, {bars:,} bars", "bars/s", [bars / one for one in times["limit"]])]
    for key, name in named.items():
        share = [ours and limit / ours for ours, limit in zip(times[key], times["limit"], strict=True)]
        measures += [
            Measure(f"  backtest, {name}", "bars/s", [bars / one for one in times[key]]),
            Measure("    share of the limit", "", share, at_least=least.get(key)),
        ]
    return measures


def _growth(times: dict[int, Times]) -> list[Measure]:
    """Compare how the cost of a bar grows from the shortest to the longest series, with how the limit's does."""

    def grown(side: str) -> float:
        return statistics.median(times[LONG][side]) / statistics.median(times[SHORT][side]) / (LONG / SHORT)

    limit = grown("limit")
    return [
        Measure(
            f"cost per bar {LONG:,} ÷ {SHORT:,} bars, {name}, ÷ the limit's own",
            "",
            [grown(side) / limit],
            at_most=GROWTH_MAX,
        )
        for side, name in (("without", "no guardrails"), ("guarded", "all guardrails"))
    ]


def _events(effort: Effort) -> Measure:
    """Time the event backtest, which runs the live engine."""
    bars = effort.of(EVENT_BARS, 5_000)
    candles, settings = walk(bars), replace(GUARDED, engine="event")
    rates = []
    for _ in range(effort.rounds):
        began_s = time.perf_counter()
        qd.backtest(qd.SmaCrossover(), candles, settings=settings)
        rates.append(bars / (time.perf_counter() - began_s))
    return Measure("event backtest, all guardrails", "bars/s", rates, at_least=EVENT_BARS_PER_S_MIN)


def _beside_peer(times: Times, rounds: int) -> list[Measure]:
    """Time vectorbt's compiled engine on the same bars, where an interpreter that has it is named."""
    names = {
        "without": ("backtest, no guardrails ÷ vectorbt rust", PEER_TIMES_MIN),
        "guarded": ("backtest, all guardrails ÷ vectorbt rust", PEER_TIMES_GUARDED_MIN),
    }
    interpreter = os.environ.get(PEER)
    if not interpreter:
        note = f"set {PEER} to an interpreter that has vectorbt[rust]"
        return [Measure(name, "times", [], at_least=least, note=note) for name, least in names.values()]
    candles = walk(FULL)
    with scratch_folder() as folder:
        file = folder / "bars.npz"
        np.savez(file, open=candles.open, close=candles.close)
        command = [interpreter, str(Path(__file__).parent / "peers" / "with_vectorbt.py"), str(file), str(rounds)]
        told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    orders, equity = ANSWERS[FULL]
    ensure(told["orders"] == orders and abs(told["equity"] / equity - 1.0) <= EQUITY_SLACK, "the peer disagrees")
    peer = statistics.median(told["wall_s"])
    measures = [Measure("vectorbt, engine rust", "bars/s", [FULL / wall for wall in told["wall_s"]])]
    for key, (name, least) in names.items():
        measures.append(Measure(f"  {name}", "times", [peer / ours for ours in times[key]], at_least=least))
    return measures


def _cold_start(rounds: int) -> Measure:
    """Time a whole process that backtests 5,000 bars, with what the kernel keeps on the disk."""
    walls = []
    for turn in range(rounds + 1):
        began_s = time.perf_counter()
        _in_process(COLD)
        if turn:
            walls.append(time.perf_counter() - began_s)
    return Measure("a process that backtests once, warm cache", "s", walls, at_most=COLD_S_MAX)


def _memory() -> Measure:
    """Take the most memory of a process that backtests ten million bars; what it draws them from is in the figure."""
    told = _in_process(BIG.format(bars=LONG))
    return Measure(f"memory of {LONG:,} bars", "MB", [float(told.split()[-1])], at_most=MEMORY_MB_MAX)


def _in_process(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True).stdout
