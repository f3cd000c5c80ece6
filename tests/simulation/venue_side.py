"""The exchange as it is, on its own side of the network: it lives on whatever becomes of its customers."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import NamedTuple

from quarterdeck.domain import InputError, Listing, Quote
from quarterdeck.exchange import Exchange
from quarterdeck.ports import OrderRequest, VenueNews
from quarterdeck.venues import PaperVenue
from tests.simulation.coverage import Coverage
from tests.simulation.scenario import NO_FAULTS, Faults, Scenario, cash_of
from tests.simulation.virtual_time import Process, VirtualLoop

ACCOUNT = "ours"
PATIENCE_S = 2.0


class Fate(NamedTuple):
    """What becomes of one request: seconds until it leaves, arrives and is answered; None for what is lost."""

    leaves_s: float
    arrives_s: float | None
    answered_s: float | None


class Stream(NamedTuple):
    """One connected customer process."""

    process: Process
    sink: Callable[[VenueNews], None]


class Sealed:
    """The last hop of the far side: the request came signed already."""

    def __init__(self) -> None:
        self.signed_ns = 0

    def sign_at_ns(self, request: OrderRequest, validity_ns: int) -> int:
        """Give the instant on the envelope."""
        return self.signed_ns


class WorldClock:
    """UTC, which is true unless somebody sets it, and the machine's steady clock."""

    def __init__(self, loop: VirtualLoop, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self.step_ns = 0

    def now_ns(self) -> int:
        """Read UTC."""
        return self._start_ns + self.step_ns + self._loop.steady_ns()

    def steady_ns(self) -> int:
        """Read the steady clock."""
        return self._loop.steady_ns()


class VenueSide:
    """One exchange, its network, and the faults of both."""

    def __init__(self, name: str, scenario: Scenario, loop: VirtualLoop, rng: Random, coverage: Coverage) -> None:
        listings = [one for one in scenario.settings.listings if one.venue == name]
        self.name = name
        self.personality = scenario.personalities[name]
        self.exchange = Exchange.opened(name, listings, self.personality)
        self.quote_asset = scenario.quotes[name]
        for asset, amount in cash_of(self.quote_asset).items():
            self.exchange.deposit(ACCOUNT, asset, amount)
        self.moved: list[tuple[str, Decimal]] = []
        self.sealed = Sealed()
        self.clock = WorldClock(loop, scenario.start_ns)
        self.paper = PaperVenue(self.exchange, ACCOUNT, self.clock, self.sealed)
        self.paper.subscribe(self._push)
        self.faults: Faults = scenario.faults[name]
        self.is_down = False
        self.unlisted: set[str] = set()
        self._usual = {listing.instrument: listing for listing in listings}
        self._loop = loop
        self._rng = rng
        self._coverage = coverage
        self._streams: list[Stream] = []

    def connect(self, process: Process, sink: Callable[[VenueNews], None]) -> None:
        """Push news to a process from now on."""
        self._streams = [stream for stream in self._streams if stream.process.alive]
        self._streams.append(Stream(process, sink))

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.faults = NO_FAULTS
        self.is_down = False
        self.clock.step_ns = 0
        self.list_as_before()

    def move_money(self, asset: str, amount: Decimal) -> bool:
        """Somebody brings money or, below zero, takes it away; False where that much is not free."""
        try:
            self.exchange.deposit(ACCOUNT, asset, amount)
        except InputError:
            return False
        self.moved.append((asset, amount))
        return True

    def listings(self) -> tuple[Listing, ...]:
        """What the venue says that it lists."""
        known = self.exchange.setup.listings.items()
        return tuple([listing for instrument, listing in known if instrument not in self.unlisted])

    def relist(self, listing: Listing, *, is_shown: bool = True) -> None:
        """List an instrument otherwise from now on, or no more."""
        self.exchange.relist(listing)
        self.unlisted.discard(listing.instrument)
        if not is_shown:
            self.unlisted.add(listing.instrument)

    def list_as_before(self) -> None:
        """Put every listing back to what it was."""
        self.unlisted.clear()
        for listing in self._usual.values():
            self.exchange.relist(listing)

    def quote(self, quote: Quote) -> None:
        """Let the market move; now and then the book is closed for trading."""
        self.paper.on_quote(quote, self._rng.random() >= self.faults.closed_book)

    def sweep(self, instrument: str, price: float) -> None:
        """Let the market trade at a price, so that resting orders beyond it fill."""
        self.paper.on_bar_range(instrument, price * 0.9998, price * 1.0002, self.clock.now_ns())

    def draw_fate(self) -> Fate:
        """Decide what becomes of one request."""
        faults, rng = self.faults, self._rng
        leaves_s = 0.0
        if rng.random() < faults.stalled_send:
            leaves_s = rng.choice((0.1, 1.0, 6.0)) * rng.random()
        arrives_s: float | None = faults.latency_s * rng.random()
        answered_s: float | None = faults.latency_s * rng.random()
        chance = rng.random()
        if self.is_down or chance < faults.lost_request:
            self._coverage.hit("request lost")
            arrives_s = None
        elif chance < faults.lost_request + faults.lost_reply:
            self._coverage.hit("reply lost")
            answered_s = None
        elif chance < faults.lost_request + faults.lost_reply + faults.late_reply:
            answered_s = PATIENCE_S * rng.uniform(0.9, 3.0)
        return Fate(leaves_s, arrives_s, answered_s)

    def _push(self, news: VenueNews) -> None:
        for stream in self._streams:
            for delay_s in self._delays():
                self._loop.later(delay_s, partial(stream.process.post, stream.sink, news))

    def _delays(self) -> list[float]:
        """Decide when one piece of news is heard: never, once or more often."""
        faults, rng = self.faults, self._rng
        if self.is_down or rng.random() < faults.dropped_news:
            self._coverage.hit("news dropped")
            return []
        delays = [faults.latency_s * rng.random()]
        if rng.random() < faults.delayed_news:
            self._coverage.hit("news delayed")
            delays = [rng.uniform(0.0, 8.0)]
        if rng.random() < faults.repeated_news:
            self._coverage.hit("news repeated")
            delays.append(delays[0] + rng.uniform(0.0, 8.0))
        return delays
