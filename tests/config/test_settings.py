"""What the engine is told, and how a bot's capital is split over its accounts."""

from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.config import Starter, create_workspace, load_bot
from quarterdeck.config.settings import split_capital
from quarterdeck.domain import MINUTE_NS

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=8)


@given(st.lists(AMOUNTS, min_size=1, max_size=6), st.integers(1, 1000))
def test_the_shares_add_up_to_the_capital_and_stay_within_the_balances(balances: list[Decimal], share: int) -> None:
    total = sum(balances, Decimal(0))
    capital = (total * share / 1000).quantize(Decimal("1e-8"))
    if not 0 < capital <= total:
        return
    accounts = {f"v{number}": {"USD": amount} for number, amount in enumerate(balances)}
    split = split_capital(capital, ("USD",), accounts)
    assert sum((amount for held in split.values() for amount in held.values()), Decimal(0)) == capital
    assert all(amount <= accounts[venue][asset] for venue, held in split.items() for asset, amount in held.items())


def test_stablecoins_count_as_base_currency_in_the_split() -> None:
    split = split_capital(Decimal(100), ("USD", "USDT"), {"a": {"USD": Decimal(100)}, "b": {"USDT": Decimal(300)}})
    assert split == {"a": {"USD": Decimal(25)}, "b": {"USDT": Decimal(75)}}


def test_an_asset_that_is_no_money_is_no_capital() -> None:
    split = split_capital(Decimal(50), ("USD",), {"a": {"USD": Decimal(50), "BTC": Decimal(3)}})
    assert split == {"a": {"USD": Decimal(50)}}


def test_the_engine_gets_a_listing_for_each_pair_on_each_venue(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w", Starter(capital=9_999))
    config = load_bot(workspace.bot_file("demo"), workspace)
    settings = config.engine_settings(price_age_ns_max=2 * MINUTE_NS)
    assert [(listing.venue, listing.instrument) for listing in settings.listings] == [
        ("coinbase", "BTC-USD"),
        ("coinbase", "ETH-USD"),
        ("kraken", "BTC-USD"),
        ("kraken", "ETH-USD"),
    ]
    assert sum((venue.cash["USD"] for venue in settings.venues), Decimal(0)) == Decimal(9_999)
    assert settings.price_age_ns_max == 2 * MINUTE_NS
