"""The auditor's books with running totals: the same sums, without adding up every order again for every fill."""

from collections import defaultdict
from fractions import Fraction

from quarterdeck.domain import FillBooked
from tests.engine.audited_books import AuditedBooks, Watched

Key = tuple[str, str, str]


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
        return self.start.get((venue, asset), Fraction(0)) + self._totals["cash", venue, asset]

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
    effect |= {("fees", "", asset): amount for asset, amount in order.fees().items()}
    effect["quantity", venue, instrument] = order.quantity()
    effect["spent", venue, instrument] = sum((order.notional(part) for part in order.parts), Fraction(0))
    return effect
