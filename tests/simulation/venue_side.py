"""The exchange as it is, on its own side of the network: it lives on whatever becomes of its customers."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from random import Random
from typing import NamedTuple

from quarterdeck.domain import ZERO, Listing, Quote, add, multiply
from quarterdeck.exchange import Event, Exchange, FundingPaid, InterestCharged, Trade
from quarterdeck.orders import client_prefix
from quarterdeck.ports import OrderRequest, VenueNews
from quarterdeck.simulator import CALM, BoxedVenue, FaultKind, Wires
from quarterdeck.venues import PaperVenue
from tests.simulation.bots_drawn import BotDraw
from tests.simulation.coverage import Coverage
from tests.simulation.scenario import Scenario
from tests.simulation.virtual_time import Process, VirtualLoop, at_once

ACCOUNT = "ours"
NOBODY = ""
LEVERAGE = 10


class Move(NamedTuple):
    """One change of what the account holds of an asset; `owner` is a bot's prefix, empty for everybody else."""

    at_ns: int
    owner: str
    asset: str
    amount: Decimal


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
    """UTC, which is true unless somebody sets it or it drifts, and the machine's steady clock."""

    def __init__(self, loop: VirtualLoop, start_ns: int, drift_ppm: float = 0.0) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self._drift_ppm = drift_ppm
        self.step_ns = 0

    def now_ns(self) -> int:
        """Read UTC."""
        steady_ns = self._loop.steady_ns()
        return self._start_ns + self.step_ns + steady_ns + int(steady_ns * self._drift_ppm / 1e6)

    def steady_ns(self) -> int:
        """Read the steady clock."""
        return self._loop.steady_ns()


class VenueSide:
    """One exchange in its box, the account that all bots share there, and everybody who listens to its news."""

    def __init__(self, name: str, scenario: Scenario, loop: VirtualLoop, rng: Random, coverage: Coverage) -> None:
        listings = [one for one in scenario.settings.listings if one.venue == name]
        self.name = name
        self.rng = rng
        self.personality = scenario.personalities[name]
        self.exchange = Exchange.opened(name, listings, self.personality)
        self.quote_asset = scenario.quotes[name]
        self.began = _began(name, scenario)
        for asset, amount in self.began.items():
            self.exchange.deposit(ACCOUNT, asset, amount)
        for listing in listings:
            if listing.is_perpetual:
                self.exchange.set_leverage(ACCOUNT, listing.instrument, LEVERAGE, scenario.start_ns)
        self.moves: list[Move] = []
        self.sealed = Sealed()
        self.relisted: Callable[[str], None] = lambda _venue: None
        wires = Wires(
            timers=loop,
            rng=rng,
            tell=self._tell,
            note=partial(_note, coverage),
            relisted=lambda: self.relisted(name),
            moved=self._moved,
        )
        self.box = BoxedVenue(self.exchange, ACCOUNT, WorldClock(loop, scenario.start_ns), wires, scenario.plans[name])
        self.clock = self.box.clock
        self.paper = PaperVenue(self.exchange, ACCOUNT, self.clock, self.sealed, save=self._note_moves)
        self.paper.subscribe(self._push)
        self.prefixes = tuple(client_prefix(bot.name) for bot in scenario.bots)
        self._streams: list[Stream] = []

    @property
    def is_down(self) -> bool:
        """Whether connections are refused."""
        return self.box.is_down

    def connect(self, process: Process, sink: Callable[[VenueNews], None]) -> None:
        """Push news to a process from now on."""
        self._streams = [stream for stream in self._streams if stream.process.alive]
        self._streams.append(Stream(process, sink))

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.box.change_plan(CALM)

    def move_money(self, asset: str, amount: Decimal) -> bool:
        """Somebody brings money or, below zero, takes it away; False where that much is not free."""
        held = self.exchange.balances(ACCOUNT).get(asset, (ZERO, ZERO))[0]
        if held + amount < 0:
            return False
        self.exchange.deposit(ACCOUNT, asset, amount)
        self._moved(asset, amount)
        return True

    def moves_of_others(self, prefix: str, asset: str) -> list[Decimal]:
        """Give what everybody but one bot did with an asset of the account, in the order of time."""
        return [move.amount for move in self.moves if move.asset == asset and move.owner != prefix]

    def listings(self) -> tuple[Listing, ...]:
        """What the venue says that it lists."""
        return tuple([one for one in at_once(self.paper.listings()) if one.instrument not in self.box.unlisted])

    def quote(self, quote: Quote) -> None:
        """Let the market move."""
        self.box.quote(quote)

    def sweep(self, instrument: str, price: float) -> None:
        """Let the market trade at a price, so that resting orders beyond it fill."""
        self.box.sweep(instrument, price)

    def _tell(self, events: Sequence[Event]) -> None:
        """Hear what the exchange did by itself, and pass it on to who listens."""
        self._note_moves(self.exchange, events)
        self.paper.hear(events)

    def _note_moves(self, exchange: Exchange, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Trade):
                self._note_trade(event, exchange.setup.listings[event.instrument])
            elif isinstance(event, FundingPaid):
                self._moved(event.asset, event.amount)
            elif isinstance(event, InterestCharged):
                self._moved(event.asset, event.amount.copy_negate())
        self.box.wake()

    def _note_trade(self, trade: Trade, listing: Listing) -> None:
        owner = next((prefix for prefix in self.prefixes if trade.client_id.startswith(prefix)), NOBODY)
        qty = multiply(listing.lot, Decimal(trade.lots))
        notional = multiply(qty, trade.price)
        sign = trade.side.sign
        paid = [(listing.base, sign * qty), (listing.quote, -sign * notional)]
        if listing.is_perpetual:  # nothing changes hands but what the position brought, and the position itself
            paid = [(listing.instrument, sign * qty), (listing.quote, trade.realised)]
        changes: dict[str, Decimal] = {}
        for asset, amount in (*paid, (trade.fee_asset, -trade.fee)):
            changes[asset] = add(changes.get(asset, ZERO), amount)
        for asset, amount in changes.items():
            self.moves.append(Move(trade.at_ns, owner, asset, amount))

    def _moved(self, asset: str, amount: Decimal) -> None:
        self.moves.append(Move(self.clock.now_ns(), NOBODY, asset, amount))

    def push(self, news: VenueNews) -> None:
        """Tell the stream what the reply to a request does not say, where there is a stream."""
        if self.personality.streams != "none":
            self._push(news)

    def _push(self, news: VenueNews) -> None:
        for stream in self._streams:
            self.box.spread(news, partial(stream.process.post, stream.sink))


def owned_at_first(draw: BotDraw, venue: str) -> dict[str, Decimal]:
    """Say what a bot calls its own on a venue before it ever traded."""
    found: dict[str, Decimal] = {}
    bases = {one.instrument: one.base for one in draw.settings.listings if one.venue == venue}
    for settings in draw.settings.venues:
        if settings.name == venue:
            held = [(bases[one.instrument], one.qty) for one in settings.holdings]
            for asset, amount in (*settings.cash.items(), *held):
                found[asset] = add(found.get(asset, ZERO), amount)
    return found


def _began(name: str, scenario: Scenario) -> dict[str, Decimal]:
    """Say what lies on the account before anybody starts: what every bot calls its own, and something beside it."""
    found = dict(scenario.beside)
    for draw in scenario.bots:
        for asset, amount in owned_at_first(draw, name).items():
            found[asset] = add(found.get(asset, ZERO), amount)
    return found


def _note(coverage: Coverage, kind: FaultKind) -> None:
    coverage.hit(f"fault: {kind.value.replace('_', ' ')}")
