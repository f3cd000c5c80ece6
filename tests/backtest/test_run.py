"""One backtest from candles to its result."""

import sys
from pathlib import Path

import numpy as np
import pytest

from quarterdeck.backtest import BacktestSettings, prepare_kernel, run
from quarterdeck.domain import ConfigError, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, SmaCrossover
from quarterdeck.system import sample_candles

EVENT = BacktestSettings(engine="event")


@pytest.fixture
def candles() -> dict[str, Candles]:
    return {name: one.window(0, 2000) for name, one in sample_candles().candles.items()}


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("quarterdeck.backtest.kernel")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)


def test_a_run_hands_on_what_it_was_told(candles: dict[str, Candles]) -> None:
    result = run(SmaCrossover(fast_bars=10), candles, EVENT, ("a note.",))
    assert str(result.scene.strategy) == "SmaCrossover(fast_bars=10, slow_bars=50)"
    assert "a note." in result.assumptions
    assert "51 bars" in " ".join(result.assumptions)
    assert len(result.equity) == 2000
    assert len(result.orders) > 10


def test_the_result_adds_up(candles: dict[str, Candles]) -> None:
    result = run(SmaCrossover(), candles, EVENT)
    assert result.stats.final_equity - 10_000.0 == pytest.approx(result.trades["profit"].sum(), abs=1e-6)
    assert result.stats.drawdown_max == pytest.approx(result.drawdown.max(), abs=1e-12)
    assert np.isfinite(result.equity).all()


def test_an_engine_that_does_not_exist_is_refused(candles: dict[str, Candles]) -> None:
    with pytest.raises(InputError, match="'kernel' or 'event'"):
        run(SmaCrossover(), candles, BacktestSettings(engine="fast"))  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_numba")
def test_without_numba_the_kernel_says_what_to_install_and_events_still_run(candles: dict[str, Candles]) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'quarterdeck\[research\]'"):
        run(SmaCrossover(), candles, BacktestSettings())
    with pytest.raises(ConfigError, match="engine 'event'"):
        prepare_kernel()
    assert len(run(SmaCrossover(), candles, EVENT).equity) == 2000


def test_a_report_of_a_true_run_is_written(candles: dict[str, Candles], tmp_path: Path) -> None:
    path = run(SmaCrossover(), candles, EVENT).report(tmp_path / "report.html")
    assert "SmaCrossover" in path.read_text()


class Raising(SmaCrossover):
    """Fails when it is asked."""

    def signals(self, candles: Candles) -> Signals:
        raise ZeroDivisionError(f"oh {len(candles)}")


def test_a_strategy_that_raises_is_named_with_the_place(candles: dict[str, Candles]) -> None:
    with pytest.raises(ConfigError, match=r"Raising raises ZeroDivisionError: oh \d+ \(test_run.py:\d+\)") as caught:
        run(Raising(), candles, BacktestSettings(engine="event"))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
