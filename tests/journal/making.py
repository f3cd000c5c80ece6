"""Journals for tests: real files, a clock that is turned by hand, and rows like those that a bot writes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from quarterdeck.domain import (
    BotSettings,
    CancelRequested,
    CancelState,
    Control,
    ControlChanged,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    IntentRefused,
    Listing,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderState,
    SettingsAdopted,
    Side,
    Source,
    Surroundings,
    VenueSettings,
    Verdicts,
    Woke,
)
from quarterdeck.journal import Holder, JournalSettings, SqliteJournal, encode_body
from quarterdeck.ports import Entry

SECOND_NS = 1_000_000_000
BOT = "keel"


class HandClock:
    """A boot clock that stands still until it is turned."""

    def __init__(self, now_ns: int = 100 * SECOND_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def turn(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


def holder(pid: int = 11, boot_id: str = "boot-1") -> Holder:
    return Holder(pid=pid, host="deck", boot_id=boot_id)


def opened(
    path: Path,
    clock: HandClock | None = None,
    *,
    pid: int = 11,
    boot_id: str = "boot-1",
    settings: JournalSettings | None = None,
) -> SqliteJournal:
    return SqliteJournal(path, BOT, holder(pid, boot_id), settings=settings, clock=clock or HandClock())


def entry(number: int, facts: Sequence[Fact] = (), padding: int = 0) -> Entry:
    """A row that a bot could have written; padding makes its body that much longer."""
    given = Woke(at_ns=number, surroundings=Surroundings(venues_down=("v" * padding,) if padding else ()))
    return Entry(at_ns=number, kind="Woke", body=encode_body(given, list(facts)))


def copied(source: Path, target: Path) -> Path:
    """Copy a journal as a crash would leave it: the file and its WAL, while the owner holds them open."""
    target.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal"):
        side = source.with_name(source.name + suffix)
        if side.exists():
            shutil.copyfile(side, target / side.name)
    return target / source.name


def listing() -> Listing:
    return Listing(
        venue="paper",
        instrument="BTC-USD",
        base="BTC",
        quote="USD",
        tick=Decimal("0.5"),
        lot=Decimal("0.001"),
        lots_min=1,
        lots_max=10**9,
        notional_min=Decimal(1),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.002"),
    )


def settings_fact(at_ns: int = 1) -> SettingsAdopted:
    venue = VenueSettings(name="paper", validity_ns=5, lag_ns=5, cash={"USD": Decimal(1000)})
    settings = BotSettings(
        bot=BOT,
        base_currency="USD",
        capital=Decimal(1000),
        pairs=("BTC-USD",),
        venues=(venue,),
        listings=(listing(),),
    )
    return SettingsAdopted(at_ns=at_ns, settings=settings)


def planned(client_id: str, at_ns: int = 2, lots: int = 10, limit_ticks: int | None = None) -> OrderPlanned:
    return OrderPlanned(
        at_ns=at_ns,
        client_id=client_id,
        intent_id=f"intent-{client_id}",
        venue="paper",
        instrument="BTC-USD",
        side=Side.BUY,
        effect=Effect.OPEN,
        source=Source.STRATEGY,
        order_kind=OrderKind.MARKET if limit_ticks is None else OrderKind.LIMIT,
        qty_lots=lots,
        lot=Decimal("0.001"),
        tick=Decimal("0.5"),
        reference_price=4000.0,
        reserve_asset="USD",
        reserve_per_lot=Decimal("4.1"),
        send_by_ns=at_ns + 5,
        kill_epoch=0,
        verdicts=Verdicts(evaluated=1, failed=0, exempt=0, values=(1.0,), limits=(2.0,)),
        limit_ticks=limit_ticks,
    )


def moved(client_id: str, state: OrderState, at_ns: int = 3, reason: str = "") -> OrderMoved:
    return OrderMoved(
        at_ns=at_ns,
        client_id=client_id,
        evidence=Evidence.REJECTED if state is OrderState.REJECTED else Evidence.ACKNOWLEDGED,
        state=state,
        reported_lots=0,
        reserve=Decimal(0),
        cancel=CancelState.NONE,
        reason=reason,
    )


def filled(client_id: str, lots: int, booked_after: int, at_ns: int = 4) -> FillBooked:
    return FillBooked(
        at_ns=at_ns,
        client_id=client_id,
        intent_id=f"intent-{client_id}",
        venue="paper",
        instrument="BTC-USD",
        side=Side.BUY,
        trade_id=f"t-{client_id}-{booked_after}",
        lots=lots,
        qty=lots * Decimal("0.001"),
        price=Decimal("4000.5"),
        fee=Decimal("0.08"),
        fee_asset="USD",
        liquidity="taker",
        venue_at_ns=at_ns - 1,
        realised=Decimal(0),
        state=OrderState.FILLED if booked_after == 10 else OrderState.PARTIALLY_FILLED,
        booked_lots_after=booked_after,
        reported_lots_after=booked_after,
        reserve_after=Decimal(0),
        qty_after=Decimal("0.01"),
        cost_after=Decimal(40),
        realised_after=Decimal(0),
        opened_at_ns=1,
        entries_after=1,
        cash_after=(),
        fees_after=(),
    )


def story() -> list[Entry]:
    """Seven rows: settings, two orders, a fill in two parts, a cancel, refusals, and a kill."""
    refused = IntentRefused(
        at_ns=6, intent_id="i-9", instrument="BTC-USD", stage="guardrails", reason="too large", failed=("G4",)
    )
    killed = ControlChanged(at_ns=7, control=Control.HALTED, reason="stop", who="ada", kill_epoch=3)
    facts: list[list[Fact]] = [
        [settings_fact()],
        [planned("aa"), planned("bb", limit_ticks=8001)],
        [moved("aa", OrderState.OPEN)],
        [filled("aa", 4, 4, at_ns=4_000_000_000), filled("aa", 6, 10, at_ns=5_000_000_000)],
        [CancelRequested(at_ns=6, client_id="bb", venue="paper", reason="too late")],
        [refused, moved("bb", OrderState.REJECTED, reason="no such pair")],
        [killed],
    ]
    return [entry(number, some) for number, some in enumerate(facts, start=1)]
