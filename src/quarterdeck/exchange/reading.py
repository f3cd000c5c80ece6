"""What an account may read, and how late."""

from __future__ import annotations

from quarterdeck.domain import InputError, OrderState
from quarterdeck.exchange.execution import Execution
from quarterdeck.exchange.grid import whole_steps
from quarterdeck.exchange.intake import Intake
from quarterdeck.exchange.messages import OrderStatus, Trade
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.state import ExchangeState, Pending, VenueOrder


class Reading:
    """Answers questions about orders and trades, as late and as incompletely as the exchange is in the habit of."""

    def __init__(self, state: ExchangeState, registry: Registry, intake: Intake, execution: Execution) -> None:
        self._state = state
        self._registry = registry
        self._intake = intake
        self._execution = execution

    def query(self, account: str, client_id: str) -> OrderStatus | None:
        """Tell how an order stands; None where it is not known, not visible yet, or forgotten."""
        personality = self._state.setup.personality
        pending = self._intake.pending_of(account, client_id)
        if pending is not None:
            return self._pending_status(pending) if personality.pending_visible else None
        order = self._registry.find(account, client_id)
        if order is None or not self._is_visible(order):
            return None
        if personality.client_id_scope == "forgets" and not order.is_working:
            return None
        return self._execution.status(order)

    def open_orders(self, account: str) -> list[OrderStatus]:
        """List the working orders of an account that are visible, in the order of their numbers."""
        orders = self._registry.working_of(account)
        return [self._execution.status(order) for order in orders if self._is_visible(order)]

    def fills_after(self, account: str, cursor: int) -> list[Trade]:
        """List the visible trades of an account beyond a cursor, oldest first; an error where some are forgotten."""
        trades = self._state.trades
        first = trades[0].cursor if trades else self._state.head.trade_number + 1
        if cursor < first - 1 and first > 1:
            raise InputError(f"trades before {first} are forgotten; ask with a cursor of at least {first - 1}")
        until_ns = self._state.head.now_ns - self._state.setup.personality.fills_lag_ns
        newer = trades[max(0, cursor - first + 1) :]
        return [trade for trade in newer if trade.account == account and trade.at_ns <= until_ns]

    def hide(self, account: str, client_id: str, until_ns: int) -> None:
        """Let an order not be found before an instant, whether it is known already or placed later."""
        hidden = self._state.head.injected.hidden.setdefault(account, {})
        for known, ends_ns in list(hidden.items()):
            if ends_ns <= self._state.head.now_ns:
                del hidden[known]
        hidden[client_id] = until_ns

    def _is_visible(self, order: VenueOrder) -> bool:
        now_ns = self._state.head.now_ns
        hidden = self._state.head.injected.hidden
        if hidden and hidden.get(order.account, {}).get(order.client_id, 0) > now_ns:
            return False
        return order.placed_at_ns + self._state.setup.personality.lag_ns <= now_ns

    def _pending_status(self, pending: Pending) -> OrderStatus:
        order = pending.order
        return OrderStatus(
            number=pending.number,
            account=pending.account,
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            qty_lots=whole_steps(order.qty, self._state.setup.listings[order.instrument].lot) or 0,
            filled_lots=0,
            state=OrderState.PLANNED,
            at_ns=self._state.head.now_ns,
            limit=order.limit,
            trigger=order.trigger,
        )
