"""Kills a bot, and now and then a venue, again and again; a seed decides when, the journal says where that was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import (
    Effect,
    FillBooked,
    IntentAsked,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderState,
    Side,
    Source,
)
from quarterdeck.journal import Inbox, SqliteReader, decode_facts
from quarterdeck.system import recover
from tests.drill.plan import BotPlan
from tests.drill.stage import PAIRS, BotProcess, Died, Stage

AIMED_SHARE: Final = 0.6
VENUE_KILL_SHARE: Final = 0.12
STRIKE_WITHIN_S: Final = 8.0
RANDOM_LIFE_S_MAX: Final = 1.4


class Counts(Struct):
    """What happened in a drill."""

    kills: int = 0
    between_commit_and_reply: int = 0
    while_starting: int = 0
    venue_kills: int = 0
    orders: int = 0
    fills: int = 0
    by_end: dict[str, int] = msgspec.field(default_factory=dict)
    by_venue: dict[str, int] = msgspec.field(default_factory=dict)
    went_unknown: int = 0
    inferred: int = 0
    sessions: int = 0


class Waiting:
    """Reads a journal as it grows, and knows which orders were planned and have no answer yet."""

    def __init__(self, stage: Stage) -> None:
        self._reader = SqliteReader(stage.folder.journal)
        self._seq, _ = self._reader.head()
        self.unanswered: set[str] = set()
        self.rows = 0

    def look(self) -> bool:
        """Read what is new; tell whether an order waits for its first answer."""
        for row in self._reader.rows(self._seq):
            self._seq = row.seq
            self.rows += 1
            for fact in decode_facts(row.body):
                if isinstance(fact, OrderPlanned):
                    self.unanswered.add(fact.client_id)
                elif isinstance(fact, OrderMoved | FillBooked):
                    self.unanswered.discard(fact.client_id)
        return bool(self.unanswered)

    def close(self) -> None:
        self._reader.close()


class Killer:
    """Runs one bot through many deaths. It ends by itself: every wait is bounded."""

    def __init__(self, stage: Stage, plan: BotPlan, random: Random) -> None:
        self._stage = stage
        self._plan = plan
        self._random = random
        self.counts = Counts()

    def drill(self, kills: int) -> None:
        """Start the bot and kill it, so many times."""
        for _ in range(kills):
            bot = self._stage.run(self._plan)
            if self._random.random() < VENUE_KILL_SHARE:
                self._kill_a_venue(bot)
            if self._random.random() < AIMED_SHARE:
                self._strike_at_an_order(bot)
            else:
                bot.has_ended(self._random.uniform(0.0, RANDOM_LIFE_S_MAX))
            bot.kill()
            self._take_stock(bot)

    def _strike_at_an_order(self, bot: BotProcess) -> None:
        """Return when an order has just become durable and waits for its answer, or after a while."""
        if not has_begun(self._stage.folder.journal):
            bot.until(self._has_journal, "the journal", STRIKE_WITHIN_S)
        waiting = Waiting(self._stage)
        skip = self._random.randrange(3)
        try:
            before = 0
            for _ in range(int(STRIKE_WITHIN_S / 0.001)):
                if waiting.look() and waiting.rows > before:
                    before, skip = waiting.rows, skip - 1
                    if skip < 0:
                        return
                if bot.has_ended(0.001):
                    return
        finally:
            waiting.close()

    def _has_journal(self) -> bool:
        return has_begun(self._stage.folder.journal) and self._stage.folder.inbox.exists()

    def _kill_a_venue(self, bot: BotProcess) -> None:
        """Kill a venue while the bot trades, and start it again."""
        bot.has_ended(self._random.uniform(0.3, 1.0))
        venue = self._random.choice(sorted(self._stage.venues))
        self._stage.venues[venue].kill()
        self._stage.venues[venue].start()
        self.counts.venue_kills += 1

    def _take_stock(self, bot: BotProcess) -> None:
        """After a death: count where it struck, and see that no venue knows an order that the journal does not."""
        self.counts.kills += 1
        if bot.exit_code() != -9:
            raise Died(f"the bot ended by itself: {bot.exit_code()}: {bot.said()}")
        if not has_begun(self._stage.folder.journal):
            self.counts.while_starting += 1
            return
        state = recover(self._stage.folder.journal).state
        if any(order.state is OrderState.PLANNED for order in state.live_orders()):
            self.counts.between_commit_and_reply += 1
        if state.epoch < self.counts.sessions + 1:
            self.counts.while_starting += 1
        self.counts.sessions = state.epoch
        for venue in self._stage.venues.values():
            known = {order.client_id for order in state.orders.values() if order.venue == venue.name}
            strangers = venue.client_ids() - known
            assert not strangers, f"{venue.name} knows {strangers}, which the journal did not hold before the kill"
        self._ask_for_a_limit_order()

    def _ask_for_a_limit_order(self) -> None:
        """Leave a wish in the inbox: a resting order, which the next session takes up."""
        pair = self._random.choice(PAIRS)
        prices = [price for name, price in _last_prices(self._stage).items() if name == pair]
        if not prices:
            return
        asked = IntentAsked(
            at_ns=1,
            key=f"wish-{self.counts.kills}",
            source=Source.MANUAL,
            who="drill",
            instrument=pair,
            side=Side.BUY,
            effect=Effect.OPEN,
            order_kind=OrderKind.LIMIT,
            notional=Decimal(150),
            limit=Decimal(round(prices[0] * self._random.uniform(0.996, 1.0), 2)),
        )
        inbox = Inbox(self._stage.folder.inbox)
        try:
            inbox.put(asked.key, "intent", msgspec.msgpack.encode(asked), 1)
        finally:
            inbox.close()


def has_begun(journal: Path) -> bool:
    """Whether a journal was made, and not cut off in the making."""
    if not journal.exists():
        return False
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("PRAGMA application_id").fetchone()[0])


def _last_prices(stage: Stage) -> dict[str, float]:
    state = recover(stage.folder.journal).state
    return {order.instrument: order.reference_price for order in state.orders.values()}
