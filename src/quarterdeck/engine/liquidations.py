"""Positions that a venue closed by force: no order of ours, but our money. Booked once, and told to a person."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from quarterdeck.domain import (
    ZERO,
    AlertRaised,
    Fact,
    LiquidationBooked,
    PositionLiquidated,
    Side,
    StrayFound,
    TradesPulled,
    add,
    multiply,
    subtract,
)
from quarterdeck.engine.state import Grid, State
from quarterdeck.portfolio import MarginedTrade, liquidated


def take_liquidation(state: State, report: PositionLiquidated, at_ns: int) -> Iterator[Fact]:
    """
    Book what a venue closed by force of a position of ours, once by the id of its trade.

    What goes beyond our position is of somebody else on the account. One that fits nothing of ours is set aside, and a
    person told: the next comparison of the account decides what is held.
    """
    key = f"{report.venue}:{report.trade_id}"
    grid = state.grids.get(report.venue, {}).get(report.instrument)
    if key in state.liquidations or key in state.strays or grid is None:
        if report.cursor > state.cursors.get(report.venue, 0):
            yield TradesPulled(at_ns=at_ns, venue=report.venue, cursor=report.cursor)
        return
    if _fits(state, grid, report):
        yield from _booked(state, grid, report, at_ns)
        return
    detail = f"{report.side.value} {report.lots} lots of {report.instrument} at {report.price}, fee {report.fee}"
    yield StrayFound(at_ns=at_ns, venue=report.venue, what="liquidation", key=key, detail=detail, cursor=report.cursor)
    text = f"{report.venue} reports a liquidation of nothing that this bot holds: {detail}; check the account"
    yield AlertRaised(at_ns=at_ns, code="stray_liquidation", text=text, severity="critical")


def _fits(state: State, grid: Grid, report: PositionLiquidated) -> bool:
    """Tell whether a trade by force closes some of a position of ours, and is made of numbers."""
    money = (report.price, report.fee, ZERO if report.realised is None else report.realised)
    if not (grid.is_perpetual and report.lots > 0 and all(one.is_finite() for one in money) and report.price > 0):
        return False
    held = state.position(report.venue, report.instrument).qty
    return held > 0 if report.side is Side.SELL else held < 0


def _booked(state: State, grid: Grid, report: PositionLiquidated, at_ns: int) -> Iterator[Fact]:
    listing, position = grid.listing, state.position(report.venue, report.instrument)
    told = multiply(listing.lot, Decimal(report.lots))
    qty = min(told, position.qty.copy_abs())
    signed = qty if report.side is Side.BUY else qty.copy_negate()
    trade = MarginedTrade(signed, report.price, 1, report.realised if qty == told else None)
    after = liquidated(position, trade, at_ns)
    realised, cash = subtract(after.realised, position.realised), state.cash.get(report.venue, {})
    cash_after = {listing.quote: add(cash.get(listing.quote, ZERO), realised)}
    before = cash_after.get(report.fee_asset, cash.get(report.fee_asset, ZERO))
    cash_after[report.fee_asset] = subtract(before, report.fee)
    yield LiquidationBooked(
        at_ns=at_ns,
        venue=report.venue,
        instrument=report.instrument,
        trade_id=report.trade_id,
        side=report.side,
        qty=qty,
        price=report.price,
        fee=report.fee,
        fee_asset=report.fee_asset,
        realised=realised,
        qty_after=after.qty,
        cost_after=after.cost,
        realised_after=after.realised,
        margin_after=after.margin,
        opened_at_ns=after.opened_at_ns,
        entries_after=after.entries,
        cash_after=cash_after,
        fees_after=add(state.fees.get(report.fee_asset, ZERO), report.fee),
        venue_at_ns=report.venue_at_ns,
        cursor=report.cursor,
    )
    what = f"{report.venue} liquidated {qty} {listing.base} of {report.instrument} at {report.price}"
    text = f"{what}, which brought {realised} {listing.quote} less a fee of {report.fee}; lower leverage or stops"
    yield AlertRaised(at_ns=at_ns, code="liquidation", text=text, severity="critical")
