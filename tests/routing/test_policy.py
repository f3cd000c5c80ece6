"""Which venue a policy names."""

from quarterdeck.domain import RoutingSettings
from quarterdeck.routing import venue_for


def test_best_price_leaves_every_venue_open() -> None:
    """X18 A."""
    assert venue_for(RoutingSettings("best_price", venue="kraken"), "BTC-USD") is None


def test_fixed_names_one_venue_for_every_pair() -> None:
    """X18 D."""
    assert venue_for(RoutingSettings("fixed", venue="kraken"), "BTC-USD") == "kraken"


def test_a_symbol_goes_where_the_map_says_and_the_rest_to_the_default() -> None:
    """X18 B; B-9: a default venue; B-10: an override for each symbol."""
    routing = RoutingSettings("symbol_map", venue="bybit", symbols={"BTC-USD": "kraken"})
    assert venue_for(routing, "BTC-USD") == "kraken"
    assert venue_for(routing, "ETH-USD") == "bybit"


def test_a_policy_that_names_no_venue_routes_nothing() -> None:
    assert venue_for(RoutingSettings("symbol_map", symbols={"BTC-USD": "kraken"}), "ETH-USD") == ""
    assert venue_for(RoutingSettings("fixed"), "ETH-USD") == ""
