"""The stage on which a driver plays a market of bars: the parts of a session, as the driver sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import Quote
from quarterdeck.market import MarketView, QuoteShape
from quarterdeck.system.clocks import TapeClock
from quarterdeck.system.hands import Hands
from quarterdeck.system.loop import Loop
from quarterdeck.system.opinions import Opinions
from quarterdeck.system.settlements import Settlements

LOOK_AROUND_S: Final = 0.25


class BarVenue(Protocol):
    """What a paper venue wants to know of the market."""

    def on_quote(  # the adapter's own signature
        self,
        quote: Quote,
        tradable: bool,  # noqa: FBT001 - older callers
        *,
        liquidates: bool = True,
        through: bool = False,
    ) -> None:
        """
        Hear a quote, and close by force what it makes unbearable unless it `liquidates` nothing.

        One that is a price of a bar fills resting limit orders only where it lies beyond them: it went `through` them.
        """
        ...

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Hear the range of a bar."""
        ...

    def on_funding(self, instrument: str, rate: Decimal, at_ns: int) -> None:
        """Hear that a perpetual pays its funding."""
        ...


class TimedVenue(Protocol):
    """A venue at which things fall due by themselves."""

    @property
    def next_ns(self) -> int | None:
        """When the next thing falls due; None while nothing does."""
        ...

    def on_time(self, at_ns: int) -> None:
        """Hear the time."""
        ...


class Errands(Protocol):
    """What the outside may want between two steps: a kill, a stop, commands from the inbox, a balance sync."""

    @property
    def is_stopping(self) -> bool:
        """Tell whether the bot was asked to stop."""
        ...

    async def look_around(self) -> None:
        """Look at kill file, inbox and signals, and offer what they ask for."""
        ...


class Rounds(Protocol):
    """What is done by the hour and the day, in the time of the market."""

    @property
    def next_ns(self) -> int:
        """Say before which instant nothing falls due."""
        ...

    async def begin(self) -> None:
        """Do what must come before any decision."""
        ...

    async def look_around(self) -> None:
        """Begin what is due."""
        ...


class Stage(Struct, frozen=True):
    """
    The parts that the driver plays on.

    `primary` names for each pair the venue whose bars the strategy sees, `listed_as` what that venue lists it as where
    that is not the pair itself. `unlisted` are the instruments, by venue, whose prices are only looked at. A bar that
    is worked through later than `late_ns_max` after its close opens nothing; 0 is never too late. `lag_s` says by how
    much the event loop itself was late at most since the bar before. `timed` are venues that must be told when what
    falls due there by itself has come. At a pace the outside is looked at every `look_around_s`, and when it nudges.
    `perpetuals` say by place, venue and instrument, at which share of its worth a position there is closed by force;
    what they pay is in `settlements`.
    """

    loop: Loop
    hands: Hands
    clock: TapeClock
    view: MarketView
    venues: Mapping[str, BarVenue]
    shapes: Mapping[str, QuoteShape]
    opinions: Opinions
    primary: Mapping[str, str]
    timeframe_ns: int
    errands: Errands
    full_speed: bool
    listed_as: Mapping[str, str] = {}
    unlisted: frozenset[tuple[str, str]] = frozenset()
    rounds: Rounds | None = None
    late_ns_max: int = 0
    complain: Callable[[str, str], None] | None = None
    lag_s: Callable[[], float] | None = None
    timed: tuple[TimedVenue, ...] = ()
    look_around_s: float = LOOK_AROUND_S
    perpetuals: Mapping[tuple[str, str], float] = {}
    settlements: Settlements | None = None
