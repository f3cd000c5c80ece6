"""From a bot's YAML file to its checked configuration, or to all the problems of the file at once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, structs

from quarterdeck.config.aliases import canonical_path, move_aliases, older_names
from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.ceilings import Ceilings, ceiling_problems, read_ceilings
from quarterdeck.config.coherence import check_together
from quarterdeck.config.document import AT_RUN_TIME, FileError, Items, Node, Problem, Section, read_document
from quarterdeck.config.exchange_parts import start_price
from quarterdeck.config.exchanges import Wanted, read_exchanges
from quarterdeck.config.limits import read_guardrails, read_orders, read_qty_max, read_risk, read_sizing
from quarterdeck.config.overrides import apply_changes
from quarterdeck.config.pairs import Quotes, by_pair, instruments_in, pairs_in, read_pairs, read_quotes
from quarterdeck.config.reading import Reader, read_number
from quarterdeck.config.routes import read_routing
from quarterdeck.config.settings import BotConfig, ExchangeSettings, MarketSettings
from quarterdeck.config.strategy_files import find_strategy
from quarterdeck.config.strategy_section import read_strategy
from quarterdeck.config.symbols import is_asset
from quarterdeck.config.workspace import MARKER, NAME_RULE, Workspace, checked_name
from quarterdeck.domain import ConfigError, GuardrailSettings, instrument_from
from quarterdeck.strategies import Strategy

PAPER_CAPITAL: Final = Decimal(10_000)

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def load_bot(path: Path, workspace: Workspace | None = None, overrides: Mapping[str, str] = _NOTHING) -> BotConfig:
    """
    Read and check a bot's configuration.

    A bot without `capital` may use all that its paper accounts hold; a single exchange without `balances` holds the
    capital, or 10,000 of the base currency.

    Args:
        path: The YAML file.
        workspace: Where strategy files and the fleet's limits are looked for; without it, the workspace that the file
            lies in, if any.
        overrides: What was set at run time: path → value as it would stand in the file. It wins over the file.

    Raises:
        FileError: A ConfigError with every problem, one `file:line: path: problem; what to do` per line. What follows
            from `overrides` reads `file: set at run time: path: …`.
    """
    config, problems = read_bot(path, workspace, overrides)
    if problems or config is None:
        raise FileError(problems)
    return config


def problems_of(
    path: Path, workspace: Workspace | None = None, overrides: Mapping[str, str] = _NOTHING
) -> list[Problem]:
    """List everything that is wrong with a bot's file, in the order of the file; nothing is raised for its content."""
    return read_bot(path, workspace, overrides)[1]


def read_bot(
    path: Path, workspace: Workspace | None = None, overrides: Mapping[str, str] = _NOTHING
) -> tuple[BotConfig | None, list[Problem]]:
    """
    Read a bot's file as far as it can be read, for whoever looks for more faults than the file's own.

    Returns:
        The configuration, with defaults in the place of what is wrong, None where there is no document at all; and
        what is wrong.
    """
    config, problems = _read_once(path, workspace, overrides)
    if overrides and problems:
        # What the file alone does not suffer from follows from what was set at run time, wherever it shows.
        own = set(_read_once(path, workspace, _NOTHING)[1])
        problems = [each if each in own else structs.replace(each, line=AT_RUN_TIME) for each in problems]
    return config, problems


def load_strategy(config: BotConfig) -> Strategy:
    """
    Make the strategy that a configuration names, from the very source that was checked.

    Raises:
        ConfigError: If its file changed since.
    """
    file = config.strategy.file
    found = find_strategy(config.strategy.name, file.parent if file else None, None)
    if found.hash != config.strategy.hash:
        raise ConfigError(f"{file}: changed while the bot was starting; start it again")
    return found.kind(**config.strategy.parameters)


def _read_once(
    path: Path, workspace: Workspace | None, overrides: Mapping[str, str]
) -> tuple[BotConfig | None, list[Problem]]:
    try:
        root, problems = read_document(path)
    except FileError as error:
        return None, list(error.problems)
    place = workspace or _workspace_around(path)
    move_aliases(root, problems)
    lines = _lines_of(root)
    approved = apply_changes(root, overrides, problems)
    config = _read_root(Reader(root, problems), path, place, approved)
    changes = {canonical_path(written): text for written, text in overrides.items()}
    config = structs.replace(config, lines=lines, changes=changes)
    ceilings, elsewhere = read_ceilings(place.marker) if place and place.marker.is_file() else (Ceilings(""), [])
    found = [*problems.found, *ceiling_problems(config, ceilings)]
    return config, [*sorted(found, key=lambda problem: problem.line), *elsewhere]


class _Traded(Struct, frozen=True):
    """What a file says of pairs, before its exchanges are known."""

    pairs: dict[str, Node]
    approved: tuple[str, ...] | None
    watch: dict[str, Node]
    quotes: Quotes


def _read_root(reader: Reader, path: Path, place: Workspace | None, approved: Node | None) -> BotConfig:
    name = _read_name(reader, path)
    _read_mode(reader)
    base = _read_base(reader)
    risk = read_risk(reader.sub("risk"))
    limits = reader.sub("guardrails")
    guardrails = read_guardrails(limits)
    traded = _read_traded(reader, base, guardrails, approved)
    pairs, quotes = tuple(traded.pairs), traded.quotes
    guardrails = structs.replace(guardrails, qty_max=read_qty_max(limits, pairs, quotes))
    limits.close(older_names("guardrails"))
    market = reader.sub("market")
    seed = _read_market_head(market)
    capital = reader.money(KEYS["capital"], PAPER_CAPITAL)
    folder = place.root if place is not None else path.absolute().parent
    wanted = Wanted(pairs, tuple(traded.watch), quotes, {base: capital}, seed, folder)
    exchanges = read_exchanges(reader, wanted)
    shutdown = reader.sub("shutdown")
    cancels = shutdown.choice(KEYS["shutdown.orders"]) == "cancel"
    shutdown.close()
    orders = reader.sub("orders")
    if not reader.has("pairs"):
        # The usual pairs are those of them that can be had.
        pairs = tuple(pair for pair in pairs if any(pair in venue.counts_as.values() for venue in exchanges)) or pairs
    config = BotConfig(
        path=path,
        name=name,
        mode="paper",
        base_currency=base,
        capital=capital,
        exchanges=exchanges,
        strategy=read_strategy(reader, place),
        pairs=pairs,
        market=_read_market(market, seed, exchanges, quotes),
        approved=traded.approved,
        equivalent_quotes=quotes.groups,
        watch=tuple(traded.watch),
        routing=read_routing(reader.sub("routing"), pairs, quotes, _listed(exchanges)),
        sizing=read_sizing(reader.sub("sizing")),
        risk=risk,
        guardrails=guardrails,
        cancel_on_shutdown=cancels,
        orders=read_orders(orders),
        order_timeout_min=orders.number(KEYS["orders.timeout_min"]),
        naked_max_s=orders.number(KEYS["orders.naked_max_s"]),
    )
    orders.close()
    reader.close(older_names(""))
    return check_together(reader, config, {**traded.watch, **traded.pairs})


def _read_traded(reader: Reader, base: str, guardrails: GuardrailSettings, approved: Node | None) -> _Traded:
    at_par = (base, *(coin for coin in guardrails.stablecoins if coin != base))
    quotes = read_quotes(reader, at_par)
    pairs = read_pairs(reader, quotes)
    watch = instruments_in(reader, "watch", quotes)
    if approved is None:
        return _Traded(pairs, None, watch, quotes)
    chosen = pairs_in(approved, quotes, reader.problems, may_be_empty=True)
    known = {pair: quotes.pair_of(instrument_from(pair), pairs) or pair for pair in chosen}
    added = {pair: chosen[written] for written, pair in known.items() if pair not in pairs}
    return _Traded({**pairs, **added}, tuple(known.values()), watch, quotes)


def _listed(exchanges: tuple[ExchangeSettings, ...]) -> dict[str, frozenset[str]]:
    return {venue.name: frozenset(venue.counts_as.values()) for venue in exchanges}


def _workspace_around(path: Path) -> Workspace | None:
    around = path.absolute().parent.parent
    return Workspace(around) if (around / MARKER).is_file() else None


def _lines_of(root: Section) -> dict[str, int]:
    """Say where everything stands, by its path in its own name."""
    found: dict[str, int] = {}
    waiting: list[tuple[str, Node]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if path:
            found[path] = node.line
        if isinstance(node, Section):
            waiting.extend((f"{path}.{name}" if path else name, below) for name, below in node.entries.items())
        elif isinstance(node, Items):
            waiting.extend((f"{path}[{place}]", below) for place, below in enumerate(node.nodes))
    return found


def _read_name(reader: Reader, path: Path) -> str:
    name = reader.text("name", path.stem)
    node = reader.section.entries.get("name")
    line = node.line if node else 1
    try:
        checked_name(name)
    except ConfigError:
        reader.problems.add_at(line, "name", f"{name!r} is not a name of a bot", f"use {NAME_RULE}")
        return name
    if path.absolute().parent.name == "bots" and name != path.stem:
        problem = f"the file is called {path.name}, but the bot {name!r}"
        reader.problems.add_at(line, "name", problem, f"write name: {path.stem}, or rename the file")
    return name


def _read_mode(reader: Reader) -> None:
    mode = reader.choice(KEYS["mode"])
    if mode != "paper":
        node = reader.section.entries["mode"]
        reader.problems.add(node, f"mode {mode} is not available in this version", "write mode: paper")


def _read_base(reader: Reader) -> str:
    base = reader.text("base_currency", "USD")
    if is_asset(base):
        return base
    node = reader.section.entries["base_currency"]
    reader.problems.add(node, f"{base!r} is not an asset", "write it in capitals, like USD")
    return "USD"


def _read_market_head(reader: Reader) -> int:
    reader.choice(KEYS["market.source"])
    return reader.whole(KEYS["market.seed"])


def _read_market(reader: Reader, seed: int, exchanges: tuple[ExchangeSettings, ...], quotes: Quotes) -> MarketSettings:
    instruments = tuple(dict.fromkeys(instrument for venue in exchanges for instrument in venue.pairs))
    start = {instrument: start_price(instrument) for instrument in instruments}
    apart = Quotes(quotes.at_par)
    for instrument, node in by_pair(reader.sub("start").section, instruments, apart, reader.problems).items():
        start[instrument] = read_number(node, KEYS["market.start.PAIR"].within, reader.problems) or start[instrument]
    reader.close()
    return MarketSettings(seed=seed, start=start)
