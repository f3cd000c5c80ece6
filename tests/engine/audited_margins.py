"""The auditor's own books of perpetuals: what each position must have cost, brought and locked, in exact fractions."""

from fractions import Fraction

from quarterdeck.domain import FillBooked, FundingBooked, LiquidationBooked, Side
from tests.engine.breach import require

STEP = Fraction(1, 10**11)
Place = tuple[str, str]


class AuditedMargins:
    """
    Positions in perpetuals by place. A share of a cost is rounded by the books, so figures agree within a step of it.

    `forced` is what venues closed without an order of ours, in base units with its sign; `forgiven` is by how much the
    books realised more than the trades alone would have: a venue says so where a loss exceeded what was there.
    """

    def __init__(self) -> None:
        self.forced: dict[Place, Fraction] = {}
        self.fees: dict[str, Fraction] = {}
        self.margins: dict[Place, Fraction] = {}
        self._quotes: dict[Place, str] = {}
        self._qty: dict[Place, Fraction] = {}
        self._cost: dict[Place, Fraction] = {}
        self._realised: dict[Place, Fraction] = {}
        self._spent: dict[Place, Fraction] = {}
        self._forgiven: dict[Place, Fraction] = {}
        self._forced_spent: dict[Place, Fraction] = {}
        self._forced_fees: dict[Place, Fraction] = {}

    def cash(self) -> dict[Place, Fraction]:
        """What positions brought to the cash so far, fees of what was forced taken off, by venue and asset."""
        total = {place: -fee for place, fee in self._forced_fees.items()}
        for place, amount in self._realised.items():
            held = (place[0], self._quotes[place])
            total[held] = total.get(held, Fraction(0)) + amount
        return total

    def cost(self, place: Place) -> Fraction:
        """What a position cost, with its sign."""
        return self._cost.get(place, Fraction(0))

    def follow(self, fact: FillBooked, qty: Fraction, spent: Fraction) -> None:
        """
        Hold what a fill says of a position against what must be true of it.

        Args: the fact; the quantity and the signed notional of all trades, as the auditor's parts give them.
        """
        place, zero = (fact.venue, fact.instrument), Fraction(0)
        self._quotes[place] = fact.instrument.split(":")[1]
        spent += self._forced_spent.get(place, zero)
        cost, realised = Fraction(fact.cost_after), Fraction(fact.realised_after)
        forgiven = realised - cost + spent
        before = self._forgiven.get(place, zero)
        require(
            "conservation", forgiven >= before, f"{fact.instrument} realised {realised}, cost {cost}, spent {spent}"
        )
        require("conservation", qty * cost >= 0 and (qty == 0) <= (cost == 0), f"{qty} cost {cost}")
        if not fact.inferred and not fact.retired_lots:
            self._check_cost(place, fact, qty, cost)
            self._check_margin(place, fact, qty, cost)
        require("margin", fact.margin_after is not None and fact.margin_after >= 0, f"margin {fact.margin_after}")
        require("margin", qty != 0 or fact.margin_after == 0, "nothing is held, and a margin is locked")
        self._qty[place], self._cost[place], self._realised[place] = qty, cost, realised
        self._forgiven[place], self.margins[place] = forgiven, Fraction(fact.margin_after or 0)

    def _check_cost(self, place: Place, fact: FillBooked, qty: Fraction, cost: Fraction) -> None:
        """Closing takes a share off the cost, opening adds the price of what is opened."""
        held, moved, price = self._qty.get(place, Fraction(0)), Fraction(fact.qty), Fraction(fact.price)
        signed = moved if fact.side is Side.BUY else -moved
        closed = min(moved, abs(held)) if held * signed < 0 else Fraction(0)
        left = self.cost(place) * (1 - closed / abs(held)) if closed else self.cost(place)
        opened = (moved - closed) * price * (1 if signed > 0 else -1)
        require("conservation", abs(cost - left - opened) <= STEP, f"{qty} cost {cost}, not {float(left + opened)}")

    def _check_margin(self, place: Place, fact: FillBooked, qty: Fraction, cost: Fraction) -> None:
        """Closing frees a share of the margin; what opens locks no more than its price and something."""
        held, before = self._qty.get(place, Fraction(0)), self.margins.get(place, Fraction(0))
        after = Fraction(fact.margin_after or 0)
        if held and abs(qty) <= abs(held) and qty * held >= 0:
            share = before * abs(qty) / abs(held)
            require("margin", abs(after - share) <= STEP, f"{after} of a margin of {before} for {qty} of {held}")
        else:
            require("margin", 0 < after <= abs(cost) + STEP, f"margin {after} for a cost of {cost}")

    def close_by_force(self, fact: LiquidationBooked) -> None:
        """A venue closed something: it loses no more than its margin, and is told as it was booked."""
        place, zero = (fact.venue, fact.instrument), Fraction(0)
        held, margin = self._qty.get(place, zero), self.margins.get(place, zero)
        moved = Fraction(fact.qty) * (1 if fact.side is Side.BUY else -1)
        require("liquidation", held * moved < 0 and abs(moved) <= abs(held), f"{moved} of {held} closed by force")
        realised = Fraction(fact.realised)
        least = -margin * abs(moved) / abs(held)
        require("liquidation", realised >= least - STEP, f"lost {realised}, the margin was {float(margin)}")
        self.forced[place] = self.forced.get(place, zero) + moved
        self._forced_spent[place] = self._forced_spent.get(place, zero) + moved * Fraction(fact.price)
        self._qty[place], self._cost[place] = held + moved, Fraction(fact.cost_after)
        require("liquidation", Fraction(fact.qty_after) == held + moved, f"left {fact.qty_after}")
        self._realised[place] = self._realised.get(place, zero) + realised
        require("liquidation", Fraction(fact.realised_after) == self._realised[place], f"{fact.realised_after}")
        self.margins[place] = Fraction(fact.margin_after)
        self.fees[fact.fee_asset] = self.fees.get(fact.fee_asset, zero) + Fraction(fact.fee)
        paid = (fact.venue, fact.fee_asset)
        self._forced_fees[paid] = self._forced_fees.get(paid, zero) + Fraction(fact.fee)

    def forgive(self, place: Place, spent: Fraction) -> None:
        """Remember by how much the books realised more than the trades say, after one by force."""
        spent += self._forced_spent.get(place, Fraction(0))
        self._forgiven[place] = self._realised[place] - self.cost(place) + spent

    def fund(self, fact: FundingBooked) -> None:
        """A payment may come out of a margin, and then no more than it was."""
        if fact.margin_after is None:
            return
        place = (fact.venue, fact.instrument)
        before = self.margins.get(place, Fraction(0))
        paid = before - Fraction(fact.margin_after)
        require("margin", 0 < paid <= min(before, -Fraction(fact.amount)), f"{paid} of a margin of {before}")
        self.margins[place] = Fraction(fact.margin_after)

    def locked(self, venue: str, asset: str) -> Fraction:
        """What positions of a venue keep locked of an asset."""
        places = [place for place in self.margins if place[0] == venue and self._quotes[place] == asset]
        return sum((self.margins[place] for place in places), Fraction(0))
