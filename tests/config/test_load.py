"""A bot's file: what loads, and every problem of one that does not."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.config import load_bot, load_strategy, problems_of, read_bot
from quarterdeck.domain import MINUTE_NS, ConfigError, RiskSettings, RoutingSettings
from quarterdeck.strategies import SmaCrossover
from tests.config.small_bot import SMALL, load, told, write

DOCUMENTED = """\
name: coinbase-long
mode: paper
base_currency: USD
capital: "10000"
exchanges:
  - {name: coinbase, kind: paper, fees: {maker: 0.004, taker: 0.006}, balances: {USD: "10000"}, spread_bps: 2, depth_quote: 250000}
strategy: {name: sma_crossover, timeframe: 1m, parameters: {fast_bars: 20, slow_bars: 50}}
pairs: [BTC-USD, ETH-USD]
equivalent_quotes: [[USD, USDC]]
routing: {policy: best_price}
sizing: {kind: quote, value: "50", entries_max: 1, confidence_min: 0.0}
risk: {stop_loss: 0.05, take_profit: 0.10, trailing_stop: null, drawdown_max: 0.15, position_max: 0.25, short: false, leverage_max: 1}
guardrails: {order_value_max_quote: 500, order_value_max_share: 0.02, daily_loss_max: 0.05, drawdown_max: 0.10, drawdown_window_days: 7,
  loss_rate_max: 0.02, loss_rate_window_min: 30, loss_rate_pause_min: 15, concentration_max: 0.25, cooldown_s: 60, trades_max: 5, trades_window_min: 5,
  stablecoins: [USDT, USDC, DAI, BUSD], strict_exits: false, protect_when_halted: false}
shutdown: {orders: cancel}
"""  # noqa: E501 - as the reference prints it

WRONG = """\
name: on
mode: live
capital: abc
base_curency: USD
exchanges:
  - {name: coinbase, kind: ccxt, fees: {maker: .nan, taker: -1}, balances: {USD: "-5"}}
  - {name: coinbase, balances: {USD: 4}, grid: {BTC-USD: {tick: 0}}}
strategy: {name: sma_crossover, timeframe: 2m, parameters: {fast_bars: 2, slow_bar: 50}}
pairs: [BTC-USD, BTC-USD, BTC.USD, BTC-EUR, NO, "BTC-USDT:USDT"]
routing: {policy: fixed, venue: x, symbols: {}}
sizing: {value: 0, entries_max: 1.5, confidence_min: yes}
risk: {stop_loss: 5, trailing_stop: 1, short: true, leverage_max: 1.5}
guardrails: {killSwitch: true, strict_exits: on, cooldwn_s: 4}
guardrails: {}
shutdown: {orders: leave}
market: {seed: -1, start: {BTC-USD: inf}}
"""

PROBLEMS = """\
1: name: YAML reads the unquoted 'on' as true or false; write it in quotes: "on"
2: mode: mode live is not available in this version; write mode: paper
3: capital: 'abc' is not an amount; write it like "12.50"
4: base_curency: unknown key; did you mean base_currency?
6: exchanges[0].kind: 'ccxt' is not allowed; write one of: paper
6: exchanges[0].fees.maker: .nan is not finite; write it like "12.50"
6: exchanges[0].fees.taker: -1 is out of bounds; write a number from 0 and below 1
6: exchanges[0].balances.USD: -5 is out of bounds; write a number 0 or more
7: exchanges[1].grid.BTC-USD.tick: 0 is out of bounds; write a number above 0
7: exchanges[1].name: exchange coinbase stands in the list already; keep one of them
8: strategy.timeframe: '2m' is not allowed; write one of: 1m, 5m, 15m, 1h, 4h, 1d
8: strategy.parameters.fast_bars: '2' is not allowed; fast_bars takes an integer from 5 to 60
8: strategy.parameters.slow_bar: unknown key; did you mean slow_bars?
9: pairs[1]: BTC-USD stands in this list already; keep one of them
9: pairs[2]: 'BTC.USD' is not an instrument; write it like BTC-USD, or BTC-USDT:USDT for a perpetual
9: pairs[3]: EUR is neither the base currency nor one of guardrails.stablecoins; use a pair quoted in one of: USD, USDT, USDC, DAI, BUSD
9: pairs[4]: YAML reads the unquoted 'NO' as true or false; write it in quotes: "NO"
10: routing.symbols: policy fixed does not use it; remove it, or write policy: symbol_map
10: routing.venue: x is none of the bot's exchanges; use one of: coinbase
11: sizing.entries_max: '1.5' is not a whole number; write it like 5, without quotes
11: sizing.confidence_min: 'yes' is not a number; write it like 0.05, without quotes
11: sizing.value: 0 is out of bounds; write a number above 0
12: risk.stop_loss: 5 is out of bounds; write a number above 0 and below 1
12: risk.trailing_stop: 1 is out of bounds; write a number above 0 and below 1
12: risk.leverage_max: '1.5' is not a whole number; write it like 5, without quotes
13: guardrails.killSwitch: the kill switch is no setting; remove the line and use 'quarterdeck kill BOT'
13: guardrails.strict_exits: 'on' is neither true nor false; write true or false, without quotes
13: guardrails.cooldwn_s: unknown key; did you mean cooldown_s?
14: guardrails: stands on line 13 already; keep one of them
15: shutdown.orders: 'leave' is not allowed; write one of: cancel, keep
16: market.seed: -1 is out of bounds; write a number from 0 to 2147483648
16: market.start.BTC-USD: inf is not finite; write it like 0.05, without quotes
"""  # noqa: E501 - golden


def test_the_documented_file_loads_and_reaches_the_engine(tmp_path: Path) -> None:
    config = load(tmp_path, DOCUMENTED)
    assert (config.name, config.capital, config.pairs) == ("coinbase-long", Decimal(10000), ("BTC-USD", "ETH-USD"))
    assert config.timeframe_ns == MINUTE_NS
    assert config.risk.stop_loss == 0.05
    assert config.guardrails.order_value_max_share == 0.02
    assert config.exchanges[0].fees.taker == Decimal("0.006")
    settings = config.engine_settings(MINUTE_NS)
    assert settings.guardrails == config.guardrails
    assert settings.risk == RiskSettings(0.05, 0.10, None, 0.15, 0.25)
    assert settings.routing == RoutingSettings()
    assert (settings.approved, settings.watched, settings.price_age_ns_max) == (None, (), MINUTE_NS)


def test_defaults_fill_a_small_file(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL)
    assert config.sizing.value == Decimal(50)
    assert config.market.start == {"BTC-USD": 60_000.0}
    assert config.exchanges[0].derivation is None
    assert isinstance(load_strategy(config), SmaCrossover)


def test_a_bot_without_a_capital_may_use_all_that_its_accounts_hold(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL.replace('capital: "1000"\n', "")).capital == Decimal(1500)


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    assert told(tmp_path, WRONG) == PROBLEMS.splitlines()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('capital: "1500.01"', "2: capital: 1500.01 is more than the 1500 that the balances hold in USD, USDT"),
        ("capital: -5", "2: capital: -5 is out of bounds"),
        ("capital: 1_000", "2: capital: '1_000' is not an amount"),
        ("capital: 0100", "2: capital: '0100' is not an amount"),
        ("capital: .inf", "2: capital: .inf is not finite"),
        ("capital: 1e99", "2: capital: 1e99 is no sensible amount"),
        ("capital: {}", "2: capital: this is not an amount"),
        ("mode: testnet", "2: mode: mode testnet is not available in this version"),
        ("dry_run: false", "2: dry_run: trading with real money is not available in this version"),
        ("routing: [best_price]", "2: routing: this must be a section"),
        ("sizing: {kind: equity_share, value: 2}", "2: sizing.value: 2 is out of bounds"),
        ("sizing: {kind: base}", "2: sizing.value: missing"),
        ("trading: {foo: 1}", "2: trading.foo: unknown key"),
        ("risk: {stop_loss: '0.05'}", "2: risk.stop_loss: '0.05' is not a number"),
        ("shrt: 1", "2: shrt: unknown key"),
        ("<<: {a: 1}", "2: <<: unknown key"),
    ],
)
def test_a_wrong_line_is_named_with_its_problem(tmp_path: Path, line: str, problem: str) -> None:
    found = told(tmp_path, SMALL.replace('capital: "1000"', line))
    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("sizing", "kind", "value"),
    [
        ("trading: {trade_amount_usd: 50}", "quote", "50"),
        ('sizing: {kind: quote, value: "12.50"}', "quote", "12.50"),
        ("sizing: {kind: equity_share, value: 0.02}", "equity_share", "0.02"),
        ("sizing: {kind: base, value: 0.00000001}", "base", "1E-8"),
    ],
)
def test_x4_a_size_is_exact_and_says_its_unit(tmp_path: Path, sizing: str, kind: str, value: str) -> None:
    found = load(tmp_path, f"{SMALL}{sizing}\n").engine_settings(1).sizing
    assert (found.kind, found.value, str(found.value)) == (kind, Decimal(value), value)


@pytest.mark.parametrize("mode", ["testnet", "live"])
def test_x3_modes_that_are_not_there_are_refused(tmp_path: Path, mode: str) -> None:
    assert told(tmp_path, f"mode: {mode}\n{SMALL}")[0].startswith(f"1: mode: mode {mode} is not available in this")


def test_a26_the_list_of_stablecoins_is_the_users_own(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL).guardrails.stablecoins == ("USDT", "USDC", "DAI", "BUSD")
    config = load(tmp_path, SMALL + "guardrails: {stablecoins: [USDC, PYUSD]}\n")
    assert config.guardrails.stablecoins == ("USDC", "PYUSD")
    assert config.at_par == ("USD", "USDC", "PYUSD")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: exchanges: missing"),
        ("[1]", "1: file: this is not a mapping"),
        ("name: [\n", "2: file: this is no YAML"),
        ("name: &a b\ncapital: *a\n", "2: file: references (*name) are not used here"),
        ("a: 1\n---\nb: 2\n", "2: file: this is no YAML"),
        ("[" * 3000, "1: file: this is no YAML: nested far too deep"),
        ("#" * 300_000, "1: file: larger than 256 kB"),
    ],
)
def test_a_file_that_is_no_document_says_why(tmp_path: Path, text: str, problem: str) -> None:
    assert told(tmp_path, text)[0].startswith(problem)


def test_a_wrong_file_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL + "risk: {stop_loss: 5, take_profit: 0.1}\nnonsense: 1\n")
    config, problems = read_bot(path)
    assert config is not None
    assert (config.risk, len(problems)) == (RiskSettings(take_profit=0.1), 2)
    assert read_bot(tmp_path / "none.yaml")[0] is None


def test_a_file_that_is_missing_or_not_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_bot(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: a\nx: \xff\n")
    with pytest.raises(ConfigError, match=r"latin.yaml:2: file: not UTF-8"):
        load_bot(path)


def test_a_bot_in_the_bots_folder_is_called_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "bots" / "other.yaml"
    path.parent.mkdir()
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"1: name: the file is called other.yaml, but the bot 'small'"):
        load_bot(path)


def test_a_pair_nobody_can_pay_for_is_refused(tmp_path: Path) -> None:
    found = told(tmp_path, SMALL.replace("[BTC-USD]", "[BTC-USD, BTC-USDT]"))
    advice = "add USDT to the balances of an exchange, or drop the pair"
    assert found == [f"5: pairs[1]: no exchange holds USDT, with which BTC-USDT is bought; {advice}"]


def test_balances_may_be_left_out_for_a_single_exchange_only(tmp_path: Path) -> None:
    single = SMALL.replace('{USD: "600"}}, {name: kraken, balances: {USD: "900"}}]', "{USD: 1000}}]")
    alone = single.replace(", balances: {USD: 1000}", "")
    assert load(tmp_path, alone).exchanges[0].balances == {"USD": Decimal(1000)}
    found = told(tmp_path, alone.replace("[{name: coinbase}]", "[{name: coinbase}, {name: kraken}]"))
    assert [line.split(";")[0] for line in found] == [
        "3: exchanges[0].balances: missing",
        "3: exchanges[1].balances: missing",
    ]


@given(st.text(max_size=200))
def test_any_text_gives_a_configuration_or_clear_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "bot.yaml"
    path.write_bytes((SMALL + text).encode(errors="replace"))
    assert all(problem.text.startswith(f"{path}:") for problem in problems_of(path))
