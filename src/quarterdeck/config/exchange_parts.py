"""Parts of an exchange's section: its fees, and the grids on which it trades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, cast

from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Node
from quarterdeck.config.keys import ABOVE_ZERO
from quarterdeck.config.pairs import Quotes, parsed
from quarterdeck.config.reading import Reader, read_money
from quarterdeck.config.settings import FeeSettings, GridSettings
from quarterdeck.config.symbols import is_asset
from quarterdeck.domain import instrument_from

START_PRICES: Final = {
    "BTC": 60_000.0,
    "ETH": 3_000.0,
    "BNB": 600.0,
    "BCH": 400.0,
    "SOL": 150.0,
    "LTC": 80.0,
    "LINK": 15.0,
    "XRP": 0.5,
    "ADA": 0.4,
    "TRX": 0.3,
    "DOGE": 0.1,
    "USDT": 1.0,
    "USDC": 1.0,
    "DAI": 1.0,
    "BUSD": 1.0,
}
START_PRICE: Final = 100.0

_FEE_WORDS: Final = ("quote", "base", "received")
# Four digits of a price move; the coarsest tick that is needed for that, but never more than a cent.
_DIGITS: Final = 3
_TICK_MAX: Final = Decimal("0.01")


def start_price(instrument: str) -> float:
    """Say where the made-up price of an instrument starts unless the file says otherwise."""
    return START_PRICES.get(instrument_from(instrument).base, START_PRICE)


def usual_tick(instrument: str) -> Decimal:
    """Say on which ticks an instrument trades unless the file says otherwise: a cent, finer for cheap coins."""
    digits = math.floor(math.log10(start_price(instrument))) - _DIGITS
    return min(_TICK_MAX, Decimal(1).scaleb(digits))


def read_fees(reader: Reader, instruments: Sequence[str]) -> tuple[FeeSettings, dict[str, Decimal]]:
    """
    Read what a venue charges, and in what.

    Returns:
        The fees, and for a named fee asset how many of its units one unit of each quote counts for.
    """
    asset = reader.text("asset", "quote")
    named = asset not in _FEE_WORDS
    if named and not is_asset(asset):
        node = reader.section.entries["asset"]
        reader.problems.add(node, f"{asset!r} is not an asset", f"write {', '.join(_FEE_WORDS)} or one like BNB")
        named = False
    conversion = _read_conversion(reader, asset, instruments, named=named)
    fees = FeeSettings(
        maker=reader.money(KEYS["exchanges[].fees.maker"]),
        taker=reader.money(KEYS["exchanges[].fees.taker"]),
        asset=asset,
        step=reader.money(KEYS["exchanges[].fees.step"]),
        rounding=cast("Literal['down', 'up', 'half_even']", reader.choice(KEYS["exchanges[].fees.rounding"])),
    )
    reader.close()
    return fees, conversion


def _read_conversion(reader: Reader, asset: str, instruments: Sequence[str], *, named: bool) -> dict[str, Decimal]:
    if not named:
        if reader.has("conversion"):
            node = reader.section.entries["conversion"]
            reader.problems.add(node, "fees.asset names no asset", "remove it, or write fees: {asset: BNB, …}")
        reader.section.take("conversion")
        return {}
    section = reader.sub("conversion")
    found = {}
    for quote, node in section.section.entries.items():
        amount = read_money(node, ABOVE_ZERO, reader.problems)
        if not is_asset(quote):
            reader.problems.add(node, f"{quote!r} is not an asset", "write assets in capitals, like USD")
        elif amount is not None:
            found[quote] = amount
    quotes = {instrument_from(instrument).quote for instrument in instruments}
    missing = sorted(quotes - set(section.section.entries) - {asset})
    if missing:
        line = section.section.line
        advice = f"say how many {asset} one counts for, like conversion: {{{missing[0]}: 0.0016}}"
        reader.problems.add_at(line, section.section.path, f"nothing for {', '.join(missing)}", advice)
    return found


def read_grids(reader: Reader, instruments: Sequence[str], quotes: Quotes) -> dict[str, GridSettings]:
    """Read the grid of each instrument that a venue lists; the usual one where the file says nothing."""
    grids = {instrument: GridSettings(tick=usual_tick(instrument)) for instrument in instruments}
    seen: dict[str, Node] = {}
    reader.section.known.extend(instruments)
    for word in list(reader.section.entries):
        node = reader.section.entries[word]
        instrument = parsed(word, node, quotes, reader.problems)
        section = reader.sub(word)
        if instrument is None:
            continue
        if instrument.id in seen:
            reader.problems.add(node, f"{instrument.id} stands on line {seen[instrument.id].line}", "keep one of them")
        elif instrument.id not in grids:
            listed = ", ".join(instruments)
            reader.problems.add(node, f"this exchange does not list {instrument.id}", f"use one of: {listed}")
        else:
            seen[instrument.id] = node
            grids[instrument.id] = _read_grid(section, instrument.id)
    return grids


def _read_grid(reader: Reader, instrument: str) -> GridSettings:
    before = len(reader.problems)
    notional_max = reader.read(KEYS["exchanges[].grid.PAIR.notional_max"])
    settings = GridSettings(
        tick=reader.money(KEYS["exchanges[].grid.PAIR.tick"], usual_tick(instrument)),
        lot=reader.money(KEYS["exchanges[].grid.PAIR.lot"]),
        lots_min=reader.whole(KEYS["exchanges[].grid.PAIR.lots_min"]),
        lots_max=reader.whole(KEYS["exchanges[].grid.PAIR.lots_max"]),
        notional_min=reader.money(KEYS["exchanges[].grid.PAIR.notional_min"]),
        notional_max=notional_max if isinstance(notional_max, Decimal) else None,
    )
    reader.close()
    if len(reader.problems) > before:
        return GridSettings(tick=usual_tick(instrument))
    if settings.lots_min > settings.lots_max:
        reader.problems.add(reader.section, "lots_min is above lots_max", "leave something between")
        return GridSettings(tick=usual_tick(instrument))
    if settings.notional_max is not None and settings.notional_max <= settings.notional_min:
        reader.problems.add(reader.section, "notional_max is not above notional_min", "leave something between")
        return GridSettings(tick=usual_tick(instrument))
    return settings
