"""
The beginning and the end of a session. There is one path for each: a start after a crash is a start.

What lies between, the market, is the driver's.
"""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import CancelState, OrderState, Released, Started
from quarterdeck.engine import recovery_acts
from quarterdeck.orders import ENDED, Order
from quarterdeck.ports import Clock
from quarterdeck.system.drive import Driver
from quarterdeck.system.errands import Errands
from quarterdeck.system.hands import Hands
from quarterdeck.system.loop import Loop

DRAIN_S: Final = 60.0
RECOVER_S: Final = 10.0
POLL_S: Final = 0.05


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
        """
        Ask about every order that was found, and compare every account with the books, before anything else.

        A venue that does not answer is not waited for beyond its own patience: nothing is opened there until it does.
        """
        for act in recovery_acts(self.loop.state):
            self.hands.do(act)
        self.errands.take_settings()
        await self.driver.quiesce()
        self.errands.compare_accounts()
        await self.driver.quiesce()
        give_up_s = self.driver.time_s() + RECOVER_S
        while self.hands.busy and not self.errands.is_stopping and self.driver.time_s() < give_up_s:
            self.errands.look_at_kill_file()
            await self.driver.linger(POLL_S)

    async def wind_down(self, reason: str) -> None:
        """
        Stop in good order: no more decisions, cancels answered as far as possible within a minute, a last snapshot.

        What is cancelled is the engine's to say. The lease is the journal's to give up.
        """
        self.errands.stop(reason)
        await self.driver.quiesce()
        give_up_s = self.driver.time_s() + DRAIN_S
        while self._is_draining() and self.driver.time_s() < give_up_s:
            self.errands.look_at_kill_file()
            await self.driver.linger(POLL_S)
        self.loop.offer(Released(self.clock.now_ns()))
        await self.driver.quiesce()
        await self.loop.snapshot()

    def _is_draining(self) -> bool:
        """Tell whether a cancel or a send has no answer yet, or an order that must not stay may still appear."""
        return self.hands.busy or any(_is_under_way(order) for order in self.loop.state.live_orders())


def _is_under_way(order: Order) -> bool:
    if order.state in ENDED:
        return False
    may_appear = order.state is OrderState.UNKNOWN and bool(order.cancel_reason)
    return may_appear or order.cancel is not CancelState.NONE or order.state is OrderState.PLANNED
