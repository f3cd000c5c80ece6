"""
The beginning and the end of a session. There is one path for each: a start after a crash is a start.

What lies between, the market, is the driver's.
"""

from __future__ import annotations

import asyncio
from typing import Final

from quarterdeck.domain import CancelState, OrderState, Released, Started
from quarterdeck.engine import recovery_acts
from quarterdeck.orders import ENDED
from quarterdeck.ports import Clock
from quarterdeck.system.drive import Driver
from quarterdeck.system.errands import Errands
from quarterdeck.system.hands import Hands
from quarterdeck.system.loop import Loop

DRAIN_S: Final = 60.0
DRAIN_POLL_S: Final = 0.05


class Session:
    """One session of one bot, from the moment it owns the journal until it lets go."""

    def __init__(self, loop: Loop, hands: Hands, errands: Errands, driver: Driver, clock: Clock) -> None:
        self.loop = loop
        self.hands = hands
        self.errands = errands
        self.driver = driver
        self.clock = clock

    async def open(self, started: Started) -> None:
        """Make it known, durably, that a new session owns the bot; orders without an answer become unknown."""
        self.loop.offer(started)
        await self.driver.quiesce()

    async def recover(self) -> None:
        """Ask about every order that was found, and compare every account with the books, before anything else."""
        for act in recovery_acts(self.loop.state):
            self.hands.do(act)
        self.errands.take_settings()
        await self.driver.quiesce()
        await self.errands.compare_accounts()
        await self.driver.quiesce()

    async def wind_down(self, reason: str) -> None:
        """
        Stop in good order: no more decisions, cancels answered as far as possible within a minute, a last snapshot.

        The lease is the journal's to give up.
        """
        self.errands.stop(reason)
        await self.driver.quiesce()
        time_s = asyncio.get_running_loop().time
        give_up_s = time_s() + DRAIN_S
        while self._is_draining() and time_s() < give_up_s:
            await self.loop.wait_for_news(DRAIN_POLL_S)
            self.hands.fire_timers(self.clock.now_ns())
            await self.driver.quiesce()
        self.loop.offer(Released(self.clock.now_ns()))
        await self.driver.quiesce()
        await self.loop.snapshot()

    def _is_draining(self) -> bool:
        """Tell whether a cancel or a send is still without its answer."""
        waits = any(
            order.state not in ENDED and (order.cancel is not CancelState.NONE or order.state is OrderState.PLANNED)
            for order in self.loop.state.live_orders()
        )
        return waits or self.hands.busy
