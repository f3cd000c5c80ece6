"""The exchange of an event backtest: shown one price at a time, it answers with what the engine is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.backtest.plan import VENUE, habits_of
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import (
    BotSettings,
    Bug,
    Effect,
    Evidence,
    FillReported,
    FundingReported,
    Input,
    MarginReading,
    OrderReported,
    OrderState,
    PositionLiquidated,
    Quote,
    Skew,
    Surroundings,
    multiply,
)
from quarterdeck.exchange import (
    Accepted,
    Event,
    Exchange,
    FundingPaid,
    Liquidated,
    NewOrder,
    OrderStatus,
    Refused,
    Trade,
)
from quarterdeck.market import QuoteShape, quote_shape
from quarterdeck.orders import Order

DEPTH_QUOTE: Final = 1e21
"""The depth of either side of a book; nobody has as much money."""
_EVIDENCE: Final = {
    OrderState.OPEN: Evidence.ACKNOWLEDGED,
    OrderState.PARTIALLY_FILLED: Evidence.ACKNOWLEDGED,
    OrderState.FILLED: Evidence.FILLED,
    OrderState.CANCELLED: Evidence.CANCELLED,
    OrderState.REJECTED: Evidence.REJECTED,
    OrderState.EXPIRED: Evidence.EXPIRED,
}
_SKEWS: Final = (Skew(VENUE, 0.0),)


class EventVenue:
    """One account on the exchange model, and the latest price of every instrument as decisions may read it."""

    def __init__(self, bot: BotSettings, settings: BacktestSettings) -> None:
        self.exchange = Exchange.opened(VENUE, bot.listings, habits_of(settings))
        self._account = bot.bot
        self.exchange.deposit(bot.bot, bot.base_currency, bot.capital)
        shape: QuoteShape = quote_shape(2.0 * settings.slippage_bps, DEPTH_QUOTE, levels=1)
        self._bid, self._ask = shape.bid_factors[0], shape.ask_factors[0]
        self._instruments = bot.pairs
        self._quotes: dict[str, Quote] = {}
        self._margins = tuple(
            MarginReading(VENUE, name, bot.risk.leverage_max, "isolated", 0.0, settings.maintenance)
            for name in bot.pairs
            if ":" in name
        )
        self._surroundings: Surroundings | None = Surroundings(skews=_SKEWS, margins=self._margins)

    def look(self, instrument: str, price: float, at_ns: int) -> Quote:
        """Let decisions read a price from now on."""
        bid, ask, base = self._bid, self._ask, DEPTH_QUOTE / price
        # As `quote_from_price` makes it, of one level, without its lists: this runs for every bar.
        quote = Quote(VENUE, instrument, at_ns, price, ((price * bid, base / bid),), ((price * ask, base / ask),))
        self._quotes[instrument] = quote
        self._surroundings = None
        return quote

    def show(self, instrument: str, price: float, at_ns: int, *, tradable: bool) -> list[Input]:
        """Show a price to the exchange and to decisions, and tell what came of it."""
        quote = self.look(instrument, price, at_ns)
        return self._told(self.exchange.quote(quote, tradable=tradable, liquidates=False, through=True), at_ns)

    def close_by_force(self, instrument: str, price: float, at_ns: int) -> list[Input]:
        """Show the exchange the price at which a position is used up, and tell what it took."""
        quote = self.look(instrument, price, at_ns)
        return self._told(self.exchange.quote(quote, tradable=False, liquidates=True), at_ns)

    def show_close(self, instrument: str) -> None:
        """Show the exchange the latest price as one at which nothing trades: an order waits for the next open."""
        events = self.exchange.quote(self._quotes[instrument], tradable=False, liquidates=False)
        if events:
            raise Bug(f"{instrument}: something happened at the close of a bar: {events[0]}")

    def traded_through(self, instrument: str, low: float, high: float, at_ns: int) -> list[Input]:
        """Tell the exchange the range of a bar, and give what filled within it."""
        return self._told(self.exchange.trade_range(instrument, low, high, at_ns), at_ns)

    def place(self, order: Order, at_ns: int) -> list[Input]:
        """Send an order."""
        wanted = NewOrder(
            order.client_id,
            order.instrument,
            order.side,
            order.order_kind,
            multiply(order.lot, Decimal(order.qty_lots)),
            None if order.limit_ticks is None else multiply(order.tick, Decimal(order.limit_ticks)),
            reduce_only=order.effect is Effect.REDUCE and ":" in order.instrument,
        )
        reply, events = self.exchange.place(self._account, wanted, signed_at_ns=at_ns, at_ns=at_ns)
        if isinstance(reply, Refused):
            reason = f"{reply.reason}: {reply.detail}" if reply.detail else str(reply.reason)
            return [OrderReported(at_ns, VENUE, order.client_id, Evidence.REJECTED, reason=reason, venue_at_ns=at_ns)]
        return self._told(events, at_ns)

    def cancel(self, client_id: str, at_ns: int) -> list[Input]:
        """Cancel an order."""
        reply, events = self.exchange.cancel(self._account, client_id, at_ns)
        if not isinstance(reply, Accepted):
            raise Bug(f"order {client_id} could not be cancelled: {reply.detail}")
        return self._told(events, at_ns)

    def fund(self, instrument: str, rate: Decimal, at_ns: int) -> list[Input]:
        """Let positions pay their funding at the latest price that the exchange was shown."""
        return self._told(self.exchange.fund(instrument, rate, at_ns, liquidates=False), at_ns)

    def surroundings(self) -> Surroundings:
        """Give what a decision may read now; the same object until a price is news."""
        known = self._surroundings
        if known is None:
            quotes = self._quotes
            shown = tuple([quotes[name] for name in self._instruments if name in quotes])
            self._surroundings = known = Surroundings(shown, (), _SKEWS, self._margins)
        return known

    def totals(self) -> dict[str, Decimal]:
        """Tell what the account holds."""
        return self.exchange.totals(self._account)

    def positions(self) -> dict[str, Decimal]:
        """Tell the positions in perpetuals, by instrument in base units, below zero for short ones."""
        return self.exchange.positions(self._account)

    def _told(self, events: Iterable[Event], at_ns: int) -> list[Input]:
        return list(self._worded(events, at_ns))

    def _worded(self, events: Iterable[Event], at_ns: int) -> Iterator[Input]:
        """Word events as the engine is told them; that an order filled whole, its last trade says already."""
        for event in events:
            match event:
                case Trade():
                    yield _trade(event, at_ns)
                case OrderStatus():
                    if event.state is not OrderState.FILLED:
                        yield OrderReported(
                            at_ns,
                            VENUE,
                            event.client_id,
                            _EVIDENCE[event.state],
                            event.venue_order_id,
                            event.filled_lots,
                            event.price,
                            event.reason,
                            event.at_ns,
                        )
                case FundingPaid():
                    yield FundingReported(
                        at_ns=at_ns,
                        venue=VENUE,
                        instrument=event.instrument,
                        funding_id=event.funding_id,
                        asset=event.asset,
                        amount=event.amount,
                        venue_at_ns=event.at_ns,
                        from_margin=event.from_margin,
                    )
                case Liquidated():
                    pass  # its trades have told it
                case _:
                    raise Bug(f"a backtest knows no {type(event).__name__}")


def _trade(trade: Trade, at_ns: int) -> Input:
    """Word a trade: one of an order of ours, or one by which a position was closed by force."""
    is_perpetual = ":" in trade.instrument
    if trade.client_id:
        return FillReported(
            at_ns,
            VENUE,
            trade.client_id,
            trade.trade_id,
            trade.lots,
            trade.price,
            trade.fee,
            trade.fee_asset,
            trade.liquidity,
            trade.at_ns,
            realised=trade.realised if is_perpetual else None,
        )
    return PositionLiquidated(
        at_ns=at_ns,
        venue=VENUE,
        instrument=trade.instrument,
        trade_id=trade.trade_id,
        side=trade.side,
        lots=trade.lots,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        venue_at_ns=trade.at_ns,
        realised=trade.realised,
    )
