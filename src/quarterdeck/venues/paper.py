"""The paper venue for ordinary use: an exchange in the bot's own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quarterdeck.domain import AccountReported, Evidence, FillReported, Listing, OrderReported, Quote, Retryable
from quarterdeck.exchange import Event, Exchange, NewOrder
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, VenueNews
from quarterdeck.venues.reports import Reporter, totals_of

Save = Callable[[Exchange, Sequence[Event]], None]


class PaperVenue:
    """
    One account on an exchange model, driven by a market feed through `on_quote` and `on_bar_range`.

    News reach the sink in the call that causes them, so a fill may be told before the reply to its order. The
    acceptance itself is told by the reply alone.
    """

    def __init__(
        self, exchange: Exchange, account: str, clock: Clock, last_hop: LastHop, *, save: Save | None = None
    ) -> None:
        """
        Open an account on an exchange.

        Args:
            exchange: The model behind the venue.
            account: Ours.
            clock: Time for the reports.
            last_hop: What stands between a decided order and its signature.
            save: Makes durable what a request or a quote changed, before anybody hears of it; None to forget.
        """
        personality = exchange.setup.personality
        self.name = exchange.setup.venue
        self.validity_ns = personality.validity_ns
        self.lag_ns = personality.lag_ns
        self.exchange = exchange
        self._account = account
        self._save = save
        self._clock = clock
        self._last_hop = last_hop
        self._report = Reporter(self.name)
        self._sink: Callable[[VenueNews], None] | None = None
        self._is_down = False

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Send news here from now on; earlier news are not repeated, `fills_after` has them."""
        self._sink = sink

    def set_down(self, down: bool) -> None:  # noqa: FBT001 - the name asks the question
        """Refuse connections (an outage), or accept them again. The exchange behind it goes on trading."""
        self._is_down = down

    def on_quote(self, quote: Quote, tradable: bool) -> None:  # noqa: FBT001 - the same shape for every paper venue
        """Pass market data to the exchange; see `Exchange.quote`."""
        self._commit(self.exchange.quote(quote, tradable=tradable))

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Tell the exchange the range of a bar that ended at `at_ns`; see `Exchange.trade_range`."""
        self._commit(self.exchange.trade_range(instrument, low, high, at_ns))

    def _commit(self, events: Sequence[Event], told: int = 0) -> None:
        """Save what happened, then tell it; the first `told` events are told by the reply itself."""
        if not events:
            return
        if self._save is not None:
            self._save(self.exchange, events)
        self.hear(events[told:])

    def hear(self, events: Sequence[Event]) -> None:
        """Tell the sink what concerns this account; for exchanges that several accounts share."""
        if self._sink is not None:
            now_ns = self._clock.now_ns()
            for event in events:
                if event.account == self._account:
                    self._sink(self._report.news(event, now_ns))

    async def submit(self, request: OrderRequest) -> OrderReported:
        """Sign and place an order, unless the last hop or an outage forbids it: then nothing was signed."""
        now_ns = self._clock.now_ns()
        if self._is_down:
            return self._report.said(request.client_id, Evidence.WITHDRAWN, "the venue refuses connections", now_ns)
        signed = self._last_hop.sign_at_ns(request, self.validity_ns)
        if isinstance(signed, str):
            return self._report.said(request.client_id, Evidence.WITHDRAWN, signed, now_ns)
        order = new_order(request)
        reply, events = self.exchange.place(self._account, order, signed_at_ns=signed, at_ns=now_ns)
        self._commit(events, told=1)
        return self._report.submit(request.client_id, reply, now_ns, self.exchange.now_ns)

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Cancel an order; in an outage nothing is sent, and the cancel may be tried again."""
        now_ns = self._clock.now_ns()
        if self._is_down:
            reason = "not sent: the venue refuses connections"
            return self._report.said(request.client_id, Evidence.CANCEL_AMBIGUOUS, reason, now_ns)
        reply, events = self.exchange.cancel(self._account, request.client_id, now_ns)
        self._commit(events, told=len(events))
        return self._report.cancel(request.client_id, reply, now_ns, self.exchange.now_ns)

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands."""
        now_ns = self._now_if_up()
        status = self.exchange.query(self._account, client_id, now_ns)
        return self._report.query(client_id, status, now_ns, self.exchange.now_ns)

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[FillReported]:
        """List the trades of our orders beyond a cursor, oldest first."""
        now_ns = self._now_if_up()
        trades = self.exchange.fills_after(self._account, cursor)
        return [self._report.fill(trade, now_ns) for trade in trades if trade.client_id.startswith(client_prefix)]

    async def account(self) -> AccountReported:
        """Read what the account holds and which orders work."""
        now_ns = self._now_if_up()
        orders = self.exchange.open_orders(self._account, now_ns)
        totals = totals_of(self.exchange.balances(self._account))
        return self._report.account(totals, orders, now_ns, self.exchange.now_ns)

    async def listings(self) -> tuple[Listing, ...]:
        """Read what the venue lists now."""
        self._now_if_up()
        return tuple(self.exchange.setup.listings.values())

    async def aclose(self) -> None:
        """Stop telling news."""
        self._sink = None

    def _now_if_up(self) -> int:
        if self._is_down:
            raise Retryable(f"venue {self.name} refuses connections; ask again later")
        return self._clock.now_ns()


def new_order(request: OrderRequest) -> NewOrder:
    """Word a request the way the exchange model wants it."""
    return NewOrder(
        client_id=request.client_id,
        instrument=request.instrument,
        side=request.side,
        order_kind=request.order_kind,
        qty=request.qty,
        limit=request.limit,
    )
