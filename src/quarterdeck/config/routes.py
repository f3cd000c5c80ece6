"""Where opening orders go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Node
from quarterdeck.config.pairs import Quotes, by_pair
from quarterdeck.config.reading import Reader, read_text
from quarterdeck.domain import RoutingSettings

_USES: Final[dict[str, tuple[str, ...]]] = {
    "best_price": (),
    "symbol_map": ("default", "symbols"),
    "fixed": ("venue",),
}


def read_routing(
    reader: Reader, pairs: Sequence[str], quotes: Quotes, listed: Mapping[str, frozenset[str]]
) -> RoutingSettings:
    """
    Read the routing policy.

    Args:
        reader: Of the section.
        pairs: What the bot trades.
        quotes: Which quotes count as one.
        listed: Venue → the bot's pairs that it lists.
    """
    policy = reader.choice(KEYS["routing.policy"])
    reader.section.known.extend(("default", "symbols", "venue"))
    for key in ("default", "symbols", "venue"):
        if reader.has(key) and key not in _USES[policy]:
            users = next(other for other, keys in _USES.items() if key in keys)
            node = reader.section.take(key)
            if node is not None:
                reader.problems.add(node, f"policy {policy} does not use it", f"remove it, or write policy: {users}")
    symbols: dict[str, str] = {}
    venue = ""
    if policy == "fixed":
        venue = _required_venue(reader, "venue", pairs, listed)
    elif policy == "symbol_map":
        for pair, node in by_pair(reader.sub("symbols").section, pairs, quotes, reader.problems).items():
            symbols[pair] = _venue(reader, node, [pair], listed)
        venue = _required_venue(reader, "default", [pair for pair in pairs if pair not in symbols], listed)
    reader.close()
    return RoutingSettings(cast("Literal['best_price', 'symbol_map', 'fixed']", policy), venue, symbols)


def _required_venue(reader: Reader, key: str, pairs: Sequence[str], listed: Mapping[str, frozenset[str]]) -> str:
    example = next(iter(listed), "coinbase")
    node = reader.section.take(key)
    if node is None:
        reader.require(key, f"name an exchange, like {key}: {example}")
        return ""
    return _venue(reader, node, pairs, listed)


def _venue(reader: Reader, node: Node, pairs: Sequence[str], listed: Mapping[str, frozenset[str]]) -> str:
    name = read_text(node, reader.problems)
    if name is None:
        return ""
    if name not in listed:
        reader.problems.add(node, f"{name} is none of the bot's exchanges", f"use one of: {', '.join(listed)}")
        return ""
    missing = [pair for pair in pairs if pair not in listed[name]]
    if missing:
        reader.problems.add(node, f"{name} does not list {', '.join(missing)}", "choose a venue that does")
    return name
