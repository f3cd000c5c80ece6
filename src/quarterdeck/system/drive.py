"""
Driving a bot through a market of bars, recorded or made up: quotes to the venues, triggers, cycles, and time itself.

At full speed the driver sets the clock and waits for quiet after each step, so that a replay is the same every time.
At a pace it waits for the clock. Either way the bot below sees inputs and cannot tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    Action,
    CycleDue,
    OrderState,
    Quote,
    Side,
    SignalGiven,
    TriggerFired,
    Woke,
    ensure,
)
from quarterdeck.engine import RATCHET, PullFills, State, due, watch
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar, MarketView, QuoteShape, Trigger, crossed, quote_from_price
from quarterdeck.system.clocks import TapeClock
from quarterdeck.system.hands import Hands
from quarterdeck.system.loop import Loop
from quarterdeck.system.opinions import Opinions

BREATHE_BARS: Final = 64
LOOK_AROUND_S: Final = 0.25
LAG_S_MAX: Final = 2.0
WAKES_MAX: Final = 64


_RESTING: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})


class BarVenue(Protocol):
    """What a paper venue wants to know of the market."""

    def on_quote(self, quote: Quote, tradable: bool) -> None:  # noqa: FBT001 - the adapter's own signature
        """Hear a quote."""
        ...

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Hear the range of a bar."""
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


class Driver:
    """Plays bars on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._state: State = stage.loop.state
        self._bars = 0
        self._triggers: tuple[Trigger, ...] = ()
        self._triggers_seq = -1
        self._woke_seq = -1
        self._wakes = 0
        self._pairs = {(venue, stage.listed_as.get(pair, pair)): pair for pair, venue in stage.primary.items()}
        self.cycles = 0

    async def play(self, batches: Iterable[BarBatch], cycles_max: int | None) -> None:
        """
        Play batches of bars until they end, enough cycles ran, or the bot is to stop.

        Bars that were worked through in an earlier session only fill the strategy's window.
        """
        stage = self._stage
        if stage.rounds is not None:
            await stage.rounds.begin()
        await self._make_rounds()
        for batch in batches:
            if stage.errands.is_stopping or (cycles_max is not None and self.cycles >= cycles_max):
                return
            if batch.open_ns <= self._state.last_bar_ns:
                self._remember(batch)
                continue
            await self.advance_to(batch.open_ns)
            await self._open(batch)
            await self.advance_to(batch.open_ns + stage.timeframe_ns)
            if stage.errands.is_stopping:
                return
            await self._close(batch)
            await self._breathe()

    async def advance_to(self, at_ns: int) -> None:
        """Let time pass until an instant; what falls due before it happens at its own time."""
        stage = self._stage
        while not stage.errands.is_stopping:
            next_ns = self._next_ns()
            if stage.full_speed:
                if next_ns >= at_ns:
                    stage.clock.set(at_ns)
                    return
                stage.clock.set(next_ns)
            elif stage.clock.now_ns() >= at_ns:
                return
            else:
                wait_s = min(stage.clock.wait_s(min(next_ns, at_ns)), stage.look_around_s)
                await stage.loop.wait_for_news(wait_s)
                await self._look_around()
            self._wake()
            await self.quiesce()

    async def quiesce(self) -> None:
        """Work through the news, at full speed until no act is under way any more."""
        stage = self._stage
        self._wakes = 0
        while True:
            while stage.loop.has_news:
                await stage.loop.pump()
                stage.hands.check()
            if self._wake_at_once():
                continue
            if not stage.full_speed or not stage.hands.busy:
                return
            await stage.hands.settle()

    async def linger(self, most_s: float) -> None:
        """Let a little time pass for the sake of answers that are still to come; nothing is decided any more."""
        stage = self._stage
        if stage.full_speed:
            soon_ns = stage.clock.now_ns() + int(most_s * SECOND_NS)
            timer_ns = stage.hands.next_timer_ns()
            stage.clock.set(soon_ns if timer_ns is None else timer_ns)
        else:
            await stage.loop.wait_for_news(most_s)
        stage.hands.fire_timers(stage.clock.now_ns())
        await self.quiesce()

    def time_s(self) -> float:
        """Read the clock by which patience runs out: the market's at full speed, else the machine's."""
        stage = self._stage
        return stage.clock.now_ns() / SECOND_NS if stage.full_speed else asyncio.get_running_loop().time()

    def _wake_at_once(self) -> bool:
        """
        Let the engine go on where news just made something due: cover for what was bought, an exit that waited.

        Everything else that time brings about is looked at when time passes.
        """
        stage, state = self._stage, self._state
        if not (state.naked or state.deferred) or stage.loop.seq == self._woke_seq:
            return False
        now_ns = stage.clock.now_ns()
        if due(state) > now_ns:
            return False
        self._wakes += 1
        ensure(self._wakes <= WAKES_MAX, "the engine is due again and again at one instant")
        self._woke_seq = stage.loop.seq
        stage.loop.offer(Woke(now_ns))
        return True

    def _next_ns(self) -> int:
        timer_ns = self._stage.hands.next_timer_ns()
        due_ns = due(self._state)
        for venue in self._stage.timed:
            due_ns = min(due_ns, venue.next_ns or due_ns)
        return due_ns if timer_ns is None else min(due_ns, timer_ns)

    def _wake(self) -> None:
        now_ns = self._stage.clock.now_ns()
        for venue in self._stage.timed:
            venue.on_time(now_ns)
        self._stage.hands.fire_timers(now_ns)
        if now_ns >= due(self._state):
            self._stage.loop.offer(Woke(now_ns))

    async def _breathe(self) -> None:
        """Let signals, the journal's thread and the outside have a turn: at full speed on the first bar and then."""
        self._bars += 1
        if self._stage.full_speed and self._bars % BREATHE_BARS == 1:
            await asyncio.sleep(0)
            await self._look_around()
            await self.quiesce()
        elif self._stage.full_speed and await self._make_rounds():
            await self.quiesce()

    async def _look_around(self) -> None:
        await self._stage.errands.look_around()
        await self._make_rounds()

    async def _make_rounds(self) -> bool:
        """Begin what the hour or the day asks for, and tell whether there was anything."""
        rounds = self._stage.rounds
        if rounds is None or self._stage.clock.now_ns() < rounds.next_ns:
            return False
        await rounds.look_around()
        return True

    def _remember(self, batch: BarBatch) -> None:
        for bar in batch.bars:
            pair = self._pairs.get((bar.venue, bar.instrument))
            if pair is not None:
                self._stage.opinions.take(batch.open_ns, pair, bar)

    async def _open(self, batch: BarBatch) -> None:
        """Tell the venues that hold working orders where the bar opened: this is where market orders fill."""
        stage = self._stage
        working = {order.venue for order in self._state.live_orders()}
        for bar in batch.bars:
            if not stage.full_speed or bar.venue in working:
                self._quote(bar, bar.open, batch.open_ns, tradable=True)
        await self._hear_back(working)

    async def _hear_back(self, working: set[str]) -> None:
        """Ask venues with working orders for trades, so that one in a process of its own has heard the market first."""
        if working and self._stage.full_speed:
            for venue in sorted(working):
                self._stage.hands.do(PullFills(venue))
        await self.quiesce()

    def _quote(self, bar: Bar, price: float, at_ns: int, *, tradable: bool) -> None:
        stage = self._stage
        quote = quote_from_price(bar.venue, bar.instrument, price, at_ns, stage.shapes[bar.venue])
        stage.view.observe(quote)
        if (bar.venue, bar.instrument) not in stage.unlisted:
            stage.venues[bar.venue].on_quote(quote, tradable)

    async def _close(self, batch: BarBatch) -> None:
        """Work through the inside of the bars, their close, and the cycle that falls due with it."""
        stage = self._stage
        close_ns = batch.open_ns + stage.timeframe_ns
        await self._inside(batch, close_ns)
        closed = []
        for bar in batch.bars:
            self._quote(bar, bar.close, close_ns, tradable=False)
            pair = self._pairs.get((bar.venue, bar.instrument))
            if pair is not None and stage.opinions.take(batch.open_ns, pair, bar):
                closed.append(pair)
        if closed:
            signals = self._in_time(await self._ask(closed), close_ns)
            stage.loop.offer(CycleDue(close_ns, batch.open_ns, signals))
            self.cycles += 1
        elif due(self._state) <= close_ns:
            stage.loop.offer(Woke(close_ns))
        await self.quiesce()

    async def _ask(self, pairs: list[str]) -> tuple[SignalGiven, ...]:
        """Ask the strategy; at a pace, news and the outside have their turn while it thinks."""
        stage = self._stage
        if stage.full_speed:  # it answers without waiting for anything, and a task for each bar would cost seconds
            return await stage.opinions.ask(pairs)
        asking = asyncio.ensure_future(stage.opinions.ask(pairs))
        asking.add_done_callback(lambda _: stage.loop.nudge())
        try:
            while not stage.errands.is_stopping and not asking.done():
                await stage.loop.wait_for_news(stage.look_around_s)
                await self._look_around()
                self._wake()
                await self.quiesce()
            return () if stage.errands.is_stopping else await asking
        finally:
            asking.cancel()

    def _in_time(self, signals: tuple[SignalGiven, ...], close_ns: int) -> tuple[SignalGiven, ...]:
        """Drop the wishes to buy of a bar that is worked through too late: its prices are those of another time."""
        why = self._why_late(close_ns)
        if not why:
            return signals
        stage = self._stage
        buys = [signal.instrument for signal in signals if signal.action is Action.BUY]
        if buys and stage.complain is not None:
            stage.complain("late", f"{why}; no BUY of {', '.join(buys)}")
        return tuple(
            SignalGiven(signal.instrument, Action.HOLD, 0.0, signal.source) if signal.action is Action.BUY else signal
            for signal in signals
        )

    def _why_late(self, close_ns: int) -> str:
        """Say why nothing should be opened on a bar; empty where it is in time."""
        stage = self._stage
        lag_s = stage.lag_s() if stage.lag_s is not None else 0.0
        if lag_s > LAG_S_MAX:
            text = f"the event loop was held up for {lag_s:.1f} s"
            if stage.complain is not None:
                stage.complain("lag", f"{text}; look for what takes the processor, or a strategy that does not let go")
            return text
        late_ns = stage.clock.now_ns() - close_ns
        if 0 < stage.late_ns_max < late_ns:
            return f"a bar was worked through {late_ns / SECOND_NS:.1f} s after its close"
        return ""

    async def _inside(self, batch: BarBatch, close_ns: int) -> None:
        """Fire protective levels that a bar reached, the stop first, and fill limit orders that it traded through."""
        stage, live = self._stage, self._state.live_orders()
        resting = {(order.venue, order.instrument) for order in live if order.limit_ticks is not None}
        stops = {(order.venue, order.instrument) for order in live if order.trigger_ticks is not None}
        for bar in batch.bars:
            if (bar.venue, bar.instrument) in resting:
                stage.venues[bar.venue].on_bar_range(bar.instrument, bar.low, bar.high, close_ns)
            if (bar.venue, bar.instrument) in stops:
                await self._meet_stops(bar, close_ns)
            for trigger in self._reached(bar):
                if trigger not in self._levels():
                    continue  # it died with the position that another level closed
                price = _touched(trigger, bar)
                self._quote(bar, price, close_ns, tradable=True)
                stage.loop.offer(TriggerFired(close_ns, bar.venue, bar.instrument, trigger.cause, price))
                await self.quiesce()
                await self._hear_back({order.venue for order in self._state.live_orders()})
        if resting:
            await self._hear_back({venue for venue, _ in resting})

    async def _meet_stops(self, bar: Bar, close_ns: int) -> None:
        """
        Let a bar reach the stop orders that rest at its venue, the nearest first, before any other level is looked at.

        The venue hears a price at the trigger, or at the open where the bar began beyond it: the same as fills a stop
        that the bot itself watches.
        """
        for client_id, price in self._stops_reached(bar):
            if self._state.orders[client_id].state not in _RESTING:
                continue  # it went with the position that another one closed
            self._quote(bar, price, close_ns, tradable=True)
            await self._hear_back({bar.venue})

    def _stops_reached(self, bar: Bar) -> list[tuple[str, float]]:
        """List the stop orders that rest at a venue and that a bar reached, with the price at which each was met."""
        met: list[tuple[str, float]] = []
        for order in self._state.live_orders():
            if order.trigger_ticks is None or (order.venue, order.instrument) != (bar.venue, bar.instrument):
                continue
            trigger = float(order.tick) * order.trigger_ticks
            if order.side is Side.SELL and bar.low <= trigger:
                met.append((order.client_id, min(trigger, bar.open)))
            elif order.side is Side.BUY and bar.high >= trigger:
                met.append((order.client_id, max(trigger, bar.open)))
        return sorted(met, key=lambda one: abs(one[1] - bar.open))

    def _reached(self, bar: Bar) -> list[Trigger]:
        """List the levels that a bar reached: stops first, the nearest before the others, then targets."""
        ours = [one for one in self._levels() if one.venue == bar.venue and one.instrument == bar.instrument]
        return sorted(crossed(ours, bar.low, bar.high), key=_order_of) if ours else ours

    def _levels(self) -> tuple[Trigger, ...]:
        """List what is watched now, without the wish to hear of new highs: marks raise those in a market of bars."""
        if self._triggers_seq != self._stage.loop.seq:
            self._triggers = tuple([trigger for trigger in watch(self._state) if trigger.cause != RATCHET])
            self._triggers_seq = self._stage.loop.seq
        return self._triggers


def _order_of(trigger: Trigger) -> tuple[bool, float]:
    return (False, -trigger.price) if trigger.falling else (True, trigger.price)


def _touched(trigger: Trigger, bar: Bar) -> float:
    """Give the price at which a level was met: the level, or the open where the bar began beyond it."""
    if trigger.falling:
        return min(trigger.price, bar.open)
    return max(trigger.price, bar.open)
