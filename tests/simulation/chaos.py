"""What happens to the bot from outside, at times and in ways that the seed draws."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec

from quarterdeck.system import raise_kill
from tests.simulation.people import Audience, People
from tests.simulation.scenario import VENUES

POINTS = ("before commit", "after commit", "to sign", "signed", "sent", "answered")


class Stage(Audience, Protocol):
    """What chaos may reach."""

    next_trap: tuple[str, int, int] | None

    def expect_successor(self, after_s: float) -> None:
        """Start another process although the current one lives."""
        ...


class Chaos:
    """Draws disasters and lets them happen."""

    def __init__(self, stage: Stage, rng: Random) -> None:
        self._stage = stage
        self._rng = rng
        self._people = People(stage, rng, self._later)
        self._calm = False

    def unleash(self, seconds: float) -> None:
        """Draw everything that will happen within so many seconds."""
        rng = self._rng
        most: tuple[tuple[Callable[[], None], int], ...] = (
            (self._crash, 14),
            (self._pause, 6),
            (self._outage, 4),
            (self._kill, 2),
            (self._stop, 3),
            (self._step_clock, 1),
            (self._skew, 1),
            (self._relist, 3),
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

    def _later(self, delay_s: float, happening: Callable[[], object]) -> None:
        self._stage.around.loop.later(delay_s, partial(self._unless_calm, happening))

    def _unless_calm(self, happening: Callable[[], object]) -> None:
        if not self._calm:
            happening()

    def _crash(self) -> None:
        rng, bot = self._rng, self._stage.current
        if rng.random() < 0.2:
            self._stage.next_trap = ("recovery", 1, rng.randrange(0, 60))
        if bot is None:
            return
        if rng.random() < 0.3:
            bot.process.crash_after(rng.randrange(0, 300))
        else:
            bot.process.crash_at(rng.choice(POINTS), rng.randrange(1, 4), rng.choice((0, 0, 1, 3, 10)))

    def _pause(self) -> None:
        bot = self._stage.current
        if bot is None or bot.process.paused:
            return
        rng, process = self._rng, bot.process
        seconds = rng.choice((rng.uniform(0.1, 6.0), rng.uniform(8.0, 45.0)))

        def freeze() -> None:
            if process.alive:
                process.pause()
                self._stage.around.loop.later(seconds, process.wake)

        # After a signature, the request leaves when it wakes; before it, it wakes to sign.
        process.freeze_at(rng.choice(("signed", "to sign", "to sign", "after commit", "a step")), freeze)
        if seconds > 8.0:
            self._stage.expect_successor(rng.uniform(0.0, 15.0))

    def _outage(self) -> None:
        side = self._stage.around.sides[self._rng.choice(VENUES)]

        def mend() -> None:
            side.is_down = False

        side.is_down = True
        self._stage.around.loop.later(self._rng.choice((3.0, 20.0, 90.0)) * self._rng.random(), mend)

    def _kill(self) -> None:
        bot, chance = self._stage.current, self._rng.random()
        if bot is not None and chance < 0.5:  # just when an order is about to be signed
            bot.process.freeze_at("to sign", self._raise_kill)
        elif chance < 0.8:
            self._raise_kill()
        else:
            self._people.command("kill")
        self._stage.around.loop.later(self._rng.uniform(5.0, 90.0), self._people.resume)

    def _raise_kill(self) -> None:
        raise_kill(self._stage.around.kill.path, now_ns=self._stage.around.clock.now_ns)

    def _stop(self) -> None:
        bot = self._stage.current
        if bot is not None and bot.errands is not None:
            bot.process.post(bot.errands.stop, "SIGTERM")

    def _step_clock(self) -> None:
        self._stage.around.wall.step_ns += self._rng.choice((-1, 1)) * self._rng.choice((200, 700, 5_000)) * 1_000_000

    def _skew(self) -> None:
        """The clock of a venue goes wrong for a while; a venue's time stands still rather than running back."""
        side = self._stage.around.sides[self._rng.choice(VENUES)]

        def mend() -> None:
            side.clock.step_ns = 0

        side.clock.step_ns = self._rng.choice((-700, 300, 700, 3_000)) * 1_000_000
        self._stage.around.coverage.hit("clock of a venue off")
        self._stage.around.loop.later(self._rng.uniform(60.0, 400.0), mend)

    def _relist(self) -> None:
        """A venue lists a pair otherwise, halts it, or drops it; after a while it is as before."""
        rng, around = self._rng, self._stage.around
        side = around.sides[rng.choice(VENUES)]
        listing = rng.choice(sorted(side.exchange.setup.listings.values(), key=lambda one: one.instrument))
        kind = rng.choice(("gone", "halted", "dearer", "minimum", "nothing"))
        if kind == "nothing":
            side.unlisted.update(side.exchange.setup.listings)
        else:
            changes: dict[str, dict[str, Any]] = {
                "gone": {"tradable": False},
                "halted": {"tradable": False},
                "dearer": {"fee_taker": Decimal("0.004"), "fee_maker": Decimal("0.002")},
                "minimum": {"notional_min": Decimal(70), "lots_min": 20},
            }
            side.relist(msgspec.structs.replace(listing, **changes[kind]), is_shown=kind != "gone")
        around.coverage.hit(f"listing: {kind}")
        self._hear_listings(side.name)

        def mend() -> None:
            side.list_as_before()
            self._hear_listings(side.name)

        around.loop.later(rng.uniform(30.0, 500.0), mend)

    def _hear_listings(self, venue: str) -> None:
        """Let the bot look at once, or only when it looks by itself."""
        bot = self._stage.current
        if bot is not None and bot.is_ready and self._rng.random() < 0.8:
            bot.process.post(bot.discover, venue)
