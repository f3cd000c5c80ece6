"""
Driving a bot through a market of bars, recorded or made up: quotes to the venues, triggers, cycles, and time itself.

At full speed the driver sets the clock and waits for quiet after each step, so that a replay is the same every time.
At a pace it waits for the clock. Either way the bot below sees inputs and cannot tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import CycleDue, Quote, SignalGiven, TriggerFired, Woke
from quarterdeck.engine import PullFills, State, due, watch
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar, MarketView, QuoteShape, Trigger, crossed, quote_from_price
from quarterdeck.system.clocks import TapeClock
from quarterdeck.system.hands import Hands
from quarterdeck.system.loop import Loop
from quarterdeck.system.opinions import Opinions

BREATHE_BARS: Final = 64
LOOK_AROUND_S: Final = 0.25


class BarVenue(Protocol):
    """What a paper venue wants to know of the market."""

    def on_quote(self, quote: Quote, tradable: bool) -> None:  # noqa: FBT001 - the adapter's own signature
        """Hear a quote."""
        ...

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Hear the range of a bar."""
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


class Stage(Struct, frozen=True):
    """The parts that the driver plays on."""

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


class Driver:
    """Plays bars on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._state: State = stage.loop.state
        self._bars = 0
        self._triggers: tuple[Trigger, ...] = ()
        self._triggers_seq = -1
        self.cycles = 0

    async def play(self, batches: Iterable[BarBatch], cycles_max: int | None) -> None:
        """
        Play batches of bars until they end, enough cycles ran, or the bot is to stop.

        Bars that were worked through in an earlier session only fill the strategy's window.
        """
        stage = self._stage
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
                wait_s = min(stage.clock.wait_s(min(next_ns, at_ns)), LOOK_AROUND_S)
                await stage.loop.wait_for_news(wait_s)
                await stage.errands.look_around()
            self._wake()
            await self.quiesce()

    async def quiesce(self) -> None:
        """Work through the news, at full speed until no act is under way any more."""
        stage = self._stage
        while True:
            while stage.loop.has_news:
                await stage.loop.pump()
                stage.hands.check()
            if not stage.full_speed or not stage.hands.busy:
                return
            await stage.hands.settle()

    def _next_ns(self) -> int:
        timer_ns = self._stage.hands.next_timer_ns()
        due_ns = due(self._state)
        return due_ns if timer_ns is None else min(due_ns, timer_ns)

    def _wake(self) -> None:
        now_ns = self._stage.clock.now_ns()
        self._stage.hands.fire_timers(now_ns)
        if now_ns >= due(self._state):
            self._stage.loop.offer(Woke(now_ns))

    async def _breathe(self) -> None:
        """Let signals, the journal's thread and the outside have a turn: at full speed on the first bar and then."""
        self._bars += 1
        if self._stage.full_speed and self._bars % BREATHE_BARS == 1:
            await asyncio.sleep(0)
            await self._stage.errands.look_around()
            await self.quiesce()

    def _remember(self, batch: BarBatch) -> None:
        for bar in batch.bars:
            if self._stage.primary.get(bar.instrument) == bar.venue:
                self._stage.opinions.take(batch.open_ns, bar)

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
        stage.venues[bar.venue].on_quote(quote, tradable)

    async def _close(self, batch: BarBatch) -> None:
        """Work through the inside of the bars, their close, and the cycle that falls due with it."""
        stage = self._stage
        close_ns = batch.open_ns + stage.timeframe_ns
        await self._inside(batch, close_ns)
        closed = []
        for bar in batch.bars:
            self._quote(bar, bar.close, close_ns, tradable=False)
            if stage.primary.get(bar.instrument) == bar.venue and stage.opinions.take(batch.open_ns, bar):
                closed.append(bar.instrument)
        if closed:
            signals = await self._ask(closed)
            stage.loop.offer(CycleDue(close_ns, batch.open_ns, signals))
            self.cycles += 1
        elif due(self._state) <= close_ns:
            stage.loop.offer(Woke(close_ns))
        await self.quiesce()

    async def _ask(self, pairs: list[str]) -> tuple[SignalGiven, ...]:
        """Ask the strategy; at a pace, news and the outside have their turn while it thinks."""
        stage = self._stage
        asking = asyncio.ensure_future(stage.opinions.ask(pairs))
        try:
            while not stage.full_speed and not stage.errands.is_stopping:
                done, _ = await asyncio.wait({asking}, timeout=LOOK_AROUND_S)
                if done:
                    break
                await stage.errands.look_around()
                self._wake()
                await self.quiesce()
            return () if stage.errands.is_stopping else await asking
        finally:
            asking.cancel()

    async def _inside(self, batch: BarBatch, close_ns: int) -> None:
        """Fire protective levels that a bar reached, the stop first, and fill limit orders that it traded through."""
        stage = self._stage
        resting = {
            (order.venue, order.instrument) for order in self._state.live_orders() if order.limit_ticks is not None
        }
        for bar in batch.bars:
            if (bar.venue, bar.instrument) in resting:
                stage.venues[bar.venue].on_bar_range(bar.instrument, bar.low, bar.high, close_ns)
            for trigger in self._reached(bar):
                price = _touched(trigger, bar)
                self._quote(bar, price, close_ns, tradable=True)
                stage.loop.offer(TriggerFired(close_ns, bar.venue, bar.instrument, trigger.cause, price))
                await self.quiesce()
                await self._hear_back({order.venue for order in self._state.live_orders()})
        if resting:
            await self._hear_back({venue for venue, _ in resting})

    def _reached(self, bar: Bar) -> list[Trigger]:
        if self._triggers_seq != self._stage.loop.seq:
            self._triggers = watch(self._state)
            self._triggers_seq = self._stage.loop.seq
        if not self._triggers:
            return []
        ours = [t for t in self._triggers if t.venue == bar.venue and t.instrument == bar.instrument]
        return crossed(ours, bar.low, bar.high)


def _touched(trigger: Trigger, bar: Bar) -> float:
    """Give the price at which a level was met: the level, or the open where the bar began beyond it."""
    if trigger.falling:
        return min(trigger.price, bar.open)
    return max(trigger.price, bar.open)
