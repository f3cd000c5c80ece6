"""
Driving a bot through a market of bars, recorded or made up: quotes to the venues, triggers, cycles, and time itself.

At full speed the driver sets the clock and waits for quiet after each step, so that a replay is the same every time.
At a pace it waits for the clock. Either way the bot below sees inputs and cannot tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from quarterdeck.domain import SECOND_NS, Action, CycleDue, SignalGiven, Woke, ensure
from quarterdeck.engine import PullFills, State, due
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar, quote_from_price
from quarterdeck.system.inside import Inside, Voice
from quarterdeck.system.stage import Stage

BREATHE_BARS: Final = 64
LAG_S_MAX: Final = 2.0
WAKES_MAX: Final = 64


class Driver:
    """Plays bars on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._state: State = stage.loop.state
        self._bars = 0
        self._inside = Inside(stage, Voice(self._quote, self._hear_back))
        self._is_inside = False
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
        if stage.settlements is not None:
            stage.settlements.skip_before(stage.clock.now_ns())
        if stage.rounds is not None:
            await stage.rounds.begin()
        await self._make_rounds()
        for batch in batches:
            if stage.errands.is_stopping or (cycles_max is not None and self.cycles >= cycles_max):
                return
            if batch.open_ns <= self._state.last_bar_ns:
                self._remember(batch)
                continue
            await self.advance_to(batch.open_ns, through=True)
            await self._open(batch)
            await self.advance_to(batch.open_ns + stage.timeframe_ns)
            if stage.errands.is_stopping:
                return
            await self._close(batch)
            await self._breathe()

    async def advance_to(self, at_ns: int, *, through: bool = False) -> None:
        """
        Let time pass until an instant; what falls due before it happens at its own time.

        What falls due at that very instant is left to what happens then, unless time passes `through` it.
        """
        stage, until_ns = self._stage, at_ns + 1 if through else at_ns
        while not stage.errands.is_stopping:
            next_ns = self._next_ns()
            if stage.full_speed:
                if next_ns >= until_ns:
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
            await self._settle_funding()
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
        Let the engine go on where news made something due: cover for what was bought, an exit that waited, a flip.

        Everything else that time brings about is looked at when time passes.
        """
        stage, state = self._stage, self._state
        if not (state.naked or state.deferred or state.flips) or stage.loop.seq == self._woke_seq:
            return False
        now_ns = stage.clock.now_ns()
        if due(state) > now_ns:
            return False
        self._wakes += 1
        ensure(self._wakes <= WAKES_MAX, "the engine is due again and again at one instant")
        self._woke_seq = stage.loop.seq
        stage.loop.offer(Woke(now_ns, within_bar=self._is_inside))
        return True

    def _next_ns(self) -> int:
        timer_ns = self._stage.hands.next_timer_ns()
        due_ns = due(self._state)
        for venue in self._stage.timed:
            due_ns = min(due_ns, venue.next_ns or due_ns)
        if self._stage.settlements is not None:
            due_ns = min(due_ns, self._stage.settlements.next_ns)
        return due_ns if timer_ns is None else min(due_ns, timer_ns)

    def _wake(self) -> None:
        now_ns = self._stage.clock.now_ns()
        for venue in self._stage.timed:
            venue.on_time(now_ns)
        self._stage.hands.fire_timers(now_ns)
        if now_ns >= due(self._state):
            self._stage.loop.offer(Woke(now_ns))

    async def _settle_funding(self) -> None:
        """Let perpetuals pay what is due by now, after whatever else the passing of time brought about."""
        stage = self._stage
        now_ns = stage.clock.now_ns()
        if stage.settlements is None or stage.settlements.next_ns > now_ns:
            return
        await self.quiesce()
        for settled in stage.settlements.take_due(now_ns):
            stage.venues[settled.venue].on_funding(settled.instrument, settled.rate, settled.at_ns)
        await self._hear_back(self._with_perpetuals())

    def _with_perpetuals(self) -> set[str]:
        """Name the venues at which a perpetual is held."""
        places = self._stage.perpetuals
        return {venue for venue, instrument in places if self._state.position(venue, instrument).qty}

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
        """Tell venues where the bar opened: market orders fill there, and held perpetuals pay their funding by it."""
        stage = self._stage
        working = {order.venue for order in self._state.live_orders()}
        shown = working | self._with_perpetuals() if stage.perpetuals else working
        for bar in batch.bars:
            if not stage.full_speed or bar.venue in shown:
                self._quote(bar, bar.open, batch.open_ns, tradable=True)
        await self._hear_back(working)

    async def _hear_back(self, working: set[str]) -> None:
        """Ask venues with working orders for trades, so that one in a process of its own has heard the market first."""
        if working and self._stage.full_speed:
            for venue in sorted(working):
                self._stage.hands.do(PullFills(venue))
        await self.quiesce()

    def _quote(self, bar: Bar, price: float, at_ns: int, *, tradable: bool, liquidates: bool = False) -> None:
        stage = self._stage
        quote = quote_from_price(bar.venue, bar.instrument, price, at_ns, stage.shapes[bar.venue])
        stage.view.observe(quote)
        if (bar.venue, bar.instrument) not in stage.unlisted:
            is_spot = (bar.venue, bar.instrument) not in stage.perpetuals  # by force those are closed inside bars alone
            stage.venues[bar.venue].on_quote(quote, tradable, liquidates=liquidates or is_spot, through=True)

    async def _close(self, batch: BarBatch) -> None:
        """Work through the inside of the bars, their close, and the cycle that falls due with it."""
        stage = self._stage
        close_ns = batch.open_ns + stage.timeframe_ns
        self._is_inside = True
        await self._inside.work_through(batch, close_ns)
        self._is_inside = False
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
        """Drop the wishes to open on a bar that is worked through too late: its prices are those of another time."""
        why = self._why_late(close_ns)
        if not why:
            return signals
        stage = self._stage
        opening = {signal.instrument: signal.action for signal in signals if self._opens(signal)}
        if opening and stage.complain is not None:
            dropped = ", ".join(f"no {action.value} of {pair}" for pair, action in opening.items())
            stage.complain("late", f"{why}; {dropped}")
        return tuple(
            SignalGiven(signal.instrument, Action.HOLD, 0.0, signal.source) if signal.instrument in opening else signal
            for signal in signals
        )

    def _opens(self, signal: SignalGiven) -> bool:
        """Tell whether a signal opens something: a SELL closes what is long, or opens where shorts are allowed."""
        if signal.action is Action.HOLD:
            return False
        held = [
            position.qty
            for venue, positions in self._state.positions.items()
            for instrument, position in positions.items()
            if position.qty and self._state.grids[venue][instrument].listing.pair_id == signal.instrument
        ]
        if signal.action is Action.BUY:
            return not any(qty < 0 for qty in held)
        settings = self._state.settings
        may_short = settings is not None and settings.risk.short and ":" in signal.instrument
        return may_short and not any(qty > 0 for qty in held)

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
