"""A journal of many days: in each, one order a quarter of a day that is wanted, planned and filled, and cycles."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from quarterdeck.domain import (
    DAY_NS,
    CycleDue,
    CycleRan,
    Effect,
    Fact,
    Intent,
    IntentAsked,
    IntentFormed,
    IntentRefused,
    OrderKind,
    OrderState,
    Side,
    Source,
)
from quarterdeck.journal import Projector, SqliteJournal, encode_body
from quarterdeck.ports import Entry
from tests.journal.making import HandClock, entry, filled, moved, opened, planned, settings_fact

QUARTER_NS = DAY_NS // 4
ROWS_A_QUARTER = 5
ROWS_A_DAY = 4 * ROWS_A_QUARTER


def journal_path(root: Path) -> Path:
    """Where the journal of bot `keel` lies in a workspace."""
    path = root / "run" / "keel" / "journal.db"
    path.parent.mkdir(parents=True)
    return path


def formed(intent_id: str, at_ns: int) -> IntentFormed:
    intent = Intent(
        id=intent_id,
        source=Source.STRATEGY,
        who="",
        effect=Effect.OPEN,
        side=Side.BUY,
        instrument="BTC-USD",
        asked=Decimal(50),
        asked_unit="quote",
    )
    return IntentFormed(at_ns=at_ns, intent=intent)


def refused(intent_id: str, at_ns: int) -> IntentRefused:
    return IntentRefused(
        at_ns=at_ns, intent_id=intent_id, instrument="BTC-USD", stage="guardrails", reason="large", failed=("G4",)
    )


def wish(key: str, at_ns: int) -> Entry:
    """A wish from outside that was refused at once."""
    asked = IntentAsked(
        at_ns=at_ns,
        key=key,
        source=Source.MANUAL,
        who="ada",
        instrument="BTC-USD",
        side=Side.BUY,
        effect=Effect.OPEN,
        order_kind=OrderKind.MARKET,
        notional=Decimal(10),
    )
    return Entry(at_ns, "IntentAsked", encode_body(asked, [formed(key, at_ns), refused(key, at_ns)]))


def quarter(number: int) -> list[Entry]:
    """Five rows: a cycle that plans, an acknowledgement, two fills, and a wish that is refused."""
    at_ns, name = number * QUARTER_NS, f"o{number:04}"
    bar_ns = at_ns - 60_000_000_000
    facts: list[Fact] = [CycleRan(at_ns, bar_ns, {}), formed(f"intent-{name}", at_ns), planned(name, at_ns=at_ns)]
    return [
        Entry(at_ns, "CycleDue", encode_body(CycleDue(at_ns, bar_ns, ()), facts)),
        entry(at_ns + 1, [moved(name, OrderState.OPEN, at_ns=at_ns + 1)]),
        entry(at_ns + 2, [filled(name, 4, 4, at_ns=at_ns + 2)]),
        entry(at_ns + 3, [filled(name, 6, 10, at_ns=at_ns + 3)]),
        wish(f"wish-{number}", at_ns + 4),
    ]


def snapshot(journal: SqliteJournal) -> None:
    """Keep something as the state at the head."""
    journal.save_snapshot(journal.head_seq, b"h" * 32, b"state %d" % journal.head_seq)


def projected(path: Path) -> None:
    """Fold every row that waits into the tables."""
    projector = Projector(path)
    while projector.step():
        pass
    assert projector.failure is None
    projector.close()


def aged(path: Path, days: int, clock: HandClock | None = None) -> SqliteJournal:
    """A journal of so many days from 1970 on, with a state at the end of each; the very first row are settings."""
    journal = opened(path, clock)
    journal.append([entry(1, [settings_fact()])])
    for day in range(days):
        numbers = range(max(1, 4 * day), 4 * day + 4)
        journal.append([one for number in numbers for one in quarter(number)])
        snapshot(journal)
    projected(path)
    return journal
