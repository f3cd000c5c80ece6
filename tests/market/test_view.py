import math

import pytest

from quarterdeck.domain import Grant, InputError, MarginReading, Quote, Skew
from quarterdeck.market import MarketView

PAIRS = ("BTC-USD", "ETH-USD")


def quote(venue: str, instrument: str, last: float = 100.0, at_ns: int = 1) -> Quote:
    return Quote(venue, instrument, at_ns, last, ((last - 1.0, 1.0),), ((last + 1.0, 1.0),))


def test_a_digest_lists_quotes_by_instrument_and_then_by_venue_whatever_came_first() -> None:
    view = MarketView(["kraken", "coinbase"])
    for venue, instrument in [("coinbase", "ETH-USD"), ("coinbase", "BTC-USD"), ("kraken", "ETH-USD")]:
        view.observe(quote(venue, instrument))
    seen = [(entry.instrument, entry.venue) for entry in view.surroundings(PAIRS).quotes]

    assert seen == [("BTC-USD", "coinbase"), ("ETH-USD", "kraken"), ("ETH-USD", "coinbase")]
    assert view.surroundings(("SOL-USD",)).quotes == ()


def test_the_same_digest_is_handed_out_until_something_changes() -> None:
    view = MarketView(["kraken"])
    view.observe(quote("kraken", "BTC-USD"))
    first = view.surroundings(PAIRS)

    assert view.surroundings(PAIRS) is first
    view.set_health("kraken", healthy=True)
    assert view.surroundings(PAIRS) is first
    view.observe(quote("kraken", "BTC-USD", last=101.0, at_ns=2))
    assert view.surroundings(PAIRS).quotes[0].last == 101.0
    assert first.quotes[0].last == 100.0


def test_an_older_quote_does_not_replace_a_newer_one() -> None:
    view = MarketView(["kraken"])
    view.observe(quote("kraken", "BTC-USD", last=101.0, at_ns=5))

    assert not view.observe(quote("kraken", "BTC-USD", last=99.0, at_ns=4))
    assert view.observe(quote("kraken", "BTC-USD", last=102.0, at_ns=5))
    held = view.quote("kraken", "BTC-USD")
    assert held is not None
    assert held.last == 102.0


@pytest.mark.parametrize("last", [0.0, -1.0, math.nan, math.inf])
def test_a_quote_without_a_price_replaces_nothing(last: float) -> None:
    view = MarketView(["kraken"])
    view.observe(quote("kraken", "BTC-USD"))

    assert not view.observe(Quote("kraken", "BTC-USD", 9, last, (), ()))
    assert view.surroundings(PAIRS).quotes[0].last == 100.0


def test_a_venue_that_is_down_is_named_until_it_answers_again() -> None:
    view = MarketView(["kraken", "coinbase"])
    view.set_health("coinbase", healthy=False)
    assert view.surroundings(PAIRS).venues_down == ("coinbase",)

    view.set_health("coinbase", healthy=True)
    assert view.surroundings(PAIRS).venues_down == ()


def test_a_venue_that_is_not_ours_is_refused() -> None:
    view = MarketView(["kraken"])

    with pytest.raises(InputError, match="the venues are kraken"):
        view.observe(quote("mtgox", "BTC-USD"))
    with pytest.raises(InputError, match="the venues are kraken"):
        view.set_health("mtgox", healthy=True)
    with pytest.raises(InputError, match="the venues are kraken"):
        view.set_skew("mtgox", 1.0)
    with pytest.raises(InputError, match="the venues are kraken"):
        view.set_margin(MarginReading("mtgox", "BTC-USD:USD", 1.0, "isolated", 0.0))
    assert view.quote("mtgox", "BTC-USD") is None


def test_a_digest_carries_the_clocks_that_were_compared_in_the_order_of_the_venues() -> None:
    view = MarketView(["kraken", "coinbase"])
    view.set_skew("coinbase", 12.5)
    view.set_skew("kraken", -600.0)
    assert view.surroundings(PAIRS).skews == (Skew("kraken", -600.0), Skew("coinbase", 12.5))

    view.set_skew("kraken", math.nan)
    assert view.surroundings(PAIRS).skews == (Skew("coinbase", 12.5),)


def test_a_digest_carries_the_margin_of_the_instruments_it_is_about() -> None:
    view = MarketView(["kraken", "coinbase"])
    readings = [
        MarginReading(venue, instrument, 2.0, "isolated", 0.0)
        for instrument in ("BTC-USD:USD", "ETH-USD:USD")
        for venue in ("coinbase", "kraken")
    ]
    for reading in readings:
        view.set_margin(reading)

    seen = view.surroundings(("ETH-USD:USD", "BTC-USD")).margins
    assert [(one.instrument, one.venue) for one in seen] == [("ETH-USD:USD", "kraken"), ("ETH-USD:USD", "coinbase")]


def test_a_digest_carries_the_grant_until_it_is_withdrawn() -> None:
    view = MarketView(["kraken"])
    assert view.surroundings(PAIRS).grant is None
    view.set_grant(Grant(500.0, 7))
    assert view.surroundings(PAIRS).grant == Grant(500.0, 7)
    view.set_grant(None)
    assert view.surroundings(PAIRS).grant is None


def test_the_same_news_again_makes_no_new_digest() -> None:
    view = MarketView(["kraken"])

    def tell() -> None:
        view.set_skew("kraken", 1.0)
        view.set_margin(MarginReading("kraken", "BTC-USD", 2.0, "cross", 9.0))
        view.set_grant(Grant(5.0, 1))

    tell()
    first = view.surroundings(PAIRS)
    tell()
    assert view.surroundings(PAIRS) is first
