"""From what the exchange model says to what the engine is told."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    AccountReported,
    Evidence,
    FillReported,
    FundingReported,
    MarginReading,
    OrderReported,
    OrderSeen,
    OrderState,
    PositionLiquidated,
)
from quarterdeck.exchange import (
    Accepted,
    Event,
    Exchange,
    FundingPaid,
    InterestCharged,
    Liquidated,
    MarginState,
    OrderStatus,
    Personality,
    Received,
    Refusal,
    Refused,
    Reply,
    Trade,
)
from quarterdeck.ports import OrderRequest, RequestLimits, TradeNews, VenueNews
from quarterdeck.venues.paper_wire import Holdings

_EVIDENCE: Final = {
    OrderState.OPEN: Evidence.ACKNOWLEDGED,
    OrderState.PARTIALLY_FILLED: Evidence.ACKNOWLEDGED,
    OrderState.FILLED: Evidence.FILLED,
    OrderState.CANCELLED: Evidence.CANCELLED,
    OrderState.REJECTED: Evidence.REJECTED,
    OrderState.EXPIRED: Evidence.EXPIRED,
}
_LIMITED: Final = (Refusal.RATE_LIMITED, Refusal.BANNED)
_UNBOUNDED: Final = 1 << 30
_BY_FORCE: Final = "liquidation"


class Reporter:
    """Words reports of one venue. `at_ns` is when we learned it, `venue_at_ns` what the venue's clock said."""

    def __init__(self, venue: str) -> None:
        self._venue = venue

    def submit(self, request: OrderRequest, reply: Reply, at_ns: int, venue_at_ns: int) -> OrderReported:
        """
        Word the reply to an order.

        A duplicate client id proves that an order exists, not that there is none; nor does an answer that describes
        another order than was asked for prove ours. What was received only may still be refused.
        """
        client_id = request.client_id
        match reply:
            case Accepted(status=status):
                difference = _difference(request, status)
                if difference:
                    reason = f"duplicate client id: the venue answers with an older order: {difference}"
                    return self.said(client_id, Evidence.AMBIGUOUS, reason, at_ns, venue_at_ns)
                return self.status(status, at_ns, venue_at_ns)
            case Received(pending=pending):
                return OrderReported(
                    at_ns=at_ns,
                    venue=self._venue,
                    client_id=client_id,
                    evidence=Evidence.AMBIGUOUS if pending else Evidence.ACKNOWLEDGED,
                    venue_order_id=reply.venue_order_id,
                    reason="received; the venue has not decided yet" if pending else "",
                    venue_at_ns=venue_at_ns,
                )
            case Refused(reason=Refusal.DUPLICATE_CLIENT_ID):
                reason = f"duplicate client id: {reply.detail}"
                return self.said(client_id, Evidence.AMBIGUOUS, reason, at_ns, venue_at_ns)
            case Refused():
                return self._refused(client_id, Evidence.REJECTED, reply, at_ns, venue_at_ns)

    def cancel(self, client_id: str, reply: Accepted | Refused, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word the reply to a cancel; one that was not heard for the rate limit may be sent again."""
        match reply:
            case Accepted(status=status):
                return self.status(status, at_ns, venue_at_ns)
            case Refused(reason=reason):
                evidence = Evidence.CANCEL_AMBIGUOUS if reason in _LIMITED else Evidence.CANCEL_REFUSED
                return self._refused(client_id, evidence, reply, at_ns, venue_at_ns)

    def query(self, client_id: str, status: OrderStatus | None, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word the reply to a query."""
        if status is None:
            return self.said(client_id, Evidence.ABSENT, "the venue does not know the order", at_ns, venue_at_ns)
        return self.status(status, at_ns, venue_at_ns)

    def status(self, status: OrderStatus, at_ns: int, venue_at_ns: int) -> OrderReported:
        """Word how an order stands; a status that says neither that it works nor how it ended proves nothing."""
        evidence, reason = _EVIDENCE.get(status.state, Evidence.AMBIGUOUS), status.reason
        if status.state is OrderState.PLANNED:
            reason = "pending: the venue has not decided yet"
        elif evidence is Evidence.AMBIGUOUS:
            reason = f"alert: the venue says {status.state!s}, which is no status of an order {reason}".rstrip()
        return OrderReported(
            at_ns=at_ns,
            venue=self._venue,
            client_id=status.client_id,
            evidence=evidence,
            venue_order_id=status.venue_order_id,
            reported_lots=status.filled_lots if evidence is not Evidence.AMBIGUOUS else None,
            price=status.price,
            reason=reason,
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
            realised=trade.realised if _is_perpetual(trade.instrument) else None,
        )

    def trade(self, trade: Trade, at_ns: int) -> TradeNews:
        """Word a trade of an order of ours, or one by which the venue closed a position in a perpetual by force."""
        if not is_forced(trade):
            return self.fill(trade, at_ns)
        return PositionLiquidated(
            at_ns=at_ns,
            venue=self._venue,
            instrument=trade.instrument,
            trade_id=trade.trade_id,
            side=trade.side,
            lots=trade.lots,
            price=trade.price,
            fee=trade.fee,
            fee_asset=trade.fee_asset,
            venue_at_ns=trade.at_ns,
            cursor=trade.cursor,
            realised=trade.realised,
        )

    def news(self, event: Event, at_ns: int) -> VenueNews | None:
        """
        Word an event that the venue pushes; None for one that the trades before it have told.

        Pushed trades carry no cursor: the one before may have been lost. Interest is told as funding of no instrument.
        The order by which a venue closes a position is the venue's own, and only its trade concerns us.
        """
        match event:
            case Trade():
                return replace(self.trade(event, at_ns), cursor=0)
            case OrderStatus(client_id="", instrument=instrument, reason=Refusal.LIQUIDATION) if _is_perpetual(
                instrument
            ):
                return None
            case OrderStatus():
                return self.status(event, at_ns, event.at_ns)
            case FundingPaid(funding_id=payment_id, instrument=instrument, amount=amount):
                payment = self._payment(payment_id, instrument, amount, event, at_ns)
                return replace(payment, from_margin=event.from_margin) if event.from_margin else payment
            case InterestCharged(interest_id=payment_id, amount=amount):
                return self._payment(payment_id, "", amount.copy_negate(), event, at_ns)
            case Liquidated():
                return None

    def _payment(
        self, payment_id: str, instrument: str, amount: Decimal, event: FundingPaid | InterestCharged, at_ns: int
    ) -> FundingReported:
        return FundingReported(
            at_ns=at_ns,
            venue=self._venue,
            instrument=instrument,
            funding_id=payment_id,
            asset=event.asset,
            amount=amount,
            venue_at_ns=event.at_ns,
        )

    def margin(self, state: MarginState, maintenance: Decimal) -> MarginReading:
        """Word how an account is margined on a perpetual; `maintenance` is the venue's, as a fraction of worth."""
        return MarginReading(
            venue=self._venue,
            instrument=state.instrument,
            leverage=float(state.leverage),
            mode=state.margin_mode,
            liquidation_price=float(state.liquidation_price),
            maintenance=float(maintenance),
        )

    def account(self, holdings: Holdings, at_ns: int, venue_at_ns: int) -> AccountReported:
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
            for order in holdings.orders
        )
        return AccountReported(
            at_ns=at_ns,
            venue=self._venue,
            totals=holdings.totals,
            orders=seen,
            venue_at_ns=venue_at_ns,
            positions=holdings.positions,
        )

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

    def _refused(
        self, client_id: str, evidence: Evidence, refused: Refused, at_ns: int, venue_at_ns: int
    ) -> OrderReported:
        report = self.said(client_id, evidence, words_of(refused), at_ns, venue_at_ns)
        return replace(report, retry_after_ns=refused.retry_after_ns) if refused.retry_after_ns else report


def words_of(refused: Refused) -> str:
    """Say why a venue refused; whatever comes of a rate limit begins with these words."""
    if refused.reason in _LIMITED:
        return f"rate limited: {refused.detail}"
    return f"{refused.reason}: {refused.detail}" if refused.detail else str(refused.reason)


def holdings_of(exchange: Exchange, account: str, at_ns: int) -> Holdings:
    """Read what an account holds, which orders work, and its positions where the venue lists a perpetual at all."""
    orders = tuple(exchange.open_orders(account, at_ns))
    has_perpetuals = any(map(_is_perpetual, exchange.setup.listings))
    return Holdings(exchange.totals(account), orders, exchange.positions(account) if has_perpetuals else None)


def is_ours(trade: Trade, client_prefix: str) -> bool:
    """Tell whether a trade of our account is one that a bot must know of: of its own orders, or by force."""
    return trade.client_id.startswith(client_prefix) or is_forced(trade)


def is_forced(trade: Trade) -> bool:
    """Tell a trade by which the venue closed a position in a perpetual by force: it is of no order of ours."""
    return trade.liquidity == _BY_FORCE and _is_perpetual(trade.instrument)


def _is_perpetual(instrument: str) -> bool:
    return ":" in instrument


def is_told(event: Event, personality: Personality) -> bool:
    """Tell whether the stream of a venue carries an event."""
    match personality.streams:
        case "all":
            return True
        case "orders":
            return isinstance(event, OrderStatus)
        case "none":
            return False


def untold(reply: Reply, events: Sequence[Event]) -> list[Event]:
    """Leave out the acceptance that the reply itself tells; an order that waits for a decision has none yet."""
    if isinstance(reply, Refused):
        return list(events)
    number = reply.status.number if isinstance(reply, Accepted) else reply.number
    for place, event in enumerate(events):
        if isinstance(event, OrderStatus) and event.number == number and event.state is OrderState.OPEN:
            return [*events[:place], *events[place + 1 :]]
    return list(events)


def limits_of(personality: Personality) -> RequestLimits | None:
    """Say how much a venue hears, in the words of the port."""
    limits = personality.limits
    if limits is None:
        return None
    return RequestLimits(
        requests_max=_UNBOUNDED if limits.requests_max is None else limits.requests_max,
        orders_max=_UNBOUNDED if limits.orders_max is None else limits.orders_max,
        window_ns=limits.window_ns,
    )


def _difference(request: OrderRequest, status: OrderStatus) -> str:
    """Name what tells an order of the venue from the one that was asked for; empty where nothing does."""
    pairs = {
        "client id": (status.client_id, request.client_id),
        "instrument": (status.instrument, request.instrument),
        "side": (str(status.side), str(request.side)),
        "quantity in lots": (status.qty_lots, request.qty_lots),
        "limit": (status.limit, request.limit),
        "trigger": (status.trigger, request.trigger),
    }
    return ", ".join(f"{name} {theirs}, not {ours}" for name, (theirs, ours) in pairs.items() if theirs != ours)
