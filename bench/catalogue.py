"""Every benchmark by name, in the order of the report."""

from __future__ import annotations

from typing import Final

from bench.appending import append_awaited, append_in_the_writer
from bench.backtesting import backtests
from bench.deciding import decide_nothing, decide_orders
from bench.exchanging import exchange_orders
from bench.explaining import explaining, reading_back
from bench.killing import kill_switch, kill_under_load, sweep
from bench.measuring import Benchmark
from bench.reconciling import reconciling
from bench.replaying import replay
from bench.running import ninety_days, one_day
from bench.simulating import simulation
from bench.starting import help_screen
from bench.trading import paper_process

BENCHMARKS: Final = {
    one.name: one
    for one in (
        Benchmark("append", "the journal's append in its writer against a bare commit", append_in_the_writer),
        Benchmark("await", "appends awaited by the loop, single and many at once", append_awaited),
        Benchmark("orders", "decide + apply of inputs that plan an order", decide_orders),
        Benchmark("nothing", "decide of inputs that change nothing", decide_nothing),
        Benchmark("replay", "folding a journal, and deciding it again", replay),
        Benchmark("ninety-days", "ninety days of two pairs on two venues at full speed", ninety_days),
        Benchmark("help", "the time to `quarterdeck --help`", help_screen),
        Benchmark("memory", "the memory of a bot after a day of market time", one_day),
        Benchmark("exchange", "orders taken by the exchange model", exchange_orders),
        Benchmark("paper-process", "orders sent to a paper venue in its own process", paper_process),
        Benchmark("reconcile", "an account with 500 working orders held against the books", reconciling),
        Benchmark("kill", "from raising the kill to the first refusal", kill_switch),
        Benchmark("kill-load", "from raising the kill to the last signature of a busy bot", kill_under_load),
        Benchmark("sweep", "two hundred orders, found and cancelled after a kill", sweep),
        Benchmark("explain", "a refused intent, explained from a long journal", explaining),
        Benchmark("archive", "a month read back, most of it from the archive", reading_back),
        Benchmark("backtest", "backtests beside the one-pass limit and a peer", backtests),
        Benchmark("simulation", "seeds of the simulation", simulation),
    )
}
