"""The exchange itself: requests and market data in, replies, status changes and trades out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from quarterdeck.domain import ZERO, InputError, Listing, OrderState, Quote, Side, add, ensure, multiply
from quarterdeck.exchange.checks import Size, size_of
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.matching import Market, priority
from quarterdeck.exchange.messages import (
    Accepted,
    Event,
    NewOrder,
    OrderStatus,
    Received,
    Refusal,
    Refused,
    Reply,
    Trade,
)
from quarterdeck.exchange.personality import Personality
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.settlement import MAKER, TAKER, Settlement
from quarterdeck.exchange.state import (
    ExchangeState,
    Setup,
    VenueOrder,
    decode_state,
    encode_state,
)
from quarterdeck.fills import average_price, trades_through

_ANY_TICKS = 1  # what a sale holds does not depend on its price


class Exchange:
    """
    A pure model of one exchange. The quotes given from outside are its liquidity; our orders trade against them.

    Its time is the highest instant it was ever told and never goes back. A tradable quote fills market orders at
    once, level by level, and resting limit orders at their limit as maker. Between two bars the quote is not
    tradable: market orders then wait for the next tradable one, and one whose cash is short at that moment is
    rejected. Orders of ours never trade with each other.

    What is held back: a limit order holds its limit and the dearer of both fees; a market order in a tradable book
    holds exactly what it is about to pay; one that waits holds what the last price would cost, as far as that is
    free (a sale must hold all of its quantity).
    """

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._ledger = Ledger(state.head)
        self._ledger.check()
        self._settlement = Settlement(state, self._ledger)
        self._market = Market(state)
        self._registry = Registry(state)

    @classmethod
    def opened(cls, venue: str, listings: Iterable[Listing], personality: Personality | None = None) -> Exchange:
        """Open a new exchange without accounts; the listings are keyed by their instruments."""
        by_instrument = {listing.instrument: listing for listing in listings}
        return cls(ExchangeState(setup=Setup(venue, personality or Personality(), by_instrument)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Exchange:
        """
        Read an exchange back from `to_bytes`; it goes on as if it had never stopped.

        Raises:
            IntegrityError: If the bytes are no exchange.
            Bug: If its books do not balance.
        """
        return cls(decode_state(data))

    def to_bytes(self) -> bytes:
        """Write the whole exchange down; equal histories give equal bytes."""
        return encode_state(self._state)

    @property
    def state(self) -> ExchangeState:
        """Everything the exchange remembers, for a store that writes it down piece by piece; not to be changed."""
        return self._state

    @property
    def setup(self) -> Setup:
        """What the exchange is, and what it lists."""
        return self._state.setup

    @property
    def now_ns(self) -> int:
        """The time of the exchange."""
        return self._state.head.now_ns

    def relist(self, listing: Listing) -> None:
        """
        List an instrument otherwise than before, or for the first time: limits, fees, or whether it trades at all.

        Working orders stay; while it is not tradable nothing of it executes, and new orders are refused. A store that
        writes the exchange down piece by piece has to write the setup anew.

        Raises:
            InputError: If the listing is another venue's, or its grid or assets change while orders of it are known.
        """
        setup = self._state.setup
        if listing.venue != setup.venue:
            raise InputError(f"a listing of {listing.venue}, but this is {setup.venue}")
        old = setup.listings.get(listing.instrument)
        fixed = old is not None and _grid_of(old) != _grid_of(listing)
        if fixed and any(order.instrument == listing.instrument for order in self._state.orders.values()):
            raise InputError(f"{listing.instrument}: orders are known on its grid; tick, lot and assets must stay")
        setup.listings[listing.instrument] = listing
        self._market.forget_grid(listing.instrument)

    def advance(self, at_ns: int) -> None:
        """Tell the exchange the time; an earlier instant than it knows changes nothing."""
        self._state.head.now_ns = max(self._state.head.now_ns, at_ns)

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """
        Bring money into an account, opening it if need be; a negative amount withdraws.

        Raises:
            InputError: If more is withdrawn than is free.
        """
        self._ledger.deposit(account, asset, amount)

    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Tell what an account holds: asset → (free, locked). Empty for an account that does not exist."""
        holdings = self._state.head.accounts.get(account, {})
        return {asset: (balance.free, balance.locked) for asset, balance in holdings.items()}

    def place(self, account: str, order: NewOrder, *, signed_at_ns: int, at_ns: int) -> tuple[Reply, list[Event]]:
        """
        Take an order.

        Args:
            account: Whose order it is.
            order: The order as the customer words it.
            signed_at_ns: When the customer signed the request.
            at_ns: When the request arrives.

        Returns:
            The reply, and what happened in this order: the acceptance, trades, the status after them.
        """
        self.advance(at_ns)
        answer = self._answer_before_money(account, order, signed_at_ns)
        if answer is not None:
            return answer, []
        listing = self._state.setup.listings[order.instrument]
        best_ticks = None if order.limit is not None else self._market.best_ticks(order.instrument, order.side)
        sized = size_of(order, listing, best_ticks)
        if isinstance(sized, Refused):
            return sized, []
        candidate = self._candidate(account, order, sized, listing)
        offers = self._market.offers(candidate) if self._market.is_tradable(order.instrument) else None
        hold = self._hold_of_new(candidate, offers)
        if isinstance(hold, Refused):
            return hold, []
        candidate.number = self._registry.next_number()
        self._registry.enter(candidate)
        self._settlement.hold(candidate, hold)
        events: list[Event] = [self.status(candidate)]
        if offers is not None:
            self._execute(candidate, offers, TAKER, events)
        self._registry.forget_old()
        return self._accepted(candidate), events

    def cancel(self, account: str, client_id: str, at_ns: int) -> tuple[Accepted | Refused, list[Event]]:
        """Cancel one order by its client id. What filled before stays filled."""
        self.advance(at_ns)
        order = self._registry.find(account, client_id)
        if order is None:
            return Refused(Refusal.UNKNOWN_ORDER, f"no order {client_id!r}"), []
        if not order.is_working:
            return Refused(Refusal.ORDER_ENDED, f"order {client_id!r} is {order.state}"), []
        event = self._end(order, OrderState.CANCELLED, "cancelled by the customer")
        return Accepted(event), [event]

    def cancel_all(self, account: str, prefix: str, at_ns: int) -> list[Event]:
        """Cancel every working order of an account whose client id starts with the prefix; others stay."""
        self.advance(at_ns)
        orders = [order for order in self._registry.working_of(account) if order.client_id.startswith(prefix)]
        return [self._end(order, OrderState.CANCELLED, "cancelled by the customer") for order in orders]

    def query(self, account: str, client_id: str, at_ns: int) -> OrderStatus | None:
        """Tell how an order stands; None where it is not known, or not visible yet."""
        self.advance(at_ns)
        order = self._registry.find(account, client_id)
        return self.status(order) if order is not None and self._is_visible(order) else None

    def open_orders(self, account: str, at_ns: int) -> list[OrderStatus]:
        """List the working orders of an account that are visible, in the order of their numbers."""
        self.advance(at_ns)
        return [self.status(order) for order in self._registry.working_of(account) if self._is_visible(order)]

    def fills_after(self, account: str, cursor: int) -> list[Trade]:
        """
        List the trades of an account beyond a cursor, oldest first.

        Raises:
            InputError: If trades beyond the cursor were forgotten already.
        """
        trades = self._state.trades
        first = trades[0].cursor if trades else self._state.head.trade_number + 1
        if cursor < first - 1 and first > 1:
            raise InputError(f"trades before {first} are forgotten; ask with a cursor of at least {first - 1}")
        return [trade for trade in trades[max(0, cursor - first + 1) :] if trade.account == account]

    def quote(self, quote: Quote, *, tradable: bool) -> list[Event]:
        """
        Take market data over; where it is tradable, resting orders execute against it.

        A quote older than the known one is ignored, and so is the same one again: its depth is not given twice.

        Raises:
            InputError: If the instrument is not listed.
        """
        listing = self._require_listed(quote.instrument)
        self.advance(quote.at_ns)
        events: list[Event] = []
        if self._market.accept(quote, tradable=tradable) and tradable and listing.tradable:
            for order in sorted(self._registry.working_on(quote.instrument), key=priority):
                self._meet(order, events)
        return events

    def trade_range(self, instrument: str, low: float, high: float, at_ns: int) -> list[Event]:
        """
        Tell what range a bar that ended at `at_ns` traded in: limit orders that it traded through fill as maker.

        An order placed at or after the end of the bar did not take part in it. A bar says nothing of depth, so an
        order fills whole.

        Raises:
            InputError: If the instrument is not listed, or the range is not 0 < low <= high, finite.
        """
        listing = self._require_listed(instrument)
        if not (0.0 < low <= high and math.isfinite(high)):
            raise InputError(f"bar of {instrument}: low {low} and high {high} must be finite with 0 < low <= high")
        self.advance(at_ns)
        events: list[Event] = []
        if not listing.tradable:
            return events
        tick = float(listing.tick)
        for order in sorted(self._registry.working_on(instrument), key=priority):
            limit = order.limit_ticks
            if limit is None or order.placed_at_ns >= at_ns:
                continue
            if trades_through(limit, low, high, tick, order.side.sign):
                events.append(self._settlement.trade(order, limit, order.left_lots, MAKER))
                events.append(self._conclude(order))
        self._registry.forget_old()
        return events

    def status(self, order: VenueOrder) -> OrderStatus:
        """Describe an order as it stands."""
        price = None
        if order.filled_lots:
            listing = self._state.setup.listings[order.instrument]
            price = average_price(multiply(Decimal(order.filled_tick_lots), listing.tick), Decimal(order.filled_lots))
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
        )

    def check(self) -> None:
        """
        Assert the books of the whole exchange: every asset is conserved, every lock belongs to a working order.

        Raises:
            Bug: If they do not balance.
        """
        self._ledger.check()
        locked: dict[tuple[str, str], Decimal] = {}
        for order in self._state.orders.values():
            ensure(0 <= order.filled_lots <= order.qty_lots, f"order o{order.number}: filled beyond its quantity")
            ensure(order.is_working or order.locked == 0, f"order o{order.number}: ended and still holds money")
            key = (order.account, order.lock_asset)
            locked[key] = add(locked.get(key, ZERO), order.locked)
        for account, holdings in self._state.head.accounts.items():
            for asset, balance in holdings.items():
                ensure(balance.locked == locked.get((account, asset), ZERO), f"{account}: {asset} locked by no order")

    def _answer_before_money(self, account: str, order: NewOrder, signed_at_ns: int) -> Reply | None:
        setup = self._state.setup
        if signed_at_ns + setup.personality.validity_ns < self.now_ns:
            return Refused(Refusal.EXPIRED_REQUEST, f"signed {self.now_ns - signed_at_ns} ns ago")
        if account not in self._state.head.accounts:
            return Refused(Refusal.UNKNOWN_ACCOUNT, f"no account {account!r}")
        old = self._registry.find(account, order.client_id)
        if old is not None and (old.is_working or setup.personality.client_id_scope != "open"):
            if setup.personality.client_id_scope == "answers_old":
                return self._accepted(old)
            return Refused(Refusal.DUPLICATE_CLIENT_ID, f"client id {order.client_id!r} was used already")
        if order.instrument not in setup.listings:
            return Refused(Refusal.UNKNOWN_INSTRUMENT, f"{order.instrument} is not listed")
        return None

    def _accepted(self, order: VenueOrder) -> Accepted | Received:
        if self._state.setup.personality.reply_carries == "id":
            return Received(order.number, order.client_id)
        return Accepted(self.status(order))

    def _candidate(self, account: str, order: NewOrder, size: Size, listing: Listing) -> VenueOrder:
        return VenueOrder(
            number=0,
            account=account,
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            order_kind=order.order_kind,
            qty_lots=size.lots,
            limit_ticks=size.limit_ticks,
            placed_at_ns=self.now_ns,
            lock_asset=listing.quote if order.side is Side.BUY else listing.base,
            changed_at_ns=self.now_ns,
        )

    def _hold_of_new(self, order: VenueOrder, offers: list[Level] | None) -> Decimal | Refused:
        """Tell what a new order must hold before it may execute; refuse it where that is not free."""
        if order.limit_ticks is not None:
            need = self._settlement.need(order, [(order.limit_ticks, order.qty_lots)])
        elif order.side is Side.SELL:
            need = self._settlement.need(order, [(_ANY_TICKS, order.qty_lots)])
        elif offers is not None:
            need = self._settlement.need(order, offers)
        else:
            return self._waiting_hold(order)
        available = self._settlement.available(order)
        if available < need:
            text = f"needs {need} {order.lock_asset}, {available} are free"
            return Refused(Refusal.INSUFFICIENT_BALANCE, text)
        return need

    def _waiting_hold(self, order: VenueOrder) -> Decimal:
        """Tell what a market order that waits should hold: its cost at the last price, as far as that is free."""
        best_ticks = self._market.best_ticks(order.instrument, order.side)
        need = ZERO if best_ticks is None else self._settlement.need(order, [(best_ticks, order.left_lots)])
        return min(need, self._settlement.available(order))

    def _meet(self, order: VenueOrder, events: list[Event]) -> None:
        """Let a resting order meet a new tradable quote."""
        offers = self._market.offers(order)
        if order.limit_ticks is not None:
            if offers:
                lots = sum(lots for _, lots in offers)
                self._execute(order, [(order.limit_ticks, lots)], MAKER, events)
            return
        need = self._settlement.need(order, offers)
        if self._settlement.available(order) < need:
            state = OrderState.EXPIRED if order.filled_lots else OrderState.REJECTED
            events.append(self._end(order, state, Refusal.INSUFFICIENT_BALANCE))
            return
        self._settlement.hold(order, max(order.locked, need) if order.side is Side.SELL else need)
        self._execute(order, offers, TAKER, events)

    def _execute(self, order: VenueOrder, levels: list[Level], liquidity: str, events: list[Event]) -> None:
        for ticks, lots in levels:
            events.append(self._settlement.trade(order, ticks, lots, liquidity))
            self._market.consume(order, lots)
        if levels or order.limit_ticks is None:
            events.append(self._conclude(order))

    def _conclude(self, order: VenueOrder) -> OrderStatus:
        """Set the state after trades: filled, ended for lack of liquidity, or resting with what it must hold."""
        rests = self._state.setup.personality.market_remainder == "rests"
        if not order.left_lots:
            return self._end(order, OrderState.FILLED, "")
        if order.limit_ticks is None and not rests:
            return self._end(order, OrderState.EXPIRED, Refusal.NO_LIQUIDITY)
        order.state = OrderState.PARTIALLY_FILLED if order.filled_lots else OrderState.OPEN
        order.changed_at_ns = self.now_ns
        if order.limit_ticks is not None:
            # A venue that rounds fees up may have taken steps more than the whole order was to pay.
            need = self._settlement.need(order, [(order.limit_ticks, order.left_lots)])
            self._settlement.hold(order, min(need, self._settlement.available(order)))
        else:
            self._settlement.hold(order, self._waiting_hold(order))
        return self.status(order)

    def _end(self, order: VenueOrder, state: OrderState, reason: str) -> OrderStatus:
        self._settlement.hold(order, ZERO)
        order.state = state
        order.reason = str(reason)
        order.changed_at_ns = self.now_ns
        self._registry.end(order)
        return self.status(order)

    def _is_visible(self, order: VenueOrder) -> bool:
        return order.placed_at_ns + self._state.setup.personality.lag_ns <= self.now_ns

    def _require_listed(self, instrument: str) -> Listing:
        listing = self._state.setup.listings.get(instrument)
        if listing is None:
            venue = self._state.setup.venue
            raise InputError(f"{venue} does not list {instrument}; listed are {sorted(self._state.setup.listings)}")
        return listing


def _grid_of(listing: Listing) -> tuple[Decimal, Decimal, str, str]:
    return listing.tick, listing.lot, listing.base, listing.quote
