"""What a bot trades: its pairs, the quotes that count as one, and what it only watches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from quarterdeck.config.document import Items, Node, Problems, Section
from quarterdeck.config.reading import Reader, read_text
from quarterdeck.config.symbols import instrument_from_any
from quarterdeck.domain import InputError, Instrument, instrument_from

PAIRS_MAX: Final = 50
# The largest coins by market value that are not stablecoins, as of the beginning of 2026.
TOP_COINS: Final = ("BTC", "ETH", "XRP", "BNB", "SOL", "TRX", "DOGE", "ADA", "BCH", "LINK")

_ADVICE: Final = "write the pairs to trade, like pairs: [BTC-USD, ETH-USD]"
_GROUPS_ADVICE: Final = "write groups of quotes, like equivalent_quotes: [[USD, USDC]]"


class Quotes(Struct, frozen=True):
    """Which quotes count as money (the base currency first), and which of them as one."""

    at_par: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()

    def same(self, one: str, other: str) -> bool:
        """Tell whether two quotes count as one."""
        return one == other or any(one in group and other in group for group in self.groups)

    def pair_of(self, instrument: Instrument, pairs: Iterable[str]) -> str | None:
        """Say as which of these pairs an instrument counts, None for none."""
        for pair in pairs:
            known = instrument_from(pair)
            same_coin = known.base == instrument.base and known.settle == instrument.settle
            if same_coin and self.same(known.quote, instrument.quote):
                return pair
        return None


def read_quotes(reader: Reader, at_par: tuple[str, ...]) -> Quotes:
    """Read `equivalent_quotes`: groups of two or more assets, each of them money here."""
    problems = reader.problems
    groups: list[tuple[str, ...]] = []
    seen: dict[str, Node] = {}
    for node in reader.nodes("equivalent_quotes"):
        if not isinstance(node, Items):
            problems.add(node, "this must be a list", _GROUPS_ADVICE)
            continue
        group = tuple(asset for item in node.nodes if (asset := _read_quote(item, at_par, seen, problems)))
        if len(node.nodes) < 2:  # noqa: PLR2004 - one alone is no group
            problems.add(node, "a group needs two quotes or more", _GROUPS_ADVICE)
        groups.append(group)
    return Quotes(at_par, tuple(groups))


def _read_quote(node: Node, at_par: tuple[str, ...], seen: dict[str, Node], problems: Problems) -> str | None:
    text = read_text(node, problems)
    if text is None:
        return None
    if text not in at_par:
        money = ", ".join(at_par)
        problems.add(node, f"{text} is neither the base currency nor a stablecoin", f"use quotes out of: {money}")
        return None
    if text in seen:
        problems.add(node, f"{text} stands on line {seen[text].line} already", "keep one of them")
        return None
    seen[text] = node
    return text


def read_pairs(reader: Reader, quotes: Quotes) -> dict[str, Node]:
    """
    Read what the bot trades, in any spelling.

    Returns:
        Canonical pair → where it stands; without `pairs`, the largest coins in base currency, all at the file's head.
    """
    node = reader.section.take("pairs")
    if node is None:
        head = Section(1, "pairs", {})
        return {f"{coin}-{quotes.at_par[0]}": head for coin in TOP_COINS if coin not in quotes.at_par}
    return pairs_in(node, quotes, reader.problems)


def pairs_in(node: Node, quotes: Quotes, problems: Problems, *, may_be_empty: bool = False) -> dict[str, Node]:
    """Read a list of pairs, each only once, however it is spelled."""
    if not isinstance(node, Items):
        problems.add(node, "this must be a list", _ADVICE)
        return {}
    if not node.nodes and not may_be_empty:
        problems.add(node, "no pair", _ADVICE)
    if len(node.nodes) > PAIRS_MAX:
        problems.add(node, f"{len(node.nodes)} pairs", f"trade at most {PAIRS_MAX} with one bot")
    found: dict[str, Node] = {}
    for item in node.nodes:
        instrument = read_instrument(item, quotes, problems)
        if instrument is None or not _is_tradable(item, instrument, quotes, problems):
            continue
        same = quotes.pair_of(instrument, found)
        if same is not None:
            how = "stands in this list already" if same == instrument.id else f"counts as {same} (equivalent_quotes)"
            problems.add(item, f"{instrument.id} {how}", "keep one of them")
            continue
        found[instrument.id] = item
    return found


def read_instrument(node: Node, quotes: Quotes, problems: Problems) -> Instrument | None:
    """Read an instrument in any spelling; a perpetual only where it is settled in its quote."""
    text = read_text(node, problems)
    if text is None:
        return None
    instrument = parsed(text, node, quotes, problems)
    if instrument is not None and instrument.settle not in {None, instrument.quote}:
        advice = f"use one settled in its quote, like {instrument.base}-{instrument.quote}:{instrument.quote}"
        problems.add(node, f"{instrument.id} is settled in {instrument.settle}, which is not its quote", advice)
        return None
    return instrument


def parsed(text: str, node: Node, quotes: Quotes, problems: Problems) -> Instrument | None:
    """Read an instrument in any spelling, or note the problem at a node."""
    try:
        return instrument_from_any(text, quotes.at_par)
    except InputError as error:
        problem, _, advice = str(error).partition("; ")
        problems.add(node, problem, advice)
        return None


def _is_tradable(node: Node, instrument: Instrument, quotes: Quotes, problems: Problems) -> bool:
    if instrument.quote not in quotes.at_par:
        problem = f"{instrument.quote} is neither the base currency nor one of guardrails.stablecoins"
        problems.add(node, problem, f"use a pair quoted in one of: {', '.join(quotes.at_par)}")
        return False
    if instrument.base in quotes.at_par:
        problems.add(node, f"{instrument.base} counts as money here", "use a pair like BTC-USD")
        return False
    return True


def instruments_in(reader: Reader, key: str, quotes: Quotes) -> dict[str, Node]:
    """Read a list of instruments, in any spelling, each only once; empty where the list is absent."""
    found: dict[str, Node] = {}
    for node in reader.nodes(key):
        instrument = read_instrument(node, quotes, reader.problems)
        if instrument is None:
            continue
        if instrument.id in found:
            reader.problems.add(node, f"{instrument.id} stands in this list already", "keep one of them")
        found.setdefault(instrument.id, node)
    return found


def by_pair(section: Section, pairs: Sequence[str], quotes: Quotes, problems: Problems) -> dict[str, Node]:
    """Read a map whose keys are pairs of the bot, in any spelling."""
    found: dict[str, Node] = {}
    for word, node in section.entries.items():
        instrument = parsed(word, node, quotes, problems)
        if instrument is None:
            continue
        pair = quotes.pair_of(instrument, pairs)
        if pair is None:
            problems.add(node, f"{instrument.id} is none of the bot's pairs", f"use one of: {', '.join(pairs)}")
        elif pair in found:
            problems.add(node, f"{pair} stands on line {found[pair].line} already", "keep one of them")
        else:
            found[pair] = node
    return found
