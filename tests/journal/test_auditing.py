from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    AccountReconciled,
    Action,
    AlertCleared,
    AlertRaised,
    AnswersRetired,
    CancelState,
    CapitalDeclared,
    DayClosed,
    Effect,
    Evidence,
    ExitDeferred,
    ExitResumed,
    Fact,
    FlipAwaited,
    FlipEnded,
    FundingBooked,
    FundsBooked,
    HoldingDeclared,
    Intent,
    KillVerified,
    LiquidationBooked,
    ListingsAdopted,
    OrderMoved,
    OrderSeen,
    OrderState,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    SettingChange,
    Side,
    SignalGiven,
    Source,
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
OUR_TYPES = {
    "day_closed",
    "exit_deferred",
    "exit_resumed",
    "flip_awaited",
    "flip_ended",
    "funding_booked",
    "order_lost",
    "order_resolved",
    "position_liquidated",
    "protection_changed",
}


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
SEEN = OrderSeen("m1", "7", "BTC-USD", Side.BUY, 5, 0)
HELD = HoldingDeclared("paper", "BTC-USD", Decimal("0.1"), Decimal(3_000))
FUNDING = FundingBooked(1, "paper", "BTC-USDT:USDT", "f1", "USDT", Decimal("-0.10"), Decimal(9), Decimal("-0.1"), 1)
DAY = DayClosed(1, 0, Decimal(100), Decimal("101.5"), Decimal(2), ZERO, Decimal("0.5"), ZERO, ZERO, ZERO, 3)


LIQUIDATED = LiquidationBooked(
    at_ns=1,
    venue="paper",
    instrument="BTC-USDT:USDT",
    trade_id="t9",
    side=Side.SELL,
    qty=Decimal("0.01"),
    price=Decimal(20_000),
    fee=Decimal("0.1"),
    fee_asset="USDT",
    realised=Decimal("-80.5"),
    qty_after=ZERO,
    cost_after=ZERO,
    realised_after=Decimal("-80.5"),
    margin_after=ZERO,
    opened_at_ns=0,
    entries_after=0,
    cash_after={"USDT": Decimal(9)},
    fees_after=Decimal("0.1"),
    venue_at_ns=1,
)
EXIT = Intent("x1", Source.STRATEGY, "strategy", Effect.REDUCE, Side.SELL, "BTC-USD", ZERO, "position", cause="target")


def moved(evidence: Evidence, state: OrderState) -> Fact:
    return OrderMoved(1, "aa", evidence, state, 0, ZERO, CancelState.NONE, reason="seen at the venue")


@pytest.mark.parametrize(
    ("fact", "kind", "actor", "told"),
    [
        (ExitDeferred(1, EXIT), "exit_deferred", "system", "target"),
        (ExitResumed(1, "x1"), "exit_resumed", "system", "x1"),
        (FlipAwaited(1, "x1", 5, SignalGiven("BTC-USDT:USDT", Action.SELL)), "flip_awaited", "system", "SELL"),
        (FlipEnded(1, "BTC-USDT:USDT", "x1", "a new session began"), "flip_ended", "system", "a new session began"),
        (LIQUIDATED, "position_liquidated", "system", "-80.5"),
        (ProtectionTried(1, "paper", "BTC-USD", 1, 0, 2), "protection_changed", "system", "missing"),
        (ProtectionSettled(1, "paper", "BTC-USD"), "protection_changed", "system", "settled"),
        (OthersSeen(1, "paper", (SEEN,)), "balance_sync", "system", ["buy BTC-USD m1"]),
        (OthersSeen(1, "paper", ()), "balance_sync", "system", []),
        (KillVerified(1, "paper", 5), "kill_switch", "system", True),
        (moved(Evidence.LOST, OrderState.UNKNOWN), "order_lost", "system", "aa"),
        (moved(Evidence.DECLARED_GONE, OrderState.CANCELLED), "order_resolved", "user", "seen at the venue"),
        (CapitalDeclared(1, {}, 1.0, (HELD,)), "balance_sync", "system", ["0.1 BTC-USD on paper"]),
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
    facts += [LIQUIDATED, FlipEnded(1, "BTC-USDT:USDT", "x1")]
    facts += [ExitDeferred(1, EXIT), ProtectionSettled(1, "paper", "BTC-USD"), AnswersRetired(1, ("k",))]
    found = {event.type for fact in facts if (event := event_of(1, 0, fact)) is not None}
    assert found <= A12_TYPES | OUR_TYPES
