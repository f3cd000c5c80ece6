"""What a venue lists under a plan: fees, minimums, grids, halts, and lists that lie."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import Listing, multiply
from quarterdeck.simulator.plan import Fault, FaultKind
from quarterdeck.simulator.weather import Weather

_K: Final = FaultKind
CHANGES_LISTINGS: Final = (_K.FEES, _K.FEE_ASSET, _K.MINIMUMS, _K.HALT, _K.DELIST, _K.EMPTY_LISTINGS)


def listings_under(weather: Weather, usual: Mapping[str, Listing], at_s: float) -> dict[str, Listing]:
    """Give every listing as the faults of an instant leave it, those that are not shown included."""
    found = dict(usual)
    for kind in CHANGES_LISTINGS:
        for fault in weather.holding(kind, at_s):
            listing = found.get(fault.what)
            if listing is not None:
                found[fault.what] = _changed(listing, fault)
    return found


def unlisted_under(weather: Weather, usual: Mapping[str, Listing], at_s: float) -> set[str]:
    """Name the instruments that the venue's list leaves out."""
    if weather.holding(_K.EMPTY_LISTINGS, at_s):
        return set(usual)
    return {fault.what for fault in weather.holding(_K.DELIST, at_s)}


def _changed(listing: Listing, fault: Fault) -> Listing:
    factor = Decimal(str(fault.size))
    match fault.kind:
        case FaultKind.FEES:
            maker, taker = multiply(listing.fee_maker, factor), multiply(listing.fee_taker, factor)
            return replace(listing, fee_maker=maker, fee_taker=taker)
        case FaultKind.FEE_ASSET:
            return listing if listing.is_perpetual else replace(listing, fee_asset="base")
        case FaultKind.MINIMUMS:
            lots_min = max(1, round(listing.lots_min * fault.size))
            return replace(listing, notional_min=multiply(listing.notional_min, factor), lots_min=lots_min)
        case _:
            return replace(listing, tradable=False)
