"""
The fold: what each fact does to the state. It only assigns and adds; every result was worked out by `decide`.

That is why an old journal still folds under new code.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from quarterdeck.domain import (
    MINUTE_NS,
    ZERO,
    AccountWeighed,
    AlertRaised,
    BalanceDiffered,
    Bug,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockHeld,
    CommandAnswered,
    ControlChanged,
    CycleRan,
    Fact,
    FillBooked,
    IntentFormed,
    IntentRefused,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrdersRetired,
    OrderState,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Source,
    StrayFound,
    TradesPulled,
    add,
    ensure,
    multiply,
    subtract,
)
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import Grid, Marked, State
from quarterdeck.orders import ENDED, NEVER_LIVED, Order, allows, is_settled
from quarterdeck.portfolio import Position


def apply(state: State, fact: Fact) -> None:
    """
    Put one fact into the state, in place.

    Raises:
        Bug: If the fact breaks an invariant: a transition outside the table, an order planned twice, time going back.
    """
    if fact.at_ns < state.at_ns:  # not `ensure`: its message would be made for every fact
        raise Bug(f"time went back: {type(fact).__name__} at {fact.at_ns} after {state.at_ns}")
    state.at_ns = fact.at_ns
    _FOLD[type(fact)](state, fact)


def _session_opened(state: State, fact: SessionOpened) -> None:
    ensure(fact.epoch > state.epoch, f"epoch {fact.epoch} is not above {state.epoch}")
    state.session = fact.session
    state.epoch = fact.epoch
    state.released = False
    state.stopping = False


def _session_closed(state: State, fact: SessionClosed) -> None:
    state.stopping = True
    state.released = fact.released


def _settings_adopted(state: State, fact: SettingsAdopted) -> None:
    settings = fact.settings
    state.settings = settings
    state.venues = {venue.name: venue for venue in settings.venues}
    # Listings that are traded no more stay known: a late fill must still be booked, and dust be counted.
    grids = {venue: dict(known) for venue, known in state.grids.items()}
    for listing in settings.listings:
        grids.setdefault(listing.venue, {})[listing.instrument] = Grid(
            listing=listing,
            tick=float(listing.tick),
            lot=float(listing.lot),
            fee_taker=float(listing.fee_taker),
            notional_min=float(listing.notional_min),
        )
    state.grids = grids


def _capital_declared(state: State, fact: CapitalDeclared) -> None:
    state.cash = {venue: dict(cash) for venue, cash in fact.cash.items()}
    state.equity_open = fact.equity
    state.equity = fact.equity
    state.peak = fact.equity


def _marks_taken(state: State, fact: MarksTaken) -> None:
    state.minute_ns = fact.minute_ns
    state.equity = fact.equity
    if fact.equity is None:
        return
    state.peak = fact.peak
    state.drawdown_max = fact.drawdown_max
    state.recent.append(Marked(fact.minute_ns, fact.equity))
    window_ns = settings_of(state).guardrails.loss_rate_window_min * MINUTE_NS
    while len(state.recent) > 1 and state.recent[1].minute_ns <= fact.minute_ns - window_ns:
        del state.recent[0]


def _cycle_ran(state: State, fact: CycleRan) -> None:
    state.last_bar_ns = fact.bar_ns


def _intent_formed(state: State, fact: IntentFormed) -> None:
    if fact.intent.source not in OWN_SOURCES:
        state.answers[fact.intent.id] = "taken up"


def _intent_refused(state: State, fact: IntentRefused) -> None:
    if fact.intent_id in state.answers:
        state.answers[fact.intent_id] = f"refused: {fact.reason}"


def _order_planned(state: State, fact: OrderPlanned) -> None:
    ensure(fact.client_id not in state.orders, f"order {fact.client_id} was planned before")
    ensure(fact.qty_lots > 0, f"order {fact.client_id} has no quantity")
    reserve = multiply(fact.reserve_per_lot, Decimal(fact.qty_lots))
    state.orders[fact.client_id] = order = Order(
        client_id=fact.client_id,
        intent_id=fact.intent_id,
        source=fact.source,
        venue=fact.venue,
        instrument=fact.instrument,
        side=fact.side,
        effect=fact.effect,
        order_kind=fact.order_kind,
        qty_lots=fact.qty_lots,
        lot=fact.lot,
        tick=fact.tick,
        limit_ticks=fact.limit_ticks,
        reference_price=fact.reference_price,
        reserve_asset=fact.reserve_asset,
        reserve_per_lot=fact.reserve_per_lot,
        planned_at_ns=fact.at_ns,
        send_by_ns=fact.send_by_ns,
        kill_epoch=fact.kill_epoch,
        trade_before_ns=state.last_trade_ns.get(fact.instrument, 0),
        trade_ids=[],
    )
    _reserve(state, order, reserve)
    state.live[fact.client_id] = fact.at_ns
    state.last_trade_ns[fact.instrument] = fact.at_ns


def _order_moved(state: State, fact: OrderMoved) -> None:
    order = state.orders[fact.client_id]
    ensure(
        allows(order.state, fact.evidence, fact.state),
        f"order {fact.client_id}: {order.state} → {fact.state} on {fact.evidence} is not in the table",
    )
    _set_state(state, order, fact.state, fact.at_ns)
    order.cancel = fact.cancel
    if fact.absences > order.absences:
        order.absent_at_ns = fact.at_ns
    order.absences = fact.absences
    order.reason = fact.reason or order.reason
    order.venue_order_id = fact.venue_order_id or order.venue_order_id
    order.reported_price = fact.price if fact.price is not None else order.reported_price
    _set_reported(order, fact.reported_lots, fact.at_ns)
    _reserve(state, order, fact.reserve)
    if fact.returns_trade_ns is not None:
        state.last_trade_ns[order.instrument] = fact.returns_trade_ns
    _settle(state, order)


def _fill_booked(state: State, fact: FillBooked) -> None:
    order = state.orders[fact.client_id]
    ensure(fact.trade_id not in order.trade_ids, f"trade {fact.trade_id} was booked before")
    _set_state(state, order, fact.state, fact.at_ns)
    order.trade_ids.append(fact.trade_id)
    order.booked_lots = fact.booked_lots_after
    order.inferred = fact.inferred_after
    _set_reported(order, fact.reported_lots_after, fact.at_ns)
    _reserve(state, order, fact.reserve_after)
    state.positions.setdefault(fact.venue, {})[fact.instrument] = Position(
        qty=fact.qty_after,
        cost=fact.cost_after,
        realised=fact.realised_after,
        opened_at_ns=fact.opened_at_ns,
        entries=fact.entries_after,
    )
    for held in fact.cash_after:
        state.cash.setdefault(held.venue, {})[held.asset] = held.amount
    for fee in fact.fees_after:
        state.fees[fee.asset] = fee.amount
    if fact.cursor > state.cursors.get(fact.venue, 0):
        state.cursors[fact.venue] = fact.cursor
    if not fact.inferred and fact.venue_at_ns > state.traded_venue_ns.get(fact.venue, 0):
        state.traded_venue_ns[fact.venue] = fact.venue_at_ns
    _settle(state, order)


def _cancel_requested(state: State, fact: CancelRequested) -> None:
    order = state.orders[fact.client_id]
    ensure(order.state not in ENDED, f"order {fact.client_id} has ended and cannot be cancelled")
    order.cancel = CancelState.REQUESTED
    order.cancel_reason = fact.reason


def _control_changed(state: State, fact: ControlChanged) -> None:
    state.control = fact.control
    state.control_reason = fact.reason
    state.paused_until_ns = fact.paused_until_ns
    if fact.kill_epoch is not None:
        state.kill_epoch = fact.kill_epoch
    state.kill_raised = fact.kill_raised
    if fact.window_emptied:
        state.recent.clear()
    if fact.differences_accepted:
        state.unexplained.clear()


def _account_weighed(state: State, fact: AccountWeighed) -> None:
    state.weighed_venue_ns[fact.venue] = fact.venue_at_ns
    state.doubts[fact.venue] = dict(fact.doubts)


def _command_answered(state: State, fact: CommandAnswered) -> None:
    state.answers[fact.key] = fact.outcome


def _balance_differed(state: State, fact: BalanceDiffered) -> None:
    state.baselines.setdefault(fact.venue, {})[fact.asset] = fact.baseline
    if not fact.explained:
        unexplained = state.unexplained.setdefault(fact.venue, {})
        unexplained[fact.asset] = add(unexplained.get(fact.asset, ZERO), subtract(fact.actual, fact.expected))


def _stray_found(state: State, fact: StrayFound) -> None:
    state.strays[fact.key] = fact.what
    if fact.cursor > state.cursors.get(fact.venue, 0):
        state.cursors[fact.venue] = fact.cursor


def _trades_pulled(state: State, fact: TradesPulled) -> None:
    state.cursors[fact.venue] = fact.cursor


def _orders_retired(state: State, fact: OrdersRetired) -> None:
    for client_id in fact.client_ids:
        ensure(client_id not in state.live, f"order {client_id} is alive and cannot be retired")
        del state.orders[client_id]
    state.retired_through_ns = fact.at_ns


def _clock_held(state: State, fact: ClockHeld) -> None:
    state.clock_steady_at_ns = fact.steady_at_ns


def _nothing(state: State, fact: AlertRaised) -> None:
    """Keep the state: an alert is told to people and changes nothing."""


def _set_state(state: State, order: Order, after: OrderState, at_ns: int) -> None:
    if after is order.state:
        return
    order.came_back = order.came_back or order.state in NEVER_LIVED
    order.state = after
    if after is OrderState.UNKNOWN:
        order.unknown_since_ns = at_ns
    order.ended_at_ns = at_ns if after in ENDED else 0
    if after not in ENDED:
        state.live[order.client_id] = order.planned_at_ns


def _set_reported(order: Order, reported_lots: int, at_ns: int) -> None:
    ensure(reported_lots >= order.reported_lots, f"order {order.client_id}: reported quantity went down")
    order.reported_lots = reported_lots
    if order.reported_lots <= order.booked_lots:
        order.behind_since_ns = 0
    elif not order.behind_since_ns:
        order.behind_since_ns = at_ns


def _reserve(state: State, order: Order, reserve: Decimal) -> None:
    reserved = state.reserved.setdefault(order.venue, {})
    before = reserved.get(order.reserve_asset, ZERO)
    reserved[order.reserve_asset] = add(subtract(before, order.reserve), reserve)
    ensure(reserved[order.reserve_asset] >= 0, f"more of {order.reserve_asset} was released than reserved")
    order.reserve = reserve


def _settle(state: State, order: Order) -> None:
    if is_settled(order):
        state.live.pop(order.client_id, None)
    else:
        state.live.setdefault(order.client_id, order.planned_at_ns)


OWN_SOURCES: Final = frozenset({Source.STRATEGY, Source.MODEL, Source.PROTECTION})

# One handler for each kind of fact; a test holds this table equal to the union `Fact`.
_FOLD: Final[dict[type[Any], Callable[[State, Any], None]]] = {
    SessionOpened: _session_opened,
    SessionClosed: _session_closed,
    SettingsAdopted: _settings_adopted,
    CapitalDeclared: _capital_declared,
    MarksTaken: _marks_taken,
    CycleRan: _cycle_ran,
    IntentFormed: _intent_formed,
    IntentRefused: _intent_refused,
    OrderPlanned: _order_planned,
    OrderMoved: _order_moved,
    FillBooked: _fill_booked,
    CancelRequested: _cancel_requested,
    ControlChanged: _control_changed,
    CommandAnswered: _command_answered,
    BalanceDiffered: _balance_differed,
    AccountWeighed: _account_weighed,
    StrayFound: _stray_found,
    TradesPulled: _trades_pulled,
    OrdersRetired: _orders_retired,
    AlertRaised: _nothing,
    ClockHeld: _clock_held,
}
