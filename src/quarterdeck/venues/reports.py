"""From what the exchange model says to what the engine is told."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    AccountReported,
    Evidence,
    FillReported,
    OrderReported,
    OrderSeen,
    OrderState,
    add,
)
from quarterdeck.exchange import Accepted, Event, OrderStatus, Received, Refusal, Refused, Reply, Trade

_EVIDENCE: Final = {
    OrderState.OPEN: Evidence.ACKNOWLEDGED,
    OrderState.PARTIALLY_FILLED: Evidence.ACKNOWLEDGED,
    OrderState.FILLED: Evidence.FILLED,
    OrderState.CANCELLED: Evidence.CANCELLED,
    OrderState.REJECTED: Evidence.REJECTED,
    OrderState.EXPIRED: Evidence.EXPIRED,
}


class Reporter:
    """Words reports of one venue. `at_ns` is when we learned it, `venue_at_ns` what the venue's clock said."""

    def __init__(self, venue: str) -> None:
        self._venue = venue

    def submit(self, client_id: str, reply: Reply, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word the reply to an order. A duplicate client id proves that an order exists, not that there is none."""
        match reply:
            case Accepted(status=status):
                return self.status(status, at_ns, venue_at_ns)
            case Received():
                return OrderReported(
                    at_ns=at_ns,
                    venue=self._venue,
                    client_id=client_id,
                    evidence=Evidence.ACKNOWLEDGED,
                    venue_order_id=reply.venue_order_id,
                    venue_at_ns=venue_at_ns,
                )
            case Refused(reason=Refusal.DUPLICATE_CLIENT_ID):
                return self.said(client_id, Evidence.AMBIGUOUS, _words(reply), at_ns, venue_at_ns)
            case Refused():
                return self.said(client_id, Evidence.REJECTED, _words(reply), at_ns, venue_at_ns)

    def cancel(self, client_id: str, reply: Accepted | Refused, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word the reply to a cancel."""
        match reply:
            case Accepted(status=status):
                return self.status(status, at_ns, venue_at_ns)
            case Refused():
                return self.said(client_id, Evidence.CANCEL_REFUSED, _words(reply), at_ns, venue_at_ns)

    def query(self, client_id: str, status: OrderStatus | None, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word the reply to a query."""
        if status is None:
            return self.said(client_id, Evidence.ABSENT, "the venue does not know the order", at_ns, venue_at_ns)
        return self.status(status, at_ns, venue_at_ns)

    def status(self, status: OrderStatus, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word how an order stands."""
        return OrderReported(
            at_ns=at_ns,
            venue=self._venue,
            client_id=status.client_id,
            evidence=_EVIDENCE[status.state],
            venue_order_id=status.venue_order_id,
            reported_lots=status.filled_lots,
            price=status.price,
            reason=status.reason,
            venue_at_ns=venue_at_ns,
        )

    def fill(self, trade: Trade, at_ns: int) -> FillReported:
        """Word a trade."""
        return FillReported(
            at_ns=at_ns,
            venue=self._venue,
            client_id=trade.client_id,
            trade_id=trade.trade_id,
            lots=trade.lots,
            price=trade.price,
            fee=trade.fee,
            fee_asset=trade.fee_asset,
            liquidity=trade.liquidity,
            venue_at_ns=trade.at_ns,
            cursor=trade.cursor,
        )

    def news(self, event: Event, at_ns: int) -> OrderReported | FillReported:
        """Word an event that the venue pushes. Pushed trades carry no cursor: the one before may have been lost."""
        if isinstance(event, Trade):
            return replace(self.fill(event, at_ns), cursor=0)
        return self.status(event, at_ns, event.at_ns)

    def account(
        self, totals: dict[str, Decimal], orders: Iterable[OrderStatus], at_ns: int, venue_at_ns: int
    ) -> AccountReported:
        """Word what an account holds and which orders work."""
        seen = tuple(
            OrderSeen(
                client_id=order.client_id,
                venue_order_id=order.venue_order_id,
                instrument=order.instrument,
                side=order.side,
                lots=order.qty_lots,
                filled_lots=order.filled_lots,
            )
            for order in orders
        )
        return AccountReported(at_ns=at_ns, venue=self._venue, totals=totals, orders=seen, venue_at_ns=venue_at_ns)

    def said(self, client_id: str, evidence: Evidence, reason: str, at_ns: int, venue_at_ns: int = 0) -> OrderReported:
        """Word evidence that states nothing about fills."""
        return OrderReported(
            at_ns=at_ns,
            venue=self._venue,
            client_id=client_id,
            evidence=evidence,
            reason=reason,
            venue_at_ns=venue_at_ns,
        )


def totals_of(balances: dict[str, tuple[Decimal, Decimal]]) -> dict[str, Decimal]:
    """Add what is free and what is locked."""
    return {asset: add(free, locked) for asset, (free, locked) in balances.items()}


def _words(refused: Refused) -> str:
    return f"{refused.reason}: {refused.detail}" if refused.detail else str(refused.reason)
