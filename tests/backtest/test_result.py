"""A finished backtest, as users hold it in their hands."""

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from quarterdeck.backtest import BacktestResult, BacktestSettings, Board, Outcome
from quarterdeck.backtest.assumptions import Scene, StrategyFacts
from quarterdeck.backtest.outcome import REFUSAL, STOP_LOSS
from quarterdeck.domain import ConfigError
from quarterdeck.guardrails import BITS
from quarterdeck.market import Candles
from tests.backtest.made_outcomes import HOUR_NS, START_NS, Done, board_of_closes, outcome_of

DEFAULTS = BacktestSettings()
CLOSES = [100.0, 101.0, 103.0, 102.0, 99.0, 105.0, 104.0, 108.0]
FILLS = [Done(1, +1, 2000, 100.0), Done(3, -1, 2000, 95.0, cause=STOP_LOSS, inside=True), Done(5, +1, 1000, 99.0)]


def result_of(board: Board, outcome: Outcome, settings: BacktestSettings = DEFAULTS) -> BacktestResult:
    """Make a result without a run."""
    facts = StrategyFacts("SmaCrossover", {"fast_bars": 20, "slow_bars": 50}, 51)
    candles = {
        name: Candles(
            name,
            board.timeframe_ns,
            board.opened_at_ns,
            board.open[row],
            board.high[row],
            board.low[row],
            board.close[row],
            np.zeros(len(board.opened_at_ns)),
            board.price_step[row],
        )
        for row, name in enumerate(board.instruments)
        if not np.isnan(board.close[row]).any()
    }
    return BacktestResult(Scene(board, outcome, settings, facts, ("BTC-USD: a note <about> data.",)), candles)


def small_result(settings: BacktestSettings = DEFAULTS) -> BacktestResult:
    """Make a result of three fills."""
    board = board_of_closes(CLOSES)
    return result_of(board, outcome_of(board, FILLS), settings)


def test_everything_that_was_promised_is_there() -> None:
    result = small_result()
    assert len(result.equity) == len(result.drawdown) == len(result.closed_at_ns) == 8
    assert (len(result.orders), len(result.fills), len(result.trades)) == (3, 3, 2)
    assert result.closed_at_ns[0] == START_NS + HOUR_NS
    assert result.drawdown.max() == pytest.approx(result.stats.drawdown_max)
    assert result.equity[-1] == result.stats.final_equity
    assert len(result.data_hash) == len(result.order_list_hash) == 64
    assert "a note <about> data." in result.assumptions[-1]
    assert repr(result).startswith("<BacktestResult SmaCrossover(fast_bars=20, slow_bars=50), 8 bars of BTC-USD:")


def test_a_refused_order_counts_for_every_rule_that_failed() -> None:
    board = board_of_closes(CLOSES)
    rows = [
        (START_NS, 0, 0, 1, 0, 0, 1 << BITS["G4"] | 1 << BITS["E3"]),
        (START_NS, 1, 0, 1, 0, 0, 1 << BITS["G4"]),
        (START_NS, 2, 0, 1, 0, 0, 0),
    ]
    outcome = structs.replace(outcome_of(board, []), refusals=np.array(rows, dtype=REFUSAL))
    assert result_of(board, outcome).refusals == {"G4": 2, "E3": 1, "size": 1}


def test_programs_get_money_as_strings_statistics_as_numbers_and_null_for_no_answer() -> None:
    document = json.loads(small_result().to_json(trades=True))
    assert document["cash"] == "10000"
    assert document["stats"]["trades"] == 1
    assert document["stats"]["sharpe"] is None
    assert document["orders"] == {
        "planned": 3,
        "working": 0,
        "filled": 3,
        "cancelled": 0,
        "rejected": 0,
        "expired": 0,
    }
    assert document["from_at"] == "2024-01-01T00:00:00Z"
    assert document["to_at"] == "2024-01-01T08:00:00Z"
    assert document["strategy"] == {"name": "SmaCrossover", "parameters": {"fast_bars": 20, "slow_bars": 50}}
    first, second = document["trades"]
    assert first["entry_price"] == "100"
    assert first["cause"] == "stop_loss"
    assert second["is_open"]
    assert "trades" not in json.loads(small_result().to_json())


def test_nothing_is_worked_out_before_it_is_asked_for() -> None:
    result = small_result()
    assert set(vars(result)) == {"scene", "candles"}
    assert result.stats.trades == 1
    assert set(vars(result)) == {"scene", "candles", "stats", "trips"}


def test_a_picture_is_written_as_svg_or_inside_a_page(tmp_path: Path) -> None:
    result = small_result()
    figure = result.plot(tmp_path / "deep" / "plot.svg")
    assert (tmp_path / "deep" / "plot.svg").read_text() == figure.svg
    assert figure.svg.startswith("<svg xmlns=")
    result.plot(tmp_path / "plot.html")
    assert figure.svg in (tmp_path / "plot.html").read_text()
    with pytest.raises(ConfigError, match="choose such a name"):
        result.plot(tmp_path / "plot.png")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        small_result().report(tmp_path / "file" / "report.html")
