"""Older spellings mean the same as the documented ones."""

from pathlib import Path

import pytest
from msgspec import structs

from quarterdeck.config import BotConfig, load_bot
from quarterdeck.domain import ConfigError

FIRST_BOTS = """\
exchange: coinbase
mode: long_only
strategy: sma_crossover
parameters:
  fast_period: 20
  slow_period: 50

trading:
  pairs: ["BTC-USD", "ETH-USD", "LTC-USD"]
  trade_amount_usd: 50
  max_position_pct: 0.25

risk:
  stop_loss_pct: 0.05
  take_profit_pct: 0.10
  max_drawdown_pct: 0.15

dry_run: true
"""

SAME = """\
exchanges: [{name: coinbase}]
mode: paper
strategy: {name: sma_crossover, parameters: {fast_bars: 20, slow_bars: 50}}
pairs: [BTC-USD, ETH-USD, LTC-USD]
sizing: {value: 50}
risk: {stop_loss: 0.05, take_profit: 0.10, drawdown_max: 0.15, position_max: 0.25, short: false}
"""

CAMEL = """\
guardrails: {maxTradeUSD: 400, maxTradePercent: 0.03, dailyLossLimit: 0.04, rollingDrawdownLimit: 0.2,
  rollingDrawdownWindowDays: 6, rateOfLossLimit: 0.05, rateOfLossWindowMinutes: 20, rateOfLossPauseMinutes: 10,
  maxConcentration: 0.3, cooldownSeconds: 30, globalRateLimitTrades: 4, globalRateLimitWindowMinutes: 3,
  stablecoins: [USDT, USDC, DAI, BUSD], killSwitch: false}
"""

SNAKE = """\
guardrails: {order_value_max_quote: 400, order_value_max_share: 0.03, daily_loss_max: 0.04, drawdown_max: 0.2,
  drawdown_window_days: 6, loss_rate_max: 0.05, loss_rate_window_min: 20, loss_rate_pause_min: 10,
  concentration_max: 0.3, cooldown_s: 30, trades_max: 4, trades_window_min: 3,
  stablecoins: [USDT, USDC, DAI, BUSD]}
"""


def load(folder: Path, text: str) -> BotConfig:
    path = folder / "bot.yaml"
    path.write_text(text, encoding="utf-8")
    return load_bot(path)


def test_d11_a_file_of_the_first_bots_loads_as_it_stands(tmp_path: Path) -> None:
    first, same = load(tmp_path, FIRST_BOTS), load(tmp_path, SAME)
    assert structs.replace(first, lines={}) == structs.replace(same, lines={})
    assert (first.lines["sizing.value"], first.lines["risk.position_max"]) == (10, 11)


def test_a27_camel_case_guardrails_mean_the_same(tmp_path: Path) -> None:
    camel, snake = load(tmp_path, SAME + CAMEL), load(tmp_path, SAME + SNAKE)
    assert camel.guardrails == snake.guardrails
    assert camel.guardrails.cooldown_s == 30.0
    assert (camel.guardrails.trades_max, camel.guardrails.concentration_max) == (4, 0.3)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("dry_run: true", "dry_run: means the same as mode on line 2"),
        ("exchange: kraken", "exchange: means the same as exchanges on line 1"),
        ("trading: {trade_amount_usd: 3}", "trading.trade_amount_usd: means the same as sizing.value on line 5"),
        ("parameters: {fast_bars: 5}", "parameters: means the same as strategy.parameters on line 3"),
        ("guardrails: {maxTradeUSD: 1, order_value_max_quote: 1}", "guardrails.maxTradeUSD: means the same as"),
    ],
)
def test_both_spellings_at_once_are_an_error(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, SAME + line + "\n")
    assert f":7: {problem}" in str(raised.value)


@pytest.mark.parametrize("line", ["mode: dry-run", "dry_run: true", "mode: paper", "# no mode"])
def test_x3_dry_run_means_paper_and_paper_is_the_default(tmp_path: Path, line: str) -> None:
    assert load(tmp_path, SAME.replace("mode: paper", line)).mode == "paper"
