"""The venues of a bot, from its file."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TypeGuard, cast

from msgspec import Struct, structs

from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Node, Problems, Section
from quarterdeck.config.exchange_habits import Held, personality_of, read_habits, read_holdings
from quarterdeck.config.exchange_parts import read_fees, read_grids
from quarterdeck.config.exchange_perpetuals import read_funding, read_perpetuals
from quarterdeck.config.pairs import Quotes, instruments_in
from quarterdeck.config.reading import Reader, read_money
from quarterdeck.config.settings import ExchangeSettings
from quarterdeck.config.symbols import is_asset
from quarterdeck.domain import ZERO, instrument_from
from quarterdeck.feeds import Derivation

EXCHANGES_MAX: Final = 16
OUTAGE_SHARE_MIN: Final = 1e-6

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_DERIVED: Final = ("basis_bps", "lag_bars", "outage_share", "outage_bars_mean", "seed")
_ADVICE: Final = 'write like exchanges: [{name: coinbase, kind: paper, balances: {USD: "10000"}}]'


class Wanted(Struct, frozen=True):
    """
    What the rest of the file says that exchanges must know.

    `pairs` and `watch` are traded and looked at; `whole` is what a single exchange holds where its balances are not
    stated; `seed` is that of derived prices that state none. Paths count from `folder`.
    """

    pairs: tuple[str, ...]
    watch: tuple[str, ...]
    quotes: Quotes
    whole: dict[str, Decimal]
    seed: int
    folder: Path


def read_exchanges(reader: Reader, wanted: Wanted) -> tuple[ExchangeSettings, ...]:
    """Read the list of exchanges, or the single name that older files give."""
    sections = _sections(reader)
    exchanges: dict[str, ExchangeSettings] = {}
    for section in sections:
        whole = wanted.whole if len(sections) == 1 else {}
        exchange = _read_exchange(Reader(section, reader.problems), wanted, whole)
        if exchange.name in exchanges:
            node = section.entries["name"]
            reader.problems.add(node, f"exchange {exchange.name} stands in the list already", "keep one of them")
        exchanges[exchange.name] = exchange
    if len(sections) > EXCHANGES_MAX:
        reader.problems.add_at(sections[0].line, "exchanges", f"{len(sections)} of them", f"use up to {EXCHANGES_MAX}")
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


def _read_exchange(reader: Reader, wanted: Wanted, whole: dict[str, Decimal]) -> ExchangeSettings:
    name = _read_name(reader)
    reader.read(KEYS["exchanges[].kind"])
    pairs = tuple(instruments_in(reader, "pairs", wanted.quotes)) if reader.has("pairs") else ()
    reader.section.known.append("pairs")
    shown = pairs or (*wanted.pairs, *(instrument for instrument in wanted.watch if instrument not in wanted.pairs))
    counted = {i: wanted.quotes.pair_of(instrument_from(i), wanted.pairs) for i in shown}
    traded = {instrument: pair for instrument, pair in counted.items() if pair is not None}
    fees, conversion = read_fees(reader.sub("fees"), shown)
    habits_name, habits = read_habits(reader)
    protects = reader.choice(KEYS["exchanges[].protective_orders"])
    exchange = ExchangeSettings(
        name=name,
        key=_read_key(reader),
        pairs=shown,
        counts_as=traded,
        fees=fees,
        balances=_read_balances(reader, whole),
        spread_bps=reader.number(KEYS["exchanges[].spread_bps"]),
        depth_quote=reader.number(KEYS["exchanges[].depth_quote"]),
        derivation=_read_derivation(reader, wanted.seed),
        socket=_read_socket(reader),
        grids=read_grids(reader.sub("grid"), shown, wanted.quotes),
        personality=structs.replace(
            personality_of(habits, conversion, stops=protects == "venue"),
            perpetuals=read_perpetuals(reader.sub("perpetuals")),
        ),
        habits=habits_name,
        proves_absence=habits.proves_absence,
        protective_orders=cast("Literal['bot', 'venue']", protects),
        holdings=read_holdings(reader.sub("holdings"), Held(name, tuple(traded), wanted.quotes)),
        funding=read_funding(reader.sub("funding"), shown, wanted.quotes, wanted.folder),
    )
    reader.close()
    return exchange


def _read_name(reader: Reader) -> str:
    reader.require("name", "name the exchange, like name: coinbase")
    name = reader.text("name", "")
    if name and not _NAME.fullmatch(name):
        node = reader.section.entries["name"]
        reader.problems.add(node, f"{name!r} is not a name of an exchange", "write it like coinbase, in small letters")
    return name


def _read_key(reader: Reader) -> str:
    name = reader.text("key", "")
    if name and not _KEY_NAME.fullmatch(name):
        # What does not look like a name may be the key itself, so it is not shown.
        node = reader.section.entries["key"]
        reader.problems.add(node, "this is not the name of a key", "write a short name like main, never the key itself")
        return ""
    return name


def _read_balances(reader: Reader, whole: dict[str, Decimal]) -> dict[str, Decimal]:
    if not reader.has("balances"):
        reader.section.known.append("balances")
        if not whole:
            line, path = reader.section.line, reader.section.path_of("balances")
            reader.problems.add_at(line, path, "missing", 'say what it holds, like balances: {USD: "5000"}')
        return whole
    balances = {}
    for asset, node in reader.sub("balances").section.entries.items():
        if not is_asset(asset):
            reader.problems.add(node, f"{asset!r} is not an asset", "write assets in capitals, like USD")
        amount = read_money(node, KEYS["exchanges[].balances.ASSET"].within, reader.problems)
        balances[asset] = ZERO if amount is None else amount
    return balances


def _read_derivation(reader: Reader, seed: int) -> Derivation | None:
    is_derived = any(reader.has(key) for key in _DERIVED)
    derivation = Derivation(
        seed=reader.whole(KEYS["exchanges[].seed"], seed),
        basis_bps=reader.number(KEYS["exchanges[].basis_bps"]),
        lag_bars=reader.whole(KEYS["exchanges[].lag_bars"]),
        outage_share=_read_outage_share(reader),
        outage_bars_mean=reader.number(KEYS["exchanges[].outage_bars_mean"]),
    )
    return derivation if is_derived else None


def _read_outage_share(reader: Reader) -> float:
    share = reader.number(KEYS["exchanges[].outage_share"])
    if 0.0 < share < OUTAGE_SHARE_MIN:
        problem = f"{share} is too small to ever bring an outage"
        reader.problems.add(reader.section.entries["outage_share"], problem, f"write 0, or {OUTAGE_SHARE_MIN} or more")
        return 0.0
    return share


def _read_socket(reader: Reader) -> Path | None:
    text = reader.text("socket", "")
    if "\0" in text:
        reader.problems.add(reader.section.entries["socket"], "this is no path", "write a path without NUL")
        return None
    return Path(text) if text else None
