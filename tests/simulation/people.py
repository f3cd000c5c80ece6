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
    ResolveAsked,
    SettingsAsked,
    Side,
    Source,
)
from quarterdeck.journal import Item
from quarterdeck.orders import Order
from quarterdeck.simulator import FaultKind
from tests.simulation.bot import Bot
from tests.simulation.limits import draw_change, merged, settings_under
from tests.simulation.scenario import LOSES_NEWS, PAIRS, PRIMARY, START_PRICE
from tests.simulation.surrounds import Home, Surrounds
from tests.simulation.venue_side import ACCOUNT, VenueSide
from tests.simulation.venues_drawn import COIN

REPEAT_S = 3.0
HEARD_SHARE = 0.8
RASH_SHARE = 0.8
CANCELS_FIRST_SHARE = 0.4
FILLS_SHARE = 0.5
FILLS_WITHIN_S = 0.2
LOOKS_MAX = 60
LOOK_S = 0.5
DOUBTS_WITHIN_S = 4.0
CLOSES_BOOKS = (FaultKind.CLOSED_BOOK, FaultKind.MAINTENANCE)
DECLARE_AGAIN_S = 150.0
DECLARE_TIMES = 4
LOOKED_FOR_NS = 30_000_000_000

Asked = ControlAsked | IntentAsked | CancelAsked | ResolveAsked | SettingsAsked | FundsAsked
Later = Callable[[float, Callable[[], object]], None]
Whim = tuple[Callable[[], None], int]


class Audience(Protocol):
    """Whom people speak to."""

    around: Surrounds
    home: Home

    @property
    def current(self) -> Bot | None:
        """The session that runs, if one does."""
        ...


class People:
    """Everybody who may ask something of one bot."""

    def __init__(self, audience: Audience, rng: Random, later: Later) -> None:
        self._audience = audience
        self._rng = rng
        self._later = later
        self._around = audience.around
        self._home = audience.home

    def whims(self) -> tuple[Whim, ...]:
        """List what they do, each with how often at most."""
        is_hasty = self._around.scenario.is_hasty
        return (
            (self._command, 4),
            (self.ask, 50),
            (self._cancel, 20),
            (self._adjust, 10),
            (self._fund, 3),
            (self._resume_now_and_then, 3),
            (self._resolve_one, 80 if is_hasty else 12),
            (self._doubt_the_next, 3 if is_hasty else 0),
            (self._cancel_at_once, 16 if is_hasty else 4),
            (self._empty_account, 40 if is_hasty else 8),
        )

    def resume(self, *, rebase: bool = False) -> None:
        """Ask the bot to go on."""
        epoch = self._around.kill.epoch()
        self._put("control", ControlAsked(0, "", "resume", "operator", kill_epoch=epoch, rebase=rebase))

    def look_after_everything(self) -> None:
        """Let the bot go on; and where an unknown order hides what other people did on its account, tell it."""
        for venue, doubts in self._home.durable.state.doubts.items():
            for asset, amount in doubts.items():
                if amount and amount == self._home.durable.promises.unseen(venue, asset):
                    self._put("funds", FundsAsked(0, "", "operator", venue, asset, amount, "not ours", external=True))
        self.look_for_unknown()
        self.resume(rebase=True)

    def look_for_unknown(self) -> None:
        """Look at the venues for every order that the bot cannot find."""
        for order in self._home.durable.state.unknown_orders():
            self._resolve(order)

    def _resolve(self, order: Order) -> None:
        """Look at the venue for an order that the bot cannot find; say that it lives no more where that is so."""
        if self._around.clock.now_ns() - order.planned_at_ns < LOOKED_FOR_NS:
            return
        there = self._around.sides[order.venue].exchange.state.orders.values()
        # What filled of it stands in the history of the venue: trades that are missing are waited for.
        lives = [one for one in there if one.is_working or one.filled_lots > order.booked_lots]
        if all(one.client_id != order.client_id for one in lives):
            self._put("resolve", ResolveAsked(0, "", "operator", order.client_id, "it is not at the venue"))

    def _resolve_one(self, looks: int = LOOKS_MAX) -> None:
        """Wait for an unknown order and look for it; or, now and then, only believe to know what became of it."""
        unknown = self._unknown_by_now()
        if not unknown:
            if looks:
                self._later(LOOK_S, partial(self._resolve_one, looks - 1))
            return
        order = self._rng.choice(unknown)
        if self._rng.random() < RASH_SHARE and self._would_be_told(order):
            self._give_up(order)
        else:
            self._resolve(order)

    def _doubt_the_next(self) -> None:
        """Wait until an order was sent, and give up what is unknown soon after; again and again."""
        bot = self._audience.current
        if bot is not None and bot.is_ready:
            soon = partial(self._later, self._rng.uniform(0.0, DOUBTS_WITHIN_S), self._give_up_unknown)
            bot.process.freeze_at("answered", soon)
        self._later(self._rng.uniform(5.0, 30.0), self._doubt_the_next)

    def _give_up_unknown(self) -> None:
        for order in self._unknown_by_now():
            if self._would_be_told(order):
                if self._rng.random() < CANCELS_FIRST_SHARE:
                    self._put("cancel", CancelAsked(0, "", "operator", order.client_id))
                    self._later(self._rng.random() * LOOK_S, partial(self._give_up, order))
                else:
                    self._give_up(order)

    def _unknown_by_now(self) -> list[Order]:
        self._home.durable.refresh()
        return list(self._home.durable.state.unknown_orders())

    def _give_up(self, order: Order) -> None:
        """Call an order gone, whatever the venue knows; now and then it is filled just after that."""
        self._around.coverage.hit("declared gone without looking")
        self._put("resolve", ResolveAsked(0, "", "operator", order.client_id, "it surely failed"))
        if order.limit_ticks is not None and (order.lived or self._rng.random() < FILLS_SHARE):
            price = float(order.tick) * order.limit_ticks
            side = self._around.sides[order.venue]
            self._later(self._rng.random() * FILLS_WITHIN_S, partial(side.sweep, order.instrument, price))

    def _would_be_told(self, order: Order) -> bool:
        """
        Tell whether the venue's news would correct whoever is wrong about an order, and soon.

        That a request was heard is news only where venues decide later. Of what filled already the news may be gone,
        unless the stream is known to lose nothing.
        """
        side = self._around.sides[order.venue]
        if self._around.scenario.is_hasty:
            return True
        is_reliable = side.personality.streams == "all" and side.personality.acks == "async"
        is_reliable = is_reliable and not any(fault.kind in LOSES_NEWS for fault in side.box.weather.plan.faults)
        there = side.exchange.state.orders.values()
        return is_reliable and not any(one.client_id == order.client_id and one.filled_lots for one in there)

    def _cancel_at_once(self) -> None:
        """Change one's mind just when an order leaves."""
        bot = self._audience.current
        if bot is not None and bot.is_ready:
            bot.process.freeze_at(self._rng.choice(("signed", "sent", "answered")), partial(self._cancel_all, bot))

    def _cancel_all(self, bot: Bot) -> None:
        for order in list(self._home.durable.state.live_orders()):
            self._around.asked += 1
            key = f"ask-{self._around.asked}"
            bot.process.post(bot.offer, CancelAsked(bot.clock.now_ns(), key, "operator", order.client_id))

    def command(self, command: str) -> None:
        """Give an order to the bot itself."""
        self._put("control", ControlAsked(0, "", command, "operator"))

    def _resume_now_and_then(self) -> None:
        self.resume(rebase=self._rng.random() < 0.5)

    def _command(self) -> None:
        command = self._rng.choice(("pause", "reduce", "halt", "flatten", "resume"))
        self.command(command)
        if command != "flatten" and self._rng.random() < 0.8:
            self._later(self._rng.uniform(5.0, 120.0), self._resume_now_and_then)

    def ask(self) -> None:
        """Wish for an order by hand."""
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
            venue=rng.choice((None, *self._around.sides)),
        )
        key = self._put("intent", asked)
        if rng.random() < 0.4:
            self._around.coverage.hit("request asked twice")
            twin = msgspec.structs.replace(asked, key=key)
            self._later(rng.uniform(0.0, REPEAT_S), partial(self._offer_again, twin))
        if rng.random() < 0.15:  # somebody presses the button again: to the bot that is another wish
            self._later(rng.uniform(0.0, 2 * REPEAT_S), partial(self._put, "intent", asked))

    def _offer_again(self, asked: IntentAsked) -> None:
        bot = self._audience.current
        if bot is not None and bot.is_ready:
            bot.process.post(bot.offer, msgspec.structs.replace(asked, at_ns=bot.clock.now_ns()))

    def _cancel(self) -> None:
        live = [order.client_id for order in self._home.durable.state.live_orders()]
        if live:
            self._put("cancel", CancelAsked(0, "", "operator", self._rng.choice(live)))

    def _adjust(self) -> None:
        """Change a setting, and soon after ask for something that it may speak of."""
        present = self._home.durable.state.changes
        change = draw_change(self._rng, present)
        settings = settings_under(self._home.settings, merged(present, (change,)))
        self._put("settings", SettingsAsked(0, "", "operator", settings, (change,), "a whim"))
        for _ in range(self._rng.randrange(0, 3)):
            self._later(self._rng.uniform(0.3, 20.0), self.ask)

    def _fund(self) -> None:
        """Bring money to a venue, or take some away, and tell the bot of it sooner or later, perhaps too early."""
        rng, side = self._rng, self._around.sides[self._rng.choice(list(self._around.sides))]
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
        answer = self._home.durable.state.answers.get(before)
        if times and (answer is None or answer.outcome.startswith("refused")):
            key = self._put("funds", asked)
            self._later(DECLARE_AGAIN_S, partial(self._declare, asked, times - 1, key))

    def _empty_account(self, looks: int = LOOKS_MAX) -> None:
        """Wait for an order that waits for a book to trade against, and borrow all the free money of its account."""
        for side in self._around.sides.values():
            if any(side.box.weather.holding(kind, side.box.at_s) for kind in CLOSES_BOOKS) and _waits_for_a_book(side):
                free = side.exchange.balances(ACCOUNT)[side.quote_asset][0]
                if free and side.move_money(side.quote_asset, -free):
                    back_s = self._rng.uniform(5.0, 60.0)
                    self._around.loop.later(back_s, partial(side.move_money, side.quote_asset, free))
                    self._around.coverage.hit("account emptied under a waiting order")
                    return
        if looks:
            self._later(LOOK_S, partial(self._empty_account, looks - 1))

    def _price(self, pair: str) -> Decimal:
        around = self._around
        side = around.sides[PRIMARY]
        book = side.exchange.state.books.get(self._around.scenario.instruments[PRIMARY][pair])
        is_shown = book is not None and book.quote.last > 0.0
        return Decimal(str(round(book.quote.last if book is not None and is_shown else START_PRICE[pair], 2)))

    def _put(self, kind: str, asked: Asked) -> str:
        self._around.asked += 1
        key = f"ask-{self._around.asked}"
        payload = msgspec.msgpack.encode(msgspec.structs.replace(asked, key=key))
        self._home.inbox.put(Item(key, kind, payload, 0))
        bot = self._audience.current
        if bot is not None and bot.errands is not None and self._rng.random() < HEARD_SHARE:  # a datagram may be lost
            bot.process.post(bot.errands.hear)
        return key


def _waits_for_a_book(side: VenueSide) -> bool:
    """Tell whether somebody buys at the market of a venue that trades nothing at the moment."""
    return any(
        one.is_working and one.order_kind is OrderKind.MARKET and one.side is Side.BUY and not one.filled_lots
        for one in side.exchange.state.orders.values()
    )
