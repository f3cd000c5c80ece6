"""The exchange itself: requests and market data in, replies, status changes and trades out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from quarterdeck.domain import ZERO, InputError, Listing, OrderState, Quote, add, instrument_from, multiply, subtract
from quarterdeck.exchange.audit import check_locks
from quarterdeck.exchange.execution import Execution
from quarterdeck.exchange.grid import steps_within
from quarterdeck.exchange.intake import Intake
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.limits import Limiter
from quarterdeck.exchange.liquidation import Liquidation
from quarterdeck.exchange.matching import Market, priority
from quarterdeck.exchange.messages import (
    Accepted,
    Event,
    MarginState,
    NewOrder,
    OrderStatus,
    PositionSide,
    Refusal,
    Refused,
    Reply,
    RequestKind,
    Trade,
)
from quarterdeck.exchange.personality import Personality
from quarterdeck.exchange.reading import Reading
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.state import ExchangeState, Setup, VenueOrder, decode_state, encode_state
from quarterdeck.exchange.timeline import Timeline
from quarterdeck.fills import trades_through


class Exchange:
    """
    A pure model of one exchange. The quotes given from outside are its liquidity; our orders trade against them.

    Its time is the highest instant it was ever told and never goes back. What falls due by itself (`next_ns`) happens
    when it is told of a time at or after it, at its own instant, and is told before anything else by the next method
    that returns events.

    A tradable quote fills market orders at once, level by level, and resting limit orders at their limit as maker.
    Between two bars the quote is not tradable: market orders then wait for the next tradable one, and one whose cash
    is short at that moment is rejected. Orders of ours never trade with each other. A stop order sleeps until a
    tradable quote, or a bar, is at its trigger or beyond; the quote that wakes it fills it, after a bar the next does.

    What is held back: a limit order holds its limit and the dearer of both fees, a stop order the same at its
    trigger; a market order in a tradable book holds exactly what it is about to pay; one that waits holds what the last
    price would cost, as far as that is free (a sale must hold all of its quantity).
    """

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._ledger = Ledger(state.head)
        self._ledger.check()
        self._market = Market(state)
        self._registry = Registry(state)
        self._limiter = Limiter(state)
        self._execution = Execution(state, self._ledger, self._market, self._registry)
        self._intake = Intake(state, self._market, self._registry, self._execution)
        self._reading = Reading(state, self._registry, self._intake, self._execution)
        self._liquidation = Liquidation(state, self._ledger, self._market, self._registry, self._execution)
        self._timeline = Timeline(state, self._intake, self._registry, self._execution)

    @classmethod
    def opened(cls, venue: str, listings: Iterable[Listing], personality: Personality | None = None) -> Exchange:
        """Open a new exchange without accounts; the listings are keyed by their instruments."""
        by_instrument = {listing.instrument: listing for listing in listings}
        for listing in by_instrument.values():
            _require_linear(listing)
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
        _require_linear(listing)
        old = setup.listings.get(listing.instrument)
        if old is not None and _grid_of(old) != _grid_of(listing) and self._is_used(listing.instrument):
            raise InputError(f"{listing.instrument}: orders are known on its grid; tick, lot and assets must stay")
        setup.listings[listing.instrument] = listing
        self._market.forget_grid(listing.instrument)

    def advance(self, at_ns: int) -> list[Event]:
        """Tell the exchange the time, and return what fell due; an earlier instant than it knows changes nothing."""
        return self._timeline.move_to(at_ns)

    @property
    def next_ns(self) -> int | None:
        """When the next thing happens by itself, if the exchange is told of a time at or after it; None for nothing."""
        return self._timeline.next_ns

    def admit(self, account: str, at_ns: int, kind: RequestKind = "read") -> Refused | None:
        """
        Count a request against the rate limits of its account; None where it may go on.

        Placing and cancelling count themselves. Who reads for a customer asks here first.
        """
        self._let_pass(at_ns)
        return self._limiter.admit(account, kind)

    def consume(self, account: str, requests: int, at_ns: int = 0) -> None:
        """Count requests that another user of the same key sent."""
        self._let_pass(at_ns)
        self._limiter.consume(account, requests)

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """
        Bring money into an account, opening it if need be; a negative amount withdraws.

        Raises:
            InputError: If the amount is not finite, more is withdrawn than is free, or anything by somebody who owes.
        """
        if amount.is_signed() and self._state.head.loans.get(account):
            raise InputError(f"account {account}: pay back what it borrowed before anything is withdrawn")
        self._ledger.deposit(account, asset, amount)

    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Tell what an account holds: asset → (free, locked). Empty for an account that does not exist."""
        holdings = self._state.head.accounts.get(account, {})
        return {asset: (balance.free, balance.locked) for asset, balance in holdings.items()}

    def totals(self, account: str) -> dict[str, Decimal]:
        """Tell what an account has of each asset, free or locked, less what it borrowed."""
        totals = {asset: add(free, locked) for asset, (free, locked) in self.balances(account).items()}
        for asset, owed in self._state.head.loans.get(account, {}).items():
            totals[asset] = subtract(totals[asset], owed)
        return totals

    def positions(self, account: str) -> dict[str, Decimal]:
        """Tell the positions of an account in perpetuals: instrument → base units, below zero for a short one."""
        held: dict[str, Decimal] = {}
        for _, position in self._execution.perpetuals.positions_of(account):
            qty = multiply(Decimal(position.lots), self._state.setup.listings[position.instrument].lot)
            held[position.instrument] = add(held.get(position.instrument, ZERO), qty)
        return held

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
        events = self.advance(at_ns)
        refused = self._limiter.admit(account, "order")
        if refused is not None:
            return refused, events
        return self._intake.take(account, order, signed_at_ns, events), events

    def cancel(self, account: str, client_id: str, at_ns: int) -> tuple[Accepted | Refused, list[Event]]:
        """Cancel one order by its client id. What filled before stays filled."""
        events = self.advance(at_ns)
        refused = self._limiter.admit(account, "cancel")
        if refused is not None:
            return refused, events
        order = self._registry.find(account, client_id)
        forgets = self._state.setup.personality.client_id_scope == "forgets"
        if order is None or (forgets and not order.is_working):
            return Refused(Refusal.UNKNOWN_ORDER, f"no order {client_id!r}"), events
        if not order.is_working:
            return Refused(Refusal.ORDER_ENDED, f"order {client_id!r} is {order.state}"), events
        events.append(self._execution.end(order, OrderState.CANCELLED, "cancelled by the customer"))
        return Accepted(self._execution.status(order)), events

    def cancel_all(self, account: str, prefix: str, at_ns: int) -> tuple[Refused | None, list[Event]]:
        """
        Cancel every working order of an account whose client id starts with the prefix; others stay.

        Where the habit is to take the whole account the prefix means nothing, and every order goes.
        """
        events = self.advance(at_ns)
        refused = self._limiter.admit(account, "cancel")
        if refused is None:
            takes_all = self._state.setup.personality.cancel_all_scope == "account"
            for order in self._registry.working_of(account):
                if takes_all or order.client_id.startswith(prefix):
                    events.append(self._execution.end(order, OrderState.CANCELLED, "cancelled by the customer"))
        return refused, events

    def cancel_all_after(self, account: str, timeout_ns: int, at_ns: int) -> tuple[Refused | None, list[Event]]:
        """
        Arm the dead man's switch: everything of the account is cancelled unless this is called again in time.

        Args: whose; how long from now, 0 disarms; when the request arrives.
        """
        events = self.advance(at_ns)
        refused = self._limiter.admit(account, "cancel")
        if refused is None:
            self._state.head.switches.pop(account, None)
            if timeout_ns > 0:
                self._state.head.switches[account] = self.now_ns + timeout_ns
        return refused, events

    def query(self, account: str, client_id: str, at_ns: int) -> OrderStatus | None:
        """Tell how an order stands; None where it is not known, not visible yet, or forgotten."""
        self._let_pass(at_ns)
        return self._reading.query(account, client_id)

    def open_orders(self, account: str, at_ns: int) -> list[OrderStatus]:
        """List the working orders of an account that are visible, in the order of their numbers."""
        self._let_pass(at_ns)
        return self._reading.open_orders(account)

    def fills_after(self, account: str, cursor: int) -> list[Trade]:
        """
        List the visible trades of an account beyond a cursor, oldest first.

        Raises:
            InputError: If trades beyond the cursor were forgotten already.
        """
        return self._reading.fills_after(account, cursor)

    def set_leverage(
        self, account: str, instrument: str, leverage: int, at_ns: int
    ) -> tuple[Refused | None, list[Event]]:
        """
        Choose the leverage of a perpetual; refused while orders or a position of it are open.

        Raises:
            InputError: If the instrument is no listed perpetual.
        """
        self._require_perpetual(instrument)
        events = self.advance(at_ns)
        refused = self._limiter.admit(account, "read") or self._leverage_refusal(account, instrument, leverage)
        if refused is None:
            self._state.head.leverages.setdefault(account, {})[instrument] = leverage
        return refused, events

    def margin_of(self, account: str, instrument: str, position_side: PositionSide = "both") -> MarginState:
        """
        Read back how an account stands in a perpetual; everything is 0 where it has no position.

        Raises:
            InputError: If the instrument is no listed perpetual.
        """
        self._require_perpetual(instrument)
        return self._execution.perpetuals.margin_of(account, instrument, position_side)

    def fund(
        self, instrument: str, rate: Decimal, at_ns: int, mark: Decimal | None = None, *, liquidates: bool = True
    ) -> list[Event]:
        """
        Let the positions in a perpetual pay their funding: longs to shorts, below zero the other way.

        A settlement is paid once: one at or before the instant of the last, told again, changes nothing.

        Args:
            instrument: The perpetual.
            rate: Fraction of the value of a position.
            at_ns: When.
            mark: What a position is valued at, in quote per base; None for the latest price, if there is one.
            liquidates: Close what cannot be carried at that mark any more; a market of bars does so inside its bars.

        Raises:
            InputError: If the instrument is no listed perpetual, or the mark is no price.
        """
        listing = self._require_perpetual(instrument)
        if mark is None:
            mark = multiply(Decimal(self._market.mark_ticks(instrument) or 0), listing.tick)
        elif not (mark.is_finite() and mark > 0):
            raise InputError(f"funding of {instrument}: mark {mark} must be finite and above zero")
        if not rate.is_finite():
            raise InputError(f"funding of {instrument}: rate {rate} must be finite")
        events = self.advance(at_ns)
        funded_ns = self._state.head.funded_ns
        if mark and at_ns > funded_ns.get(instrument, -1):
            funded_ns[instrument] = at_ns
            self._liquidation.fund(listing, rate, mark, events)
            if liquidates:
                self._liquidation.close_breached(listing, max(1, steps_within(mark, listing.tick)), events)
        return events

    def expire(self, account: str, client_id: str, at_ns: int, reason: str = "ended by the exchange") -> list[Event]:
        """Let the exchange end a working order by itself; where there is none, nothing happens to orders."""
        events = self.advance(at_ns)
        order = self._registry.find(account, client_id)
        if order is not None and order.is_working:
            events.append(self._execution.end(order, OrderState.EXPIRED, reason))
        return events

    def hide(self, account: str, client_id: str, until_ns: int) -> None:
        """Let an order not be found by queries and lists before an instant, as if it had never arrived."""
        self._reading.hide(account, client_id, until_ns)

    def inject_overfill(self, account: str, lots: int) -> None:
        """
        Let the next order that the account can pay for fill so many lots beyond its quantity; 0 takes it back.

        Raises:
            InputError: If the lots lie below zero.
        """
        if lots < 0:
            raise InputError(f"an overfill of {lots} lots; write 0 or more")
        self._state.head.injected.overfills.pop(account, None)
        if lots:
            self._state.head.injected.overfills[account] = lots

    def quote(self, quote: Quote, *, tradable: bool, liquidates: bool = True, through: bool = False) -> list[Event]:
        """
        Take market data over; where it is tradable, resting orders execute against it.

        A quote older than the known one is ignored, and so is the same one again: its depth is not given twice. What
        the new price makes unbearable is liquidated after that; not where it `liquidates` nothing, like the open of a
        bar whose inside is still to come. A price of a bar says nothing of how much traded there: told as `through`,
        it executes resting limit orders only where it lies beyond their limit, not where it merely touches it.

        Raises:
            InputError: If the instrument is not listed.
        """
        listing = self._require_listed(quote.instrument)
        events = self.advance(quote.at_ns)
        if not self._market.accept(quote, tradable=tradable):
            return events
        if tradable and listing.tradable:
            for order in sorted(self._registry.working_on(quote.instrument), key=priority):
                if order.is_asleep:
                    if not self._market.touches(order):
                        continue
                    self._execution.wake(order, events)
                self._execution.meet(order, events, through=through)
        if liquidates:
            self._liquidation.watch(listing, events)
        return events

    def trade_range(self, instrument: str, low: float, high: float, at_ns: int) -> list[Event]:
        """
        Tell what range a bar that ended at `at_ns` traded in: limit orders that it traded through fill as maker.

        Stop orders that it reached are triggered, and fill at the next tradable quote. An order placed at or after the
        end of the bar did not take part in it. A bar says nothing of depth, so an order fills whole.

        Raises:
            InputError: If the instrument is not listed, or the range is not 0 < low <= high, finite.
        """
        listing = self._require_listed(instrument)
        if not (0.0 < low <= high and math.isfinite(high)):
            raise InputError(f"bar of {instrument}: low {low} and high {high} must be finite with 0 < low <= high")
        events = self.advance(at_ns)
        if not listing.tradable:
            return events
        tick = float(listing.tick)
        for order in sorted(self._registry.working_on(instrument), key=priority):
            if order.placed_at_ns >= at_ns:
                continue
            limit = order.limit_ticks
            if limit is not None and trades_through(limit, low, high, tick, order.side.sign):
                self._execution.fill_through(order, limit, events)
            elif order.is_asleep and self._market.reaches(order, low, high):
                self._execution.wake(order, events)
        self._registry.forget_old()
        return events

    def status(self, order: VenueOrder) -> OrderStatus:
        """Describe an order as it stands."""
        return self._execution.status(order)

    def check(self) -> None:
        """
        Assert the books of the whole exchange: every asset is conserved, every lock belongs to an order or a position.

        Raises:
            Bug: If they do not balance.
        """
        self._ledger.check()
        check_locks(self._state)

    def _let_pass(self, at_ns: int) -> None:
        """Let time pass for a request that returns no events; the next one that does tells them."""
        self._state.untold = self._timeline.move_to(at_ns)

    def _leverage_refusal(self, account: str, instrument: str, leverage: int) -> Refused | None:
        most = self._state.setup.personality.perpetuals.leverage_max
        if account not in self._state.head.accounts:
            return Refused(Refusal.UNKNOWN_ACCOUNT, f"no account {account!r}")
        if not 1 <= leverage <= most:
            return Refused(Refusal.BAD_LEVERAGE, f"leverage {leverage}, from 1 to {most}")
        if self._registry.has_working(account, instrument):
            return Refused(Refusal.ORDERS_OPEN, f"orders on {instrument} are open; cancel them first")
        if self._execution.perpetuals.has_position(account, instrument):
            return Refused(Refusal.POSITION_OPEN, f"a position in {instrument} is open; close it first")
        return None

    def _is_used(self, instrument: str) -> bool:
        head = self._state.head
        if any(order.instrument == instrument for order in self._state.orders.values()):
            return True
        if any(pending.order.instrument == instrument for pending in head.pending.values()):
            return True
        return any(self._execution.perpetuals.has_position(account, instrument) for account in head.positions)

    def _require_perpetual(self, instrument: str) -> Listing:
        listing = self._require_listed(instrument)
        if not listing.is_perpetual:
            raise InputError(f"{instrument} is no perpetual")
        return listing

    def _require_listed(self, instrument: str) -> Listing:
        listing = self._state.setup.listings.get(instrument)
        if listing is None:
            venue = self._state.setup.venue
            raise InputError(f"{venue} does not list {instrument}; listed are {sorted(self._state.setup.listings)}")
        return listing


def _grid_of(listing: Listing) -> tuple[Decimal, Decimal, str, str]:
    return listing.tick, listing.lot, listing.base, listing.quote


def _require_linear(listing: Listing) -> None:
    settle = instrument_from(listing.instrument).settle
    if listing.is_perpetual and (settle != listing.quote or listing.fee_asset != "quote"):
        raise InputError(
            f"{listing.instrument}: only perpetuals settled in their quote, and charged in it, are modelled"
        )
