"""What happens to the bot from outside, at times and in ways that the seed draws."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import Protocol

import msgspec

from quarterdeck.domain import CancelAsked, ControlAsked, Effect, IntentAsked, OrderKind, Side, Source
from quarterdeck.journal import Item
from quarterdeck.system import raise_kill
from tests.simulation.bot import Bot, Surrounds
from tests.simulation.scenario import PAIRS, START_PRICE, VENUES

POINTS = ("before commit", "after commit", "to sign", "signed", "sent", "answered")
REPEAT_S = 3.0


class Stage(Protocol):
    """What chaos may reach."""

    around: Surrounds
    next_trap: tuple[str, int, int] | None

    @property
    def current(self) -> Bot | None:
        """The session that runs, if one does."""
        ...

    def expect_successor(self, after_s: float) -> None:
        """Start another process although the current one lives."""
        ...


class Chaos:
    """Draws disasters and lets them happen."""

    def __init__(self, stage: Stage, rng: Random) -> None:
        self._stage = stage
        self._rng = rng
        self._asked = 0
        self._calm = False

    def unleash(self, seconds: float) -> None:
        """Draw everything that will happen within so many seconds."""
        rng = self._rng
        most: tuple[tuple[Callable[[], None], int], ...] = (
            (self._crash, 14),
            (self._pause, 6),
            (self._outage, 4),
            (self._kill, 2),
            (self._command, 4),
            (self._stop, 3),
            (self._ask, 40),
            (self._cancel, 12),
            (self._step_clock, 1),
        )
        for happening, times in most:
            for _ in range(rng.randrange(0, times + 1)):
                self._later(rng.uniform(5.0, seconds), happening)

    def end(self) -> None:
        """Let nothing more happen."""
        self._calm = True

    def ask_to_resume(self) -> None:
        """Ask the bot to go on, as an operator would."""
        epoch = self._stage.around.kill.epoch()
        self._put("control", ControlAsked(0, "", "resume", "operator", kill_epoch=epoch))

    def _later(self, delay_s: float, happening: Callable[[], None]) -> None:
        self._stage.around.loop.later(delay_s, partial(self._unless_calm, happening))

    def _unless_calm(self, happening: Callable[[], None]) -> None:
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
            self._put("control", ControlAsked(0, "", "kill", "operator"))
        self._stage.around.loop.later(self._rng.uniform(5.0, 90.0), self.ask_to_resume)

    def _raise_kill(self) -> None:
        raise_kill(self._stage.around.kill.path, now_ns=self._stage.around.clock.now_ns)

    def _command(self) -> None:
        command = self._rng.choice(("pause", "reduce", "halt", "flatten", "resume"))
        self._put("control", ControlAsked(0, "", command, "operator"))
        if command != "flatten":
            self._stage.around.loop.later(self._rng.uniform(5.0, 120.0), self.ask_to_resume)

    def _stop(self) -> None:
        bot = self._stage.current
        if bot is not None and bot.errands is not None:
            bot.process.post(bot.errands.stop, "SIGTERM")

    def _step_clock(self) -> None:
        self._stage.around.wall.step_ns += self._rng.choice((-1, 1)) * self._rng.choice((200, 700, 5_000)) * 1_000_000

    def _ask(self) -> None:
        rng = self._rng
        pair, buys = rng.choice(PAIRS), rng.random() < 0.6
        limit = None
        if rng.random() < 0.6:
            limit = self._price(pair) * Decimal(str(round(rng.uniform(0.997, 1.003), 5)))
        asked = IntentAsked(
            at_ns=0,
            key="",
            source=Source.MANUAL,
            who="operator",
            instrument=pair,
            side=Side.BUY if buys else Side.SELL,
            effect=Effect.OPEN if buys else Effect.REDUCE,
            order_kind=OrderKind.MARKET if limit is None else OrderKind.LIMIT,
            notional=Decimal(rng.randrange(20, 250)) if buys else None,
            limit=limit,
            venue=rng.choice((None, *VENUES)),
        )
        key = self._put("intent", asked)
        if rng.random() < 0.4:
            self._stage.around.coverage.hit("request asked twice")
            twin = msgspec.structs.replace(asked, key=key)
            self._later(rng.uniform(0.0, REPEAT_S), partial(self._offer_again, twin))

    def _offer_again(self, asked: IntentAsked) -> None:
        bot = self._stage.current
        if bot is not None and bot.is_ready:
            bot.process.post(bot.offer, msgspec.structs.replace(asked, at_ns=bot.clock.now_ns()))

    def _cancel(self) -> None:
        live = [order.client_id for order in self._stage.around.durable.state.live_orders()]
        if live:
            self._put("cancel", CancelAsked(0, "", "operator", self._rng.choice(live)))

    def _price(self, pair: str) -> Decimal:
        around = self._stage.around
        book = around.sides[VENUES[0]].exchange.state.books.get(pair)
        return Decimal(str(round(START_PRICE[pair] if book is None else book.quote.last, 2)))

    def _put(self, kind: str, asked: ControlAsked | IntentAsked | CancelAsked) -> str:
        self._asked += 1
        key = f"ask-{self._asked}"
        payload = msgspec.msgpack.encode(msgspec.structs.replace(asked, key=key))
        self._stage.around.inbox.put(Item(key, kind, payload, 0))
        return key
