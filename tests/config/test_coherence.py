"""Parts of a file that do not go together are told, each with its line."""

from pathlib import Path

import pytest

from tests.config.small_bot import SMALL, load, told

MINIMUM = 'balances: {USD: "900"}, grid: {BTC-USD: {notional_min: 100}}'
BOTH = SMALL.replace('balances: {USD: "600"}', 'balances: {USD: "600"}, grid: {BTC-USD: {notional_min: 80}}').replace(
    'balances: {USD: "900"}', MINIMUM
)


def test_a_size_under_the_minimum_of_every_venue_is_refused(tmp_path: Path) -> None:
    text = BOTH + "guardrails: {order_value_max_share: 1}\n"
    found = told(tmp_path, text + "sizing: {value: 50}\n")
    says = "orders of 50 USD are under the 80 that BTC-USD takes at least; raise it, or lower the venue's minimum"
    assert found == [f"7: sizing.value: {says}"]
    assert told(tmp_path, text + "sizing: {value: 80}\n") == []


def test_one_venue_that_takes_the_size_is_enough(tmp_path: Path) -> None:
    assert told(tmp_path, SMALL.replace('balances: {USD: "900"}', MINIMUM) + "sizing: {value: 20}\n") == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("", "1: guardrails.order_value_max_share: orders of 20 USD are under the 80"),
        ("guardrails: {order_value_max_share: 0.03}", "6: guardrails.order_value_max_share: orders of 30 USD are"),
        (
            "guardrails: {order_value_max_share: 1, order_value_max_quote: 40}",
            "6: guardrails.order_value_max_quote: orders of 40 USD are",
        ),
        (
            "sizing: {kind: equity_share, value: 0.05}\nguardrails: {order_value_max_share: 1}",
            "6: sizing.value: orders of 50 USD",
        ),
        ("sizing: {kind: base, value: 0.000000001}", "6: sizing.value: orders of 0.000000001 BTC are under the 0.00"),
    ],
)
def test_the_setting_that_makes_the_size_too_small_is_named(tmp_path: Path, more: str, problem: str) -> None:
    (found,) = told(tmp_path, f"{BOTH}{more}\n")
    assert found.startswith(problem)


def test_planted_faults_are_all_found_in_one_reading(tmp_path: Path) -> None:
    """The faults of a file that `doctor` must find: none hides another."""
    text = """\
name: planted
capitol: 5
exchanges: [{name: coinbase, pairs: [BTC-USD, SOL-USD], balances: {USD: 900}, grid: {BTC-USD: {notional_min: 60}}}]
strategy: {name: sma_crosover}
pairs: [BTC-USD, ETH-USD]
sizing: {value: 10}
risk: {stop_loss: "0.05"}
"""
    assert [line.partition(";")[0] for line in told(tmp_path, text)] == [
        "2: capitol: unknown key",
        "4: strategy.name: there is no strategy 'sma_crosover'",
        "5: pairs[1]: no exchange lists ETH-USD",
        "6: sizing.value: orders of 10 USD are under the 60 that BTC-USD takes at least",
        "7: risk.stop_loss: '0.05' is not a number",
    ]


def test_a_coin_that_backs_the_capital_must_count_as_money(tmp_path: Path) -> None:
    text = SMALL.replace('balances: {USD: "900"}', 'balances: {BTC: "900"}')
    assert told(tmp_path, text)[0].startswith(
        "2: capital: 1000 is more than the 600 that the balances hold in USD, USDT"
    )
    assert load(tmp_path, text.replace('capital: "1000"', 'capital: "600"')).capital == 600
