"""Which orders there are, found by client id, by account and by instrument."""

from __future__ import annotations

from quarterdeck.exchange.state import ExchangeState, VenueOrder


class Registry:
    """Indexes over the orders of an exchange; rebuilt from them, never saved."""

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._by_client: dict[tuple[str, str], int] = {}
        self._working: dict[str, dict[int, VenueOrder]] = {}
        for order in state.orders.values():
            self._index(order)

    def next_number(self) -> int:
        """Give out the next order number."""
        self._state.head.order_number += 1
        return self._state.head.order_number

    def enter(self, order: VenueOrder) -> None:
        """Take a new order in. One that was decided on late may bear a lower number than those before it."""
        orders = self._state.orders
        is_late = bool(orders) and next(reversed(orders)) > order.number
        orders[order.number] = order
        if is_late:
            self._state.orders = dict(sorted(orders.items()))
        self._index(order)

    def end(self, order: VenueOrder) -> None:
        """Take an order off the list of working ones; it stays known."""
        self._working[order.instrument].pop(order.number, None)

    def find(self, account: str, client_id: str) -> VenueOrder | None:
        """Find the latest order of an account under a client id; orders without one cannot be found."""
        number = self._by_client.get((account, client_id))
        return None if number is None else self._state.orders[number]

    def working_on(self, instrument: str) -> list[VenueOrder]:
        """List the working orders on an instrument."""
        orders = self._working.get(instrument)
        return list(orders.values()) if orders else []

    def has_working(self, account: str, instrument: str) -> bool:
        """Tell whether an account has working orders on an instrument."""
        return any(order.account == account for order in self._working.get(instrument, {}).values())

    def working_of(self, account: str) -> list[VenueOrder]:
        """List the working orders of an account, in the order of their numbers."""
        orders = [order for book in self._working.values() for order in book.values() if order.account == account]
        return sorted(orders, key=lambda order: order.number)

    def forget_old(self) -> None:
        """Drop the oldest ended orders and trades once there are twice as many as are to be kept."""
        kept = self._state.setup.personality.history_max
        if len(self._state.trades) > 2 * kept:
            del self._state.trades[:-kept]
        if len(self._state.orders) > 2 * kept:
            ended = [order for order in self._state.orders.values() if not order.is_working]
            for order in ended[: len(self._state.orders) - kept]:
                del self._state.orders[order.number]
                if self._by_client.get((order.account, order.client_id)) == order.number:
                    del self._by_client[order.account, order.client_id]

    def _index(self, order: VenueOrder) -> None:
        if order.client_id:
            self._by_client[order.account, order.client_id] = order.number
        if order.is_working:
            self._working.setdefault(order.instrument, {})[order.number] = order
