"""How fast the engine decides and folds: inputs that plan an order, and inputs that change nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from bench.measuring import Effort, Measure
from bench.scene import answers, cycles, opened, planned_of
from quarterdeck.domain import Input, Woke, ensure
from quarterdeck.engine import State, step

ORDERS_PER_S_MIN: Final = 20_000
NOTHINGS_PER_S_MIN: Final = 500_000
NS: Final = 1_000_000_000


def decide_orders(effort: Effort) -> list[Measure]:
    """Time `step` on cycles that plan an order; what a venue answers in between is timed apart."""
    count = effort.of(3_000, 400)
    wall, cpu, everything = [], [], []
    _order_round(time.perf_counter_ns, count)
    for _ in range(effort.rounds):
        decided_ns, all_ns = _order_round(time.perf_counter_ns, count)
        wall.append(count / decided_ns * NS)
        everything.append(3 * count / all_ns * NS)
        decided_ns, _ = _order_round(time.process_time_ns, count)
        cpu.append(count / decided_ns * NS)
    return [
        Measure("decide + apply, inputs that plan an order", "/s", wall, at_least=ORDERS_PER_S_MIN),
        Measure("  the same, by CPU time", "/s", cpu, at_least=ORDERS_PER_S_MIN),
        Measure("  with their acknowledgements and fills, all inputs", "/s", everything),
    ]


def _order_round(clock: Callable[[], int], count: int) -> tuple[int, int]:
    """Run cycles through a fresh state: (ns in cycles, ns in everything the engine did)."""
    state, inputs = opened(), cycles(count)
    in_cycles = in_answers = 0
    for news in inputs:
        began = clock()
        facts = step(state, news)
        in_cycles += clock() - began
        reported, filled = answers(planned_of(facts))
        began = clock()
        step(state, reported)
        step(state, filled)
        in_answers += clock() - began
    return in_cycles, in_cycles + in_answers


def decide_nothing(effort: Effort) -> list[Measure]:
    """Time `step` on inputs that yield no fact."""
    state, inputs = _settled()
    count = effort.of(40_000, 4_000)
    rates: dict[str, list[float]] = {name: [] for name in inputs}
    cpu: dict[str, list[float]] = {name: [] for name in inputs}
    for _ in range(effort.rounds):
        for name, news in inputs.items():
            rates[name].append(count / _nothing_round(time.perf_counter_ns, state, news, count) * NS)
            cpu[name].append(count / _nothing_round(time.process_time_ns, state, news, count) * NS)
    measures = []
    for name in inputs:
        measures += [
            Measure(f"decide, changes nothing: {name}", "/s", rates[name], at_least=NOTHINGS_PER_S_MIN),
            Measure("  the same, by CPU time", "/s", cpu[name], at_least=NOTHINGS_PER_S_MIN),
        ]
    return measures


def _settled() -> tuple[State, dict[str, Input]]:
    """Give a state after some orders, one of them still open, and inputs that tell it nothing new."""
    state, news = opened(), cycles(20)
    trades = []
    for cycle in news[:-1]:
        reported, filled = answers(planned_of(step(state, cycle)))
        step(state, reported)
        step(state, filled)
        trades.append(filled)
    working, _ = answers(planned_of(step(state, news[-1])))
    step(state, working)
    return state, {
        "woken too early": Woke(state.at_ns + 1, news[-1].surroundings),
        "the same report again": working,
        "the same trade again": trades[-1],
        "a cycle of an old bar": news[-1],
    }


def _nothing_round(clock: Callable[[], int], state: State, news: Input, count: int) -> int:
    ensure(step(state, news) == [], f"{news} was to change nothing")
    began = clock()
    for _ in range(count):
        step(state, news)
    return clock() - began
