"""`quarterdeck backtest`."""

import json
from pathlib import Path

import numpy as np
import pytest

from quarterdeck.cli.curves import curve, sparkline, thinned
from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace, load_bot
from tests.feeds.recordings import row, write_csv

RUN = ["backtest", "sma_crossover", "--engine", "event"]
SHORT = ["--to", "2026-03-01"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def shown(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert run_command(words) == code
    printed = capsys.readouterr()
    return printed.out if code == 0 else printed.err


def test_without_data_it_runs_on_a_made_up_market_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown([*RUN, *SHORT], capsys)
    for words in ("SmaCrossover(fast_bars=20, slow_bars=50)", "made-up sample prices", "SAMPLE DATA", "total return"):
        assert words in text
    assert "what this stands on" in text
    assert "(event)" in text
    assert "\x1b[" not in text


def test_with_json_it_prints_the_result_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, *SHORT, "--json", "--trades"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert printed.err == ""
    assert document["instruments"] == ["BTC-USD", "ETH-USD"]
    assert document["to_at"] == "2026-03-01T00:00:00Z"
    assert document["stats"]["trades"] + document["stats"]["trades_open"] == len(document["trades"])


def test_options_set_parameters_money_costs_sizes_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--cash", "5000", "--fee", "0.2%", "--slippage-bps", "3", "--size", "1%", "--set", "fast_bars=10"]
    limits = ["--stop-loss", "3%", "--guardrail", "cooldown_s=7200", "--guardrail", "order_value_max_quote=1e6"]
    document = json.loads(shown([*RUN, *SHORT, *words, *limits, "--json"], capsys))
    said = " ".join(document["assumptions"])
    assert document["strategy"]["parameters"] == {"fast_bars": 10, "slow_bars": 50}
    assert document["cash"] == "5000"
    for words_said in (
        "0.200%",
        "3 basis points",
        "cooldown_s = 7200.0",
        "order_value_max_quote = 1000000.0",
        "the stop first",
    ):
        assert words_said in said


def test_guardrails_that_are_left_out_are_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown([*RUN, *SHORT, "--no-guardrails"], capsys)
    assert "guardrails are OFF" in text.splitlines()[2]
    assert "GUARDRAILS ARE OFF" in text


def test_refusals_are_told_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown([*RUN, *SHORT, "--guardrail", "cooldown_s=500000"], capsys)
    assert "refused" in text
    assert "G8" in text


def test_a_plot_and_the_trades_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    plain, full = shown([*RUN, *SHORT], capsys), shown([*RUN, *SHORT, "--plot", "--trades"], capsys)
    assert "⠀" in full
    assert "⠀" not in plain
    assert "ended by" in full


def test_a_report_is_written_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown([*RUN, *SHORT, "--report", "out/report.html"], capsys)
    assert "report: out/report.html" in text
    assert "<svg" in (tmp_path / "out" / "report.html").read_text()


def test_recorded_candles_are_taken_from_files_and_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(minute, 100.0 + minute % 9) for minute in range(300)]
    file = write_csv(tmp_path / "BTC-USD-1m.csv", rows)
    (tmp_path / "folder").mkdir()
    write_csv(tmp_path / "folder" / "ETH-USD.csv", rows)
    named = {
        str(file): "BTC-USD",
        f"LTC-USD={file}": "LTC-USD",
        f"kraken:LTC-USD={file}": "LTC-USD",
        f"BTC-USDT:USDT={file}": "BTC-USDT:USDT",
        str(tmp_path / "folder"): "ETH-USD",
    }
    for data, instrument in named.items():
        document = json.loads(shown([*RUN, "--data", data, "--json"], capsys))
        assert document["instruments"] == [instrument]
        assert document["bars"] == 300


def test_a_bot_is_tried_with_its_own_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = create_workspace(tmp_path / "w")
    taker = load_bot(workspace.bot_file("demo"), workspace).exchanges[0].fees.taker
    words = ["--workspace", str(tmp_path / "w"), "backtest", "--bot", "demo", *SHORT, "--engine", "event", "--json"]
    document = json.loads(shown(words, capsys))
    assert document["strategy"]["name"] == "SmaCrossover"
    assert document["cash"] == "10000"
    assert f"{taker:.3%}" in " ".join(document["assumptions"])


def test_everything_that_is_wrong_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--cash", "abc", "--size", "x", "--guardrail", "cooldwn_s=1", "--engine", "fast", "--data", "mine.csv"]
    text = shown([*RUN[:2], *words, "--set", "fast_bars"], capsys, code=2)
    assert text.startswith("error: 6 problems\n")
    for said in (
        "--cash 'abc'",
        "--size 'x'",
        "did you mean cooldown_s",
        "--engine 'fast'",
        "--data mine.csv",
        "--set 'fast_bars'",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backtest"], "name a strategy"),
        (["backtest", "sma_crossover", "--bot", "demo"], "one of them"),
        (["backtest", "sma_crosover"], "there is no strategy 'sma_crosover'"),
        (["backtest", "sma_crossover", "--set", "fast_bars=1"], "fast_bars"),
        (["backtest", "sma_crossover", "--from", "2026-02-01", "--to", "2026-01-01"], "must be later"),
        (["backtest", "sma_crossover", "--short", "--engine", "event"], "perpetuals"),
        (["backtest", "sma_crossover", "--no-guardrails", "--guardrail", "cooldown_s=0"], "choose one"),
        (["backtest", "sma_crossover", "--from", "2040-01-01"], "no bar lies in the period"),
        (["backtest", "sma_crossover", "--data", "BTC-USD=gone.parquet"], "gone.parquet"),
        (["backtest", "sma_crossover", "--funding", "x"], "write PAIR=PATH"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in shown(words, capsys, code=2)


def test_a_sparkline_goes_from_the_lowest_to_the_highest() -> None:
    assert sparkline(np.array([1.0, 2.0]), 10) == "▁█"
    assert sparkline(np.full(5, 3.0), 3) == "▁▁▁"
    assert len(sparkline(np.arange(1000.0), 40)) == 40


def test_a_thinned_curve_ends_where_the_curve_ends() -> None:
    assert thinned(np.arange(1000.0), 7)[-1] == 999.0
    assert thinned(np.arange(3.0), 7).tolist() == [0.0, 1.0, 2.0]


def test_a_curve_fills_its_rows_from_corner_to_corner() -> None:
    lines = curve(np.arange(100.0), 20, 5)
    assert [len(line) for line in lines] == [20] * 5
    assert lines[-1][0] != "⠀"
    assert lines[0][-1] != "⠀"
    assert lines[0][0] == "⠀"
    assert len(set("".join(curve(np.full(4, 1.0), 5, 2)))) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--guardrail", "cooldown_s=-5"], "--guardrail cooldown_s=-5: must be from 0 to 604800"),
        (["--guardrail", "daily_loss_max=7"], "--guardrail daily_loss_max=7: must be above 0 to 1"),
        (["--guardrail", "daily_loss_max=.nan"], "--guardrail daily_loss_max=nan: must be above 0 to 1"),
        (["--data", "absent.parquet"], "there is no absent.parquet"),
        (["--lot", "x"], "--lot 'x': write a number"),
    ],
)
def test_thresholds_beyond_their_bounds_and_absent_files_are_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["backtest", "sma_crossover", *words]) == 2
    assert said in capsys.readouterr().err


def test_lots_and_the_least_worth_of_an_order_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["backtest", "sma_crossover", "--engine", "event", "--lot", "0.5", "--notional-min", "7"]
    assert "whole lots of 0.5, orders worth at least 7." in " ".join(shown(words, capsys).split())
