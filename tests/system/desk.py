"""A loop with its hands, a journal and a venue that a test holds in its own hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    AlertRaised,
    BotSettings,
    CycleDue,
    Effect,
    Evidence,
    Fact,
    FillReported,
    Input,
    IntegrityError,
    IntentAsked,
    Listing,
    OrderKind,
    OrderReported,
    OrderSeen,
    Quote,
    Retryable,
    Side,
    Skew,
    Source,
    Started,
    Surroundings,
    VenueSettings,
    Woke,
)
from quarterdeck.engine import State
from quarterdeck.ports import CancelRequest, Entry, OrderRequest, RequestLimits, VenueNews
from quarterdeck.system import Hands, Happening, Loop, Reach, Wiring
from tests.engine.driving import listing_of

BTC, ETH = "BTC-USD", "ETH-USD"
START_NS: Final = 1_700_000_040 * SECOND_NS
PRICES: Final = {BTC: 30_000.0, ETH: 2_000.0}


def settings() -> BotSettings:
    """A bot on two venues, `a` and `b`, with two pairs and a million dollars on each venue."""
    return BotSettings(
        bot="b",
        base_currency="USD",
        capital=Decimal(2_000_000),
        pairs=(BTC, ETH),
        venues=tuple(VenueSettings(name, 5 * SECOND_NS, 0, {"USD": Decimal(1_000_000)}) for name in "ab"),
        listings=tuple(listing_of(venue, pair) for venue in "ab" for pair in PRICES),
    )


class HandClock:
    """A clock that stands still until it is set; `wall_ns` may step, `steady` must not."""

    def __init__(self, at_ns: int = START_NS) -> None:
        self.wall_ns = at_ns
        self.steady = 0

    def now_ns(self) -> int:
        return self.wall_ns

    def steady_ns(self) -> int:
        return self.steady

    def pass_s(self, seconds: float) -> None:
        """Let time pass as it should."""
        self.wall_ns += round(seconds * 1e9)
        self.steady += round(seconds * 1e9)


class HeldJournal:
    """Keeps rows in memory; it fails or waits where a test says so."""

    def __init__(self) -> None:
        self.commits: list[list[Entry]] = []
        self.left_for_later: list[Entry] = []
        self.snapshots: list[int] = []
        self.fails = False
        self.gate: asyncio.Event | None = None
        self._seq = 0

    async def append(self, entries: Sequence[Entry]) -> int:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise IntegrityError("the disk is full; free space")
        self.commits.append(list(entries))
        self._seq += len(entries)
        return self._seq

    async def append_later(self, entries: Sequence[Entry]) -> int:
        self.left_for_later.extend(entries)
        self._seq += len(entries)
        return self._seq

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        self.snapshots.append(seq)


class ScriptedVenue:
    """Answers as it is told to; `calls` lists what reached it, and `gate` holds back the answer to a create."""

    validity_ns = 5_000_000_000
    lag_ns = 0
    stops = False
    limits: RequestLimits | None = None

    def __init__(self, name: str, clock: HandClock) -> None:
        self.name = name
        self.calls: list[tuple[str, str]] = []
        self.requests: list[OrderRequest] = []
        self.gate: asyncio.Event | None = None
        self.evidence: dict[str, Evidence] = {
            "submit": Evidence.ACKNOWLEDGED,
            "cancel": Evidence.CANCELLED,
            "query": Evidence.ACKNOWLEDGED,
        }
        self.raises: Exception | None = None
        self.retry_after_ns = 0
        self.working: list[OrderSeen] = []
        self.cursors: list[int] = []
        self.fills: list[FillReported] = []
        self._clock = clock

    async def submit(self, request: OrderRequest) -> OrderReported:
        self.calls.append(("submit", request.client_id))
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        return self._report("submit", request.client_id)

    async def cancel(self, request: CancelRequest) -> OrderReported:
        self.calls.append(("cancel", request.client_id))
        if self.evidence["cancel"] is Evidence.CANCELLED:
            self.working = [seen for seen in self.working if seen.client_id != request.client_id]
        return self._report("cancel", request.client_id)

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        self.calls.append(("query", client_id))
        self._fail_if_told()
        return self._report("query", client_id)

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[FillReported]:
        self.calls.append(("fills", client_prefix))
        self.cursors.append(cursor)
        self._fail_if_told()
        return self.fills

    async def account(self) -> AccountReported:
        self.calls.append(("account", ""))
        self._fail_if_told()
        now_ns = self._clock.now_ns()
        return AccountReported(now_ns, self.name, {"USD": Decimal(1_000_000)}, tuple(self.working), now_ns)

    async def listings(self) -> Sequence[Listing]:
        self.calls.append(("listings", ""))
        self._fail_if_told()
        return [listing_of(self.name, pair) for pair in PRICES]

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Nothing is pushed."""

    async def aclose(self) -> None:
        """There is nothing to let go."""

    def count(self, call: str) -> int:
        return sum(one == call for one, _ in self.calls)

    def _report(self, call: str, client_id: str) -> OrderReported:
        now_ns, evidence = self._clock.now_ns(), self.evidence[call]
        retry_after_ns = self.retry_after_ns if call != "query" else 0
        return OrderReported(now_ns, self.name, client_id, evidence, venue_at_ns=now_ns, retry_after_ns=retry_after_ns)

    def _fail_if_told(self) -> None:
        if self.raises is not None:
            raise self.raises


class Desk:
    """A started bot on one scripted venue, `a`, with BTC and ETH."""

    def __init__(
        self,
        *,
        shares_commits: bool = False,
        snapshot_rows: int = 10_000,
        limits_of: dict[str, RequestLimits] | None = None,
    ) -> None:
        self.clock = HandClock()
        self.journal = HeldJournal()
        self.venue = ScriptedVenue("a", self.clock)
        self.alerts: list[AlertRaised] = []
        self.happened: list[Happening] = []
        self.state = State()
        venues = {"a": self.venue, "b": ScriptedVenue("b", self.clock)}
        self.venues = venues
        for name, limits in (limits_of or {}).items():
            venues[name].limits = limits
        self.health: list[tuple[str, bool]] = []
        self.complaints: list[str] = []
        reach = Reach(
            venues,
            self.clock,
            self.offer,
            self.alerts.append,
            lambda *told: self.health.append(told),
            lambda event, text: self.complaints.append(f"{event}: {text}"),
        )
        self.hands = Hands(reach, self.state)
        self.loop = Loop(
            self.state,
            0,
            Wiring(
                journal=self.journal,
                surroundings=self.surroundings,
                act=self.hands.do,
                watch=self.happened.append,
                shares_commits=shares_commits,
                snapshot_rows=snapshot_rows,
            ),
        )

    def offer(self, news: Input) -> None:
        self.loop.offer(news)

    def surroundings(self) -> Surroundings:
        now_ns = self.clock.now_ns()
        return Surroundings(
            tuple(
                Quote("a", pair, now_ns, price, ((price - 1.0, 5.0),), ((price + 1.0, 5.0),))
                for pair, price in PRICES.items()
            ),
            skews=(Skew("a", 0.0), Skew("b", 0.0)),
        )

    async def start(self) -> Desk:
        """Open the first session, compare the accounts, and take the first mark."""
        self.offer(Started(self.clock.now_ns(), "b-1", 1, "test", settings(), 0))
        for name in self.venues:
            self.offer(AccountReported(self.clock.now_ns(), name, {"USD": Decimal(1_000_000)}, ()))
        self.offer(Woke(self.clock.now_ns()))
        await self.settle()
        return self

    async def settle(self) -> None:
        """Work until nothing is left to do at this instant."""
        while self.loop.has_news or self.hands.busy:
            while self.loop.has_news:
                await self.loop.pump()
            await self.hands.settle()

    async def pump(self) -> None:
        """Work what waits, without waiting for answers."""
        while self.loop.has_news:
            await self.loop.pump()
        await asyncio.sleep(0)

    async def turn(self) -> None:
        """Fire the timers of this instant and settle."""
        self.hands.fire_timers(self.clock.now_ns())
        await self.settle()

    def wish(self, key: str, instrument: str = BTC) -> IntentAsked:
        """Wish to buy for 100 dollars."""
        return IntentAsked(
            at_ns=self.clock.now_ns(),
            key=key,
            source=Source.MANUAL,
            who="test",
            instrument=instrument,
            side=Side.BUY,
            effect=Effect.OPEN,
            order_kind=OrderKind.LIMIT,
            notional=Decimal(100),
            limit=Decimal(29_200) if instrument == BTC else Decimal(1_950),
        )

    def facts(self) -> list[Fact]:
        """List every fact that the watchers were told."""
        return [fact for happening in self.happened for fact in happening.facts]

    @property
    def order(self) -> str:
        """Name the only order there is."""
        (client_id,) = self.state.orders
        return client_id


def nothing_to_decide(at_ns: int) -> CycleDue:
    """A cycle without a signal on a bar that was worked through: it changes nothing."""
    return CycleDue(at_ns, -5, ())


OUTAGE = Retryable("no connection; ask again later")
