"""What single keys cannot say: whether the parts of a bot's file go together."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import structs

from quarterdeck.config.document import Node, Section
from quarterdeck.config.perpetual_coherence import check_perpetuals
from quarterdeck.config.reading import Reader, is_wrong
from quarterdeck.config.settings import BotConfig, ExchangeSettings
from quarterdeck.config.values import text_of
from quarterdeck.domain import ZERO, Listing, add, instrument_from, multiply, subtract


def check_together(reader: Reader, config: BotConfig, named: Mapping[str, Node]) -> BotConfig:
    """
    Note what does not go together.

    Args:
        reader: Of the whole file.
        config: What was read of it; wrong entries stand in it as their defaults.
        named: Pairs and watched instruments → where they stand in the file.

    Returns:
        The configuration with its capital, where the file leaves that to the balances.
    """
    for venue in config.exchanges:
        if venue.name and not is_wrong(reader, "*.fees", "watch", "pairs"):
            _check_fee_asset(reader, config, venue)
    for instrument in (*config.pairs, *config.watch):
        if instrument in named and config.exchanges:
            _check_listed(reader, config, instrument, named[instrument])
    config = _with_capital(reader, config)
    _check_sizes(reader, config)
    check_perpetuals(reader, config, named)
    return config


def _traded_as(config: BotConfig, pair: str) -> list[Listing]:
    return [listing for venue in config.exchanges for listing in venue.traded if listing.pair_id == pair]


def _check_listed(reader: Reader, config: BotConfig, instrument: str, node: Node) -> None:
    if instrument in config.watch and instrument not in config.pairs:
        if not is_wrong(reader, "*.pairs") and not any(instrument in venue.pairs for venue in config.exchanges):
            reader.problems.add(node, f"no exchange lists {instrument}", "add it to the pairs of an exchange")
        return
    listings = _traded_as(config, instrument)
    if not listings:
        if is_wrong(reader, "*.pairs"):
            return
        advice = "add it to the pairs of an exchange, or drop it here"
        reader.problems.add(node, f"no exchange lists {instrument}", advice)
        return
    balances = {venue.name: venue.balances for venue in config.exchanges}
    quotes = dict.fromkeys(listing.quote for listing in listings)
    if is_wrong(reader, "*.balances"):
        return
    if not any(balances[listing.venue].get(listing.quote, ZERO) > 0 for listing in listings):
        problem = f"no exchange holds {' or '.join(quotes)}, with which {instrument} is bought"
        first = next(iter(quotes))
        reader.problems.add(node, problem, f"add {first} to the balances of an exchange, or drop the pair")


def _check_fee_asset(reader: Reader, config: BotConfig, venue: ExchangeSettings) -> None:
    asset = venue.fees.asset
    if asset in {"quote", "base", "received", *config.at_par}:
        return
    priced = {instrument_from(shown).base for shown in (*config.pairs, *config.watch)}
    if asset not in priced:
        nodes = [node for node in reader.nodes("exchanges") if isinstance(node, Section)]
        node = next(node for node in nodes if _says(node, "name", venue.name))
        fees = node.entries["fees"]
        problem = f"nothing here says what {asset} is worth, in which fees are paid"
        place = fees.entries.get("asset", fees) if isinstance(fees, Section) else fees
        reader.problems.add(place, problem, f"add watch: [{asset}-{config.base_currency}]")


def _says(section: Section, key: str, text: str) -> bool:
    return getattr(section.entries.get(key), "text", None) == text


def _with_capital(reader: Reader, config: BotConfig) -> BotConfig:
    tied = ZERO
    for holding in config.holdings:
        tied = add(tied, holding.cost)
    held = tied
    for venue in config.exchanges:
        for asset in config.at_par:
            held = add(held, venue.balances.get(asset, ZERO))
    if not reader.has("capital"):
        return structs.replace(config, capital=held)
    if is_wrong(reader, "*.balances", "*.holdings", "capital"):
        return config
    node = reader.section.entries["capital"]
    if config.capital > held:
        advice = "lower it, or raise the balances of the exchanges"
        beside = f" beside the {tied:f} that the holdings cost" if tied else ""
        money = ", ".join(config.at_par)
        problem = f"{config.capital:f} is more than the {subtract(held, tied):f} that the balances hold in {money}"
        reader.problems.add(node, problem + beside, advice)
    elif config.capital < tied:
        problem = f"{config.capital:f} is less than the {tied:f} that the holdings cost"
        reader.problems.add(node, problem, "raise it: what the bot starts with is part of its capital")
    return config


def _check_sizes(reader: Reader, config: BotConfig) -> None:
    """Note the first pair that the bot could never buy, since its size lies under the minimum of every venue."""
    if is_wrong(reader, "*.grid", "sizing", "capital", "guardrails.order_value"):
        return
    for pair in config.pairs:
        listings = _traded_as(config, pair)
        if not listings:
            continue
        if config.sizing.kind == "base":
            least = min(multiply(Decimal(listing.lots_min), listing.lot) for listing in listings)
            size, unit, cause = config.sizing.value, listings[0].base, "sizing"
        else:
            least = min(listing.notional_min for listing in listings)
            (size, cause), unit = _largest(config), config.base_currency
        if size < least:
            problem = f"orders of {text_of(size)} {unit} are under the {text_of(least)} that {pair} takes at least"
            _note_size(reader, cause, problem)
            return


def _largest(config: BotConfig) -> tuple[Decimal, str]:
    """Say how large an order is at most, in base currency, and which setting makes it so."""
    limits, asked = config.guardrails, config.sizing.value
    share = Decimal(repr(limits.order_value_max_share))
    ways = [
        (multiply(asked, config.capital) if config.sizing.kind == "equity_share" else asked, "sizing"),
        (Decimal(repr(limits.order_value_max_quote)), "guardrails.order_value_max_quote"),
        (multiply(share, config.capital), "guardrails.order_value_max_share"),
    ]
    return min(ways, key=lambda way: way[0])


def _note_size(reader: Reader, cause: str, problem: str) -> None:
    section, _, key = cause.partition(".")
    node = reader.section.entries.get(section)
    inner = node.entries.get(key or "value") if isinstance(node, Section) else None
    place = inner or node
    line = place.line if place is not None else 1
    reader.problems.add_at(line, f"{section}.{key or 'value'}", problem, "raise it, or lower the venue's minimum")
