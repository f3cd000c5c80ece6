"""What was set at run time lies over the file, checked as strictly (X17: defaults, file, what was set)."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.config import FileError, load_bot, problems_of
from quarterdeck.config.catalogue import ALL_KEYS
from quarterdeck.config.keys import Key
from quarterdeck.domain import MINUTE_NS
from tests.config.small_bot import SMALL, load, told, write

TWO_PAIRS = SMALL.replace("[BTC-USD]", "[BTC-USD, ETH-USD]")


def test_x17_a_change_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    text = SMALL + "guardrails: {cooldown_s: 30, trades_max: 4}\n"
    config = load(tmp_path, text, {"guardrails.cooldown_s": "15", "sizing.value": '"20"', "risk.stop_loss": "0.03"})
    assert (config.guardrails.cooldown_s, config.guardrails.trades_max) == (15.0, 4)
    assert config.guardrails.trades_window_min == 5
    assert (config.sizing.value, config.risk.stop_loss) == (Decimal(20), 0.03)


def test_null_takes_a_setting_away(tmp_path: Path) -> None:
    text = SMALL + "risk: {stop_loss: 0.05}\nguardrails: {cooldown_s: 30}\n"
    config = load(tmp_path, text, {"risk.stop_loss": "null", "guardrails.cooldown_s": "null"})
    assert (config.risk.stop_loss, config.guardrails.cooldown_s) == (None, 60.0)


def test_lists_maps_and_whole_sections_may_be_changed(tmp_path: Path) -> None:
    changes = {
        "guardrails.stablecoins": "[USDC, DAI]",
        "guardrails.qty_max.BTCUSD": "0.5",
        "routing": "{policy: fixed, venue: kraken}",
        "routing.venue": "coinbase",
    }
    config = load(tmp_path, SMALL, changes)
    assert config.guardrails.stablecoins == ("USDC", "DAI")
    assert config.guardrails.qty_max == {"BTC-USD": 0.5}
    assert (config.routing.policy, config.routing.venue) == ("fixed", "coinbase")


def test_older_names_may_be_changed_too(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL, {"guardrails.maxTradeUSD": "100"})
    assert config.guardrails.order_value_max_quote == 100.0
    assert config.changes == {"guardrails.order_value_max_quote": "100"}


def test_pairs_set_at_run_time_say_what_may_be_opened_and_forget_nothing(tmp_path: Path) -> None:
    config = load(tmp_path, TWO_PAIRS, {"pairs": "[SOL/USD, BTCUSD]"})
    assert config.pairs == ("BTC-USD", "ETH-USD", "SOL-USD")
    assert config.engine_settings(MINUTE_NS).approved == ("SOL-USD", "BTC-USD")
    assert load(tmp_path, TWO_PAIRS, {"pairs": "[]"}).approved == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"guardrails.cooldown_s": "abc"}, "guardrails.cooldown_s: 'abc' is not a number; write it like 0.05"),
        (
            {"guardrails.cooldown_s": "-1"},
            "guardrails.cooldown_s: -1 is out of bounds; write a number from 0 to 604800",
        ),
        ({"guardrails.cooldown_s": ".nan"}, "guardrails.cooldown_s: .nan is not finite"),
        ({"guardrails.cooldown_s": ""}, "guardrails.cooldown_s: nothing was given"),
        ({"guardrails.cooldown_s": "[1"}, "guardrails.cooldown_s: this is no YAML"),
        ({"guardrails.cooldown_s": "1\n---\n2"}, "guardrails.cooldown_s: this is no YAML"),
        ({"guardrails.cooldown_s": '"\\UFFFFFFFF"'}, "guardrails.cooldown_s: this is no YAML"),
        ({"guardrails.cooldown_s": "1" * 5000}, "guardrails.cooldown_s: more than 4096 characters"),
        ({"guardrails": "{cooldown_s: 1, cooldown_s: 2}"}, "guardrails.cooldown_s: stands on line 1 already"),
        ({"guardrails": "{cooldown: 1}"}, "guardrails.cooldown: unknown key; did you mean cooldown_s?"),
        ({"guardrails.cooldwn_s": "1"}, "guardrails.cooldwn_s: no such setting; did you mean guardrails.cooldown_s?"),
        ({"cooldown_s": "1"}, "cooldown_s: no such setting; did you mean guardrails.cooldown_s?"),
        ({"x.y.z": "1"}, "x.y.z: no such setting; 'quarterdeck settings get BOT' lists them"),
        ({"capital": "1"}, "capital: this cannot be changed while the bot runs; change it in the file, and start"),
        ({"risk": "{short: true}"}, "risk: this cannot be changed while the bot runs"),
        ({"exchanges[0].fees.maker": "0"}, "exchanges[0].fees.maker: this cannot be changed while the bot runs"),
        ({"routing.policy": "fixed"}, "routing.venue: missing; name an exchange, like venue: coinbase"),
        ({"pairs": "[BTC-EUR]"}, "pairs[0]: EUR is neither the base currency nor one of guardrails.stablecoins"),
        ({"guardrails.qty_max.ETH-USD": "1"}, "guardrails.qty_max.ETH-USD: ETH-USD is none of the bot's pairs"),
        ({"sizing.value": "0.5"}, "sizing.value: orders of 0.5 USD are under the 1 that BTC-USD takes at least"),
    ],
)
def test_a_change_that_breaks_the_rules_is_told_as_set_at_run_time(
    tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    found = told(tmp_path, SMALL, changes)
    assert found[0].startswith(f"set at run time: {problem}")
    with pytest.raises(FileError, match="set at run time"):
        load(tmp_path, SMALL, changes)


def test_a_problem_of_the_file_stays_one_of_the_file(tmp_path: Path) -> None:
    text = SMALL + "risk: {stop_loss: 5}\n"
    found = told(tmp_path, text, {"guardrails.cooldown_s": "-1"})
    assert [line.split(";")[0] for line in found] == [
        "set at run time: guardrails.cooldown_s: -1 is out of bounds",
        "6: risk.stop_loss: 5 is out of bounds",
    ]
    hidden = told(tmp_path, SMALL + "risk: 5\n", {"risk.stop_loss": "0.05"})
    assert hidden == ["6: risk: this must be a section; write risk: {…} with its keys"]


@given(
    st.sampled_from(ALL_KEYS),
    st.one_of(st.text(max_size=30), st.sampled_from(["null", "[]", "{}", "0", "-1", "1e9", "true", "[[1]]", "a: b"])),
)
def test_any_text_for_any_setting_loads_or_is_told_as_set_at_run_time(
    tmp_path_factory: pytest.TempPathFactory, key: Key, text: str
) -> None:
    path = write(tmp_path_factory.mktemp("any"), SMALL)
    changes = {key.path: text}
    problems = problems_of(path, overrides=changes)
    assert all(problem.line == 0 and "set at run time" in problem.text for problem in problems)
    if not problems:
        load_bot(path, overrides=changes)
