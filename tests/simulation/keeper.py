"""Whoever keeps one bot running: starts it again after every end, and sometimes beside one that still lives."""

import asyncio
from collections.abc import Callable
from functools import partial

from quarterdeck.domain import NotOwner, OrderState
from tests.simulation.bot import Bot
from tests.simulation.slow_journal import DiskFailed
from tests.simulation.surrounds import Home, Surrounds
from tests.simulation.torn_tail import tear_tail
from tests.simulation.virtual_time import Process

Fail = Callable[[BaseException], None]
RETRY_S = 0.5
TORN_SHARE = 0.15


class Keeper:
    """The processes of one bot, one after the other, or two at once."""

    def __init__(self, around: Surrounds, home: Home, processes: list[Process], fail: Fail) -> None:
        self.around = around
        self.home = home
        self.next_trap: tuple[str, int, int] | None = None
        self._processes = processes
        self._fail = fail
        self._bots: list[Bot] = []
        self._changed = asyncio.Event()
        self._starts_at_s = 0.0
        self._is_over = False
        self._stands_by = False

    @property
    def current(self) -> Bot | None:
        """The session that runs, if one does; the latest that owns the bot, where two live."""
        found = [bot for bot in self._bots if bot.owns] or self._bots
        return found[-1] if found else None

    async def keep_running(self) -> None:
        """Start the bot whenever nobody runs it."""
        loop = self.around.loop
        while True:
            if not self._bots and not self._is_over:
                if loop.time() < self._starts_at_s:
                    await asyncio.sleep(self._starts_at_s - loop.time())
                    continue
                self._start()
            self._changed.clear()
            await self._changed.wait()

    def expect_successor(self, after_s: float) -> None:
        """Start another process although the current one lives; it must wait for the lease."""
        self.around.loop.later(after_s, self._start_beside)

    def hand_over(self, after_s: float) -> None:
        """Let another process stand by, and stop the one that runs after a while: there is to be no gap."""
        bot = self.current
        if bot is None or not bot.is_ready or len(self._bots) > 1 or self._is_over:
            return
        self._stands_by = True
        self._start()
        self.around.coverage.hit("planned handover")
        self.around.loop.later(after_s, partial(self._stop, bot, "SIGTERM"))

    def stop_current(self, reason: str) -> None:
        """Ask whoever runs to stop in good order."""
        for bot in self._bots:
            self._stop(bot, reason)

    def wake(self, process: Process) -> None:
        """Let a paused process go on."""
        process.wake()
        self.home.durable.woke(self.around.clock.now_ns())

    def calm(self) -> None:
        """Let no crash or pause that was prepared happen any more."""
        self.next_trap = None
        self.home.disk.fails_next = ""
        for bot in self._bots:
            bot.process.disarm()
            if bot.process.paused:
                self.wake(bot.process)

    def end(self) -> None:
        """Start nobody any more."""
        self._is_over = True

    def _stop(self, bot: Bot, reason: str) -> None:
        if bot.errands is not None and bot.process.alive:
            bot.process.post(bot.errands.stop, reason)

    def _start_beside(self) -> None:
        bot = self.current
        waits = bot is not None and (bot.process.paused or self._stands_by)
        if waits and not self._is_over:
            self._start()

    def _start(self) -> None:
        around, home = self.around, self.home
        process = Process(around.loop, str(len(self._processes) + 1))
        bot = Bot(around, home, process)
        gone_epoch = None if self._bots else home.journals[-1].lease.epoch if home.journals else 0
        process.on_death = partial(self._died, bot)
        if self.next_trap is not None:
            process.crash_at(*self.next_trap)
            self.next_trap = None
        self._processes.append(process)
        self._bots.append(bot)
        around.coverage.hit("sessions started")
        task = process.spawn(bot.run(gone_epoch=gone_epoch, on_taken=partial(self._taken, bot)))
        task.add_done_callback(partial(self._ended, bot))

    def _taken(self, bot: Bot) -> None:
        """Take note that a session owns the bot from now on; whoever had it before is superseded."""
        door, hit = self.home.door, self.around.coverage.hit
        self._stands_by = False
        for other in self._bots:
            if other is not bot and other.owns and other.process not in door.superseded:
                door.superseded.add(other.process)
                if other.process.paused:
                    hit("lease lost while paused")
                if door.waits_for_answer(other.process):
                    hit("lease lost between send and ack")

    def _died(self, bot: Bot, where: str) -> None:
        around, home = self.around, self.home
        if where == "torn commit":  # the power went: nobody on that machine lives on, and what was open is gone
            home.durable.reopen()
            for other in [one for one in self._bots if one is not bot]:
                other.process.die("with its machine")
        home.durable.refresh()
        around.coverage.hit("crash")
        around.coverage.hit(f"crash {where}")
        if not bot.is_ready:
            around.coverage.hit("crash during recovery")
        for order in home.durable.state.live_orders():
            if order.state is OrderState.PLANNED:
                between = "send and answer" if order.client_id in home.door.signed else "commit and send"
                around.coverage.hit(f"crash between {between}")
        if bot.owns and where != "torn commit" and around.rng.random() < TORN_SHARE:
            tear_tail(home.path, around.rng, around.coverage)
        self._forget(bot, around.rng.choice((0.0, 0.3, 5.0, 40.0)))

    def _ended(self, bot: Bot, task: "asyncio.Task[None]") -> None:
        error, hit = None if task.cancelled() else task.exception(), self.around.coverage.hit
        if error is None:
            self._forget(bot, self.around.rng.choice((0.0, 2.0)))
        elif isinstance(error, NotOwner):
            if bot.process in self.home.door.superseded:
                hit("paused owner could not append")
            elif bot.loop is None:
                hit("successor waited for the lease")
            self._forget(bot, RETRY_S)
            if bot.loop is None:
                self.around.loop.later(RETRY_S, self._start_beside)
        elif isinstance(error, DiskFailed):
            self._forget(bot, self.around.rng.choice((0.0, 5.0)))
        else:
            self._fail(error)

    def _forget(self, bot: Bot, wait_s: float) -> None:
        bot.process.finish()
        if bot in self._bots:
            self._bots.remove(bot)
        self._starts_at_s = self.around.loop.time() + wait_s
        self._changed.set()
