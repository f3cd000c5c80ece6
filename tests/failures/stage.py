"""
One bot on two venues in skipping time: the real engine, loop, hands, errands, rounds, recovery, last hop and journal.

A test writes the faults by hand, lets time pass, and looks. At its end the journal is judged by the auditor of the
engine's tests and replayed, and no venue may have accepted an order twice or one that no durable plan precedes.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quarterdeck.domain import (
    SECOND_NS,
    Action,
    AlertRaised,
    BotSettings,
    CycleDue,
    Effect,
    Fact,
    FillBooked,
    IntentAsked,
    IntentRefused,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    Side,
    SignalGiven,
    Source,
    Started,
)
from quarterdeck.engine import ShellAct, State
from quarterdeck.exchange import Personality
from quarterdeck.journal import Holder, JournalSettings, SqliteJournal, SqliteReader, decode_body, decode_facts
from quarterdeck.orders import Order
from quarterdeck.system import raise_kill, verify_replay
from quarterdeck.system.recover import SOFTWARE
from tests.engine.auditor import Auditor
from tests.engine.driving import BTC, PRICES, START_NS, quote_at, settings_with
from tests.engine.scenes import venue_with, wide
from tests.failures.network import ACCOUNT, FarSide
from tests.failures.running import VENUES, Premises, Running
from tests.failures.skipping_time import SkippingLoop, StageClock

CASH = Decimal(1_000_000)
HABITS = Personality(validity_ns=5 * SECOND_NS, lag_ns=SECOND_NS)
QUOTE_S = 1.0


def usual_settings(**changes: object) -> BotSettings:
    """A bot on two venues with a million dollars on each, whose limits of size and pace refuse nothing."""
    plain = settings_with(
        guardrails=wide(),
        venues=tuple(venue_with(name, USD=1_000_000) for name in VENUES),
    )
    return msgspec.structs.replace(plain, **changes)


def fitted(settings: BotSettings, habits: dict[str, Personality]) -> BotSettings:
    """Have the bot know the bounds of its venues."""
    venues = tuple(
        msgspec.structs.replace(
            venue,
            validity_ns=habits.get(venue.name, HABITS).validity_ns,
            lag_ns=habits.get(venue.name, HABITS).shown_after_ns,
            stops=habits.get(venue.name, HABITS).stops,
        )
        for venue in settings.venues
    )
    return msgspec.structs.replace(settings, venues=venues)


class World(Premises):
    """The venues, the machine and its files, and whichever process of the bot lives at present."""

    def __init__(self, folder: Path, loop: SkippingLoop, settings: BotSettings, habits: dict[str, Personality]) -> None:
        self.settings = settings
        self.venue_clock = StageClock(loop, START_NS)
        sides = {
            name: FarSide(
                [listing for listing in settings.listings if listing.venue == name],
                habits.get(name, HABITS),
                loop,
                self.venue_clock,
            )
            for name in VENUES
        }
        super().__init__(folder, StageClock(loop, START_NS), sides)
        for side in sides.values():
            side.exchange.deposit(ACCOUNT, "USD", CASH)
        self.prices = dict(PRICES)
        self.quoted = set(VENUES)
        self.running: Running | None = None
        self._loop = loop
        self._sessions = 0
        self._bars = 0
        self._tell_prices()

    @property
    def a(self) -> FarSide:
        return self.sides["a"]

    @property
    def b(self) -> FarSide:
        return self.sides["b"]

    @property
    def bot(self) -> Running:
        assert self.running is not None, "no process of the bot lives"
        return self.running

    @property
    def state(self) -> State:
        return self.bot.state

    # --- processes ---

    def start(self, pass_s: float = 1.0, *, gone: bool = True) -> None:
        """Start a process of the bot; `gone` is the proof that the one before is dead."""
        assert self.running is None
        self._sessions += 1
        journal = SqliteJournal(
            self.path,
            "b",
            Holder(pid=self._sessions, host="stage", boot_id="boot"),
            settings=JournalSettings(synchronous="OFF"),
            clock=self.machine.steady_ns,
            gone_epoch=self._sessions - 1 if gone else None,
        )
        self.running = running = Running(self, journal)
        self.tell_prices_once()
        epoch = journal.lease.epoch
        running.begin(Started(running.clock.now_ns(), f"b-{epoch}", epoch, SOFTWARE, self.settings, self.kill.epoch()))
        self.pass_s(pass_s)

    def crash(self) -> None:
        """End the process as a power cut would: nothing is cancelled, told or written any more."""
        running, self.running = self.bot, None
        for task in running.tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*running.tasks, return_exceptions=True))
        self._loop.run_until_complete(self._drop(running))
        running.journal.close()

    def restart(self, pass_s: float = 1.0) -> None:
        """Crash and start again at once."""
        self.crash()
        self.start(pass_s)

    def stop(self, within_s: float = 70.0) -> None:
        """End the process in good order, as SIGTERM does."""
        running = self.bot
        running.errands.stop("SIGTERM")
        self._loop.run_until_complete(asyncio.wait(running.tasks, timeout=within_s))
        for task in running.tasks:
            assert task.done(), "the bot did not end"
            task.result()
        self.running = None
        self._loop.run_until_complete(self._drop(running))
        running.journal.close()

    async def _drop(self, running: Running) -> None:
        await running.rounds.aclose()
        await running.hands.stop()
        for wire in running.wires.values():
            await wire.aclose()

    # --- time and market ---

    def pass_s(self, seconds: float) -> None:
        """Let time pass; a process that failed raises here."""
        self._loop.run_until_complete(asyncio.sleep(seconds))
        for task in self.running.tasks if self.running is not None else ():
            if task.done():
                task.result()

    def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        """Let time pass until something holds."""
        for _ in range(int(within_s / 0.1)):
            if holds():
                return
            self.pass_s(0.1)
        assert holds(), f"not within {within_s} s"

    def price(self, pair: str, price: float) -> None:
        """Let the market move to a price, at once."""
        self.prices[pair] = price
        self.tell_prices_once()
        self.pass_s(0.05)

    def touch(self, pair: str, price: float) -> None:
        """Let the market be at a price for one quote."""
        usual, self.prices[pair] = self.prices[pair], price
        self.tell_prices_once()
        self.prices[pair] = usual
        self.tell_prices_once()

    def _tell_prices(self) -> None:
        self.tell_prices_once()
        self._loop.call_later(QUOTE_S, self._tell_prices)

    def tell_prices_once(self) -> None:
        """Let every venue quote what it trades."""
        for name, side in self.sides.items():
            for pair, price in self.prices.items():
                side.quote(quote_at(self.venue_clock.now_ns(), name, pair, price))
                if self.running is not None and name in self.quoted:
                    self.running.view.observe(quote_at(self.running.clock.now_ns(), name, pair, price))

    # --- wishes ---

    def ask(self, key: str, side: Side = Side.BUY, *, pass_s: float = 0.1, **more: object) -> Order:
        """Ask by hand for a change of position on venue `a`, and give the order that came of it."""
        self.wish(key, side, pass_s=pass_s, **more)
        found = [order for order in self.state.orders.values() if order.intent_id == key]
        assert len(found) == 1, self.why_not()
        return found[0]

    def wish(self, key: str, side: Side = Side.BUY, *, pass_s: float = 0.1, **more: object) -> None:
        """Ask by hand for a change of position on venue `a`, whatever comes of it."""
        plain = IntentAsked(
            at_ns=self.bot.clock.now_ns(),
            key=key,
            source=Source.MANUAL,
            who="tester",
            instrument=BTC,
            side=side,
            effect=Effect.OPEN if side is Side.BUY else Effect.REDUCE,
            venue="a",
        )
        self.bot.offer(msgspec.structs.replace(plain, **more))
        if pass_s:
            self.pass_s(pass_s)

    def buy(self, key: str = "buy", qty: str = "0.01", **more: object) -> Order:
        """Buy at the market on venue `a`."""
        asked: dict[str, Any] = {"qty": Decimal(qty), **more}
        return self.ask(key, **asked)

    def bid(self, key: str = "bid", qty: str = "0.01", limit: str = "29500", **more: object) -> Order:
        """Bid below the market on venue `a`, so that the order rests."""
        asked: dict[str, Any] = {"qty": Decimal(qty), "limit": Decimal(limit), "order_kind": OrderKind.LIMIT, **more}
        return self.ask(key, **asked)

    def cycle(self, **signals: Action) -> None:
        """Close a bar with these opinions on BTC and ETH."""
        self._bars += 1
        given = tuple(SignalGiven(f"{coin}-USD", action) for coin, action in signals.items())
        now_ns = self.bot.clock.now_ns()
        self.bot.offer(CycleDue(now_ns, now_ns, given))
        self.pass_s(0.1)

    def do(self, act: ShellAct) -> None:
        """Have the hands carry an act out at once."""
        self._loop.call_soon(self.bot.hands.do, act)

    def kill_all(self) -> None:
        """Raise the kill switch."""
        raise_kill(self.kill_path, now_ns=self.machine.now_ns)

    # --- what can be seen ---

    def order(self, client_id: str) -> Order:
        """Look an order up."""
        return self.state.orders[client_id]

    def facts(self) -> list[Fact]:
        """Read every durable fact."""
        with SqliteReader(self.path) as reader:
            return [fact for row in reader.rows() for fact in decode_facts(row.body)]

    def states_of(self, client_id: str) -> list[str]:
        """Name every state that an order moved to, in order."""
        moves = [one for one in self.facts() if isinstance(one, OrderMoved | FillBooked) and one.client_id == client_id]
        states = [one.state.value for one in moves]
        return [state for place, state in enumerate(states) if place == 0 or states[place - 1] != state]

    def alerts(self) -> list[str]:
        """Name the alerts that were raised, in order."""
        return [fact.code for fact in self.facts() if isinstance(fact, AlertRaised)]

    def planned(self) -> list[OrderPlanned]:
        """List every order that was planned."""
        return [fact for fact in self.facts() if isinstance(fact, OrderPlanned)]

    def held(self, asset: str = "BTC", venue: str = "a") -> Decimal:
        """Say what our account at a venue truly holds of an asset."""
        free, locked = self.sides[venue].exchange.balances(ACCOUNT).get(asset, (Decimal(0), Decimal(0)))
        return free + locked

    def booked(self, pair: str = BTC, venue: str = "a") -> Decimal:
        """Say what the bot believes to hold."""
        return self.state.position(venue, pair).qty

    def opens(self, key: str, **more: object) -> bool:
        """Tell whether the door lets an order to open pass now."""
        before = len(self.planned())
        asked: dict[str, Any] = {"qty": Decimal("0.01"), **more}
        self.wish(key, **asked)
        return len(self.planned()) > before

    def why_not(self) -> str:
        """Say in what words the last intent was refused."""
        refused = [fact for fact in self.facts() if isinstance(fact, IntentRefused)]
        return f"{refused[-1].failed}: {refused[-1].reason}" if refused else "nothing was refused"

    # --- the end ---

    def judge(self) -> None:
        """Hold the whole story against the auditor, the replay and the venues."""
        auditor = Auditor()
        with SqliteReader(self.path) as reader:
            for row in reader.rows():
                auditor.take(*decode_body(row.body))
        replayed = verify_replay(self.path)
        assert replayed.ok, replayed.problems
        planned = [fact.client_id for fact in self.planned()]
        assert len(planned) == len(set(planned))
        for name, side in self.sides.items():
            ours = [one.client_id for one in side.exchange.state.orders.values() if one.account == ACCOUNT]
            ours = [client_id for client_id in ours if client_id.startswith(planned[0][:5])] if planned else []
            assert len(ours) == len(set(ours)), f"{name} accepted an order twice"
            assert set(ours) <= set(planned), f"{name} accepted an order without a durable plan"

    def close(self) -> None:
        """End whatever lives."""
        if self.running is not None:
            self.crash()
        self.kill.close()


@contextmanager
def staged(
    folder: Path,
    settings: BotSettings | None = None,
    *,
    starts: bool = True,
    judged: bool = True,
    habits: dict[str, Personality] | None = None,
) -> Iterator[World]:
    """Set a stage, start the bot unless told otherwise, and judge everything at the end."""
    with _looping() as loop:
        world = World(folder, loop, fitted(settings or usual_settings(), habits or {}), habits or {})
        try:
            if starts:
                world.start()
            yield world
            if world.running is not None:
                world.pass_s(0.0)
            if judged:
                world.judge()
        finally:
            world.close()


@contextmanager
def _looping() -> Iterator[SkippingLoop]:
    loop = SkippingLoop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
