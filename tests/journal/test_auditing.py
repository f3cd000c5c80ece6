from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    AccountReconciled,
    AlertCleared,
    AlertRaised,
    DayClosed,
    Fact,
    FundingBooked,
    FundsBooked,
    ListingsAdopted,
    SettingChange,
    StateUpgraded,
)
from quarterdeck.journal.auditing import actor_of, event_of
from tests.journal.making import filled, listing, planned, settings_fact

ZERO = Decimal(0)
A12_TYPES = {
    "trade_executed",
    "trade_rejected",
    "guardrail_triggered",
    "kill_switch",
    "config_changed",
    "pair_changed",
    "balance_sync",
    "agent_status_change",
}
OUR_TYPES = {"day_closed", "funding_booked"}


def changed(*paths: str) -> Fact:
    changes = tuple(SettingChange(path, "1", "2") for path in paths)
    return msgspec.structs.replace(settings_fact(), who="ada", reason="calmer", changes=changes)


FUNDS = FundsBooked(
    at_ns=1,
    key="key",
    who="ada",
    venue="paper",
    asset="USD",
    amount=Decimal("-5.50"),
    reason="rent",
    cash_after=Decimal(9),
    baseline_after=ZERO,
    unexplained_after=ZERO,
    units_after=1.0,
    flows_after=ZERO,
    equity_after=94.5,
    doubt_after=Decimal(0),
)
FUNDING = FundingBooked(1, "paper", "BTC-USDT:USDT", "f1", "USDT", Decimal("-0.10"), Decimal(9), Decimal("-0.1"), 1)
DAY = DayClosed(1, 0, Decimal(100), Decimal("101.5"), Decimal(2), ZERO, Decimal("0.5"), ZERO, ZERO, ZERO, 3)


@pytest.mark.parametrize(
    ("fact", "kind", "actor", "told"),
    [
        (changed("sizing.value"), "config_changed", "user", {"path": "sizing.value", "before": "1", "after": "2"}),
        (changed("pairs", "sizing.value"), "pair_changed", "user", {"path": "pairs", "before": "1", "after": "2"}),
        (ListingsAdopted(1, "paper", (listing(),)), "pair_changed", "system", {"BTC-USD": "tradable"}),
        (FUNDS, "balance_sync", "user", "-5.50"),
        (FUNDING, "funding_booked", "system", "-0.10"),
        (AccountReconciled(1, "paper"), "balance_sync", "system", True),
        (DAY, "day_closed", "system", "101.5"),
        (StateUpgraded(1, "a", "b", "c", "d"), "agent_status_change", "system", "upgraded"),
        (AlertRaised(1, "disk", "full", key="disk:1"), "agent_status_change", "system", "disk:1"),
        (AlertCleared(1, "disk:1", "room again"), "agent_status_change", "system", "disk:1"),
    ],
)
def test_each_kind_of_fact_tells_an_auditor_what_it_was(fact: Fact, kind: str, actor: str, told: object) -> None:
    event = event_of(4, 2, fact)
    assert event is not None
    assert (event.seq, event.nth, event.type, event.actor) == (4, 2, kind, actor)
    details = msgspec.json.decode(event.details)
    shown = [*details.values(), *details.get("changes", ())]
    assert told in shown


@pytest.mark.parametrize(
    ("who", "actor"), [("", "system"), ("engine", "system"), ("mcp", "mcp"), ("mcp:agent", "mcp"), ("ada", "user")]
)
def test_whoever_acts_is_sorted_into_system_user_or_mcp(who: str, actor: str) -> None:
    assert actor_of(who) == actor


def test_a12_no_event_has_a_type_that_nobody_knows() -> None:
    facts: list[Fact] = [planned("aa"), filled("aa", 4, 4), changed("pairs"), changed("x"), FUNDS, FUNDING, DAY]
    found = {event.type for fact in facts if (event := event_of(1, 0, fact)) is not None}
    assert found <= A12_TYPES | OUR_TYPES
