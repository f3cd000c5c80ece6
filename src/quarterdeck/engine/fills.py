"""Trades: booking them once, inferring them when a status runs ahead, and setting strangers aside."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from quarterdeck.domain import (
    AlertRaised,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    FillReported,
    InferredFill,
    Listing,
    StrayFound,
    TradesPulled,
    ensure,
    multiply,
    quantize,
)
from quarterdeck.engine.cover import review
from quarterdeck.engine.reports import is_marked
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import clear_alerts
from quarterdeck.fills import fee_of
from quarterdeck.orders import Alert, Order, Step, inferred_trade_id, reserve_of, step
from quarterdeck.portfolio import BookedFill, Books, FillToBook, book_fill


def take_fill(state: State, report: FillReported, at_ns: int) -> Iterator[Fact]:
    """Book a reported trade of one of our orders, once; one with our mark of an order we do not know is a stray."""
    order = state.orders.get(report.client_id)
    if order is None or order.venue != report.venue:
        yield from stray(state, at_ns, report)
        return
    if report.trade_id in order.trade_ids:
        yield from _pulled(state, at_ns, report)
        return
    if not _is_sound(report):
        yield from _unsound(state, at_ns, report)
        return
    if report.at_ns != at_ns:
        report = replace(report, at_ns=at_ns)
    books = _books(state, order)
    booked = book_fill(books, _to_book(state, order, report, at_ns))
    booked_lots = order.booked_lots + report.lots - booked.retired_lots
    moved = step(order, Evidence.FILL, booked_lots)
    yield _fact(order, report, booked, moved, books.listing.lot)
    yield from clear_alerts(state, order, at_ns)
    yield from _alert(order, moved, at_ns)
    yield from review(state, order.venue, order.instrument, at_ns)


def _is_sound(report: FillReported) -> bool:
    """Tell whether a trade can be booked: it has a name, lots, a price above zero and a fee, all of them numbers."""
    price = report.price
    return bool(report.trade_id) and report.lots > 0 and price.is_finite() and price > 0 and report.fee.is_finite()


def _unsound(state: State, at_ns: int, report: FillReported) -> Iterator[Fact]:
    """Refuse a trade that makes no sense, once: it moves nothing, and pulls go on behind it."""
    key = f"{report.venue}:{report.client_id}:{report.trade_id}:{report.lots}"
    if key in state.strays:
        yield from _pulled(state, at_ns, report)
        return
    detail = f"{report.lots} lots at {report.price} with a fee of {report.fee}"
    yield StrayFound(at_ns=at_ns, venue=report.venue, what="trade", key=key, detail=detail, cursor=report.cursor)
    what = f"{report.venue} reports trade {report.trade_id!r} of order {report.client_id} as {detail}"
    text = f"{what}, which cannot be true; it is not booked: look at the venue"
    yield AlertRaised(at_ns=at_ns, code="unsound_trade", text=text, severity="critical")


def _alert(order: Order, moved: Step, at_ns: int) -> Iterator[Fact]:
    if moved.alert is not Alert.NONE:
        text = f"order {order.client_id} on {order.venue}: {moved.alert.value} (fill)"
        yield AlertRaised(at_ns=at_ns, code="order", text=text, severity="critical")


def _pulled(state: State, at_ns: int, report: FillReported) -> Iterator[Fact]:
    """Let the next pull begin behind a trade that was known already, so that no trade is pulled for ever."""
    if report.cursor > state.cursors.get(report.venue, 0):
        yield TradesPulled(at_ns=at_ns, venue=report.venue, cursor=report.cursor)


def stray(state: State, at_ns: int, report: FillReported) -> Iterator[Fact]:
    """Set a trade with our mark aside, once, of an order that the journal does not know, and tell a person."""
    key = f"{report.venue}:{report.trade_id}"
    if key in state.strays or not is_marked(state, report.client_id):
        yield from _pulled(state, at_ns, report)
        return
    detail = f"{report.lots} lots at {report.price} of order {report.client_id}"
    yield StrayFound(at_ns=at_ns, venue=report.venue, what="trade", key=key, detail=detail, cursor=report.cursor)
    text = f"{report.venue} reports a trade of an order that is not in the journal: {detail}; check the account"
    yield AlertRaised(at_ns=at_ns, code="stray_trade", text=text, severity="critical")


def infer_fill(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """
    Book what a status reported and no trade has explained yet.

    Its id follows from the order and the quantities, so the same inference is never made twice; real trades retire
    it, oldest first. Price and fee are the best known: the venue's average price, the taker fee.
    """
    lots = order.reported_lots - order.booked_lots
    ensure(lots > 0, f"order {order.client_id}: nothing to infer")
    listing = _listing(state, order)
    price = order.reported_price
    if price is None:
        price = quantize(Decimal(repr(order.reference_price)), listing.tick)
    notional = multiply(multiply(listing.lot, Decimal(lots)), price)
    fee = fee_of(notional, listing.fee_taker, listing.fee_step, listing.fee_rounding)
    report = FillReported(
        at_ns=at_ns,
        venue=order.venue,
        client_id=order.client_id,
        trade_id=inferred_trade_id(order.client_id, order.booked_lots, order.reported_lots),
        lots=lots,
        price=price,
        fee=fee,
        fee_asset=listing.quote,
        liquidity="taker",
        venue_at_ns=at_ns,
    )
    books = _books(state, order)
    fresh = Books(listing=books.listing, position=books.position, cash=books.cash, fees=books.fees)
    booked = book_fill(fresh, _to_book(state, order, report, at_ns))
    moved = step(order, Evidence.FILL, order.reported_lots)
    kept = (*order.inferred, InferredFill(report.trade_id, lots, price, fee, listing.quote))
    yield _fact(order, report, booked, moved, listing.lot, inferred=kept)
    yield from clear_alerts(state, order, at_ns)
    yield from _alert(order, moved, at_ns)
    yield from review(state, order.venue, order.instrument, at_ns)


def _listing(state: State, order: Order) -> Listing:
    """Give the listing of an order, on the grid that the order was planned on: its lots mean what they meant then."""
    listing: Listing = state.grids[order.venue][order.instrument].listing
    if (listing.lot, listing.tick) == (order.lot, order.tick):
        return listing
    return replace(listing, lot=order.lot, tick=order.tick)


def _books(state: State, order: Order) -> Books:
    return Books(
        listing=_listing(state, order),
        position=state.position(order.venue, order.instrument),
        cash=state.cash.get(order.venue, {}),
        fees=state.fees,
        inferred=order.inferred,
    )


def _to_book(state: State, order: Order, report: FillReported, at_ns: int) -> FillToBook:
    held = state.position(order.venue, order.instrument)
    return FillToBook(
        side=order.side,
        lots=report.lots,
        price=report.price,
        fee=report.fee,
        fee_asset=report.fee_asset,
        at_ns=at_ns,
        new_entry=order.effect is Effect.OPEN and order.booked_lots == 0 and held.qty != 0,
        leverage=order.leverage or 1,
        realised=report.realised,
    )


def _fact(
    order: Order,
    report: FillReported,
    booked: BookedFill,
    moved: Step,
    lot: Decimal,
    inferred: tuple[InferredFill, ...] | None = None,
) -> FillBooked:
    booked_lots = order.booked_lots + report.lots - booked.retired_lots
    reported_lots = max(order.reported_lots, booked_lots)
    position = booked.position
    return FillBooked(
        at_ns=report.at_ns,
        client_id=order.client_id,
        intent_id=order.intent_id,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side,
        trade_id=report.trade_id,
        lots=report.lots,
        qty=multiply(lot, Decimal(report.lots)),
        price=report.price,
        fee=report.fee,
        fee_asset=report.fee_asset,
        liquidity=report.liquidity,
        venue_at_ns=report.venue_at_ns,
        realised=booked.realised,
        state=moved.state,
        booked_lots_after=booked_lots,
        reported_lots_after=reported_lots,
        reserve_after=reserve_of(order, moved.state, booked_lots, reported_lots),
        qty_after=position.qty,
        cost_after=position.cost,
        realised_after=position.realised,
        opened_at_ns=position.opened_at_ns,
        entries_after=position.entries,
        cash_after=booked.cash_after,
        fees_after=booked.fees_after,
        inferred_after=booked.inferred_after if inferred is None else inferred,
        cursor=report.cursor,
        inferred=inferred is not None,
        retired_lots=booked.retired_lots,
        margin_after=position.margin if ":" in order.instrument else None,
    )
