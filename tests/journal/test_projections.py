from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import fields

from quarterdeck.domain import Fact, InputError, IntegrityError, OrderState, TradesPulled
from quarterdeck.journal import Projector, events, orders, project, trades, verify
from quarterdeck.journal.auditing import EventRecord
from quarterdeck.journal.records import CycleRecord, FillRecord, MentionRecord, OrderRecord
from quarterdeck.journal.schema import TABLES
from tests.journal.making import entry, filled, moved, opened, planned, settings_fact, story


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = ("fills", "orders", "events", "mentions", "cycles", "projected")
    found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608
    connection.close()
    return found


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("fills", FillRecord),
        ("orders", OrderRecord),
        ("events", EventRecord),
        ("mentions", MentionRecord),
        ("cycles", CycleRecord),
    ],
)
def test_each_table_has_the_columns_of_its_record(table: str, record: type[FillRecord]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLES[table])
    found = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    assert found == [field.name for field in fields(record)]


def test_facts_without_readers_give_no_records() -> None:
    assert list(project(1, [TradesPulled(at_ns=1, venue="paper", cursor=3)])) == []


def test_the_tables_are_the_same_however_they_are_folded(path: Path) -> None:
    journal = opened(path)
    projector = Projector(path)
    for some in story():
        journal.append([some])
        assert projector.step() == 1
    one_by_one = tables(path)
    assert projector.step() == 0
    projector.rebuild()
    assert tables(path) == one_by_one
    assert one_by_one["projected"] == [(1, 7, "i-9")]
    projector.close()
    assert verify(path).ok


def test_readers_are_complete_before_anything_is_projected(path: Path) -> None:
    journal = opened(path)
    journal.append(story())
    projector = Projector(path)
    before = [view(path) for view in (trades, orders, events)]
    seen = []
    while projector.step(1):
        seen.append([view(path) for view in (trades, orders, events)])
    assert len(seen) == 7
    assert all(some == before for some in seen)


def test_pages_join_to_the_whole_list_wherever_the_projection_stands(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1, [settings_fact()])])
    for number in range(2, 12):
        name = f"o{number:02}"
        journal.append([entry(number, [planned(name), planned(f"{name}b"), filled(name, 4, 4), filled(name, 6, 10)])])
    projector = Projector(path)
    for _ in range(3):
        for view in (trades, orders, events):
            whole = view(path).items
            assert len(whole) >= 20
            for limit in (1, 3, 20):
                items: list[dict[str, object]] = []
                cursor: str | None = None
                while True:
                    page = view(path, limit=limit, cursor=cursor)
                    items += page.items
                    cursor = page.next
                    if cursor is None:
                        break
                assert tuple(items) == whole, (view, limit)
        projector.step(6)


def test_trades_are_fills_as_outsiders_know_them(path: Path) -> None:
    opened(path).append(story())
    first = trades(path).items[0]
    assert first == {
        "trade_id": "t-aa-4",
        "venue": "paper",
        "account": "main",
        "client_id": "aa",
        "intent_id": "intent-aa",
        "instrument": "BTC-USD",
        "side": "buy",
        "qty": "0.004",
        "price": "4000.5",
        "fee": "0.08",
        "fee_asset": "USD",
        "liquidity": "taker",
        "realised": "0",
        "inferred": False,
        "retired_lots": 0,
        "at_ns": 3_999_999_999,
        "at": "1970-01-01T00:00:03.999999Z",
        "booked_at": "1970-01-01T00:00:04.000000Z",
        "seq": 4,
    }
    assert [item["trade_id"] for item in trades(path, since_ns=4_000_000_000).items] == ["t-aa-10"]


def test_orders_are_shown_as_they_stand_now(path: Path) -> None:
    opened(path).append(story())
    bought, refused = orders(path).items
    assert (bought["state"], bought["booked_lots"], bought["qty"], bought["filled_qty"]) == (
        "filled",
        10,
        "0.010",
        "0.010",
    )
    assert (refused["state"], refused["limit_price"], refused["filled_qty"]) == ("rejected", "4000.5", "0.000")
    assert (refused["reason"], refused["last_seq"], refused["planned_seq"]) == ("no such pair", 6, 2)


def test_events_tell_what_an_auditor_asks_for(path: Path) -> None:
    opened(path).append(story())
    found = [(item["type"], item["actor"], item["seq"]) for item in events(path).items]
    assert found == [
        ("config_changed", "system", 1),
        ("trade_executed", "system", 4),
        ("trade_executed", "system", 4),
        ("guardrail_triggered", "system", 6),
        ("trade_rejected", "system", 6),
        ("kill_switch", "user", 7),
    ]
    details = events(path).items[-1]["details"]
    assert details == {"control": "halted", "reason": "stop", "who": "ada", "kill_epoch": 3}


def test_a_wrong_cursor_or_limit_is_a_clear_error(path: Path) -> None:
    opened(path)
    for view in (trades, orders, events):
        for limit, cursor in ((0, None), (10_001, None), (5, "x"), (5, "3"), (5, "-1-0")):
            with pytest.raises(InputError, match=r"cursor|limit"):
                view(path, limit=limit, cursor=cursor)


def test_a_row_that_cannot_be_folded_stops_the_projection_and_not_the_journal(path: Path) -> None:
    journal = opened(path)
    projector = Projector(path, decode=_refuses)
    journal.append([entry(1)])
    assert projector.step() == 0
    assert projector.failure is not None
    assert journal.append([entry(2)]) == 2
    with pytest.raises(IntegrityError):
        projector.rebuild()


def test_a_fact_about_an_order_that_is_not_known_changes_nothing(path: Path) -> None:
    opened(path).append([entry(1, [moved("zz", OrderState.OPEN)])])
    assert orders(path).items == ()


def _refuses(body: bytes) -> list[Fact]:
    raise IntegrityError(f"cannot read {len(body)} bytes")
