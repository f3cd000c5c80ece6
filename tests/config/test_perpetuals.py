"""Perpetuals, shorts, leverage and how entries are sent, in a bot's file."""

from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck.config import setting_values
from quarterdeck.domain import OrderSettings
from tests.config.small_bot import load, told

PERP = """\
name: perp
base_currency: USDT
exchanges:
  - name: binance
    balances: {USDT: "10000"}
    perpetuals: {leverage_max: 20, maintenance: 0.005}
    funding: {BTC-USDT:USDT: data/btc-funding.parquet}
strategy: {name: sma_crossover}
pairs: [BTC-USDT:USDT, ETH-USDT]
risk: {stop_loss: 0.05, short: true, leverage_max: 2}
orders: {entry: limit, entry_offset: 0.0005, timeout_min: 60}
"""


def test_a_file_with_a_perpetual_reaches_the_engine_and_the_venue(tmp_path: Path) -> None:
    config = load(tmp_path, PERP)
    settings = config.engine_settings(1)
    assert settings.pairs == ("BTC-USDT:USDT", "ETH-USDT")
    assert [listing.is_perpetual for listing in settings.listings] == [True, False]
    assert (settings.risk.short, settings.risk.leverage_max) == (True, 2.0)
    assert settings.orders == OrderSettings("limit", 0.0005)
    rules = config.exchanges[0].personality.perpetuals
    assert (rules.leverage_max, rules.maintenance, rules.leverage_default) == (20, Decimal("0.005"), 1)
    assert config.exchanges[0].funding == {"BTC-USDT:USDT": tmp_path / "data" / "btc-funding.parquet"}


@pytest.mark.parametrize("spelling", ["BTC/USDT:USDT", "btc-usdt:usdt", '"BTC-USDT:USDT"'])
def test_a_perpetual_is_read_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    text = PERP.replace("pairs: [BTC-USDT:USDT", f"pairs: [{spelling}")
    assert load(tmp_path, text).pairs[0] == "BTC-USDT:USDT"


def test_an_absolute_path_of_funding_stays_as_it_is(tmp_path: Path) -> None:
    config = load(tmp_path, PERP.replace("data/btc", "/elsewhere/btc"))
    assert config.exchanges[0].funding == {"BTC-USDT:USDT": Path("/elsewhere/btc-funding.parquet")}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("pairs: [BTC-USDT:USDT, ETH-USDT]", "pairs: [ETH-USDT]",
         "10: risk.short: only perpetuals can be sold short, and pairs has none; add a perpetual to the pairs"),
        ("pairs: [BTC-USDT:USDT, ETH-USDT]", "pairs: [ETH-USDT]",
         "10: risk.leverage_max: only perpetuals are traded with leverage, and pairs has none"),
        ("leverage_max: 2}", "leverage_max: 4}",
         "10: risk.leverage_max: 4 is more than the 3 of guardrails.leverage_max (E11); lower it, or loosen"),
        ("leverage_max: 20", "leverage_max: 1",
         "10: risk.leverage_max: 2 is more than the 1 that exchange binance allows; lower it"),
        ("leverage_max: 2}", "leverage_max: 0}", "10: risk.leverage_max: 0 is out of bounds; write a number from 1"),
        ("leverage_max: 2}", "leverage_max: 1.5}", "10: risk.leverage_max: '1.5' is not a whole number"),
        ("maintenance: 0.005", "maintenance: 0.05",
         "6: exchanges[0].perpetuals: a maintenance of 0.05 eats the whole margin at a leverage of 20; lower one"),
        ("funding: {BTC-USDT:USDT", "funding: {ETH-USDT",
         "7: exchanges[0].funding.ETH-USDT: ETH-USDT is no perpetual that this exchange lists; use one of: BTC-USDT:U"),
        ("entry: limit", "entry: stop", "11: orders.entry: 'stop' is not allowed; write one of: market, limit"),
        ("entry_offset: 0.0005", "entry_offset: -0.1", "11: orders.entry_offset: -0.1 is out of bounds"),
        ("entry_offset: 0.0005", "entry_ofset: 0.1", "11: orders.entry_ofset: unknown key; did you mean entry_offset?"),
        ("BTC-USDT:USDT, ETH", "BTC-USDT:BTC, ETH",
         "9: pairs[0]: BTC-USDT:BTC is settled in BTC, which is not its quote; use one settled in its quote, like"),
        ('balances: {USDT: "10000"}', 'balances: {USDT: "10000"}\n    fees: {asset: received}',
         "6: exchanges[0].fees: BTC-USDT:USDT is charged in its quote only, not in 'received'; write fees: {asset"),
        ("strategy:", "watch: [ETH-USDT:USDT]\nstrategy:",
         "8: watch[0]: the price of ETH-USDT:USDT says what no asset is worth; watch a spot pair of the coin"),
        ('balances: {USDT: "10000"}',
         'balances: {USDT: "10000"}\n    holdings: {BTC-USDT:USDT: {qty: 1, cost: 5}}',
         "6: exchanges[0].holdings.BTC-USDT:USDT: a perpetual is a contract, and none can be brought along"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in PERP
    assert any(one.startswith(problem) for one in told(tmp_path, PERP.replace(old, new))), told(
        tmp_path, PERP.replace(old, new)
    )


def test_what_may_change_at_run_time_changes_and_the_leverage_does_not(tmp_path: Path) -> None:
    changes = {"orders.entry": "market", "orders.entry_offset": "0", "risk.short": "false"}
    config = load(tmp_path, PERP, changes)
    assert (config.orders, config.risk.short) == (OrderSettings(), False)
    problems = told(tmp_path, PERP, {"risk.leverage_max": "3"})
    (problem,) = problems
    assert problem.startswith(
        "set at run time: risk.leverage_max: this cannot be changed while the bot runs; change it"
    )


def test_every_new_setting_is_listed_as_a_file_would_spell_it(tmp_path: Path) -> None:
    values = {one.path: one.value for one in setting_values(load(tmp_path, PERP))}
    assert values["risk.leverage_max"] == "2"
    assert values["risk.short"] == "true"
    assert (values["orders.entry"], values["orders.entry_offset"]) == ("limit", "0.0005")
    assert values["exchanges[0].perpetuals.maintenance"] == "0.005"
    assert values["exchanges[0].funding.BTC-USDT:USDT"].endswith("data/btc-funding.parquet")
