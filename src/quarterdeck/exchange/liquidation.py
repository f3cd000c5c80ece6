"""Closing by force what an account cannot carry any more."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quarterdeck.domain import ZERO, Listing, OrderKind, OrderState, Side, add, multiply, quantize, subtract
from quarterdeck.exchange.execution import Execution
from quarterdeck.exchange.grid import steps_within
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.lending import Lending
from quarterdeck.exchange.matching import Market
from quarterdeck.exchange.messages import Event, FundingPaid, Liquidated, PositionSide, Refusal
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.state import ExchangeState, Position, VenueOrder
from quarterdeck.exchange.tape import LIQUIDATION

_STEP: Final = Decimal("1e-8")


class Liquidation:
    """
    Watches positions and loans at each new price.

    What is closed by force trades at the mark, without a book, by an order of the exchange's own that has no client
    id. Working orders of the account are ended first: those on the perpetual, or all on margin listings.
    """

    def __init__(
        self, state: ExchangeState, ledger: Ledger, market: Market, registry: Registry, execution: Execution
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._market = market
        self._registry = registry
        self._execution = execution

    def watch(self, listing: Listing, events: list[Event]) -> None:
        """Liquidate whatever the latest price of an instrument makes necessary."""
        head = self._state.head
        if not head.positions and not head.loans:
            return
        mark_ticks = self._market.mark_ticks(listing.instrument)
        if mark_ticks is None:
            return
        if listing.is_perpetual:
            self.close_breached(listing, mark_ticks, events)
        elif self._execution.lending is not None and head.loans:
            for account in list(head.loans):
                if self._execution.lending.is_breached(account):
                    self._close_account(account, self._execution.lending, events)

    def close_breached(self, listing: Listing, mark_ticks: int, events: list[Event]) -> None:
        """Close the positions in a perpetual whose margin is used up at a mark."""
        mark = multiply(Decimal(mark_ticks), listing.tick)
        for account, side, position in self._positions_in(listing.instrument):
            if position.lots and self._execution.perpetuals.is_breached(position, mark):
                self._end_orders(account, [listing.instrument], events)
                self._close_position(account, side, position, mark_ticks, events)

    def fund(self, listing: Listing, rate: Decimal, mark: Decimal, events: list[Event]) -> None:
        """Let longs pay shorts at a rate on the value of their positions, or shorts longs below zero."""
        head = self._state.head
        for account, _, position in self._positions_in(listing.instrument):
            value = multiply(multiply(Decimal(position.lots), listing.lot), mark)
            amount = quantize(multiply(value, rate).copy_negate(), _STEP)
            head.payment_number += 1
            margin = position.margin
            paid = self._execution.perpetuals.pay_funding(account, position, amount)
            events.append(
                FundingPaid(
                    funding_id=f"f{head.payment_number}",
                    account=account,
                    instrument=listing.instrument,
                    asset=listing.quote,
                    amount=paid,
                    rate=rate,
                    mark=mark,
                    at_ns=head.now_ns,
                    from_margin=subtract(margin, position.margin),
                )
            )
        self._ledger.check((listing.quote,))

    def _positions_in(self, instrument: str) -> list[tuple[str, PositionSide, Position]]:
        perpetuals = self._execution.perpetuals
        return [
            (account, side, position)
            for account in self._state.head.positions
            for side, position in perpetuals.positions_of(account)
            if position.instrument == instrument
        ]

    def _close_position(
        self, account: str, side: PositionSide, position: Position, mark_ticks: int, events: list[Event]
    ) -> None:
        listing = self._state.setup.listings[position.instrument]
        closing = Side.SELL if position.lots > 0 else Side.BUY
        owed = subtract(self._loss_at(position, listing, mark_ticks), position.margin)
        order = self._forced(account, listing, closing, abs(position.lots))
        order.position_side = side
        self._fill(order, mark_ticks, events)
        forgiven = {listing.quote: owed} if owed > 0 else {}
        events.append(Liquidated(account, listing.instrument, forgiven, self._state.head.now_ns))

    def _loss_at(self, position: Position, listing: Listing, mark_ticks: int) -> Decimal:
        qty = multiply(Decimal(position.lots), listing.lot)
        value = multiply(qty, multiply(Decimal(mark_ticks), listing.tick))
        cost = position.cost if position.lots > 0 else position.cost.copy_negate()
        return subtract(cost, value)

    def _close_account(self, account: str, lending: Lending, events: list[Event]) -> None:
        """Sell everything that was not borrowed, buy back what was, and let the rest go."""
        listings = lending.listings
        self._end_orders(account, [listing.instrument for listing in listings], events)
        for asset in list(self._state.head.loans.get(account, {})):
            self._ledger.repay(account, asset)
        for listing in listings:
            if not self._ledger.owed(account, listing.base):
                held = self._ledger.free(account, listing.base)
                self._trade_by_force(account, listing, Side.SELL, steps_within(held, listing.lot), events)
        for listing in listings:
            owed = self._ledger.owed(account, listing.base)
            if owed:
                self._buy_back(account, listing, owed, events)
        forgiven = self._ledger.forgive(account)
        events.append(Liquidated(account, "", forgiven, self._state.head.now_ns))

    def _buy_back(self, account: str, listing: Listing, owed: Decimal, events: list[Event]) -> None:
        """Buy as much of what is owed as there is money for; a part of a lot costs a whole one."""
        mark_ticks = self._market.mark_ticks(listing.instrument)
        if mark_ticks is None:
            return
        lot_price = multiply(listing.lot, multiply(Decimal(mark_ticks), listing.tick))
        # Twice the fee is set aside: what it is charged on, and how it is rounded, differs between venues.
        dearer = multiply(lot_price, add(Decimal(1), multiply(Decimal(2), max(listing.fee_taker, ZERO))))
        affordable = steps_within(self._ledger.free(account, listing.quote), dearer)
        lots = steps_within(owed, listing.lot)
        lots += multiply(Decimal(lots), listing.lot) < owed
        self._trade_by_force(account, listing, Side.BUY, min(lots, affordable), events)

    def _trade_by_force(self, account: str, listing: Listing, side: Side, lots: int, events: list[Event]) -> None:
        mark_ticks = self._market.mark_ticks(listing.instrument)
        if lots > 0 and mark_ticks is not None:
            self._fill(self._forced(account, listing, side, lots), mark_ticks, events)

    def _fill(self, order: VenueOrder, ticks: int, events: list[Event]) -> None:
        desk = self._execution.desk(order)
        desk.hold(order, min(desk.need(order, [(ticks, order.qty_lots)]), desk.available(order)))
        events.append(desk.trade(order, ticks, order.qty_lots, LIQUIDATION))
        events.append(self._execution.end(order, OrderState.FILLED, Refusal.LIQUIDATION))

    def _forced(self, account: str, listing: Listing, side: Side, lots: int) -> VenueOrder:
        """Enter an order of the exchange's own."""
        now_ns = self._state.head.now_ns
        order = VenueOrder(
            number=self._registry.next_number(),
            account=account,
            client_id="",
            instrument=listing.instrument,
            side=side,
            order_kind=OrderKind.MARKET,
            qty_lots=lots,
            limit_ticks=None,
            placed_at_ns=now_ns,
            lock_asset=listing.base if side is Side.SELL and not listing.is_perpetual else listing.quote,
            changed_at_ns=now_ns,
            reason=str(Refusal.LIQUIDATION),
        )
        self._registry.enter(order)
        return order

    def _end_orders(self, account: str, instruments: list[str], events: list[Event]) -> None:
        orders = [order for order in self._registry.working_of(account) if order.instrument in instruments]
        events += [self._execution.end(order, OrderState.EXPIRED, Refusal.LIQUIDATION) for order in orders]
