"""What a bot trades: spellings, equivalent quotes, what exchanges list, and what is only watched."""

from pathlib import Path

import pytest

from quarterdeck.config.pairs import TOP_COINS
from quarterdeck.domain import MINUTE_NS
from tests.config.small_bot import SMALL, load, told

TWO_QUOTES = """\
name: two
exchanges:
  - {name: coinbase, balances: {USD: "5000"}}
  - {name: kraken, pairs: [BTC/USDC, ETH-USDC, USDC-USD], balances: {USDC: "5000"}}
equivalent_quotes: [[USD, USDC]]
watch: [USDC-USD]
strategy: {name: sma_crossover}
pairs: [BTC-USD, ETH-USD]
"""


def test_a_pair_is_traded_in_every_equivalent_quote_that_an_exchange_lists(tmp_path: Path) -> None:
    config = load(tmp_path, TWO_QUOTES)
    settings = config.engine_settings(MINUTE_NS)
    assert [(one.venue, one.instrument, one.pair, one.pair_id) for one in settings.listings] == [
        ("coinbase", "BTC-USD", "", "BTC-USD"),
        ("coinbase", "ETH-USD", "", "ETH-USD"),
        ("kraken", "BTC-USDC", "BTC-USD", "BTC-USD"),
        ("kraken", "ETH-USDC", "ETH-USD", "ETH-USD"),
    ]
    assert settings.pairs == ("BTC-USD", "ETH-USD")
    assert settings.watched == ("USDC-USD",)
    assert settings.approved is None
    assert [one.instrument for one in config.exchanges[1].listings] == ["BTC-USDC", "ETH-USDC", "USDC-USD"]
    assert config.exchanges[0].pairs == ("BTC-USD", "ETH-USD", "USDC-USD")
    assert config.market.start["USDC-USD"] == 1.0


def test_quotes_that_are_not_declared_equivalent_are_two_pairs(tmp_path: Path) -> None:
    apart = TWO_QUOTES.replace("equivalent_quotes: [[USD, USDC]]\n", "")
    config = load(tmp_path, apart)
    assert {one.venue for one in config.engine_settings(MINUTE_NS).listings} == {"coinbase"}


def test_x1_other_spellings_of_a_pair_are_canonical_in_the_end(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL.replace("[BTC-USD]", "[XXBTZUSD, eth/usd, SOL_USD, LTCUSD]"))
    assert config.pairs == ("BTC-USD", "ETH-USD", "SOL-USD", "LTC-USD")


def test_a25_without_pairs_the_ten_largest_coins_are_traded(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL.replace("pairs: [BTC-USD]\n", ""))
    assert config.pairs == tuple(f"{coin}-USD" for coin in TOP_COINS)
    assert len(config.pairs) == 10
    listed = SMALL.replace("pairs: [BTC-USD]\n", "").replace("{name: coinbase,", "{name: coinbase, pairs: [SOL-USD],")
    only = listed.replace("{name: kraken,", "{name: kraken, pairs: [SOLUSD, BTC-EUR],")
    assert load(tmp_path, only).pairs == ("SOL-USD",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("pairs: [BTC-USD, ETH-USD]", "pairs: [BTC-USD, BTC-USDC]", "8: pairs[1]: BTC-USDC counts as BTC-USD (equi"),
        ("pairs: [BTC-USD, ETH-USD]", "pairs: [BTC-USD, XBTUSD]", "8: pairs[1]: BTC-USD stands in this list already"),
        ("pairs: [BTC-USD, ETH-USD]", "pairs: BTC-USD", "8: pairs: this must be a list; write the pairs to trade"),
        ("pairs: [BTC-USD, ETH-USD]", "pairs: []", "8: pairs: no pair; write the pairs to trade"),
        ("pairs: [BTC-USD, ETH-USD]", "pairs: [USDC-USD]", "8: pairs[0]: USDC counts as money here"),
        ("pairs: [BTC-USD, ETH-USD]", "pairs: [BTCBUSD]", "8: pairs[0]: 'BTCBUSD' could be BTCB-USD or BTC-BUSD"),
        ("[[USD, USDC]]", "[[USD]]", "5: equivalent_quotes[0]: a group needs two quotes or more"),
        ("[[USD, USDC]]", "[USD, [USDC, USD]]", "5: equivalent_quotes[0]: this must be a list; write groups of quotes"),
        ("[[USD, USDC]]", "[[USD, EUR]]", "5: equivalent_quotes[0][1]: EUR is neither the base currency nor a stable"),
        ("[[USD, USDC]]", "[[USD, USDC], [DAI, USD]]", "5: equivalent_quotes[1][1]: USD stands on line 5 already"),
        ("watch: [USDC-USD]", "watch: [USDC-USD, USDC/USD]", "6: watch[1]: USDC-USD stands in this list already"),
        ("BTC/USDC", "BTC/USDC:BTC", "4: exchanges[1].pairs[0]: BTC-USDC:BTC is settled in BTC, which is no"),
    ],
)
def test_a_list_of_pairs_or_quotes_is_checked(tmp_path: Path, old: str, new: str, problem: str) -> None:
    found = told(tmp_path, TWO_QUOTES.replace(old, new))
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_a_pair_that_no_exchange_lists_is_named_with_its_line(tmp_path: Path) -> None:
    text = SMALL.replace("name: coinbase,", "name: coinbase, pairs: [ETH-USD],").replace(
        "name: kraken,", "name: kraken, pairs: [SOL-USD],"
    )
    assert told(tmp_path, text) == [
        "5: pairs[0]: no exchange lists BTC-USD; add it to the pairs of an exchange, or drop it here"
    ]
    watching = text.replace("[BTC-USD]", "[SOL-USD]") + "watch: [USDC-USD]\n"
    assert told(tmp_path, watching) == ["6: watch[0]: no exchange lists USDC-USD; add it to the pairs of an exchange"]


def test_too_many_pairs_for_one_bot_are_refused(tmp_path: Path) -> None:
    many = ", ".join(f"C{number}-USD" for number in range(51))
    assert told(tmp_path, SMALL.replace("[BTC-USD]", f"[{many}]"))[0].startswith("5: pairs: 51 pairs")
