"""The paper venue for ordinary use: an exchange in the bot's own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from quarterdeck.domain import (
    AccountReported,
    Evidence,
    Listing,
    MarginReading,
    OrderReported,
    Quote,
    RateLimited,
    Retryable,
)
from quarterdeck.exchange import Event, Exchange, NewOrder, Received, Refused
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, TradeNews, VenueNews
from quarterdeck.venues.reports import Reporter, holdings_of, is_ours, is_told, limits_of, untold, words_of

Save = Callable[[Exchange, Sequence[Event]], None]


class PaperVenue:
    """
    One account on an exchange model, driven by a market feed through `on_quote` and `on_bar_range`.

    What falls due there by itself happens with the next request or quote, or when `on_time` is called. News reach the
    sink in the call that causes them, so a fill may be told before the reply to its order. The acceptance itself is
    told by the reply alone, unless the venue decides later.
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
        self.lag_ns = personality.shown_after_ns
        self.stops = personality.stops
        self.limits = limits_of(personality)
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

    def on_quote(
        self,
        quote: Quote,
        tradable: bool,  # noqa: FBT001 - older callers
        *,
        liquidates: bool = True,
        through: bool = False,
    ) -> None:
        """Pass market data to the exchange; see `Exchange.quote`."""
        self._commit(self.exchange.quote(quote, tradable=tradable, liquidates=liquidates, through=through))

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Tell the exchange the range of a bar that ended at `at_ns`; see `Exchange.trade_range`."""
        self._commit(self.exchange.trade_range(instrument, low, high, at_ns))

    def on_funding(self, instrument: str, rate: Decimal, at_ns: int) -> None:
        """Let a perpetual pay its funding at the latest price; positions are closed by force by prices alone."""
        self._commit(self.exchange.fund(instrument, rate, at_ns, liquidates=False))

    @property
    def next_ns(self) -> int | None:
        """When something falls due at the exchange by itself; None while nothing does."""
        return self.exchange.next_ns

    def on_time(self, at_ns: int) -> None:
        """Tell the exchange the time, so that what is due by then happens and is told."""
        self._commit(self.exchange.advance(at_ns))

    def margin_of(self, instrument: str) -> MarginReading:
        """Read back leverage, margin mode and liquidation price of a perpetual; see `Exchange.margin_of`."""
        maintenance = self.exchange.setup.personality.perpetuals.maintenance
        return self._report.margin(self.exchange.margin_of(self._account, instrument), maintenance)

    async def read_margin(self, instrument: str) -> MarginReading:
        """Read back how the account is margined on a perpetual."""
        self._begin_read()
        return self.margin_of(instrument)

    async def set_leverage(self, instrument: str, leverage: int) -> str:
        """Choose the leverage of a perpetual; say in words why not where the venue refuses, else nothing."""
        self._check_up()
        refused, events = self.exchange.set_leverage(self._account, instrument, leverage, self._clock.now_ns())
        self._store(events)
        self.hear(events)
        return "" if refused is None else words_of(refused)

    def _commit(self, events: Sequence[Event]) -> None:
        """Save what happened, then tell it."""
        if events:
            self._store(events)
            self.hear(events)

    def _store(self, events: Sequence[Event]) -> None:
        if self._save is not None:
            self._save(self.exchange, events)

    def hear(self, events: Sequence[Event]) -> None:
        """Tell the sink what concerns this account and its stream carries; for exchanges that accounts share."""
        if self._sink is None:
            return
        now_ns, personality = self._clock.now_ns(), self.exchange.setup.personality
        for event in events:
            if event.account == self._account and is_told(event, personality):
                news = self._report.news(event, now_ns)
                if news is not None:
                    self._sink(news)

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
        if events or isinstance(reply, Received):
            self._store(events)
        self.hear(untold(reply, events))
        return self._report.submit(request, reply, now_ns, self.exchange.now_ns)

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Cancel an order; in an outage nothing is sent, and the cancel may be tried again."""
        now_ns = self._clock.now_ns()
        if self._is_down:
            reason = "not sent: the venue refuses connections"
            return self._report.said(request.client_id, Evidence.CANCEL_AMBIGUOUS, reason, now_ns)
        reply, events = self.exchange.cancel(self._account, request.client_id, now_ns)
        if events:
            self._store(events)
        self.hear(events if isinstance(reply, Refused) else [event for event in events if event != reply.status])
        return self._report.cancel(request.client_id, reply, now_ns, self.exchange.now_ns)

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands."""
        now_ns = self._begin_read()
        status = self.exchange.query(self._account, client_id, now_ns)
        return self._report.query(client_id, status, now_ns, self.exchange.now_ns)

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[TradeNews]:
        """List the trades of our orders beyond a cursor, and of positions closed by force, oldest first."""
        now_ns = self._begin_read()
        trades = self.exchange.fills_after(self._account, cursor)
        return [self._report.trade(trade, now_ns) for trade in trades if is_ours(trade, client_prefix)]

    async def account(self) -> AccountReported:
        """Read what the account has, less what it borrowed, and which orders work."""
        now_ns = self._begin_read()
        holdings = holdings_of(self.exchange, self._account, now_ns)
        return self._report.account(holdings, now_ns, self.exchange.now_ns)

    async def listings(self) -> tuple[Listing, ...]:
        """Read what the venue lists now."""
        self._begin_read()
        return tuple(self.exchange.setup.listings.values())

    async def aclose(self) -> None:
        """Stop telling news."""
        self._sink = None

    def _check_up(self) -> None:
        if self._is_down:
            raise Retryable(f"venue {self.name} refuses connections; ask again later")

    def _begin_read(self) -> int:
        """Give the time of a read, unless an outage or the rate limit forbids it."""
        self._check_up()
        now_ns = self._clock.now_ns()
        self.on_time(now_ns)
        refused = self.exchange.admit(self._account, now_ns)
        if refused is not None:
            raise RateLimited(f"venue {self.name}: {words_of(refused)}", refused.retry_after_ns)
        return now_ns


def new_order(request: OrderRequest) -> NewOrder:
    """Word a request the way the exchange model wants it."""
    return NewOrder(
        client_id=request.client_id,
        instrument=request.instrument,
        side=request.side,
        order_kind=request.order_kind,
        qty=request.qty,
        limit=request.limit,
        trigger=request.trigger,
        reduce_only=request.reduce_only,
    )
