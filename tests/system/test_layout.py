from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import BotSettings, ConfigError, Listing
from quarterdeck.system.layout import layout_of
from tests.engine.driving import listing_of
from tests.system.desk import BTC, ETH, settings


def listed(venue: str, instrument: str, pair: str = "", tick: str = "0.01") -> Listing:
    base, quote = instrument.split("-")
    changes = {"base": base, "quote": quote, "pair": pair, "tick": Decimal(tick), "instrument": instrument}
    return msgspec.structs.replace(listing_of(venue, BTC), **changes)


def bot(*listings: Listing, **changes: object) -> BotSettings:
    return msgspec.structs.replace(settings(), listings=listings, **changes)


def test_the_strategy_sees_the_first_venue_that_lists_a_pair() -> None:
    layout = layout_of(bot(listed("a", BTC), listed("b", BTC), listed("b", ETH, tick="0.1")))
    assert layout.primary == {BTC: ("a", BTC), ETH: ("b", ETH)}
    assert layout.steps == {BTC: 0.01, ETH: 0.1}


def test_an_equivalent_quote_of_the_first_venue_is_the_pair_itself() -> None:
    """A-39: a venue that lists BTC-USDC only is where BTC-USD is looked at and traded."""
    layout = layout_of(bot(listed("a", "BTC-USDC", BTC), listed("b", BTC), pairs=(BTC,)))
    assert layout.primary == {BTC: ("a", "BTC-USDC")}
    assert layout.quoted == ("BTC-USDC", BTC)


def test_a_venue_with_both_shows_the_pair_under_its_own_name() -> None:
    layout = layout_of(bot(listed("a", "BTC-USDC", BTC), listed("a", BTC), pairs=(BTC,)))
    assert layout.primary == {BTC: ("a", BTC)}


def test_what_is_only_watched_is_quoted_and_listed_nowhere() -> None:
    layout = layout_of(bot(listed("a", BTC), listed("b", BTC), pairs=(BTC,), watched=("USDC-USD", "BNB-USD")))
    assert layout.quoted == (BTC, "USDC-USD", "BNB-USD")
    assert layout.unlisted == {(venue, coin) for venue in "ab" for coin in ("USDC-USD", "BNB-USD")}


def test_what_is_watched_and_traded_is_quoted_once() -> None:
    layout = layout_of(bot(listed("a", BTC), pairs=(BTC,), watched=(BTC,)))
    assert layout.quoted == (BTC,)
    assert layout.unlisted == {("b", BTC)}


def test_a_pair_that_no_venue_lists_is_refused() -> None:
    with pytest.raises(ConfigError, match="no exchange lists ETH-USD"):
        layout_of(bot(listed("a", BTC)))
