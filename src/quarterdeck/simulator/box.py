"""A venue in a box: an exchange with an account, the network before it, and a plan of what goes wrong with both."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from random import Random
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from quarterdeck.domain import SECOND_NS, Listing, Quote
from quarterdeck.exchange import Event, Exchange, OrderStatus
from quarterdeck.ports import Clock
from quarterdeck.simulator.books import Books
from quarterdeck.simulator.deeds import ONCE, Deeds
from quarterdeck.simulator.listed import CHANGES_LISTINGS, listings_under, unlisted_under
from quarterdeck.simulator.plan import CALM, Call, Fault, FaultKind, FaultPlan
from quarterdeck.simulator.reads import orders_of_then
from quarterdeck.simulator.weather import Fate, Note, Trouble, Weather

T = TypeVar("T")
NEWS_KEPT: Final = 64
SETTLES_NS: Final = 10 * SECOND_NS
_K: Final = FaultKind


class Timers(Protocol):
    """Whose time it is: the world's, which goes on whatever becomes of the customers."""

    def time(self) -> float:
        """Read the time in seconds."""
        ...

    def later(self, delay_s: float, callback: Callable[[], object]) -> None:
        """Let something happen after a while."""
        ...


class VenueClock:
    """The clock of a venue: that of the world, and so much ahead of it."""

    def __init__(self, world: Clock) -> None:
        self._world = world
        self.ahead_ns = 0

    def now_ns(self) -> int:
        """Read the venue's UTC."""
        return self._world.now_ns() + self.ahead_ns

    def steady_ns(self) -> int:
        """Read the steady clock."""
        return self._world.steady_ns()


class Wires(Struct, frozen=True):
    """
    What a box is wired to.

    `tell` hears what the exchange did without being asked by its customer; `note` hears of each fault that strikes;
    `relisted` hears that the venue's list changed; `moved` hears of money that people brought (or took, below zero).
    """

    timers: Timers
    rng: Random
    tell: Callable[[Sequence[Event]], None]
    note: Note
    relisted: Callable[[], None] = lambda: None
    moved: Callable[[str, Decimal], None] = lambda _asset, _amount: None


class BoxedVenue:
    """
    Executes a fault plan on one account of an exchange.

    Customers ask `fate` what becomes of a request and then `carry` it; what they are to hear of the account's news,
    and when, `spread` decides. The market comes in through `quote` and `sweep`.
    """

    def __init__(self, exchange: Exchange, account: str, world: Clock, wires: Wires, plan: FaultPlan = CALM) -> None:
        self.exchange = exchange
        self.account = account
        self.clock = VenueClock(world)
        self.weather = Weather(plan, wires.rng, wires.note)
        self.books = Books(self.weather)
        self.unlisted: set[str] = set()
        self._wires = wires
        self._deeds = Deeds(exchange, account)
        self._usual = dict(exchange.setup.listings)
        self._began_s = wires.timers.time()
        self._plan_number = 0
        self._wakes_ns: int | None = None
        self._latest: deque[Callable[[], object]] = deque(maxlen=NEWS_KEPT)
        self._hidden: set[tuple[str, bool]] = set()
        self._schedule()

    def change_plan(self, plan: FaultPlan) -> None:
        """Put another plan in force, whose seconds count from now; what people left resting is cancelled."""
        self._plan_number += 1
        self._began_s = self._wires.timers.time()
        self.weather.change(plan)
        self._tell(self._deeds.take_back(self.clock.now_ns()))
        self._stand()
        self._schedule()

    @property
    def at_s(self) -> float:
        """Seconds since the plan began."""
        return self._wires.timers.time() - self._began_s

    @property
    def is_down(self) -> bool:
        """Whether connections are refused."""
        return self.weather.is_out(self.at_s)

    # --- requests -----------------------------------------------------------------------------------------------------

    def fate(self, call: Call) -> Fate:
        """Decide what becomes of a request that is about to leave."""
        return self.weather.fate(call, self.at_s)

    def carry(self, fate: Fate, deliver: Callable[[], T], answer: Callable[[T | Trouble], None]) -> None:
        """Carry a request that left: `deliver` runs at the venue, `answer` hears the reply, or what came instead."""
        later = self._wires.timers.later
        for place, delay_s in enumerate(fate.arrives_s):
            later(delay_s, partial(self._arrive, fate, deliver, answer) if place == 0 else deliver)
        if not fate.arrives_s and fate.trouble is not None:
            for delay_s in fate.answers_s:
                later(delay_s, partial(answer, fate.trouble))

    def _arrive(self, fate: Fate, deliver: Callable[[], T], answer: Callable[[T | Trouble], None]) -> None:
        reply = deliver()
        for delay_s in fate.answers_s:
            self._wires.timers.later(delay_s, partial(answer, reply if fate.trouble is None else fate.trouble))

    def before_cancel(self, client_id: str) -> None:
        """Let an order fill now and then just before its cancel arrives."""
        if self.weather.struck(_K.FILL_RACE, self.at_s):
            self._tell(self._deeds.fill_before_cancel(client_id, self.clock.now_ns()))

    def before_query(self, client_id: str) -> None:
        """Let an order now and then not be found for a while, when a query arrives; a new one once, an old one once."""
        if not self.weather.holding(_K.HIDE_ORDER, self.at_s):
            return
        now_ns = self.clock.now_ns()
        moment = (client_id, self._deeds.works_since_ns(client_id, now_ns) + SETTLES_NS <= now_ns)
        if moment in self._hidden:  # hidden again and again it would be gone for longer than the venue's bound
            return
        hidden = self.weather.struck(_K.HIDE_ORDER, self.at_s)
        if hidden:
            self._hidden.add(moment)
            self.exchange.hide(self.account, client_id, now_ns + int(hidden.size * SECOND_NS))

    def stale_orders(self) -> list[OrderStatus] | None:
        """Give the working orders of some time ago where the list is not up to date; None where it is."""
        stale = self.weather.struck(_K.STALE_ORDERS, self.at_s)
        if stale is None:
            return None
        return orders_of_then(self.exchange, self.account, self.clock.now_ns() - int(stale.size * SECOND_NS))

    # --- news ---------------------------------------------------------------------------------------------------------

    def spread(self, news: T, hear: Callable[[T], object]) -> None:
        """Let one message of the stream be heard as the plan has it: late, never, or more than once."""
        heard = partial(hear, news)
        self._latest.append(heard)
        for delay_s in self.weather.hearings(self.at_s):
            self._wires.timers.later(delay_s, heard)

    def _tell(self, events: Sequence[Event]) -> None:
        if events:
            self._wires.tell(events)
        self.wake()

    def wake(self) -> None:
        """Let the exchange go on when something of its own falls due: decisions, switches, lags."""
        next_ns = self.exchange.next_ns
        if next_ns is None or (self._wakes_ns is not None and self._wakes_ns <= next_ns):
            return
        self._wakes_ns = next_ns
        self._wires.timers.later(max(0.0, (next_ns - self.clock.now_ns()) / 1e9), self._go_on)

    def _go_on(self) -> None:
        self._wakes_ns = None
        self._tell(self.exchange.advance(self.clock.now_ns()))

    # --- the market ---------------------------------------------------------------------------------------------------

    def quote(self, quote: Quote) -> None:
        """Let the market move."""
        traded, tradable = self.books.traded(quote, self.at_s)
        self._tell(self.exchange.quote(traded, tradable=tradable))

    def sweep(self, instrument: str, price: float) -> None:
        """Let the market trade at a price, so that resting orders beyond it fill."""
        now_ns = self.clock.now_ns()
        self._tell(self.exchange.trade_range(instrument, price * (1.0 - 2e-4), price * (1.0 + 2e-4), now_ns))
        if self.weather.struck(_K.VENUE_CANCEL, self.at_s):
            self._tell(self._deeds.end_one(self._wires.rng, now_ns))

    def shown(self, quote: Quote) -> Quote:
        """Give what customers see of a quote."""
        return self.books.shown(quote, self.at_s)

    # --- what the plan dates ------------------------------------------------------------------------------------------

    def listings(self) -> tuple[Listing, ...]:
        """Say what the venue says that it lists."""
        known = self.exchange.setup.listings.items()
        return tuple([listing for instrument, listing in known if instrument not in self.unlisted])

    def _schedule(self) -> None:
        """Set a timer for everything in the plan that has a date."""
        for fault in self.weather.plan.faults:
            if fault.kind in ONCE:
                self._at(fault.from_s, partial(self._happen, fault))
            elif fault.kind in CHANGES_LISTINGS or fault.kind is _K.SKEW:
                self._at(fault.from_s, partial(self._stand, fault))
                self._at(fault.until_s, self._stand)
            elif fault.kind is _K.REPLAY_NEWS:
                self._at(fault.from_s, partial(self._replay, fault))
            elif fault.kind is _K.FOREIGN_LOAD:
                self._at(fault.from_s, partial(self._load, fault))

    def _at(self, when_s: float | None, deed: Callable[[], object]) -> None:
        """Let something happen at a second of this plan, should it still be in force then."""
        if when_s is None:
            return
        number = self._plan_number
        self._wires.timers.later(max(0.0, when_s - self.at_s), lambda: deed() if number == self._plan_number else None)

    def _happen(self, fault: Fault) -> None:
        self._wires.note(fault.kind)
        if fault.kind in (_K.DEPOSIT, _K.WITHDRAW):
            amount = Decimal(str(fault.size)) * (1 if fault.kind is _K.DEPOSIT else -1)
            if self._deeds.move(fault.what, amount):
                self._wires.moved(fault.what, amount)
            return
        self._tell(self._deeds.do(fault, self.clock.now_ns()))

    def _replay(self, fault: Fault) -> None:
        """Tell the latest messages of the stream once more, oldest first."""
        self._wires.note(fault.kind)
        for heard in list(self._latest)[-round(fault.size) :]:
            self._wires.timers.later(0.0, heard)

    def _load(self, fault: Fault) -> None:
        """Somebody else uses up the account's rate limit, second by second."""
        if fault.is_on(self.at_s):
            self._wires.note(fault.kind)
            self.exchange.consume(self.account, round(fault.size), self.clock.now_ns())
            self._at(self.at_s + 1.0, partial(self._load, fault))

    def _stand(self, began: Fault | None = None) -> None:
        """Bring listings and clock to what the plan says of this instant."""
        if began is not None:
            self._wires.note(began.kind)
        at_s = self.at_s
        skews = self.weather.holding(_K.SKEW, at_s)
        self.clock.ahead_ns = int(sum(fault.size for fault in skews) * SECOND_NS)
        listed = listings_under(self.weather, self._usual, at_s)
        unlisted = unlisted_under(self.weather, self._usual, at_s)
        changed = [one for instrument, one in listed.items() if one != self.exchange.setup.listings[instrument]]
        for listing in changed:
            self.exchange.relist(listing)
        if changed or unlisted != self.unlisted:
            self.unlisted = unlisted
            self._wires.relisted()
