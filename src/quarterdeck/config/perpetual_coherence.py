"""Whether what a bot's file says of perpetuals, shorts and leverage goes together."""

from __future__ import annotations

from collections.abc import Mapping

from quarterdeck.config.document import Node, Section
from quarterdeck.config.reading import Reader, is_wrong
from quarterdeck.config.settings import BotConfig
from quarterdeck.domain import instrument_from


def check_perpetuals(reader: Reader, config: BotConfig, named: Mapping[str, Node]) -> None:
    """
    Note shorts and leverage without a perpetual, more leverage than is allowed, and perpetuals that cannot be charged.

    Args: reader of the whole file; what was read of it; pairs and watched instruments → where they stand.
    """
    for instrument in config.watch:
        if _is_perpetual(instrument) and instrument in named and instrument not in config.pairs:
            advice = "watch a spot pair of the coin, or trade this one"
            reader.problems.add(named[instrument], f"the price of {instrument} says what no asset is worth", advice)
    if is_wrong(reader, "pairs", "*.pairs", "risk"):
        return
    traded = [pair for pair in config.pairs if _is_perpetual(pair)]
    if not traded:
        _refuse_without(reader, config)
        return
    _check_leverage(reader, config)
    if not is_wrong(reader, "*.fees"):
        _check_charges(reader, config)


def _is_perpetual(instrument: str) -> bool:
    return instrument_from(instrument).settle is not None


def _refuse_without(reader: Reader, config: BotConfig) -> None:
    advice = "add a perpetual to the pairs, like BTC-USDT:USDT, or write"
    if config.risk.short:
        _note(reader, "short", "only perpetuals can be sold short, and pairs has none", f"{advice} short: false")
    if config.risk.leverage_max > 1.0:
        problem = "only perpetuals are traded with leverage, and pairs has none"
        _note(reader, "leverage_max", problem, f"{advice} leverage_max: 1")


def _check_leverage(reader: Reader, config: BotConfig) -> None:
    leverage, limit = config.risk.leverage_max, config.guardrails.leverage_max
    if leverage > limit and not is_wrong(reader, "guardrails.leverage_max"):
        problem = f"{leverage:g} is more than the {limit:g} of guardrails.leverage_max (E11)"
        _note(reader, "leverage_max", problem, "lower it, or loosen that guardrail")
    for venue in config.exchanges:
        most = venue.personality.perpetuals.leverage_max
        if leverage > most and any(listing.is_perpetual for listing in venue.traded):
            problem = f"{leverage:g} is more than the {most} that exchange {venue.name} allows"
            _note(reader, "leverage_max", problem, "lower it, or raise perpetuals: {leverage_max: …} of that exchange")


def _check_charges(reader: Reader, config: BotConfig) -> None:
    nodes = [node for node in reader.nodes("exchanges") if isinstance(node, Section)]
    for venue, node in zip(config.exchanges, nodes, strict=False):
        listed = [listing.instrument for listing in venue.listings if listing.is_perpetual]
        if listed and venue.fees.asset != "quote":
            problem = f"{listed[0]} is charged in its quote only, not in {venue.fees.asset!r}"
            reader.problems.add(node.entries.get("fees", node), problem, "write fees: {asset: quote, …}")


def _note(reader: Reader, key: str, problem: str, advice: str) -> None:
    section = reader.section.entries.get("risk")
    node = section.entries.get(key, section) if isinstance(section, Section) else reader.section
    reader.problems.add_at(node.line, f"risk.{key}", problem, advice)
