"""Backtests as users ask for them."""

import subprocess
import sys
from pathlib import Path

import pytest

import quarterdeck as qd
from quarterdeck.config import create_workspace, load_bot
from quarterdeck.domain import ConfigError
from quarterdeck.system import funding_rates, sample_candles, settings_of_bot, strategy_of
from tests.feeds.recordings import row, write_csv

EVENT = qd.BacktestSettings(engine="event")
STRATEGY = '''
from quarterdeck import Candles, Signals, Strategy
import numpy as np

class Mine(Strategy):
    """Says nothing."""

    window_bars = 1

    def signals(self, candles: Candles) -> Signals:
        return Signals(np.zeros(len(candles), dtype=np.int8))
'''


def test_a_strategy_may_be_a_name_a_class_or_made_already() -> None:
    candles = sample_candles().candles["BTC-USD"].window(0, 1500)
    results = [
        qd.backtest(chosen, candles, settings=EVENT) for chosen in ("sma_crossover", qd.SmaCrossover, qd.SmaCrossover())
    ]
    assert len({result.order_list_hash for result in results}) == 1
    assert len(results[0].orders) > 5


def test_a_strategy_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(STRATEGY)
    candles = sample_candles().candles["BTC-USD"].window(0, 100)
    assert qd.backtest(str(path), candles, settings=EVENT).stats.trades == 0
    assert type(strategy_of(path)).__name__ == "Mine"


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no strategy 'sma_crosover'"):
        strategy_of("sma_crosover")
    with pytest.raises(ConfigError, match="int is no Strategy"):
        strategy_of(int)  # type: ignore[arg-type]


def test_candles_come_from_files_too_and_their_faults_are_told(tmp_path: Path) -> None:
    rows = [row(minute, 100.0 + minute % 7) for minute in (*range(200), 150, 300)]
    result = qd.backtest("sma_crossover", write_csv(tmp_path / "BTC-USD.csv", rows), settings=EVENT)
    assert len(result.equity) == 201
    assert any("1 rows stood there twice" in sentence for sentence in result.assumptions)


def test_the_function_is_not_replaced_by_the_room_of_its_name() -> None:
    code = (
        "import quarterdeck as qd, quarterdeck.backtest; from quarterdeck.backtest import BacktestSettings;"
        "from quarterdeck import backtest; assert backtest is qd.backtest and callable(backtest);"
        "assert qd.BacktestSettings is BacktestSettings"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_quarterdeck_loads_nothing() -> None:
    code = (
        "import sys, quarterdeck as qd; assert 'backtest' in dir(qd);"
        "heavy = {'numpy', 'msgspec', 'numba', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_bots_file_tells_how_it_would_trade(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    config = load_bot(workspace.bot_file("demo"), workspace)
    settings = settings_of_bot(config)
    venue = config.exchanges[0]
    assert settings.cash == float(config.capital)
    assert settings.bot == "demo"
    assert settings.fee_taker == float(venue.fees.taker)
    assert settings.slippage_bps == venue.spread_bps / 2
    assert (settings.guardrails, settings.sizing, settings.risk) == (config.guardrails, config.sizing, config.risk)
    assert settings.price_steps["BTC-USD"] == float(venue.listing("BTC-USD").tick)


def test_recorded_funding_is_read_by_instrument(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text("timestamp,funding_rate\n1704067200000,0.0001\n1704096000000,-0.0002\n")
    rates = funding_rates({"BTC-USDT:USDT": path})["BTC-USDT:USDT"]
    assert rates.rate.tolist() == [0.0001, -0.0002]
    assert rates.at_ns[0] == 1_704_067_200_000_000_000


def test_the_sample_market_is_the_same_for_everybody() -> None:
    one, other = sample_candles(), sample_candles()
    assert list(one.candles) == ["BTC-USD", "ETH-USD"]
    assert one.candles["BTC-USD"].close.tolist() == other.candles["BTC-USD"].close.tolist()
    assert "made up" in one.notes[0]


@pytest.mark.parametrize("guardrails", [qd.GuardrailSettings(), None], ids=["guarded", "unguarded"])
def test_both_engines_give_one_result(guardrails: qd.GuardrailSettings | None) -> None:
    pytest.importorskip("numba")
    candles = {name: one.window(0, 4000) for name, one in sample_candles().candles.items()}
    kernel, event = (
        qd.backtest("sma_crossover", candles, settings=qd.BacktestSettings(guardrails=guardrails, engine=engine))
        for engine in ("kernel", "event")
    )
    assert kernel.order_list_hash == event.order_list_hash
    assert kernel.refusals == event.refusals
    assert kernel.equity == pytest.approx(event.equity, rel=1e-9)
    assert kernel.trades["cause"].tolist() == event.trades["cause"].tolist()
