"""The venues of a bot, from its file."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeGuard

from quarterdeck.config.document import Node, Problems, Section
from quarterdeck.config.reading import ZERO_OR_MORE, Bounds, Reader
from quarterdeck.config.settings import ExchangeSettings, FeeSettings, GridSettings
from quarterdeck.domain import ZERO, instrument_from
from quarterdeck.feeds import Derivation

EXCHANGES_MAX: Final = 16

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_ASSET: Final = re.compile(r"[A-Z0-9]{1,16}")
_TAKER: Final = Bounds(0.0, 1.0, high_allowed=False)
_MAKER: Final = Bounds(-1.0, 1.0, low_allowed=False, high_allowed=False)
_DERIVED: Final = ("basis_bps", "lag_bars", "outage_share", "outage_bars_mean", "seed")
_ADVICE: Final = 'write like exchanges: [{name: coinbase, kind: paper, balances: {USD: "10000"}}]'


def read_exchanges(
    reader: Reader, pairs: tuple[str, ...], whole: dict[str, Decimal], seed: int
) -> tuple[ExchangeSettings, ...]:
    """
    Read the list of exchanges, or the single name that older files give.

    Args:
        reader: Of the whole file.
        pairs: What the bot trades.
        whole: What a single exchange holds where its balances are not stated.
        seed: Of derived tapes that state none.
    """
    before = len(reader.problems)
    sections = _sections(reader)
    exchanges: dict[str, ExchangeSettings] = {}
    for section in sections:
        exchange = _read_exchange(Reader(section, reader.problems), pairs, whole if len(sections) == 1 else {}, seed)
        if exchange.name in exchanges:
            node = section.entries["name"]
            reader.problems.add(node, f"exchange {exchange.name} stands in the list already", "keep one of them")
        exchanges[exchange.name] = exchange
    if len(sections) > EXCHANGES_MAX:
        reader.problems.add_at(sections[0].line, "exchanges", f"{len(sections)} of them", f"use up to {EXCHANGES_MAX}")
    if exchanges and len(reader.problems) == before:
        _check_quotes(reader, pairs, list(exchanges.values()))
    return tuple(exchanges.values())


def _sections(reader: Reader) -> list[Section]:
    problems = reader.problems
    single = reader.section.take("exchange")
    if single is not None and reader.has("exchanges"):
        standing = reader.section.entries["exchanges"].line
        problems.add(single, f"means the same as exchanges on line {standing}", "keep one of them")
    elif single is not None:
        reader.section.take("exchanges")
        return [Section(single.line, single.path, {"name": single})]
    if not reader.require("exchanges", _ADVICE):
        reader.section.take("exchanges")
        return []
    before = len(problems)
    nodes = reader.nodes("exchanges")
    if not nodes and len(problems) == before:
        problems.add(reader.section.entries["exchanges"], "no exchange", _ADVICE)
    return [node for node in nodes if _is_section(node, problems)]


def _is_section(node: Node, problems: Problems) -> TypeGuard[Section]:
    if isinstance(node, Section):
        return True
    problems.add(node, "this must be a section", "write like {name: coinbase, kind: paper}")
    return False


def _read_exchange(reader: Reader, pairs: tuple[str, ...], whole: dict[str, Decimal], seed: int) -> ExchangeSettings:
    reader.require("name", "name the exchange, like name: coinbase")
    name = reader.text("name", "")
    if name and not _NAME.fullmatch(name):
        node = reader.section.entries["name"]
        reader.problems.add(node, f"{name!r} is not a name of an exchange", "write it like coinbase, in small letters")
    kind = reader.text("kind", "paper")
    if kind != "paper":
        node = reader.section.entries["kind"]
        reader.problems.add(node, f"kind {kind!r} is not available in this version", "write kind: paper")
    fees = reader.sub("fees")
    default = FeeSettings()
    exchange = ExchangeSettings(
        name=name,
        fees=FeeSettings(fees.money("maker", default.maker, _MAKER), fees.money("taker", default.taker, _TAKER)),
        balances=_read_balances(reader, whole),
        spread_bps=reader.number("spread_bps", 2.0, Bounds(0.0, 1_000.0)),
        depth_quote=reader.number("depth_quote", 250_000.0, Bounds(1.0, 1e12)),
        derivation=_read_derivation(reader, seed),
        socket=_read_socket(reader),
        grids=_read_grids(reader.sub("grid"), pairs),
    )
    fees.close()
    reader.close()
    return exchange


def _read_balances(reader: Reader, whole: dict[str, Decimal]) -> dict[str, Decimal]:
    if not reader.has("balances"):
        if not whole:
            line, path = reader.section.line, reader.section.path_of("balances")
            reader.problems.add_at(line, path, "missing", 'say what it holds, like balances: {USD: "5000"}')
        return whole
    section = reader.sub("balances")
    balances = {}
    for asset, node in section.section.entries.items():
        if not _ASSET.fullmatch(asset):
            reader.problems.add(node, f"{asset!r} is not an asset", "write assets in capitals, like USD")
        balances[asset] = section.money(asset, ZERO, ZERO_OR_MORE)
    return balances


def _read_derivation(reader: Reader, seed: int) -> Derivation | None:
    is_derived = any(reader.has(key) for key in _DERIVED)
    derivation = Derivation(
        seed=reader.whole("seed", seed, Bounds(0, 2**31)),
        basis_bps=reader.number("basis_bps", 0.0, Bounds(0.0, 1_000.0)),
        lag_bars=reader.whole("lag_bars", 0, Bounds(0, 1_000)),
        outage_share=reader.number("outage_share", 0.0, Bounds(0.0, 0.5)),
        outage_bars_mean=reader.number("outage_bars_mean", 20.0, Bounds(1.0, 100_000.0)),
    )
    return derivation if is_derived else None


def _read_socket(reader: Reader) -> Path | None:
    if not reader.has("socket"):
        return None
    text = reader.text("socket", "")
    return Path(text) if text else None


def _read_grids(reader: Reader, pairs: tuple[str, ...]) -> dict[str, GridSettings]:
    grids = {}
    for pair in pairs:
        if not reader.has(pair):
            reader.section.known.append(pair)
            continue
        grid, default, before = reader.sub(pair), GridSettings(), len(reader.problems)
        settings = GridSettings(
            tick=grid.money("tick", default.tick),
            lot=grid.money("lot", default.lot),
            lots_min=grid.whole("lots_min", default.lots_min, Bounds(1, 2**53)),
            lots_max=grid.whole("lots_max", default.lots_max, Bounds(1, 2**53)),
            notional_min=grid.money("notional_min", default.notional_min, ZERO_OR_MORE),
        )
        grid.close()
        if len(reader.problems) == before and settings.lots_min > settings.lots_max:
            reader.problems.add(grid.section, "lots_min is above lots_max", "write bounds that leave something")
        grids[pair] = settings
    reader.close()
    return grids


def _check_quotes(reader: Reader, pairs: tuple[str, ...], exchanges: list[ExchangeSettings]) -> None:
    for pair in pairs:
        quote = instrument_from(pair).quote
        if not any(exchange.balances.get(quote, ZERO) > 0 for exchange in exchanges):
            node = reader.section.entries["pairs"]
            problem = f"no exchange holds {quote}, with which {pair} is bought"
            reader.problems.add(node, problem, f"add {quote} to the balances of an exchange, or drop the pair")
