"""
Golden backtests of the strategies of the house: the recipe, and `python -m tests.backtest.golden_runs` to write anew.

The markets are recipes and no data: a seed. What is written down of a run is the hash of its list of orders, how many
there are, what is left at the end, and which guardrail refused how often.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Literal

import numpy as np

from quarterdeck.backtest import BacktestResult, BacktestSettings, FundingRates, run
from quarterdeck.domain import MINUTE_NS, RiskSettings
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN

FILE: Final = Path(__file__).with_name("golden_strategies.json")
BARS: Final = 5_000
TIMEFRAME_NS: Final = 5 * MINUTE_NS
SETTLEMENT_NS: Final = 8 * 60 * MINUTE_NS
SEED: Final = 20_171_001
PERPETUAL: Final = "BTC-USDT:USDT"
INSTRUMENTS: Final = {
    "spot": (
        SyntheticInstrument("BTC-USD", 43_000.0, 0.01),
        SyntheticInstrument("ETH-USD", 2_300.0, 0.01, volatility_day=0.06),
    ),
    "perpetual": (SyntheticInstrument(PERPETUAL, 43_000.0, 0.1),),
}

Engine = Literal["kernel", "event"]
Golden = dict[str, object]


def market(kind: str) -> dict[str, Candles]:
    """Five-minute bars over seventeen days: of two pairs on spot, or of one perpetual."""
    made = SyntheticMarket(SEED, INSTRUMENTS[kind], TIMEFRAME_NS, 0)
    tapes = [made.tape("made up", one.instrument, range(BARS)) for one in INSTRUMENTS[kind]]
    return {
        tape.instrument: Candles(
            tape.instrument,
            TIMEFRAME_NS,
            tape.opened_at_ns,
            tape.open,
            tape.high,
            tape.low,
            tape.close,
            tape.volume,
            tape.price_step,
        )
        for tape in tapes
    }


def settings_for(kind: str, engine: Engine) -> BacktestSettings:
    """Stops, targets and every guardrail; on a perpetual also shorts, leverage and funding."""
    if kind == "spot":
        risk = RiskSettings(stop_loss=0.02, take_profit=0.03)
        return BacktestSettings(slippage_bps=2.0, risk=risk, lot=1e-6, engine=engine)
    at_ns = np.arange(SETTLEMENT_NS, BARS * TIMEFRAME_NS, SETTLEMENT_NS, dtype=np.int64)
    rate = np.where(np.arange(len(at_ns)) % 3 == 2, -2e-4, 1e-4)
    return BacktestSettings(
        slippage_bps=2.0,
        risk=RiskSettings(stop_loss=0.02, take_profit=0.03, short=True, leverage_max=3),
        funding={PERPETUAL: FundingRates(at_ns, rate)},
        lot=1e-6,
        engine=engine,
    )


def backtested(name: str, kind: str, engine: Engine) -> BacktestResult:
    """Run one strategy with its defaults."""
    return run(BUILTIN[name](), market(kind), settings_for(kind, engine))


def golden(result: BacktestResult) -> Golden:
    """Say of a run what is written down."""
    return {
        "order_list_hash": result.order_list_hash,
        "orders": len(result.orders),
        "final_equity": result.stats.final_equity,
        "refusals": result.refusals,
    }


if __name__ == "__main__":
    told = {
        kind: {name: golden(backtested(name, kind, "event")) for name in sorted(BUILTIN)}
        for kind in ("spot", "perpetual")
    }
    FILE.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
