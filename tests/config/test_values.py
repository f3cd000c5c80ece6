"""Every setting is listed with its value, default and origin, and its text reads back as the same value."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.config import BotConfig, Setting, create_workspace, load_bot, setting_values, text_of
from quarterdeck.config.catalogue import find_key
from tests.config.small_bot import SMALL, load

RICH = """\
name: rich
exchanges:
  - {name: coinbase, key: main, balances: {USD: 5000.5}, basis_bps: 3, socket: /tmp/x.sock}
  - name: kraken
    balances: {USDC: 5000}
    pairs: [BTC-USDC, USDC-USD, BNB-USD]
    fees: {asset: BNB, conversion: {USD: 0.0016, USDC: 0.0016}, rounding: half_even}
    grid: {BTC-USDC: {tick: 0.1, notional_max: 100000}}
equivalent_quotes: [[USD, USDC]]
watch: [USDC-USD, BNB-USD]
strategy: {name: sma_crossover, parameters: {fast_bars: 7, slow_bars: 30}}
pairs: [BTC-USD]
routing: {policy: symbol_map, default: coinbase, symbols: {BTC-USD: kraken}}
sizing: {kind: base, value: 0.001}
risk: {stop_loss: 0.05, trailing_stop: 0.03}
guardrails: {qty_max: {BTC-USD: 0.25}, stablecoins: [USDC], executions_max: 20, cooldown_s: 1}
"""


def by_path(config: BotConfig) -> dict[str, Setting]:
    return {setting.path: setting for setting in setting_values(config)}


def test_a_setting_says_where_its_value_comes_from(tmp_path: Path) -> None:
    text = SMALL + "guardrails: {cooldown_s: 30, trades_max: 4}\n"
    settings = by_path(load(tmp_path, text, {"guardrails.cooldown_s": "15"}))
    assert settings["guardrails.cooldown_s"] == Setting(
        "guardrails.cooldown_s", "15", "60", "run time", "seconds", line=6, is_live=True
    )
    assert (settings["guardrails.trades_max"].value, settings["guardrails.trades_max"].origin) == ("4", "file")
    assert (settings["risk.stop_loss"].value, settings["risk.stop_loss"].origin) == ("null", "default")
    assert (settings["capital"].line, settings["capital"].is_live) == (2, False)


def test_a_changed_section_marks_all_that_stands_in_it(tmp_path: Path) -> None:
    settings = by_path(load(tmp_path, SMALL, {"routing": "{policy: fixed, venue: kraken}"}))
    assert {settings[path].origin for path in ("routing.policy", "routing.venue")} == {"run time"}


@pytest.mark.parametrize("text", [SMALL, RICH])
def test_every_setting_is_a_known_key_and_every_live_one_may_be_set_to_what_it_is(tmp_path: Path, text: str) -> None:
    config = load(tmp_path, text)
    for setting in setting_values(config):
        key = find_key(setting.path)
        assert key is not None, setting.path
        assert setting.is_live == key.is_live
    changes = {setting.path: setting.value for setting in setting_values(config) if setting.is_live}
    same = load(tmp_path, text, changes)
    assert [(one.path, one.value) for one in setting_values(same)] == [
        (one.path, one.value) for one in setting_values(config)
    ]
    assert (same.guardrails, same.risk, same.sizing, same.routing) == (
        config.guardrails,
        config.risk,
        config.sizing,
        config.routing,
    )


def test_the_settings_of_a_new_bot_are_those_of_its_file(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    settings = by_path(load_bot(workspace.bot_file("demo")))
    assert settings["exchanges[1].balances.USD"].value == "5000"
    assert settings["strategy.parameters.fast_bars"].value == "5"
    assert settings["guardrails.stablecoins"].value == "[USDT, USDC, DAI, BUSD]"


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.text(max_size=20))
def test_a_value_is_spelled_in_one_line(number: float, word: str) -> None:
    assert "\n" not in text_of({word: [number, word, None, True]})
