"""
The auditor's own books: cash, positions, what living orders set aside. Exact, and never read from a result.

Every fact states what it leads to; here the same is worked out from what happened, and the two are compared.
"""

from __future__ import annotations

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

from msgspec import Struct, field

from tests.audit.independent.problem import Problem
from tests.audit.independent.records import (
    FillBooked,
    FundingBooked,
    FundsBooked,
    InferredFill,
    LiquidationBooked,
    Listing,
    OrderMoved,
    OrderPlanned,
)

EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
ZERO: Final = Decimal(0)
ENDED: Final = frozenset({"filled", "cancelled", "rejected", "expired", "not_placed", "withdrawn"})
REALISED_TOLERANCE: Final = Decimal("1e-9")

Place = tuple[str, str]
"""A venue, and an instrument or an asset there."""


def plus(*amounts: Decimal) -> Decimal:
    """Add without rounding."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def times(*factors: Decimal) -> Decimal:
    """Multiply without rounding."""
    product = Decimal(1)
    for factor in factors:
        product = EXACT.multiply(product, factor)
    return product


class Order(Struct):
    """An order as the auditor follows it."""

    plan: OrderPlanned
    listing: Listing
    pair: str
    state: str = "planned"
    booked: int = 0
    reported: int = 0
    inferred: tuple[InferredFill, ...] = ()
    ended_unfilled: bool = False

    @property
    def is_stop(self) -> bool:
        """A stop order rests for the sake of a position; it is no trade, and waits for nothing, until it awakes."""
        return self.plan.order_kind == "stop"

    @property
    def is_living(self) -> bool:
        return self.state not in ENDED

    @property
    def lots_to_come(self) -> int:
        """Lots that may still be booked: all that is left of a living order, what is reported of one that ended."""
        left = (self.plan.qty_lots if self.is_living else self.reported) - self.booked
        return max(left, 0)

    def lots_leaving(self, *, over_resting: bool) -> int:
        """Lots that a sale may still take, where what gives way is cancelled first."""
        gives_way = self.is_living and (self.is_stop or (over_resting and self.plan.limit_ticks is not None))
        return max(self.reported - self.booked, 0) if gives_way else self.lots_to_come

    @property
    def qty_to_come(self) -> float:
        return self.lots_to_come * float(self.plan.lot)

    @property
    def worth_to_come(self) -> float:
        """What is left of it is worth in base currency at the price it was judged at."""
        return self.qty_to_come * self.plan.reference_price * self.plan.rate

    @property
    def reserved(self) -> Decimal:
        return times(self.plan.reserve_per_lot, Decimal(self.lots_to_come))


class Holding(Struct):
    """
    A position: base quantity, its cost in quote, and the profit it realised so far.

    Of a perpetual also what it locks as margin, and the signed worth of all its trades: cost less what was realised.
    """

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    margin: Decimal = ZERO
    spent: Decimal = ZERO


class Books(Struct):
    """Everything the bot owns, by place, and every order that it planned and that was not retired."""

    cash: dict[Place, Decimal] = field(default_factory=dict)
    held: dict[Place, Holding] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    living: dict[str, Order] = field(default_factory=dict)
    listings: dict[Place, Listing] = field(default_factory=dict)
    fills: int = 0
    trades_seen: set[tuple[str, str]] = field(default_factory=set)
    fees: dict[str, Decimal] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    flows: Decimal = ZERO
    lacked: set[Place] = field(default_factory=set)

    def free(self, venue: str, asset: str) -> Decimal:
        """Cash less what living orders set aside of it, and what positions in perpetuals lock."""
        locked = [
            held.margin
            for place, held in self.held.items()
            if place[0] == venue and held.margin and self.listings[place].quote == asset
        ]
        return EXACT.subtract(self.cash.get((venue, asset), ZERO), plus(self.set_aside(venue, asset), *locked))

    def set_aside(self, venue: str, asset: str) -> Decimal:
        return plus(
            *[
                order.reserved
                for order in self.living.values()
                if order.plan.venue == venue
                and order.plan.reserve_asset == asset
                and (order.plan.side == "buy" or order.listing.is_perpetual)
            ]
        )

    def sellable(self, venue: str, instrument: str, *, over_resting: bool = False, side: str = "sell") -> Decimal:
        """
        What is held of an instrument and no order may still sell; for a buy, what is short and not being bought back.

        A stop order gives way to every other exit, so only what it is known to have sold counts; so does a limit order
        that rests, to protection and to a flatten.
        """
        selling = [
            times(order.plan.lot, Decimal(order.lots_leaving(over_resting=over_resting)))
            for order in self.living.values()
            if (order.plan.venue, order.plan.instrument, order.plan.side) == (venue, instrument, side)
        ]
        held = self.qty(venue, instrument)
        return EXACT.subtract(held if side == "sell" else held.copy_negate(), plus(*selling))

    def stops(self, venue: str, instrument: str) -> list[Order]:
        """The stop orders of a position that have not ended."""
        return [
            order
            for order in self.living.values()
            if order.is_stop and order.is_living and (order.plan.venue, order.plan.instrument) == (venue, instrument)
        ]

    def qty(self, venue: str, instrument: str) -> Decimal:
        held = self.held.get((venue, instrument))
        return held.qty if held is not None else ZERO

    # --- what happens -------------------------------------------------------------------------------------------------

    def plan(self, fact: OrderPlanned) -> None:
        """Take up an order; what it may still fill is set aside from now on."""
        listing = self.listings[fact.venue, fact.instrument]
        order = Order(plan=fact, listing=listing, pair=fact.pair or listing.pair_id)
        self.orders[fact.client_id] = self.living[fact.client_id] = order

    def move(self, seq: int, fact: OrderMoved) -> list[Problem]:
        """Follow an order along its life, and hold what it keeps set aside against our own figure."""
        order = self.orders[fact.client_id]
        problems = []
        if fact.reported_lots < order.reported:
            problems.append(Problem(seq, "books", f"order {fact.client_id}: reported lots went down"))
        order.state, order.reported = fact.state, max(order.reported, fact.reported_lots)
        self._settle(order)
        if fact.reserve != order.reserved:
            what = f"order {fact.client_id} keeps another amount set aside"
            problems.append(Problem(seq, "books", what, str(fact.reserve), str(order.reserved)))
        return problems

    def fill(self, seq: int, fact: FillBooked) -> list[Problem]:
        """Book a trade: cash, position and cost, each worked out here and compared with what the fact states."""
        order = self.orders[fact.client_id]
        problems = self._check_trade(seq, fact, order)
        retired = _retired(order.inferred, fact.retired_lots)
        kept = fact.inferred_after if not fact.inferred else order.inferred
        self._move_cash(fact, order, retired, kept)
        problems += self._move_position(seq, fact, order, retired)
        for after in fact.cash_after:
            ours = self.cash.get((after.venue, after.asset), ZERO)
            if ours != after.amount:
                problems.append(Problem(seq, "books", f"{after.asset} on {after.venue}", str(after.amount), str(ours)))
        order.inferred = fact.inferred_after
        order.booked += fact.lots - fact.retired_lots
        order.reported = max(order.reported, order.booked)
        order.state = fact.state
        self._settle(order)
        if (order.booked, order.reserved) != (fact.booked_lots_after, fact.reserve_after):
            problems.append(Problem(seq, "books", f"order {fact.client_id}: lots booked or set aside are others"))
        self.fills += 1
        return problems

    def flow(self, seq: int, fact: FundsBooked | FundingBooked) -> list[Problem]:
        """Book money that came or went other than by trades."""
        place = (fact.venue, fact.asset)
        self.cash[place] = plus(self.cash.get(place, ZERO), fact.amount)
        if isinstance(fact, FundingBooked):
            self.funding[fact.asset] = plus(self.funding.get(fact.asset, ZERO), fact.amount)
            if fact.margin_after is not None:
                self.held[fact.venue, fact.instrument].margin = fact.margin_after
        else:
            self.flows = plus(self.flows, fact.amount)
        if self.cash[place] != fact.cash_after:
            return [Problem(seq, "books", f"{fact.asset} after a flow", str(fact.cash_after), str(self.cash[place]))]
        return []

    def retire(self, client_ids: tuple[str, ...]) -> None:
        """Forget orders that ended long ago."""
        for client_id in client_ids:
            self.orders.pop(client_id, None)
            self.living.pop(client_id, None)

    def _settle(self, order: Order) -> None:
        order.ended_unfilled = not order.is_living and not order.booked and not order.reported
        if order.lots_to_come or order.is_living:
            self.living[order.plan.client_id] = order
        else:
            self.living.pop(order.plan.client_id, None)

    def _check_trade(self, seq: int, fact: FillBooked, order: Order) -> list[Problem]:
        problems = []
        key = (fact.venue, fact.trade_id)
        if key in self.trades_seen:
            problems.append(Problem(seq, "books", f"trade {fact.trade_id} was booked twice"))
        self.trades_seen.add(key)
        if times(order.plan.lot, Decimal(fact.lots)) != fact.qty:
            problems.append(Problem(seq, "books", f"trade {fact.trade_id}: lots and quantity differ"))
        if fact.side != order.plan.side:
            problems.append(Problem(seq, "books", f"trade {fact.trade_id} goes the other way than its order"))
        return problems

    def _move_cash(
        self, fact: FillBooked, order: Order, retired: list[InferredFill], kept: tuple[InferredFill, ...]
    ) -> None:
        """Pay for the trade and its fee; what was paid for the inferred lots that it replaces comes back."""
        sign = Decimal(-1) if fact.side == "buy" else Decimal(1)
        notional = times(fact.qty, fact.price)
        back = plus(*[times(order.plan.lot, Decimal(one.lots), one.price) for one in retired])
        quote = (fact.venue, order.listing.quote)
        change = times(sign, EXACT.subtract(notional, back))
        base = order.listing.base
        if order.listing.is_perpetual:  # nothing is paid for but what was lost; a coin is never taken off it
            held = self.held.setdefault((fact.venue, fact.instrument), Holding())
            held.spent = EXACT.subtract(held.spent, change)
            change, base = fact.realised, ""
        self.cash[quote] = plus(self.cash.get(quote, ZERO), change)
        fees = {fact.fee_asset: fact.fee}
        for one, way in [*[(one, -1) for one in order.inferred], *[(one, 1) for one in kept]]:
            fees[one.fee_asset] = plus(fees.get(one.fee_asset, ZERO), times(Decimal(way), one.fee))
        for asset, fee in fees.items():
            place = (fact.venue, asset)
            if asset == base:
                held = self.held.setdefault((fact.venue, fact.instrument), Holding())
                held.qty = EXACT.subtract(held.qty, fee)
            else:
                self.cash[place] = EXACT.subtract(self.cash.get(place, ZERO), fee)
                self.fees[asset] = plus(self.fees.get(asset, ZERO), fee)

    def _move_position(self, seq: int, fact: FillBooked, order: Order, retired: list[InferredFill]) -> list[Problem]:
        held = self.held.setdefault((fact.venue, fact.instrument), Holding())
        sign = Decimal(1) if fact.side == "buy" else Decimal(-1)
        before = held.qty
        if (
            fact.fee_asset == order.listing.base and not order.listing.is_perpetual
        ):  # the fee left already; the trade itself moved what was there before
            before = plus(before, fact.fee)
        new_lots = fact.lots - fact.retired_lots
        held.qty = plus(held.qty, times(sign, order.plan.lot, Decimal(new_lots)))
        problems = []
        if held.qty != fact.qty_after:
            problems.append(Problem(seq, "books", f"{fact.instrument} held", str(fact.qty_after), str(held.qty)))
        if order.listing.is_perpetual:
            problems += _check_margin(seq, fact, order, held, before)
        if retired or fact.inferred:
            held.cost = fact.cost_after
        else:
            problems += _check_cost(seq, fact, held, before)
        held.realised = plus(held.realised, fact.realised)
        if order.listing.is_perpetual and EXACT.subtract(held.cost, held.realised) != held.spent:
            problems.append(Problem(seq, "books", f"cost less realised of {fact.instrument}", "", str(held.spent)))
        return problems

    def force(self, seq: int, fact: LiquidationBooked) -> list[Problem]:
        """Book what a venue closed by force: it costs no more than its margin, and no order of ours did it."""
        held = self.held.setdefault((fact.venue, fact.instrument), Holding())
        sign = Decimal(1) if fact.side == "buy" else Decimal(-1)
        problems = []
        if held.qty * sign >= 0 or fact.qty > abs(held.qty):
            problems.append(Problem(seq, "liquidation", "more than is held was closed", str(fact.qty), str(held.qty)))
        elif fact.realised < -held.margin * fact.qty / abs(held.qty) - REALISED_TOLERANCE:
            problems.append(Problem(seq, "liquidation", "more than the margin was lost", str(fact.realised)))
        held.qty = plus(held.qty, times(sign, fact.qty))
        held.cost, held.margin = fact.cost_after, fact.margin_after
        held.realised = plus(held.realised, fact.realised)
        held.spent = EXACT.subtract(held.cost, held.realised)
        quote, paid = (fact.venue, self.listings[fact.venue, fact.instrument].quote), (fact.venue, fact.fee_asset)
        self.cash[quote] = plus(self.cash.get(quote, ZERO), fact.realised)
        self.cash[paid] = EXACT.subtract(self.cash.get(paid, ZERO), fact.fee)
        self.fees[fact.fee_asset] = plus(self.fees.get(fact.fee_asset, ZERO), fact.fee)
        self.fills += 1
        told = {(fact.venue, asset): amount for asset, amount in fact.cash_after.items()}
        if held.qty != fact.qty_after or any(self.cash[place] != amount for place, amount in told.items()):
            problems.append(Problem(seq, "books", f"cash or position after the liquidation of {fact.instrument}"))
        return problems


def _check_margin(seq: int, fact: FillBooked, order: Order, held: Holding, before: Decimal) -> list[Problem]:
    """What closes frees its share of the margin, what opens locks its worth over the leverage."""
    told, was = fact.margin_after, held.margin
    held.margin = told or ZERO
    if told is None:
        return [Problem(seq, "margin", f"trade {fact.trade_id} says nothing of margin")]
    if fact.inferred or fact.retired_lots:
        return [] if told >= 0 and (told > 0) == (fact.qty_after != 0) else [Problem(seq, "margin", "none", str(told))]
    against = before * (1 if fact.side == "buy" else -1) < 0
    closed = min(fact.qty, abs(before)) if against else ZERO
    left = was * (1 - closed / abs(before)) if closed else was
    expected = left + (fact.qty - closed) * fact.price / max(order.plan.leverage, 1)
    if abs(expected - told) > REALISED_TOLERANCE:
        return [Problem(seq, "margin", f"of {fact.instrument}", str(told), str(expected))]
    return []


def _check_cost(seq: int, fact: FillBooked, held: Holding, before: Decimal) -> list[Problem]:
    """
    What goes with the position adds its cost; what goes against it takes its share of the cost away, and what is left
    of the proceeds is profit; what goes beyond opens the other way.
    """
    sign = 1 if fact.side == "buy" else -1
    notional = times(fact.qty, fact.price)
    if before * sign >= 0:
        cost, realised = plus(held.cost, sign * notional), ZERO
    else:
        closed = min(fact.qty, abs(before))
        removed = held.cost if closed == abs(before) else held.cost * closed / abs(before)
        proceeds = notional if closed == fact.qty else notional * closed / fact.qty
        cost, realised = held.cost - removed + sign * (notional - proceeds), -sign * proceeds - removed
    held.cost = fact.cost_after
    problems = []
    if abs(cost - fact.cost_after) > REALISED_TOLERANCE:
        problems.append(Problem(seq, "books", f"cost of {fact.instrument}", str(fact.cost_after), str(cost)))
    if abs(realised - fact.realised) > REALISED_TOLERANCE:
        what = f"realised by trade {fact.trade_id}"
        problems.append(Problem(seq, "books", what, str(fact.realised), str(realised)))
    return problems


def _retired(inferred: tuple[InferredFill, ...], lots: int) -> list[InferredFill]:
    """Cut the oldest inferred lots off, as many as real trades replaced."""
    cut = []
    for one in inferred:
        taken = min(one.lots, lots)
        if taken > 0:
            cut.append(InferredFill(one.trade_id, taken, one.price, one.fee, one.fee_asset))
            lots -= taken
    return cut
