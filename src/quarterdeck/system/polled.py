"""A venue as the rounds see it: readings that keep within the same budget of requests as everything else."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.domain import AccountReported, Listing
from quarterdeck.ports import Venue
from quarterdeck.system.hands import Hands


class PolledVenue:
    """Reads a venue where nothing more urgent needs its turn; see `Hands.poll`."""

    def __init__(self, venue: Venue, hands: Hands) -> None:
        self._venue = venue
        self._hands = hands

    async def account(self) -> AccountReported:
        """Read balances and working orders."""
        return await self._hands.poll(self._venue.name, self._venue.account)

    async def listings(self) -> Sequence[Listing]:
        """Read what the venue lists now."""
        return await self._hands.poll(self._venue.name, self._venue.listings)
