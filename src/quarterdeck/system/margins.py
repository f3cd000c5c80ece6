"""How a bot is margined on its perpetuals: the leverage set at each venue, and what the venue says of it, read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import MarginReading, Retryable
from quarterdeck.market import MarketView

NO_REASON: Final = ""


class MarginVenue(Protocol):
    """A venue that lists perpetuals."""

    async def read_margin(self, instrument: str) -> MarginReading:
        """Read back how the account is margined on a perpetual."""
        ...

    async def set_leverage(self, instrument: str, leverage: int) -> str:
        """Choose the leverage of a perpetual; say why not where the venue refuses."""
        ...


class Margined(Struct, frozen=True):
    """
    What there is to look after: venues, the places (venue and instrument) where perpetuals are traded, the leverage.

    What is read goes into `view`; `complain` hears of what a venue refused, or of its silence.
    """

    venues: Mapping[str, MarginVenue]
    places: Sequence[tuple[str, str]]
    leverage: int
    view: MarketView
    complain: Callable[[str, str], None]


class Margins:
    """
    Sees to it that perpetuals are traded with the leverage of the settings.

    A venue changes none while orders or a position are open; what it says then is read all the same, and E11 judges it.
    """

    def __init__(self, ground: Margined) -> None:
        self._ground = ground

    async def look_around(self) -> None:
        """Set the leverage where it differs, and read every place back."""
        for venue, instrument in self._ground.places:
            try:
                await self._look_at(venue, instrument)
            except Retryable as error:
                self._ground.complain("margin", f"{venue} {instrument}: {error}")

    async def _look_at(self, name: str, instrument: str) -> None:
        ground, venue = self._ground, self._ground.venues[name]
        reading = await venue.read_margin(instrument)
        if reading.leverage != ground.leverage:
            refused = await venue.set_leverage(instrument, ground.leverage)
            if refused == NO_REASON:
                reading = await venue.read_margin(instrument)
            else:
                kept = f"{name} keeps {instrument} at a leverage of {reading.leverage:g}, not {ground.leverage}"
                ground.complain("margin", f"{kept}: {refused}")
        ground.view.set_margin(reading)
