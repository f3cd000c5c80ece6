"""The auditor's books with running totals: the same sums, without adding up every order again for every fill."""

from collections import defaultdict
from fractions import Fraction

from quarterdeck.domain import FillBooked, Side
from tests.engine.audited_books import AuditedBooks, Part, Watched

Key = tuple[str, str, str]
NOTHING = Fraction(0)


class RunningBooks(AuditedBooks):
    """Adds the change of the one order that a fill belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self._totals: defaultdict[Key, Fraction] = defaultdict(Fraction)

    def book(self, order: Watched, fact: FillBooked) -> None:
        """Book a fill, and move the totals by what it changed: one part more, unless parts were inferred."""
        replaces = any(part.inferred_id for part in order.parts)
        before = _effect(order, order.parts) if replaces else {}
        super().book(order, fact)
        after = _effect(order, order.parts if replaces else order.parts[-1:])
        for key, amount in after.items():
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
        places = [*self.held, *((venue, what) for kind, venue, what in self._totals if kind == "quantity")]
        found = {place: self.quantity(*place) for place in dict.fromkeys(places)}
        return {place: amount for place, amount in found.items() if amount}

    def cash_fees(self, asset: str) -> Fraction:
        """Fees in an asset that were paid out of cash."""
        return self._totals["cash fees", "", asset]

    def quantity(self, venue: str, instrument: str) -> Fraction:
        """The position."""
        return self.declared(venue, instrument)[0] + self._totals["quantity", venue, instrument]

    def spent(self, venue: str, instrument: str) -> Fraction:
        """Signed notional of all fills, and what was held before."""
        return self.declared(venue, instrument)[1] + self._totals["spent", venue, instrument]

    def fees(self, asset: str) -> Fraction:
        """All fees in one asset."""
        return self._totals["fees", "", asset]


def _effect(order: Watched, parts: list[Part]) -> dict[Key, Fraction]:
    """What some parts of an order did, by kind and place."""
    plan, listing = order.plan, order.listing
    sign = 1 if plan.side is Side.BUY else -1
    notional, coins, fees = (
        NOTHING,
        sign * Fraction(listing.lot) * sum(part.lots for part in parts),
        dict[str, Fraction](),
    )
    for part in parts:
        notional += order.notional(part)
        fees[part.fee_asset] = fees.get(part.fee_asset, NOTHING) + part.fee
    effect: dict[Key, Fraction] = {("cash", plan.venue, listing.quote): -notional}
    for asset, amount in fees.items():
        effect["fees", "", asset] = amount
        if asset != listing.base:
            effect["cash fees", "", asset] = amount
            paid = ("cash", plan.venue, asset)
            effect[paid] = effect.get(paid, NOTHING) - amount
    effect["quantity", plan.venue, plan.instrument] = coins - fees.get(listing.base, NOTHING)
    effect["spent", plan.venue, plan.instrument] = notional
    return effect
