"""
Accounts, compared with what our trades explain. The venue is the truth; a difference is recorded, and nothing is sent.

Doing it twice equals doing it once. What an account holds when it is first seen is its baseline; a later difference
that nothing explains stops opening. Working orders of ours are adopted first, those of others are only shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import (
    MINUTE_NS,
    ZERO,
    AccountReconciled,
    AccountReported,
    AccountWeighed,
    AlertRaised,
    BalanceDiffered,
    Control,
    Evidence,
    Fact,
    Hold,
    OrderReported,
    OrderSeen,
    OthersSeen,
    StrayFound,
    add,
    subtract,
)
from quarterdeck.engine.cover import review_all
from quarterdeck.engine.holds import held
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.reports import move, stray_order
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import WORKING, is_weighable, traded_by
from quarterdeck.orders import Order, client_prefix

STAYS_NS: Final = MINUTE_NS
OTHERS_SHOWN_MAX: Final = 500


class _Motion(Struct, frozen=True):
    """
    The assets of one account that unsettled orders of ours may be changing, by what is known of the orders.

    `unknown`: orders whose outcome balances may tell. `unclear`: those that may be filling at this moment, or whose
    trades are still to be booked. `resting`: those that work, or whose end was just concluded; they filled only if a
    trade is still on its way to us.
    """

    unknown: frozenset[str]
    unclear: frozenset[str]
    resting: frozenset[str]


def take_account(state: State, report: AccountReported, at_ns: int) -> Iterator[Fact]:
    """
    Compare a venue's account with what our fills explain.

    An account that was read before our last trade there says nothing. Assets that an unsettled order may be changing
    right now are left for the next time.
    """
    if 0 < report.venue_at_ns <= state.traded_venue_ns.get(report.venue, 0):
        return
    yield from _take_orders(state, report, at_ns)
    report = _with_positions(state, report)
    motion = _motion(state, report.venue)
    yield from _weigh(state, report, motion, at_ns)
    yield from _compare(state, report, motion, at_ns)
    noted = state.doubts.get(report.venue, {})
    if report.venue in state.reconciling and not any(noted.get(asset) for asset in motion.resting - motion.unknown):
        yield AccountReconciled(at_ns=at_ns, venue=report.venue)


def _with_positions(state: State, report: AccountReported) -> AccountReported:
    """
    Count positions in perpetuals among what an account holds, each under the name of its instrument.

    Where they were read, an instrument of ours that is not among them is flat. Those that the bot does not trade are
    none of its business.
    """
    if report.positions is None:
        return report
    ours = [name for name, grid in state.grids.get(report.venue, {}).items() if grid.is_perpetual]
    return replace(report, totals=report.totals | {name: report.positions.get(name, ZERO) for name in ours})


def forget_doubts(state: State, at_ns: int) -> Iterator[Fact]:
    """Let a new session note differences anew: while nobody listened, none can have stayed though trades were told."""
    for venue, doubts in list(state.doubts.items()):
        if _without_zeros(doubts):
            yield AccountWeighed(at_ns=at_ns, venue=venue, venue_at_ns=state.weighed_venue_ns[venue], doubts={})


def _take_orders(state: State, report: AccountReported, at_ns: int) -> Iterator[Fact]:
    """Adopt working orders of ours; note those of others, which are shown and left alone."""
    prefix = client_prefix(settings_of(state).bot)
    others: list[OrderSeen] = []
    for seen in report.orders:
        if seen.client_id.startswith(prefix):
            yield from _take_seen(state, report, seen, at_ns)
        else:
            others.append(seen)
    others.sort(key=lambda seen: (seen.venue_order_id, seen.client_id))
    shown = tuple(others[:OTHERS_SHOWN_MAX])
    if shown != state.others.get(report.venue, ()):
        yield OthersSeen(at_ns=at_ns, venue=report.venue, orders=shown)


def _take_seen(state: State, account: AccountReported, seen: OrderSeen, at_ns: int) -> Iterator[Fact]:
    """Take a listed order as evidence that it works; it goes along the table, so one seen late changes nothing."""
    order = state.orders.get(seen.client_id)
    if order is None or order.venue != account.venue:
        yield from stray_order(state, at_ns, account.venue, seen.client_id, "working")
        return
    if (seen.instrument, seen.side, seen.lots) != (order.instrument, order.side, order.qty_lots):
        yield from _impostor(state, order, seen, at_ns)
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


def _impostor(state: State, order: Order, seen: OrderSeen, at_ns: int) -> Iterator[Fact]:
    """Set aside, once, a listed order that carries the id of one of ours and is another: it is no evidence of ours."""
    key = f"{order.venue}:{seen.client_id}:{seen.venue_order_id}"
    if key in state.strays:
        return
    detail = f"{seen.side.value} {seen.lots} lots of {seen.instrument}"
    yield StrayFound(at_ns=at_ns, venue=order.venue, what="order", key=key, detail=detail)
    ours = f"{order.side.value} {order.qty_lots} lots of {order.instrument}"
    text = f"{order.venue} lists order {seen.client_id} as {detail}, but ours is {ours}; look at it at the venue"
    yield AlertRaised(at_ns=at_ns, code="stray_order", text=text, severity="critical")


def _motion(state: State, venue: str) -> _Motion:
    unknown: list[Order] = []
    unclear: list[Order] = []
    resting: list[Order] = []
    for order in state.moving_orders():
        if order.venue != venue:
            continue
        is_quiet = order.state in WORKING or state.was_just_concluded(order)
        if is_weighable(order):
            unknown.append(order)
        elif is_quiet and not order.inferred and order.reported_lots <= order.booked_lots:
            resting.append(order)
        else:
            unclear.append(order)
    in_doubt = _traded(state, unknown)
    return _Motion(
        unknown=frozenset(in_doubt),
        unclear=frozenset(_touched(state, venue, unclear) | (_touched(state, venue, unknown) - in_doubt)),
        resting=frozenset(_touched(state, venue, resting) | _exposed(state, venue)),
    )


def _exposed(state: State, venue: str) -> set[str]:
    """Name what funding and liquidation may be changing: positions in perpetuals that are held, and their money."""
    names: set[str] = set()
    for instrument, position in state.positions.get(venue, {}).items():
        if position.qty and state.grids[venue][instrument].is_perpetual:
            names.update(traded_by(state.grids[venue][instrument]))
    return names


def _traded(state: State, orders: Iterable[Order]) -> set[str]:
    """Name what orders trade."""
    places = {(order.venue, order.instrument) for order in orders}
    return {name for venue, instrument in sorted(places) for name in traded_by(state.grids[venue][instrument])}


def _touched(state: State, venue: str, orders: list[Order]) -> set[str]:
    """Name what orders may be changing: what they trade, and whatever the venue may take its fees in."""
    if not orders:
        return set()
    traded = {name for grid in state.grids[venue].values() for name in traded_by(grid)}
    known = {*state.baselines.get(venue, {}), *state.cash.get(venue, {})}
    return _traded(state, orders) | (known - traded) | set(state.fees)


def _difference(state: State, report: AccountReported, asset: str) -> Decimal:
    """Give how much more an account holds of an asset than its baseline and our books explain."""
    expected = add(state.baselines.get(report.venue, {}).get(asset, ZERO), _own(state, report.venue, asset))
    return subtract(report.totals.get(asset, ZERO), expected)


def _weigh(state: State, report: AccountReported, motion: _Motion, at_ns: int) -> Iterator[Fact]:
    """
    Hold the balances against our books where orders are in motion; the baseline stays as it is.

    They speak for or against unknown orders. Beside a working order a difference is noted first: it may be a trade that
    we have not heard of.
    """
    if report.venue not in state.baselines or report.venue_at_ns <= state.weighed_venue_ns.get(report.venue, 0):
        return
    doubts: dict[str, Decimal] = {}
    for asset in sorted((motion.unknown | motion.resting) - motion.unclear):
        if ":" in asset and asset not in report.totals:
            continue  # positions were not read: nobody can say
        difference = _difference(state, report, asset)
        if difference or asset in motion.unknown:
            doubts[asset] = difference
    known = state.doubts.get(report.venue, {})
    if motion.unknown or _without_zeros(doubts) != _without_zeros(known):
        yield AccountWeighed(at_ns=at_ns, venue=report.venue, venue_at_ns=report.venue_at_ns, doubts=doubts)


def _without_zeros(doubts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in doubts.items() if amount}


def _compare(state: State, report: AccountReported, motion: _Motion, at_ns: int) -> Iterator[Fact]:
    venue = report.venue
    known = state.baselines.get(venue)
    moving = motion.unknown | motion.unclear
    unexplained: list[str] = []
    for asset in sorted({*report.totals, *(known or ()), *state.cash.get(venue, {})} - moving):
        if ":" in asset and asset not in report.totals:
            continue
        own = _own(state, venue, asset)
        actual = report.totals.get(asset, ZERO)
        is_first = known is None or asset not in known
        expected = own if is_first else add((known or {})[asset], own)
        if (not is_first and actual == expected) or (asset in motion.resting and not _stays(state, report, asset)):
            continue
        is_explained = is_first and (_carries_own(actual, own) if ":" in asset else actual >= own)
        yield BalanceDiffered(
            at_ns=at_ns,
            venue=venue,
            asset=asset,
            expected=expected,
            actual=actual,
            baseline=subtract(actual, own),
            explained=is_explained,
        )
        if not is_explained:
            unexplained.append(f"{asset} {actual} instead of {expected}")
    if unexplained:
        yield from _stop_opening(state, venue, unexplained, at_ns)
        yield from review_all(state, at_ns)


def _carries_own(actual: Decimal, own: Decimal) -> bool:
    """Tell whether a position at a venue is what the bot calls its own, or more of it; beside none any is others'."""
    return actual <= own if own < ZERO else actual >= own or own == ZERO


def _stays(state: State, report: AccountReported, asset: str) -> bool:
    """Tell whether a difference beside a working order is so old that it is no trade on its way to us."""
    if report.venue_at_ns < state.weighed_venue_ns.get(report.venue, 0) + STAYS_NS:
        return False
    difference = _difference(state, report, asset)
    return difference != 0 and state.doubts.get(report.venue, {}).get(asset) == difference


def _stop_opening(state: State, venue: str, unexplained: list[str], at_ns: int) -> Iterator[Fact]:
    text = f"{venue} holds {', '.join(unexplained)}, which no trade of this bot explains"
    hold = Hold("reconcile", Control.REDUCING, f"{text}; check the account, then resume")
    if hold.cause not in state.holds:
        yield held(state, at_ns, hold, "reconcile")
    yield AlertRaised(at_ns=at_ns, code="balance_sync", text=text, severity="critical")


def _own(state: State, venue: str, asset: str) -> Decimal:
    """Give what the bot holds of an asset, or of a perpetual by its instrument."""
    if ":" in asset:
        return state.position(venue, asset).qty
    own = state.cash.get(venue, {}).get(asset, ZERO)
    for instrument, position in state.positions.get(venue, {}).items():
        grid = state.grids[venue][instrument]
        if grid.listing.base == asset and not grid.is_perpetual:
            own = add(own, position.qty)
    return own
