"""Where opening orders go: one of three policies (X18), each with just its own keys."""

from pathlib import Path

import pytest

from quarterdeck.domain import MINUTE_NS, RoutingSettings
from tests.config.small_bot import SMALL, load, told

TWO_PAIRS = SMALL.replace("[BTC-USD]", "[BTC-USD, ETH-USD]")


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", RoutingSettings()),
        ("routing: {policy: best_price}", RoutingSettings()),
        ("routing: {policy: fixed, venue: kraken}", RoutingSettings("fixed", "kraken")),
        (
            "routing: {policy: symbol_map, default: coinbase, symbols: {ETHUSD: kraken}}",
            RoutingSettings("symbol_map", "coinbase", {"ETH-USD": "kraken"}),
        ),
        ("routing: {policy: symbol_map, default: kraken}", RoutingSettings("symbol_map", "kraken")),
    ],
)
def test_x18_each_policy_reaches_the_engine(tmp_path: Path, line: str, settings: RoutingSettings) -> None:
    config = load(tmp_path, TWO_PAIRS + line + "\n")
    assert config.engine_settings(MINUTE_NS).routing == settings


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{policy: cheapest}", "6: routing.policy: 'cheapest' is not allowed; write one of: best_price, symbol_map"),
        ("{policy: fixed}", "6: routing.venue: missing; name an exchange, like venue: coinbase"),
        ("{policy: symbol_map}", "6: routing.default: missing; name an exchange, like default: coinbase"),
        ("{policy: fixed, venue: binance}", "6: routing.venue: binance is none of the bot's exchanges; use one of:"),
        ("{policy: fixed, venue: [kraken]}", "6: routing.venue: this must be a word"),
        ("{policy: best_price, venue: kraken}", "6: routing.venue: policy best_price does not use it; remove it, or"),
        ("{venue: kraken, plicy: fixed}", "6: routing.venue: policy best_price does not use it"),
        ("{policy: symbol_map, default: kraken, symbols: [1]}", "6: routing.symbols: this must be a section"),
        (
            "{policy: symbol_map, default: kraken, symbols: {SOL-USD: kraken}}",
            "6: routing.symbols.SOL-USD: SOL-USD is none of the bot's pairs; use one of: BTC-USD, ETH-USD",
        ),
        (
            "{policy: symbol_map, default: kraken, symbols: {BTC-USD: kraken, BTCUSD: coinbase}}",
            "6: routing.symbols.BTCUSD: BTC-USD stands on line 6 already",
        ),
    ],
)
def test_x18_what_a_policy_lacks_or_does_not_use_is_told(tmp_path: Path, section: str, problem: str) -> None:
    assert told(tmp_path, f"{TWO_PAIRS}routing: {section}\n")[0].startswith(problem)


def test_a_venue_that_does_not_list_its_pairs_is_no_route(tmp_path: Path) -> None:
    text = TWO_PAIRS.replace("name: kraken,", "name: kraken, pairs: [BTC-USD],")
    found = told(tmp_path, text + "routing: {policy: fixed, venue: kraken}\n")
    assert found == ["6: routing.venue: kraken does not list ETH-USD; choose a venue that does"]
    mapped = "routing: {policy: symbol_map, default: kraken, symbols: {ETH-USD: coinbase}}\n"
    assert told(tmp_path, text + mapped) == []


def test_b10_a_pair_gets_another_venue_while_the_bot_runs(tmp_path: Path) -> None:
    """B-9's default and B-10's exception, without touching the file."""
    text = TWO_PAIRS + "routing: {policy: symbol_map, default: coinbase}\n"
    config = load(tmp_path, text, {"routing.symbols.BTC-USD": "kraken"})
    assert config.routing == RoutingSettings("symbol_map", "coinbase", {"BTC-USD": "kraken"})
