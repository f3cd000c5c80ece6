"""What venues say about orders and accounts, moved along the life-cycle table. Nothing here ever sends."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    SECOND_NS,
    ZERO,
    AccountReconciled,
    AccountReported,
    AccountWeighed,
    AlertRaised,
    BalanceDiffered,
    Bug,
    CancelRequested,
    CancelState,
    Control,
    Evidence,
    Fact,
    Hold,
    OrderMoved,
    OrderReported,
    OrderSeen,
    OrderState,
    Source,
    StrayFound,
    add,
    subtract,
)
from quarterdeck.engine.holds import held
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED, Alert, Order, client_prefix, reserve_of, step

ABSENCE_SPACING_NS: Final = SECOND_NS
_OURS: Final = frozenset({Evidence.FILL, Evidence.RECOVERED, Evidence.CANCEL_REQUESTED, Evidence.ABSENCE_PROVEN})
_WORKING: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})


def take_report(state: State, report: OrderReported, at_ns: int) -> Iterator[Fact]:
    """Move an order by what was learned about it; an order that we do not know is a stray."""
    order = state.orders.get(report.client_id)
    if order is None or order.venue != report.venue:
        if report.evidence is not Evidence.ABSENT:
            yield from _stray_order(state, at_ns, report.venue, report.client_id, report.evidence.value)
        return
    evidence, absences = report.evidence, order.absences
    if evidence in _OURS:  # not `ensure`: its message would be made for every report
        raise Bug(f"{report.venue} reports {evidence.value}, which only the engine can conclude")
    if evidence is Evidence.ABSENT:
        if not _absence_counts(state, order, report, at_ns):
            return
        absences += 1
        if absences >= settings_of(state).absences_min and _balances_agree(state, order):
            evidence = Evidence.ABSENCE_PROVEN
    reported = report.reported_lots or 0
    if evidence is Evidence.FILLED:
        reported = max(reported, order.qty_lots)
    before = order.state
    yield from move(state, order, evidence, at_ns, reason=report.reason, report=report, reported_lots=reported)
    if order.state is not before:
        yield from cancel_unwanted(state, order, at_ns)


def _absence_counts(state: State, order: Order, report: OrderReported, at_ns: int) -> bool:
    """
    Tell whether a negative answer proves anything yet.

    Only one that the venue gave after the last instant at which the order could have arrived and become visible,
    and at a distance from the one before. A venue that tells no time never proves an absence.
    """
    if order.state not in (OrderState.UNKNOWN, OrderState.PLANNED):
        return False
    is_spaced = at_ns >= order.absent_at_ns + ABSENCE_SPACING_NS
    return report.venue_at_ns > _arrived_by_ns(state, order) and is_spaced


def _arrived_by_ns(state: State, order: Order) -> int:
    """Give the last instant, by the venue's clock, at which an order could have arrived and become visible."""
    venue = state.venues[order.venue]
    return order.send_by_ns + venue.validity_ns + venue.lag_ns


def _balances_agree(state: State, order: Order) -> bool:
    """
    Tell whether the account, read after the order could have arrived, shows nothing that the order might have done.

    A balance that moved and that nothing explains may be the order itself, whatever queries say.
    """
    if state.unexplained.get(order.venue):
        return False
    doubts = state.doubts.get(order.venue, {})
    was_weighed = state.weighed_venue_ns.get(order.venue, 0) > _arrived_by_ns(state, order)
    return was_weighed and not any(doubts.get(asset) for asset in _traded_assets(state, order))


def move(  # noqa: PLR0913 - one call names the whole event; a bundle would only rename it
    state: State,
    order: Order,
    evidence: Evidence,
    at_ns: int,
    *,
    reason: str = "",
    report: OrderReported | None = None,
    reported_lots: int = 0,
) -> Iterator[Fact]:
    """Move one order along the table; no fact where nothing changes."""
    moved = step(order, evidence, order.booked_lots)
    reported = max(order.reported_lots, reported_lots)
    venue_order_id = report.venue_order_id if report is not None else ""
    absences = order.absences + 1 if evidence in (Evidence.ABSENT, Evidence.ABSENCE_PROVEN) else order.absences
    is_news = (
        moved.state is not order.state
        or moved.cancel is not order.cancel
        or reported != order.reported_lots
        or absences != order.absences
        or bool(venue_order_id and not order.venue_order_id)
    )
    if is_news:
        yield OrderMoved(
            at_ns=at_ns,
            client_id=order.client_id,
            evidence=evidence,
            state=moved.state,
            reported_lots=reported,
            reserve=reserve_of(order, moved.state, order.booked_lots, reported),
            cancel=moved.cancel,
            venue_order_id=venue_order_id,
            reason=reason,
            venue_at_ns=report.venue_at_ns if report is not None else 0,
            price=_price_of(report),
            absences=absences,
            returns_trade=_returns_trade(state, order, moved.state, reported),
            rejects=_rejects(state, order, reason) if evidence is Evidence.REJECTED else 0,
        )
        if evidence is Evidence.REJECTED:
            yield from _break(state, order, at_ns)
    if moved.alert is not Alert.NONE:
        text = f"order {order.client_id} on {order.venue}: {moved.alert.value} ({evidence.value})"
        yield AlertRaised(at_ns=at_ns, code="order", text=text, severity="critical")


def _price_of(report: OrderReported | None) -> Decimal | None:
    """Give the average price that a report states; a price of zero or NaN is none, and must not reach the books."""
    price = report.price if report is not None else None
    return price if price is not None and price.is_finite() and price > 0 else None


def _returns_trade(state: State, order: Order, after: OrderState, reported_lots: int) -> bool:
    """Tell whether an intent gives its place among the counted trades back: all its orders ended, and none traded."""
    if after not in ENDED or order.state in ENDED or reported_lots or order.intent_id not in state.trades:
        return False
    return not any(
        other.intent_id == order.intent_id and (other.booked_lots or other.state not in ENDED) and other is not order
        for other in state.orders.values()
    )


def _rejects(state: State, order: Order, reason: str) -> int:
    """Count the rejections in a row with these very words, this one included."""
    before = state.rejections(order.venue, order.instrument)
    return before.count + 1 if before is not None and before.reason == reason else 1


def _break(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """Tell a person when the same rejection has come so often that nothing more is opened there."""
    rejections = state.rejections(order.venue, order.instrument)
    if rejections is not None and rejections.count == settings_of(state).guardrails.rejects_max:
        times = f"{order.venue} rejected {order.instrument} {rejections.count} times in a row"
        text = f"{times}: {rejections.reason}; nothing is opened there until the bot is resumed"
        yield AlertRaised(at_ns=at_ns, code="breaker", text=text, severity="critical")


def request_cancel(order: Order, at_ns: int, reason: str) -> Iterator[Fact]:
    """Ask for a cancel of an order that is alive, unless one is on its way."""
    if order.state not in ENDED and order.cancel is CancelState.NONE:
        yield CancelRequested(at_ns=at_ns, client_id=order.client_id, venue=order.venue, reason=reason)


def cancel_unwanted(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """
    Ask again for the cancel of an order that works though it should not.

    A cancel may overtake its create and be refused; what it was meant for appears afterwards. So a cancel that was
    once wanted stays wanted, and nothing that appears during a halt may stay, unless it protects and may.
    """
    if order.state not in _WORKING or order.cancel is not CancelState.NONE:
        return
    protects = order.source is Source.PROTECTION and settings_of(state).guardrails.protect_when_halted
    halted = state.control is Control.HALTED and not protects
    if order.cancel_reason or halted:
        yield from request_cancel(order, at_ns, order.cancel_reason or "the bot is halted")


def take_account(state: State, report: AccountReported, at_ns: int) -> Iterator[Fact]:
    """
    Compare a venue's account with what our fills explain. The venue is the truth; a difference is recorded.

    Doing it twice equals doing it once, and nothing is ever sent. What an account holds when it is first seen is
    its baseline. A later difference that no fill explains stops opening. Assets that an unsettled order may be
    changing right now are left for the next time, and so is an account that was read before our last trade there.
    """
    if 0 < report.venue_at_ns <= state.traded_venue_ns.get(report.venue, 0):
        return
    prefix = client_prefix(settings_of(state).bot)
    for seen in report.orders:
        if seen.client_id.startswith(prefix):
            yield from _take_seen(state, report, seen, at_ns)
    yield from _weigh(state, report, at_ns)
    moving = _moving_assets(state, report.venue)
    known = state.baselines.get(report.venue)
    unexplained: list[str] = []
    for asset in sorted({*report.totals, *(known or ()), *state.cash.get(report.venue, {})} - moving):
        own = _own(state, report.venue, asset)
        actual = report.totals.get(asset, ZERO)
        first = known is None or asset not in known
        expected = own if first else add((known or {})[asset], own)
        if not first and actual == expected:
            continue
        yield BalanceDiffered(
            at_ns=at_ns,
            venue=report.venue,
            asset=asset,
            expected=expected,
            actual=actual,
            baseline=subtract(actual, own),
            explained=first,
        )
        if not first:
            unexplained.append(f"{asset} {actual} instead of {expected}")
    yield from _stop_opening(state, report.venue, unexplained, at_ns)
    if report.venue in state.reconciling:
        yield AccountReconciled(at_ns=at_ns, venue=report.venue)


def _weigh(state: State, report: AccountReported, at_ns: int) -> Iterator[Fact]:
    """Hold the balances against our books for the sake of unknown orders; the baseline stays as it is."""
    in_doubt: set[str] = set()
    settling: set[str] = set()
    for order in state.moving_orders():
        if order.venue == report.venue:
            is_unknown = order.state is OrderState.UNKNOWN and not order.booked_lots
            (in_doubt if is_unknown else settling).update(_traded_assets(state, order))
    known = state.baselines.get(report.venue, {})
    if not in_doubt or report.venue_at_ns <= state.weighed_venue_ns.get(report.venue, 0):
        return
    doubts = {
        asset: subtract(report.totals.get(asset, ZERO), add(known[asset], _own(state, report.venue, asset)))
        for asset in sorted(in_doubt - settling)
        if asset in known
    }
    yield AccountWeighed(at_ns=at_ns, venue=report.venue, venue_at_ns=report.venue_at_ns, doubts=doubts)


def _take_seen(state: State, account: AccountReported, seen: OrderSeen, at_ns: int) -> Iterator[Fact]:
    """Take a listed order as evidence that it works; it goes along the table, so one seen late changes nothing."""
    order = state.orders.get(seen.client_id)
    if order is None or order.venue != account.venue:
        yield from _stray_order(state, at_ns, account.venue, seen.client_id, "working")
        return
    report = OrderReported(
        at_ns=at_ns,
        venue=account.venue,
        client_id=seen.client_id,
        evidence=Evidence.ACKNOWLEDGED,
        venue_order_id=seen.venue_order_id,
        venue_at_ns=account.venue_at_ns,
    )
    yield from move(state, order, report.evidence, at_ns, report=report, reported_lots=seen.filled_lots)


def _stop_opening(state: State, venue: str, unexplained: list[str], at_ns: int) -> Iterator[Fact]:
    if not unexplained:
        return
    text = f"{venue} holds {', '.join(unexplained)}, which no trade of this bot explains"
    hold = Hold("reconcile", Control.REDUCING, f"{text}; check the account, then resume")
    if hold.cause not in state.holds:
        yield held(state, at_ns, hold, "reconcile")
    yield AlertRaised(at_ns=at_ns, code="balance_sync", text=text, severity="critical")


def _moving_assets(state: State, venue: str) -> set[str]:
    """Name what unsettled orders may be changing: what they trade, and whatever the venue may take its fees in."""
    moving: set[str] = set()
    for order in state.moving_orders():
        if order.venue == venue:
            moving.update(_traded_assets(state, order))
    if not moving:
        return moving
    traded = {asset for grid in state.grids[venue].values() for asset in (grid.listing.base, grid.listing.quote)}
    known = {*state.baselines.get(venue, {}), *state.cash.get(venue, {})}
    return moving | (known - traded) | set(state.fees)


def _traded_assets(state: State, order: Order) -> tuple[str, str]:
    listing = state.grids[order.venue][order.instrument].listing
    return listing.base, listing.quote


def _own(state: State, venue: str, asset: str) -> Decimal:
    own = state.cash.get(venue, {}).get(asset, ZERO)
    for instrument, position in state.positions.get(venue, {}).items():
        if state.grids[venue][instrument].listing.base == asset:
            own = add(own, position.qty)
    return own


def _stray_order(state: State, at_ns: int, venue: str, client_id: str, what: str) -> Iterator[Fact]:
    key = f"{venue}:{client_id}"
    if key in state.strays:
        return
    yield StrayFound(at_ns=at_ns, venue=venue, what="order", key=key, detail=what)
    text = f"{venue} knows an order {client_id} ({what}) that is not in the journal; look at it at the venue"
    yield AlertRaised(at_ns=at_ns, code="stray_order", text=text, severity="critical")
