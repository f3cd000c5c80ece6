"""What people want of the bot, at times and in ways that the seed draws: orders, money, other settings, a pause."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import Protocol

import msgspec

from quarterdeck.domain import (
    CancelAsked,
    ControlAsked,
    Effect,
    FundsAsked,
    IntentAsked,
    OrderKind,
    SettingsAsked,
    Side,
    Source,
)
from quarterdeck.journal import Item
from tests.simulation.bot import Bot, Surrounds
from tests.simulation.limits import draw_change, merged, settings_under
from tests.simulation.scenario import COIN, PAIRS, START_PRICE, VENUES, instrument_of

REPEAT_S = 3.0
DECLARE_AGAIN_S = 150.0
DECLARE_TIMES = 4

Asked = ControlAsked | IntentAsked | CancelAsked | SettingsAsked | FundsAsked
Later = Callable[[float, Callable[[], object]], None]
Whim = tuple[Callable[[], None], int]


class Audience(Protocol):
    """Whom people speak to."""

    around: Surrounds

    @property
    def current(self) -> Bot | None:
        """The session that runs, if one does."""
        ...


class People:
    """Everybody who may ask something of the bot."""

    def __init__(self, audience: Audience, rng: Random, later: Later) -> None:
        self._audience = audience
        self._rng = rng
        self._later = later
        self._asked = 0

    def whims(self) -> tuple[Whim, ...]:
        """List what they do, each with how often at most."""
        return (
            (self._command, 4),
            (self._ask, 60),
            (self._cancel, 20),
            (self._adjust, 10),
            (self._fund, 3),
            (self._resume_now_and_then, 3),
        )

    def resume(self, *, rebase: bool = False) -> None:
        """Ask the bot to go on."""
        epoch = self._audience.around.kill.epoch()
        self._put("control", ControlAsked(0, "", "resume", "operator", kill_epoch=epoch, rebase=rebase))

    def look_after_everything(self) -> None:
        """Let the bot go on; and where an unknown order hides what other people did on its account, tell it."""
        around = self._audience.around
        for venue, doubts in around.durable.state.doubts.items():
            for asset, amount in doubts.items():
                if amount and amount == around.durable.promises.unseen(venue, asset):
                    self._put("funds", FundsAsked(0, "", "operator", venue, asset, amount, "not ours", external=True))
        self.resume(rebase=True)

    def command(self, command: str) -> None:
        """Give an order to the bot itself."""
        self._put("control", ControlAsked(0, "", command, "operator"))

    def _resume_now_and_then(self) -> None:
        self.resume(rebase=self._rng.random() < 0.5)

    def _command(self) -> None:
        command = self._rng.choice(("pause", "reduce", "halt", "flatten", "resume"))
        self.command(command)
        if command != "flatten" and self._rng.random() < 0.8:
            self._audience.around.loop.later(self._rng.uniform(5.0, 120.0), self._resume_now_and_then)

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
            notional=Decimal(rng.choice((rng.randrange(20, 250), rng.randrange(250, 900)))) if buys else None,
            limit=limit,
            venue=rng.choice((None, *VENUES)),
        )
        key = self._put("intent", asked)
        if rng.random() < 0.4:
            self._audience.around.coverage.hit("request asked twice")
            twin = msgspec.structs.replace(asked, key=key)
            self._later(rng.uniform(0.0, REPEAT_S), partial(self._offer_again, twin))
        if rng.random() < 0.15:  # somebody presses the button again: to the bot that is another wish
            self._later(rng.uniform(0.0, 2 * REPEAT_S), partial(self._put, "intent", asked))

    def _offer_again(self, asked: IntentAsked) -> None:
        bot = self._audience.current
        if bot is not None and bot.is_ready:
            bot.process.post(bot.offer, msgspec.structs.replace(asked, at_ns=bot.clock.now_ns()))

    def _cancel(self) -> None:
        live = [order.client_id for order in self._audience.around.durable.state.live_orders()]
        if live:
            self._put("cancel", CancelAsked(0, "", "operator", self._rng.choice(live)))

    def _adjust(self) -> None:
        """Change a setting, and soon after ask for something that it may speak of."""
        around = self._audience.around
        present = around.durable.state.changes
        change = draw_change(self._rng, present)
        settings = settings_under(around.scenario.settings, merged(present, (change,)))
        self._put("settings", SettingsAsked(0, "", "operator", settings, (change,), "a whim"))
        for _ in range(self._rng.randrange(0, 3)):
            self._later(self._rng.uniform(0.3, 20.0), self._ask)

    def _fund(self) -> None:
        """Bring money to a venue, or take some away, and tell the bot of it sooner or later, perhaps too early."""
        rng, side = self._rng, self._audience.around.sides[self._rng.choice(VENUES)]
        asset = rng.choice((side.quote_asset, side.quote_asset, "USD", COIN))
        amount = Decimal(rng.randrange(1, 90_000)) / 100 * rng.choice((1, 1, -1))
        if not side.move_money(asset, amount):
            return
        if rng.random() < 0.85:
            asked = FundsAsked(0, "", "operator", side.name, asset, amount, "a whim")
            self._later(rng.uniform(0.0, 120.0), partial(self._declare, asked, DECLARE_TIMES))
        self._later(rng.uniform(200.0, 500.0), self.resume)

    def _declare(self, asked: FundsAsked, times: int, before: str = "") -> None:
        """Say whose the money is; where the bot had not seen it yet, again after a while."""
        answer = self._audience.around.durable.state.answers.get(before, "refused: not asked yet")
        if times and answer.startswith("refused"):
            key = self._put("funds", asked)
            self._later(DECLARE_AGAIN_S, partial(self._declare, asked, times - 1, key))

    def _price(self, pair: str) -> Decimal:
        around = self._audience.around
        side = around.sides[VENUES[0]]
        book = side.exchange.state.books.get(instrument_of(pair, side.quote_asset))
        return Decimal(str(round(START_PRICE[pair] if book is None else book.quote.last, 2)))

    def _put(self, kind: str, asked: Asked) -> str:
        self._asked += 1
        key = f"ask-{self._asked}"
        payload = msgspec.msgpack.encode(msgspec.structs.replace(asked, key=key))
        self._audience.around.inbox.put(Item(key, kind, payload, 0))
        return key
