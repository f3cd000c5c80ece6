"""The inside of bars: limit orders that they traded through, stop orders and levels that they reached, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from msgspec import Struct

from quarterdeck.domain import Effect, OrderState, Side, TriggerFired, ticks_toward
from quarterdeck.engine import RATCHET, State, liquidation_level, watch
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar, Trigger, crossed, met_at, nearest_first
from quarterdeck.system.stage import Stage

_RESTING: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
_BY_FORCE: Final = "liquidation"
_TARGET: Final = "take_profit"


class Tell(Protocol):
    """Tells view and venue a price of a bar."""

    def __call__(self, bar: Bar, price: float, at_ns: int, *, tradable: bool, liquidates: bool = False) -> None:
        """Tell it as of an instant."""
        ...


class Voice(Struct, frozen=True):
    """How the market speaks: a price is told, and what venues and bot make of it is waited for."""

    tell: Tell
    hear_back: Callable[[set[str]], Awaitable[None]]


class Inside:
    """
    Works through what happened between open and close, one bar after the other.

    What a bar says of its inside is its range alone. Limit orders that it traded through fill first, at their price.
    Then come the levels of what is held, those that lose before those that win: a bar that reached both is taken to
    have reached the worse one first. A level is met where it lies, or at the open where the bar began beyond it.
    """

    def __init__(self, stage: Stage, voice: Voice) -> None:
        self._stage = stage
        self._state: State = stage.loop.state
        self._voice = voice
        self._triggers: tuple[Trigger, ...] = ()
        self._triggers_seq = -1

    async def work_through(self, batch: BarBatch, close_ns: int) -> None:
        """Let the bars of one instant do to orders and positions what their ranges prove."""
        stage, live = self._stage, self._state.live_orders()
        resting = {(order.venue, order.instrument) for order in live if order.limit_ticks is not None}
        stops = {(order.venue, order.instrument) for order in live if order.trigger_ticks is not None}
        for bar in batch.bars:
            place, was_entered = (bar.venue, bar.instrument), False
            if place in resting:
                entries = [one for one in live if (one.venue, one.instrument) == place and one.effect is Effect.OPEN]
                booked_lots = sum(order.booked_lots for order in entries)
                stage.venues[bar.venue].on_bar_range(bar.instrument, bar.low, bar.high, close_ns)
                await self._voice.hear_back({bar.venue})
                was_entered = sum(order.booked_lots for order in entries) > booked_lots
            if place in stops:
                await self._meet_stops(bar, close_ns)
            for trigger in self._reached(bar):
                if was_entered and trigger.cause == _TARGET:
                    continue  # nobody knows if the price was there before the entry or after
                if trigger.cause == _BY_FORCE:
                    await self._close_by_force(trigger, bar, close_ns)
                elif self._stands(trigger):  # else it died with the position that another level closed
                    await self._fire(trigger, bar, close_ns)

    async def _fire(self, trigger: Trigger, bar: Bar, close_ns: int) -> None:
        price = met_at(trigger.price, bar.open, trigger.falling)
        self._voice.tell(bar, price, close_ns, tradable=True)
        self._stage.loop.offer(TriggerFired(close_ns, bar.venue, bar.instrument, trigger.cause, price))
        await self._voice.hear_back(set())
        await self._voice.hear_back({order.venue for order in self._state.live_orders()})

    async def _close_by_force(self, trigger: Trigger, bar: Bar, close_ns: int) -> None:
        """Show a venue the price at which it closes a position by force, on its grid, against the position."""
        position = self._state.position(bar.venue, bar.instrument)
        if not position.qty:
            return
        price, tick = met_at(trigger.price, bar.open, trigger.falling), self._tick(bar)
        ticks = max(ticks_toward(price, tick, 1 if trigger.falling else -1), 1)
        self._voice.tell(bar, ticks * tick, close_ns, tradable=False, liquidates=True)
        await self._voice.hear_back({bar.venue})

    async def _meet_stops(self, bar: Bar, close_ns: int) -> None:
        """
        Let a bar reach the stop orders that rest at its venue, the nearest first, before any other level is looked at.

        The venue hears a price at the trigger, or at the open where the bar began beyond it: the same as fills a stop
        that the bot itself watches.
        """
        for client_id, price in self._stops_reached(bar):
            if self._state.orders[client_id].state not in _RESTING:
                continue  # it went with the position that another one closed
            self._voice.tell(bar, price, close_ns, tradable=True)
            await self._voice.hear_back({bar.venue})

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
        """List the levels that a bar reached, in the order in which they count."""
        ours = [one for one in self._levels() if one.venue == bar.venue and one.instrument == bar.instrument]
        forced = self._liquidation(bar) if self._stage.perpetuals else None
        if forced is not None:
            ours.append(forced)
        return nearest_first(crossed(ours, bar.low, bar.high)) if ours else ours

    def _liquidation(self, bar: Bar) -> Trigger | None:
        """Say where the venue closes a position in a perpetual by force; None where it never does."""
        maintenance = self._stage.perpetuals.get((bar.venue, bar.instrument))
        position = self._state.position(bar.venue, bar.instrument)
        if maintenance is None or not position.qty:
            return None
        level = liquidation_level(self._state, bar.venue, bar.instrument, maintenance)
        if not level > 0.0:
            return None
        return Trigger(bar.venue, bar.instrument, _BY_FORCE, level, falling=position.qty > 0)

    def _stands(self, trigger: Trigger) -> bool:
        """Tell whether a level still stands; what another left of the position may have moved its last bit."""
        mine = (trigger.venue, trigger.instrument, trigger.cause)
        return any((one.venue, one.instrument, one.cause) == mine for one in self._levels())

    def _levels(self) -> tuple[Trigger, ...]:
        """List what is watched now, without the wish to hear of new highs: marks raise those in a market of bars."""
        if self._triggers_seq != self._stage.loop.seq:
            self._triggers = tuple([trigger for trigger in watch(self._state) if trigger.cause != RATCHET])
            self._triggers_seq = self._stage.loop.seq
        return self._triggers

    def _tick(self, bar: Bar) -> float:
        return self._state.grids[bar.venue][bar.instrument].tick
