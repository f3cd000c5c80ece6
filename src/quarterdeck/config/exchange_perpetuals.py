"""Parts of an exchange's section that are about perpetuals: how they are margined, and what they paid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Node
from quarterdeck.config.pairs import Quotes, parsed
from quarterdeck.config.reading import Reader, read_text
from quarterdeck.domain import instrument_from
from quarterdeck.exchange import PerpetualRules


def read_perpetuals(reader: Reader) -> PerpetualRules:
    """Read how an exchange margins the perpetuals that it lists."""
    before = len(reader.problems)
    leverage_max = reader.whole(KEYS["exchanges[].perpetuals.leverage_max"])
    maintenance = reader.money(KEYS["exchanges[].perpetuals.maintenance"])
    reader.close()
    if len(reader.problems) > before:
        return PerpetualRules()
    if not maintenance * leverage_max < 1:
        problem = f"a maintenance of {maintenance:f} eats the whole margin at a leverage of {leverage_max}"
        reader.problems.add(reader.section, problem, "lower one of the two: their product must lie below 1")
        return PerpetualRules()
    return PerpetualRules(leverage_max=leverage_max, maintenance=maintenance)


def read_funding(reader: Reader, instruments: Sequence[str], quotes: Quotes, folder: Path) -> dict[str, Path]:
    """
    Read where the recordings of funding lie, by perpetual.

    Args: of the section; what the exchange lists; what counts as money; where relative paths begin.
    """
    listed = [instrument for instrument in instruments if instrument_from(instrument).settle is not None]
    found: dict[str, Path] = {}
    seen: dict[str, Node] = {}
    for word in list(reader.section.entries):
        node = reader.section.take(word)
        if node is None:
            continue
        instrument = parsed(word, node, quotes, reader.problems)
        text = read_text(node, reader.problems)
        if instrument is None or text is None:
            continue
        if instrument.id in seen:
            reader.problems.add(node, f"{instrument.id} stands on line {seen[instrument.id].line}", "keep one of them")
        elif instrument.id not in listed:
            advice = f"use one of: {', '.join(listed)}" if listed else "list a perpetual, like BTC-USDT:USDT"
            reader.problems.add(node, f"{instrument.id} is no perpetual that this exchange lists", advice)
        elif "\0" in text:
            reader.problems.add(node, "this is no path", "write a path without NUL")
        else:
            seen[instrument.id] = node
            found[instrument.id] = folder / text
    return found
