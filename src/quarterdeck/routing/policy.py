"""Which venues may be considered at all: the policy that the bot file names."""

from __future__ import annotations

from quarterdeck.domain import RoutingSettings


def venue_for(routing: RoutingSettings, pair: str) -> str | None:
    """
    Name the venue that the policy prescribes for opening a pair.

    Args:
        routing: The bot's policy.
        pair: The canonical pair.

    Returns:
        None where every venue may be compared. The empty name, which no venue has, where the policy asks for a venue
        and the settings name none: then nothing can be routed.

    Example:
        >>> venue_for(RoutingSettings("symbol_map", venue="bybit", symbols={"BTC-USD": "kraken"}), "ETH-USD")
        'bybit'
    """
    match routing.policy:
        case "best_price":
            return None
        case "symbol_map":
            return routing.symbols.get(pair, routing.venue)
        case "fixed":
            return routing.venue
