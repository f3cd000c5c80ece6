"""From a bot's YAML file to its checked configuration, or to all the problems of the file at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

from quarterdeck.config.aliases import move_aliases, older_names, rename_parameters
from quarterdeck.config.document import Scalar, Section, read_document
from quarterdeck.config.exchanges import read_exchanges
from quarterdeck.config.limits import read_guardrails, read_risk, read_routing, read_sizing
from quarterdeck.config.reading import Bounds, Reader, plain_value
from quarterdeck.config.settings import TIMEFRAMES_NS, BotConfig, ExchangeSettings, MarketSettings, StrategySettings
from quarterdeck.config.strategy_files import find_strategy
from quarterdeck.config.workspace import MARKER, NAME_RULE, Workspace, checked_name
from quarterdeck.domain import ZERO, ConfigError, InputError, add, instrument_from
from quarterdeck.strategies import Strategy

PAPER_CAPITAL: Final = Decimal(10_000)
PAIRS_MAX: Final = 50
START_PRICES: Final = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "LTC": 80.0, "XRP": 0.5, "ADA": 0.4, "DOGE": 0.1}
START_PRICE: Final = 100.0

_PAIRS_ADVICE: Final = "write the pairs to trade, like pairs: [BTC-USD, ETH-USD]"


def load_bot(path: Path, workspace: Workspace | None = None) -> BotConfig:
    """
    Read and check a bot's configuration.

    A bot without `capital` may use all that its paper accounts hold; a single exchange without `balances` holds the
    capital, or 10,000 of the base currency.

    Args:
        path: The YAML file.
        workspace: Where strategy files are looked for; without it, the workspace that the file lies in, if any.

    Raises:
        ConfigError: With every problem of the file, one `file:line: path: problem; what to do` per line.
    """
    root, problems = read_document(path)
    move_aliases(root, problems)
    reader = Reader(root, problems)
    place = workspace or _workspace_around(path)
    name = _read_name(reader, path)
    _read_mode(reader)
    base = reader.text("base_currency", "USD")
    risk, risk_unbuilt = read_risk(reader.sub("risk"))
    guardrails, guardrails_unbuilt = read_guardrails(reader.sub("guardrails"))
    at_par = (base, *guardrails.stablecoins)
    pairs = _read_pairs(reader, at_par)
    market = _read_market(reader.sub("market"), pairs)
    before = len(problems)
    capital = reader.money("capital", PAPER_CAPITAL)
    exchanges = read_exchanges(reader, pairs, {base: capital}, market.seed)
    held = _held(exchanges, at_par)
    if not reader.has("capital"):
        capital = held
    elif len(problems) == before and capital > held:
        advice = "lower it, or raise the balances of the exchanges"
        problem = f"{capital:f} is more than the {held:f} that the balances hold in {', '.join(at_par)}"
        problems.add(root.entries["capital"], problem, advice)
    strategy = _read_strategy(reader, place)
    read_routing(reader.sub("routing"))
    quotes_unbuilt = _read_equivalent_quotes(reader)
    sizing = read_sizing(reader.sub("sizing"))
    shutdown = reader.sub("shutdown")
    cancels = shutdown.choice("orders", ("cancel", "keep"), "cancel") == "cancel"
    shutdown.close()
    reader.close(older_names(""))
    problems.raise_if_any()
    return BotConfig(
        path=path,
        name=name,
        mode="paper",
        base_currency=base,
        capital=capital,
        exchanges=exchanges,
        strategy=strategy,
        pairs=pairs,
        market=market,
        sizing=sizing,
        risk=risk,
        guardrails=guardrails,
        cancel_on_shutdown=cancels,
        not_enforced=(*risk_unbuilt, *guardrails_unbuilt, *quotes_unbuilt),
    )


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


def _workspace_around(path: Path) -> Workspace | None:
    around = path.absolute().parent.parent
    return Workspace(around) if (around / MARKER).is_file() else None


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
    mode = reader.choice("mode", ("paper", "testnet", "live"), "paper")
    if mode != "paper":
        node = reader.section.entries["mode"]
        reader.problems.add(node, f"mode {mode} is not available in this version", "write mode: paper")


def _read_pairs(reader: Reader, at_par: tuple[str, ...]) -> tuple[str, ...]:
    if not reader.require("pairs", _PAIRS_ADVICE):
        reader.section.take("pairs")
        return ()
    before = len(reader.problems)
    words = reader.names("pairs")
    node = reader.section.entries["pairs"]
    if not words and len(reader.problems) == before:
        reader.problems.add(node, "no pair", _PAIRS_ADVICE)
    if len(words) > PAIRS_MAX:
        reader.problems.add(node, f"{len(words)} pairs", f"trade at most {PAIRS_MAX} with one bot")
    return tuple(word.text for word in words if _is_tradable(reader, word, at_par))


def _is_tradable(reader: Reader, word: Scalar, at_par: tuple[str, ...]) -> bool:
    try:
        instrument = instrument_from(word.text)
    except InputError:
        reader.problems.add(word, f"{word.text!r} is not an instrument", "write it like BTC-USD")
        return False
    if instrument.settle is not None:
        reader.problems.add(word, "perpetuals are not available in this version", "use a spot pair like BTC-USD")
        return False
    if instrument.quote not in at_par:
        problem = f"{instrument.quote} is neither the base currency nor one of guardrails.stablecoins"
        reader.problems.add(word, problem, f"use a pair quoted in one of: {', '.join(at_par)}")
        return False
    if instrument.base in at_par:
        reader.problems.add(word, f"{instrument.base} counts as money here", "use a pair like BTC-USD")
        return False
    return True


def _read_market(reader: Reader, pairs: tuple[str, ...]) -> MarketSettings:
    reader.choice("source", ("synthetic",), "synthetic")
    seed = reader.whole("seed", 7, Bounds(0, 2**31))
    starts = reader.sub("start")
    start = {
        pair: starts.number(pair, START_PRICES.get(pair.partition("-")[0], START_PRICE), Bounds(1e-6, 1e9))
        for pair in pairs
    }
    starts.close()
    reader.close()
    return MarketSettings(seed=seed, start=start)


def _held(exchanges: tuple[ExchangeSettings, ...], at_par: tuple[str, ...]) -> Decimal:
    held = ZERO
    for exchange in exchanges:
        for asset in at_par:
            held = add(held, exchange.balances.get(asset, ZERO))
    return held


def _read_strategy(reader: Reader, place: Workspace | None) -> StrategySettings:
    section = reader.sub("strategy")
    timeframe = section.choice("timeframe", tuple(TIMEFRAMES_NS), "1m")
    parameters = section.sub("parameters")
    named = section.require("name", "name a strategy, like strategy: {name: sma_crossover}")
    name = section.text("name", "")
    section.close(older_names("strategy"))
    values: dict[str, object] = {}
    digest, file = "", None
    if named and name:
        try:
            found = find_strategy(name, place.production if place else None, place.development if place else None)
        except ConfigError as error:
            problem, _, advice = str(error).partition("; ")
            section.problems.add(section.section.entries["name"], problem, advice or "correct the file")
        else:
            digest, file = found.hash, found.file
            values = _read_parameters(parameters, found.kind)
    return StrategySettings(name, timeframe, TIMEFRAMES_NS[timeframe], values, digest, file)


def _read_parameters(reader: Reader, kind: type[Strategy]) -> dict[str, object]:
    rename_parameters(reader.section, frozenset(kind.parameters), reader.problems)
    before = len(reader.problems)
    values: dict[str, object] = {}
    for name, parameter in kind.parameters.items():
        node = reader.section.take(name)
        if node is None:
            continue
        try:
            values[name] = parameter.accept(plain_value(node) if isinstance(node, Scalar) else None)
        except InputError:
            shown = repr(node.text) if isinstance(node, Scalar) else "this"
            reader.problems.add(node, f"{shown} is not allowed", f"{name} takes {parameter.describe()}")
    reader.close()
    if len(reader.problems) == before:
        try:
            kind(**values)
        except InputError as error:
            reader.problems.add(reader.section, str(error), "choose values that go together")
    return values


def _read_equivalent_quotes(reader: Reader) -> tuple[str, ...]:
    groups = reader.nodes("equivalent_quotes")
    for group in groups:
        holder = Reader(Section(group.line, group.path, {"group": group}), reader.problems)
        holder.names("group")
    return ("equivalent_quotes",) if groups else ()
