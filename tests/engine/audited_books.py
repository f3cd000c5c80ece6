"""The auditor's own books: exact fractions, kept from nothing but the fills themselves."""

from dataclasses import dataclass, field
from fractions import Fraction

from quarterdeck.domain import FillBooked, InferredFill, Listing, OrderPlanned, OrderState, Side
from tests.engine.audited_margins import AuditedMargins
from tests.engine.breach import Breach, require

SHARE_STEP = Fraction(1, 10**11)
ALIVE = frozenset({OrderState.PLANNED, OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN})


@dataclass
class Part:
    """Some lots of an order at one price, and the fee paid for them; an inferred part has the id of its inference."""

    lots: int
    price: Fraction
    fee: Fraction
    fee_asset: str
    inferred_id: str = ""


@dataclass
class Watched:
    """One order as the auditor saw it."""

    plan: OrderPlanned
    listing: Listing
    state: OrderState = OrderState.PLANNED
    reported: int = 0
    cancel_wanted: bool = False
    gave_back: bool = False
    first_fill_at_ns: int = 0
    concluded: bool = False
    parts: list[Part] = field(default_factory=list)
    absent_at_ns: list[int] = field(default_factory=list)

    @property
    def counted_at_ns(self) -> int:
        """When it became a trade: as it was planned; a stop order only with its first fill."""
        return self.plan.at_ns if self.plan.trigger_ticks is None else self.first_fill_at_ns

    @property
    def booked(self) -> int:
        """Lots booked so far, real and inferred."""
        return sum(part.lots for part in self.parts)

    @property
    def open_lots(self) -> int:
        """Lots for which something must stay set aside."""
        if self.state in ALIVE:
            return max(self.plan.qty_lots - self.booked, 0)
        return max(self.reported - self.booked, 0)

    @property
    def is_unsettled(self) -> bool:
        """Whether this order may still change something."""
        return self.state in ALIVE or self.reported > self.booked

    @property
    def reserved(self) -> Fraction:
        """What must be set aside."""
        return Fraction(self.plan.reserve_per_lot) * self.open_lots

    @property
    def on_margin(self) -> bool:
        """Whether this is an order on a perpetual: nothing is paid for what it trades, a margin is locked."""
        return ":" in self.plan.instrument

    def notional(self, part: Part) -> Fraction:
        """The signed notional of a part: positive when bought."""
        sign = 1 if self.plan.side is Side.BUY else -1
        return sign * Fraction(self.listing.lot) * part.lots * part.price

    def cash(self) -> dict[str, Fraction]:
        """
        What this order did to cash so far, per asset; a fee in base comes off the position instead.

        On a perpetual it is its fees alone here: what it realised is of the position, not of one order.
        """
        change: dict[str, Fraction] = {self.listing.quote: Fraction(0)}
        for part in self.parts:
            change[self.listing.quote] -= Fraction(0) if self.on_margin else self.notional(part)
            if self.on_margin or part.fee_asset != self.listing.base:
                change[part.fee_asset] = change.get(part.fee_asset, Fraction(0)) - part.fee
        return change

    def fees(self) -> dict[str, Fraction]:
        """What this order paid in fees so far, per asset."""
        paid: dict[str, Fraction] = {}
        for part in self.parts:
            paid[part.fee_asset] = paid.get(part.fee_asset, Fraction(0)) + part.fee
        return paid

    def quantity(self) -> Fraction:
        """What this order did to the position, in base units."""
        sign = 1 if self.plan.side is Side.BUY else -1
        moved = sign * Fraction(self.listing.lot) * self.booked
        if self.on_margin:
            return moved
        return moved - sum((part.fee for part in self.parts if part.fee_asset == self.listing.base), Fraction(0))


class AuditedBooks:
    """Cash, fees and positions as the fills alone give them, compared with what the facts claim."""

    def __init__(self) -> None:
        self.start: dict[tuple[str, str], Fraction] = {}
        self.other: dict[tuple[str, str], Fraction] = {}
        self.held: dict[tuple[str, str], tuple[Fraction, Fraction]] = {}
        self.orders: dict[str, Watched] = {}
        self.retired: dict[str, Watched] = {}
        self.lacked: set[tuple[str, str]] = set()
        self.margined = AuditedMargins()

    def cash(self, venue: str, asset: str) -> Fraction:
        """Cash of the bot on a venue: what it began with, flows and funding, and what its orders changed."""
        total = self.start.get((venue, asset), Fraction(0)) + self.other.get((venue, asset), Fraction(0))
        for order in self._of(venue):
            total += order.cash().get(asset, Fraction(0))
        return total + self.margined.cash().get((venue, asset), Fraction(0))

    def quantity(self, venue: str, instrument: str) -> Fraction:
        """The position: signed fills less fees in base."""
        found = (order.quantity() for order in self._of(venue) if order.plan.instrument == instrument)
        forced = self.margined.forced.get((venue, instrument), Fraction(0))
        return sum(found, self.declared(venue, instrument)[0]) + forced

    def declared(self, venue: str, instrument: str) -> tuple[Fraction, Fraction]:
        """What the bot began with of an instrument, and what it had cost."""
        return self.held.get((venue, instrument), (Fraction(0), Fraction(0)))

    def move(self, venue: str, asset: str, amount: Fraction) -> None:
        """Book a flow or a funding payment."""
        self.other[venue, asset] = self.other.get((venue, asset), Fraction(0)) + amount

    def money(self) -> dict[tuple[str, str], Fraction]:
        """All cash by venue and asset."""
        total = dict(self.start)
        for place, amount in self.other.items():
            total[place] = total.get(place, Fraction(0)) + amount
        for order in (*self.orders.values(), *self.retired.values()):
            for asset, amount in order.cash().items():
                total[order.plan.venue, asset] = total.get((order.plan.venue, asset), Fraction(0)) + amount
        for place, amount in self.margined.cash().items():
            total[place] = total.get(place, Fraction(0)) + amount
        return total

    def holdings(self) -> dict[tuple[str, str], Fraction]:
        """All positions by venue and instrument that are not zero."""
        total = {place: qty for place, (qty, _) in self.held.items()}
        for order in (*self.orders.values(), *self.retired.values()):
            place = (order.plan.venue, order.plan.instrument)
            total[place] = total.get(place, Fraction(0)) + order.quantity()
        for place, amount in self.margined.forced.items():
            total[place] = total.get(place, Fraction(0)) + amount
        return {place: amount for place, amount in total.items() if amount}

    def cash_fees(self, asset: str) -> Fraction:
        """Fees in an asset that were paid out of cash."""
        orders = [o for o in (*self.orders.values(), *self.retired.values()) if o.on_margin or o.listing.base != asset]
        paid = sum((order.fees().get(asset, Fraction(0)) for order in orders), Fraction(0))
        return paid + self.margined.fees.get(asset, Fraction(0))

    def spent(self, venue: str, instrument: str) -> Fraction:
        """Signed notional of all fills and what was held before: paid less received, fees apart."""
        orders = [order for order in self._of(venue) if order.plan.instrument == instrument]
        began = self.declared(venue, instrument)[1]
        return sum((order.notional(part) for order in orders for part in order.parts), began)

    def fees(self, asset: str) -> Fraction:
        """All fees of the bot in one asset."""
        orders = [*self.orders.values(), *self.retired.values()]
        paid = sum((order.fees().get(asset, Fraction(0)) for order in orders), Fraction(0))
        return paid + self.margined.fees.get(asset, Fraction(0))

    def reserved(self, venue: str, asset: str) -> Fraction:
        """What orders must keep set aside of an asset on a venue."""
        found = (o.reserved for o in self.orders.values() if (o.plan.venue, o.plan.reserve_asset) == (venue, asset))
        return sum(found, Fraction(0))

    def retire(self, client_id: str) -> None:
        """Keep what an order did, though the engine forgets it."""
        self.retired[client_id] = self.orders.pop(client_id)

    def book(self, order: Watched, fact: FillBooked) -> None:
        """Book a fill into the auditor's parts: a real one replaces inferred lots, oldest first."""
        part = Part(fact.lots, Fraction(fact.price), Fraction(fact.fee), fact.fee_asset)
        if fact.inferred:
            part.inferred_id = fact.trade_id
        else:
            _replace_inferred(order, fact.lots, {item.trade_id: item for item in fact.inferred_after})
        order.parts.append(part)
        _compare_inferred(order, fact)

    def compare(self, order: Watched, fact: FillBooked) -> None:
        """Hold every result that a fill claims against these books."""
        venue, instrument = fact.venue, fact.instrument
        if order.on_margin:
            self.margined.follow(fact, self.quantity(venue, instrument), self.spent(venue, instrument))
        for held in fact.cash_after:
            _equal("conservation", f"cash {held.venue} {held.asset}", held.amount, self.cash(held.venue, held.asset))
        for held in fact.fees_after:
            _equal("conservation", f"fees {held.asset}", held.amount, self.fees(held.asset))
        _equal("conservation", f"position {venue} {instrument}", fact.qty_after, self.quantity(venue, instrument))
        if not order.on_margin:
            spent = Fraction(fact.cost_after) - Fraction(fact.realised_after)
            _equal("conservation", f"cost less realised of {venue} {instrument}", spent, self.spent(venue, instrument))
        _equal("fills", f"booked lots of {fact.client_id}", fact.booked_lots_after, order.booked)

    def _of(self, venue: str) -> list[Watched]:
        return [o for o in (*self.orders.values(), *self.retired.values()) if o.plan.venue == venue]


def _replace_inferred(order: Watched, lots: int, after: dict[str, InferredFill]) -> None:
    for part in [part for part in order.parts if part.inferred_id]:
        taken = min(part.lots, lots)
        lots -= taken
        if taken == part.lots:
            order.parts.remove(part)
        elif taken:
            left = part.lots - taken
            item = after.get(part.inferred_id)
            fee_left = Fraction(item.fee) if item is not None else Fraction(0)
            in_proportion = abs(fee_left - part.fee * left / part.lots) <= SHARE_STEP
            require("fills", in_proportion, f"the fee of {part.inferred_id} was not split in proportion")
            part.lots, part.fee = left, fee_left


def _compare_inferred(order: Watched, fact: FillBooked) -> None:
    mine = [(part.inferred_id, part.lots) for part in order.parts if part.inferred_id]
    if mine != [(item.trade_id, item.lots) for item in fact.inferred_after]:
        raise Breach("fills", f"inferred lots of {fact.client_id} are {mine}, not {fact.inferred_after}")


def _equal(rule: str, what: str, claimed: object, found: Fraction | int) -> None:
    if Fraction(str(claimed)) != found:
        raise Breach(rule, f"{what} is {claimed}, the fills give {float(found)!r}")
