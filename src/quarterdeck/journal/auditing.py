"""What a fact means to an auditor: one event, or nothing. A pure fold, apart from any SQL."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import (
    AccountReconciled,
    AlertCleared,
    AlertRaised,
    BalanceDiffered,
    CapitalDeclared,
    ClockHeld,
    Control,
    ControlChanged,
    DayClosed,
    Evidence,
    ExitDeferred,
    ExitResumed,
    Fact,
    FillBooked,
    FlipAwaited,
    FlipEnded,
    FundingBooked,
    FundsBooked,
    IntentRefused,
    KillVerified,
    LiquidationBooked,
    ListingsAdopted,
    OrderMoved,
    OrderState,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    StateUpgraded,
    StrayFound,
)
from quarterdeck.ports import iso

Details = dict[str, object]
Event = tuple[str, str, Details]

_SYSTEM: Final = frozenset({"", "engine", "guardrails", "system"})
_FILL: Final = ("client_id", "intent_id", "trade_id", "venue", "instrument", "side", "fee_asset", "inferred")
_DAY: Final = ("equity_open", "equity", "realised", "unrealised", "fees", "funding", "flows", "revaluation")
_STATUS: Final = "agent_status_change"
_PROTECTION: Final = "protection_changed"


class EventRecord(Struct, frozen=True):
    """One thing that an auditor wants to know of, as a row of `events`; `details` is JSON."""

    seq: int
    nth: int
    at_ns: int
    type: str
    actor: str
    details: str


def event_of(seq: int, nth: int, fact: Fact) -> EventRecord | None:
    """Give the event of the fact that stands at place `nth` in row `seq`, None where no auditor asks for it."""
    event = _of_trading(fact) or _of_exits(fact) or _of_money(fact) or _of_control(fact) or _of_the_session(fact)
    if event is None:
        return None
    kind, actor, details = event
    return EventRecord(seq, nth, fact.at_ns, kind, actor, msgspec.json.encode(details).decode())


def actor_of(who: str) -> str:
    """Sort whoever caused something into system, user or mcp."""
    if who in _SYSTEM:
        return "system"
    return "mcp" if who == "mcp" or who.startswith("mcp:") else "user"


def as_text(amount: Decimal) -> str:
    """Write an exact amount out, without an exponent."""
    return format(amount, "f")


def _of_trading(fact: Fact) -> Event | None:
    match fact:
        case FillBooked():
            return "trade_executed", "system", _named(fact, _FILL) | _amounts(fact, ("qty", "price", "fee", "realised"))
        case LiquidationBooked():
            told = _named(fact, ("venue", "instrument", "trade_id", "side", "fee_asset"))
            return "position_liquidated", "system", told | _amounts(fact, ("qty", "price", "fee", "realised"))
        case IntentRefused(stage="guardrails"):
            return "guardrail_triggered", "system", _refusal(fact) | {"failed": fact.failed}
        case IntentRefused():
            return "trade_rejected", "system", _refusal(fact) | {"stage": fact.stage}
        case OrderMoved(state=OrderState.REJECTED):
            return "trade_rejected", "system", {"client_id": fact.client_id, "reason": fact.reason, "stage": "venue"}
        case OrderMoved(evidence=Evidence.DECLARED_GONE):
            return "order_resolved", "user", _named(fact, ("client_id", "evidence", "state", "reason"))
        case OrderMoved(evidence=Evidence.LOST):
            return "order_lost", "system", _named(fact, ("client_id", "state", "reason"))
        case _:
            return None


def _of_exits(fact: Fact) -> Event | None:
    """Tell of what protects positions, of exits that wait for it to make way, and of openings that wait for exits."""
    match fact:
        case ExitDeferred():
            told: Details = {"intent_id": fact.intent.id, "instrument": fact.intent.instrument, "venue": fact.venue}
            return "exit_deferred", "system", told | {"cause": fact.intent.cause or fact.intent.source}
        case ExitResumed():
            return "exit_resumed", "system", {"intent_id": fact.intent_id}
        case FlipAwaited():
            told = {"intent_id": fact.intent_id, "instrument": fact.signal.instrument, "action": fact.signal.action}
            return "flip_awaited", "system", told
        case FlipEnded():
            return "flip_ended", "system", _named(fact, ("intent_id", "pair", "reason"))
        case ProtectionTried():
            details = _named(fact, ("venue", "instrument", "tries")) | {"since_at": iso(fact.since_ns)}
            return _PROTECTION, "system", {"protection": "missing"} | details
        case ProtectionSettled():
            return _PROTECTION, "system", {"protection": "settled"} | _named(fact, ("venue", "instrument"))
        case _:
            return None


def _of_money(fact: Fact) -> Event | None:
    match fact:
        case BalanceDiffered():
            amounts = _amounts(fact, ("expected", "actual", "baseline"))
            return "balance_sync", "system", _named(fact, ("venue", "asset", "explained")) | amounts
        case CapitalDeclared():
            cash = {
                venue: {asset: as_text(amount) for asset, amount in held.items()} for venue, held in fact.cash.items()
            }
            held = [f"{as_text(one.qty)} {one.instrument} on {one.venue}" for one in fact.holdings]
            return "balance_sync", "system", {"declared": cash} | ({"holdings": held} if held else {})
        case StrayFound():
            details: Details = {"venue": fact.venue, "stray": fact.what, "key": fact.key, "detail": fact.detail}
            return "balance_sync", "system", details
        case OthersSeen():
            seen = [f"{one.side.value} {one.instrument} {one.client_id or one.venue_order_id}" for one in fact.orders]
            return "balance_sync", "system", {"venue": fact.venue, "orders_of_others": seen}
        case FundsBooked():
            told = _named(fact, ("key", "who", "venue", "asset", "reason"))
            amounts = _amounts(fact, ("amount", "cash_after", "baseline_after", "unexplained_after", "flows_after"))
            return "balance_sync", actor_of(fact.who), {"funds": "booked"} | told | amounts
        case FundingBooked():
            told = _named(fact, ("venue", "instrument", "funding_id", "asset"))
            return "funding_booked", "system", told | _amounts(fact, ("amount", "funding_after"))
        case AccountReconciled():
            return "balance_sync", "system", {"venue": fact.venue, "reconciled": True}
        case DayClosed():
            return "day_closed", "system", {"day_ns": fact.day_ns, "fills": fact.fills} | _amounts(fact, _DAY)
        case _:
            return None


def _of_control(fact: Fact) -> Event | None:
    match fact:
        case ControlChanged():
            is_kill = fact.kill_epoch is not None or fact.control is Control.HALTED
            details = _named(fact, ("control", "reason", "who", "kill_epoch"))
            return "kill_switch" if is_kill else _STATUS, actor_of(fact.who), details
        case KillVerified():
            return "kill_switch", "system", {"verified": True, "venue": fact.venue, "read_at": iso(fact.venue_at_ns)}
        case SettingsAdopted():
            changes = [{"path": change.path, "before": change.before, "after": change.after} for change in fact.changes]
            of_pairs = any(change.path.partition(".")[0] == "pairs" for change in fact.changes)
            told: Details = {"bot": fact.settings.bot, "pairs": fact.settings.pairs}
            if changes:
                told |= {"who": fact.who, "reason": fact.reason, "changes": changes}
            return "pair_changed" if of_pairs else "config_changed", actor_of(fact.who), told
        case ListingsAdopted():
            listed = {one.instrument: "tradable" if one.tradable else "not tradable" for one in fact.listings}
            return "pair_changed", "system", {"venue": fact.venue, "listings": listed}
        case _:
            return None


def _of_the_session(fact: Fact) -> Event | None:
    match fact:
        case SessionOpened():
            details = _named(fact, ("session", "epoch", "software")) | {"state": "started"}
        case SessionClosed():
            details = {"state": "stopped", "reason": fact.reason, "released": fact.released}
        case StateUpgraded():
            names = ("software_before", "software", "before_hash", "state_hash")
            details = {"state": "upgraded"} | _named(fact, names)
        case AlertRaised():
            details = {"alert": fact.code, "text": fact.text, "severity": fact.severity, "key": fact.key}
        case AlertCleared():
            details = {"alert_cleared": fact.key, "text": fact.text}
        case ClockHeld():
            details = {"alert": "clock_step", "step_ns": fact.step_ns}
        case _:
            return None
    return _STATUS, "system", details


def _refusal(fact: IntentRefused) -> Details:
    return _named(fact, ("intent_id", "instrument", "reason"))


def _named(fact: Fact, names: Iterable[str]) -> Details:
    return {name: getattr(fact, name) for name in names}


def _amounts(fact: Fact, names: Iterable[str]) -> Details:
    return {name: as_text(getattr(fact, name)) for name in names}
