"""The auditor's books with running totals: the same sums, without adding up every order again for every fill."""

from collections import defaultdict
from fractions import Fraction

from quarterdeck.domain import FillBooked
from tests.engine.audited_books import AuditedBooks, Watched

Key = tuple[str, str, str]
NOTHING = Fraction(0)


class RunningBooks(AuditedBooks):
    """Adds the change of the one order that a fill belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self._totals: defaultdict[Key, Fraction] = defaultdict(Fraction)

    def book(self, order: Watched, fact: FillBooked) -> None:
        """Book a fill, and move the totals by what it changed."""
        before = _effect(order)
        super().book(order, fact)
        for key, amount in _effect(order).items():
            self._totals[key] += amount - before.pop(key, 0)
        for key, amount in before.items():
            self._totals[key] -= amount

    def cash(self, venue: str, asset: str) -> Fraction:
        """Cash of the bot on a venue."""
        place = (venue, asset)
        return self.start.get(place, NOTHING) + self.other.get(place, NOTHING) + self._totals["cash", venue, asset]

    def money(self) -> dict[tuple[str, str], Fraction]:
        """All cash by venue and asset."""
        moved = [(venue, asset) for kind, venue, asset in self._totals if kind == "cash"]
        return {place: self.cash(*place) for place in dict.fromkeys([*self.start, *self.other, *moved])}

    def holdings(self) -> dict[tuple[str, str], Fraction]:
        """All positions by venue and instrument that are not zero."""
        kept = self._totals.items()
        return {(venue, what): amount for (kind, venue, what), amount in kept if kind == "quantity" and amount}

    def cash_fees(self, asset: str) -> Fraction:
        """Fees in an asset that were paid out of cash."""
        return self._totals["cash fees", "", asset]

    def quantity(self, venue: str, instrument: str) -> Fraction:
        """The position."""
        return self._totals["quantity", venue, instrument]

    def spent(self, venue: str, instrument: str) -> Fraction:
        """Signed notional of all fills."""
        return self._totals["spent", venue, instrument]

    def fees(self, asset: str) -> Fraction:
        """All fees in one asset."""
        return self._totals["fees", "", asset]


def _effect(order: Watched) -> dict[Key, Fraction]:
    venue, instrument = order.plan.venue, order.plan.instrument
    effect = {("cash", venue, asset): amount for asset, amount in order.cash().items()}
    for asset, amount in order.fees().items():
        effect["fees", "", asset] = amount
        if asset != order.listing.base:
            effect["cash fees", "", asset] = amount
    effect["quantity", venue, instrument] = order.quantity()
    effect["spent", venue, instrument] = sum((order.notional(part) for part in order.parts), Fraction(0))
    return effect
