"""Orders against the market: what they hold, what they trade, how they end."""

from __future__ import annotations

from decimal import Decimal

from quarterdeck.domain import ZERO, OrderState, Side, multiply
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.lending import Lending
from quarterdeck.exchange.matching import Market
from quarterdeck.exchange.messages import Event, OrderStatus, Refusal, Refused
from quarterdeck.exchange.perpetuals import Perpetuals
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.settlement import Settlement
from quarterdeck.exchange.state import ExchangeState, VenueOrder
from quarterdeck.exchange.tape import MAKER, TAKER, Desk
from quarterdeck.fills import average_price

_ANY_TICKS = 1  # what a spot sale holds does not depend on its price


class Execution:
    """Lets orders hold, trade and end. It finds the desk that pays: spot or perpetuals."""

    def __init__(self, state: ExchangeState, ledger: Ledger, market: Market, registry: Registry) -> None:
        rules = state.setup.personality.margin
        self._state = state
        self._market = market
        self._registry = registry
        self.lending = None if rules is None else Lending(state, ledger, market, rules)
        self.perpetuals = Perpetuals(state, ledger)
        self._spot = Settlement(state, ledger, self.lending)

    def hold_of_new(self, order: VenueOrder, offers: list[Level] | None) -> Decimal | Refused:
        """
        Tell what a new order must hold before it may execute; refuse it where that is not free.

        Args:
            order: The order, not entered yet.
            offers: What it would take at once; None where nothing is traded now.
        """
        desk = self.desk(order)
        levels = self._levels_to_hold(order, offers)
        if levels is None:
            return self._waiting_hold(order)
        need = desk.need(order, levels)
        available = desk.available(order)
        if available < need:
            text = f"needs {need} {order.lock_asset}, {available} are free"
            return Refused(Refusal.INSUFFICIENT_BALANCE, text)
        return need

    def hold(self, order: VenueOrder, amount: Decimal) -> None:
        """Make an order hold exactly this much of its lock asset."""
        self.desk(order).hold(order, amount)

    def take(self, order: VenueOrder, offers: list[Level], events: list[Event]) -> None:
        """Let a new order trade with what is offered to it."""
        self._execute(order, offers, TAKER, events)

    def meet(self, order: VenueOrder, events: list[Event], *, through: bool = False) -> None:
        """Let a resting order meet a new tradable quote; `through`: one with a limit only where that lies beyond it."""
        offers = self._market.offers(order, beyond=through)
        if order.limit_ticks is not None:
            if offers:
                lots = sum(lots for _, lots in offers)
                self._execute(order, [(order.limit_ticks, lots)], MAKER, events)
            return
        desk = self.desk(order)
        need = desk.need(order, offers)
        if desk.available(order) < need:
            state = OrderState.EXPIRED if order.filled_lots else OrderState.REJECTED
            events.append(self.end(order, state, Refusal.INSUFFICIENT_BALANCE))
            return
        sells_spot = order.side is Side.SELL and desk is self._spot
        desk.hold(order, max(order.locked, need) if sells_spot else need)
        self._execute(order, offers, TAKER, events)

    def fill_through(self, order: VenueOrder, limit_ticks: int, events: list[Event]) -> None:
        """Fill a limit order whole at its limit, as a bar that traded through it proves."""
        if self._trade(order, limit_ticks, order.left_lots, MAKER, events):
            events.append(self._conclude(order))

    def wake(self, order: VenueOrder, events: list[Event]) -> None:
        """Trigger a stop order: from now on it is a market order."""
        order.triggered = True
        order.changed_at_ns = self._state.head.now_ns
        order.reason = "triggered"
        events.append(self.status(order))

    def end(self, order: VenueOrder, state: OrderState, reason: str) -> OrderStatus:
        """End an order: what it held is free again."""
        self.hold(order, ZERO)
        order.state = state
        order.reason = str(reason)
        order.changed_at_ns = self._state.head.now_ns
        self._registry.end(order)
        return self.status(order)

    def status(self, order: VenueOrder) -> OrderStatus:
        """Describe an order as it stands."""
        tick = self._state.setup.listings[order.instrument].tick
        price = None
        if order.filled_lots:
            price = average_price(multiply(Decimal(order.filled_tick_lots), tick), Decimal(order.filled_lots))
        return OrderStatus(
            number=order.number,
            account=order.account,
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            qty_lots=order.qty_lots,
            filled_lots=order.filled_lots,
            state=order.state,
            at_ns=order.changed_at_ns,
            price=price,
            reason=order.reason,
            limit=None if order.limit_ticks is None else multiply(Decimal(order.limit_ticks), tick),
            trigger=None if order.trigger_ticks is None else multiply(Decimal(order.trigger_ticks), tick),
        )

    def desk(self, order: VenueOrder) -> Desk:
        """Find what pays for the trades of an order."""
        return self.perpetuals if ":" in order.instrument else self._spot

    def _levels_to_hold(self, order: VenueOrder, offers: list[Level] | None) -> list[Level] | None:
        """List the levels for which a new order holds money; None for one that waits for a price."""
        price_ticks = order.limit_ticks or order.trigger_ticks
        if price_ticks is not None:
            return [(price_ticks, order.left_lots)]
        if order.side is Side.SELL and self.desk(order) is self._spot:
            return [(_ANY_TICKS, order.left_lots)]
        return offers

    def _waiting_hold(self, order: VenueOrder) -> Decimal:
        """Tell what a market order that waits should hold: its cost at the last price, as far as that is free."""
        desk = self.desk(order)
        best_ticks = self._market.best_ticks(order.instrument, order.side)
        need = ZERO if best_ticks is None else desk.need(order, [(best_ticks, order.left_lots)])
        return min(need, desk.available(order))

    def _execute(self, order: VenueOrder, levels: list[Level], liquidity: str, events: list[Event]) -> None:
        for ticks, lots in levels:
            traded_before = order.filled_lots
            goes_on = self._trade(order, ticks, lots, liquidity, events)
            if order.filled_lots > traded_before:
                self._market.consume(order, order.filled_lots - traded_before)
            if not goes_on:
                return
        if levels or order.limit_ticks is None:
            events.append(self._conclude(order))

    def _trade(self, order: VenueOrder, ticks: int, lots: int, liquidity: str, events: list[Event]) -> bool:
        """Trade as much as the account can carry; False where that was not all, and the order ended over it."""
        desk = self.desk(order)
        if desk is self._spot:
            events.append(desk.trade(order, ticks, lots, liquidity))
            return True
        permitted, obstacle = self.perpetuals.permits(order, ticks, lots)
        if permitted:
            events.append(desk.trade(order, ticks, permitted, liquidity))
        if obstacle is not None:
            events.append(self.end(order, OrderState.EXPIRED, obstacle))
        return obstacle is None

    def _conclude(self, order: VenueOrder) -> OrderStatus:
        """Set the state after trades: filled, ended for lack of liquidity, or resting with what it must hold."""
        rests = self._state.setup.personality.market_remainder == "rests"
        if not order.left_lots:
            return self.end(order, OrderState.FILLED, "")
        if order.limit_ticks is None and not rests:
            return self.end(order, OrderState.EXPIRED, Refusal.NO_LIQUIDITY)
        order.state = OrderState.PARTIALLY_FILLED if order.filled_lots else OrderState.OPEN
        order.changed_at_ns = self._state.head.now_ns
        desk = self.desk(order)
        if order.limit_ticks is not None:
            # A venue that rounds fees up may have taken steps more than the whole order was to pay.
            need = desk.need(order, [(order.limit_ticks, order.left_lots)])
            desk.hold(order, min(need, desk.available(order)))
        else:
            desk.hold(order, self._waiting_hold(order))
        return self.status(order)
