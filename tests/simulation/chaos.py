"""What happens to a bot from outside, at times and in ways that the seed draws; its venues have plans of their own."""

from collections.abc import Callable
from functools import partial
from random import Random

from quarterdeck.domain import OrderState
from quarterdeck.system import raise_kill
from tests.simulation.keeper import Keeper
from tests.simulation.people import People
from tests.simulation.slow_journal import FAILURES

POINTS = ("before commit", "after commit", "to sign", "signed", "sent", "answered")
BURST = 6


class Chaos:
    """Draws disasters and lets them happen to one bot."""

    def __init__(self, keeper: Keeper, rng: Random) -> None:
        self._keeper = keeper
        self._around = keeper.around
        self._rng = rng
        self._people = People(keeper, rng, self._later)
        self._calm = False

    def unleash(self, seconds: float) -> None:
        """Draw everything that will happen within so many seconds."""
        rng = self._rng
        most: tuple[tuple[Callable[[], None], int], ...] = (
            (self._crash, 12),
            (self._pause, 6),
            (self._kill, 2),
            (self._stop, 3),
            (self._hand_over, 1),
            (self._step_clock, 1),
            (self._fail_disk, self._around.scenario.machine.disk_faults),
            (self._repeat_cycle, 3),
            (self._stop_before_a_turn, 12),
            *self._people.whims(),
        )
        for happening, times in most:
            for _ in range(rng.randrange(0, times + 1)):
                self._later(rng.uniform(5.0, seconds), happening)

    def end(self) -> None:
        """Let nothing more happen."""
        self._calm = True

    def ask_to_resume(self) -> None:
        """Ask the bot to go on, as an operator would who has looked at everything."""
        self._people.look_after_everything()

    def look_for_unknown(self) -> None:
        """Look at the venues for every order that the bot cannot find, as an operator would."""
        self._people.look_for_unknown()

    def halt(self) -> None:
        """Let the bot open nothing and close nothing any more."""
        self._people.command("halt")

    def raise_kill(self) -> None:
        """Raise the kill switch of all bots."""
        raise_kill(self._around.kill.path, now_ns=self._around.clock.now_ns)

    def _later(self, delay_s: float, happening: Callable[[], object]) -> None:
        self._around.loop.later(delay_s, partial(self._unless_calm, happening))

    def _unless_calm(self, happening: Callable[[], object]) -> None:
        if not self._calm:
            happening()

    def _crash(self) -> None:
        rng, bot = self._rng, self._keeper.current
        if rng.random() < 0.2:
            self._keeper.next_trap = ("recovery", 1, rng.randrange(0, 60))
        if bot is None:
            return
        chance = rng.random()
        if chance < 0.25:
            bot.process.crash_after(rng.randrange(0, 300))
        elif chance < 0.35:
            bot.process.crash_at("torn commit", rng.randrange(1, 4), 0)
        else:
            bot.process.crash_at(rng.choice(POINTS), rng.randrange(1, 4), rng.choice((0, 0, 1, 3, 10)))

    def _pause(self) -> None:
        bot = self._keeper.current
        if bot is None or bot.process.paused:
            return
        rng, process = self._rng, bot.process
        seconds = rng.choice((rng.uniform(0.1, 6.0), rng.uniform(8.0, 45.0)))

        def freeze() -> None:
            if process.alive:
                process.pause()
                self._around.loop.later(seconds, partial(self._keeper.wake, process))

        # After a signature, the request leaves when it wakes; before it, it wakes to sign.
        process.freeze_at(rng.choice(("signed", "to sign", "to sign", "after commit", "a step")), freeze)
        if seconds > 8.0:
            self._keeper.expect_successor(rng.uniform(0.0, 15.0))

    def _stop_before_a_turn(self) -> None:
        """Stop the process for long when an order was answered while another waits for its turn at a venue."""
        bot = self._keeper.current
        if bot is None or not bot.is_ready:
            return
        process = bot.process

        def freeze() -> None:
            if not self._waits_for_its_turn():
                process.freeze_at("answered", freeze)
            elif not self._calm:
                self._around.coverage.hit("paused while an order waited for its turn")
                process.pause()
                self._around.loop.later(self._rng.uniform(15.0, 45.0), partial(self._keeper.wake, process))

        process.freeze_at("answered", freeze)

    def _waits_for_its_turn(self) -> bool:
        home = self._keeper.home
        home.durable.refresh()
        planned = [one for one in home.durable.state.live_orders() if one.state is OrderState.PLANNED]
        return any(one.client_id not in home.door.signed for one in planned)

    def _kill(self) -> None:
        bot, chance = self._keeper.current, self._rng.random()
        if bot is not None and chance < 0.4:  # just when an order is about to be signed
            bot.process.freeze_at("to sign", self.raise_kill)
        elif chance < 0.6:  # in a burst of wishes
            for _ in range(BURST):
                self._later(self._rng.uniform(0.0, 1.0), self._people.ask)
            self._later(self._rng.uniform(0.0, 1.5), self.raise_kill)
            self._around.coverage.hit("kill in a burst")
        elif chance < 0.85:
            self.raise_kill()
        else:
            self._people.command("kill")
        self._later(self._rng.uniform(5.0, 90.0), self._people.resume)

    def _stop(self) -> None:
        """Send SIGTERM, now or just when an order is on its way."""
        bot, rng = self._keeper.current, self._rng
        if bot is None or bot.errands is None:
            return
        stop = partial(bot.process.post, bot.errands.stop, "SIGTERM")
        point = rng.choice(("a step", "signed", "sent", "before commit"))
        if point != "a step":
            self._around.coverage.hit("SIGTERM in the middle of a send")
        bot.process.freeze_at(point, stop)

    def _hand_over(self) -> None:
        self._keeper.hand_over(self._rng.uniform(1.0, 8.0))

    def _step_clock(self) -> None:
        self._around.wall.step_ns += self._rng.choice((-1, 1)) * self._rng.choice((200, 700, 5_000)) * 1_000_000

    def _fail_disk(self) -> None:
        self._keeper.home.disk.fails_next = self._rng.choice(FAILURES)

    def _repeat_cycle(self) -> None:
        bot = self._keeper.current
        if bot is not None and bot.is_ready:
            bot.process.post(bot.repeat_cycle)
