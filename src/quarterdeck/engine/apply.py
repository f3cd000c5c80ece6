"""
The fold: what each fact does to the state. It only assigns and adds; every result was worked out by `decide`.

That is why an old journal still folds under new code.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    ZERO,
    AccountReconciled,
    AccountWeighed,
    AlertCleared,
    AlertRaised,
    AnswersRetired,
    BalanceDiffered,
    Bug,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockHeld,
    CommandAnswered,
    Control,
    ControlChanged,
    CycleRan,
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
    Hold,
    IntentFormed,
    IntentRefused,
    KillVerified,
    LiquidationBooked,
    ListingsAdopted,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrdersRetired,
    OrderState,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Source,
    StateUpgraded,
    StrayFound,
    TradesPulled,
    WatermarkRaised,
    add,
    ensure,
    multiply,
    subtract,
)
from quarterdeck.engine.apply_money import (
    capital_declared,
    day_closed,
    funding_booked,
    funds_booked,
    keep_margin,
    liquidation_booked,
    listings_adopted,
    marks_taken,
    settings_adopted,
    watermark_raised,
)
from quarterdeck.engine.apply_venues import (
    account_reconciled,
    account_weighed,
    balance_differed,
    kill_verified,
    others_seen,
    stray_found,
    trades_pulled,
)
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import (
    Answered,
    Deferred,
    Flip,
    Marked,
    Naked,
    Rejections,
    State,
    TradeCounted,
    mark_of,
    place_of,
)
from quarterdeck.orders import ENDED, NEVER_LIVED, Order, allows, is_settled
from quarterdeck.portfolio import Position

TRADES_KEPT_MAX: Final = 5_000
RETIRED_KEYS_MAX: Final = 20_000
"""Beyond these only the inbox, which keeps every key, stands before a command that is given a second time."""
_ALIVE: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.FILLED})
_CONCLUDED: Final = frozenset({Evidence.ABSENCE_PROVEN, Evidence.DECLARED_GONE})
_ENDS_REJECTIONS: Final = frozenset({Evidence.FILLED, Evidence.CANCELLED, Evidence.EXPIRED})
"""What tells that a venue took an order for good; one that is acknowledged may still be rejected later."""


def apply(state: State, fact: Fact) -> None:
    """
    Put one fact into the state, in place.

    Raises:
        Bug: If the fact breaks an invariant: a transition outside the table, an order planned twice, time going back.
    """
    if fact.at_ns != state.at_ns:
        if fact.at_ns < state.at_ns:  # not `ensure`: its message would be made for every fact
            raise Bug(f"time went back: {type(fact).__name__} at {fact.at_ns} after {state.at_ns}")
        state.at_ns = fact.at_ns
    _FOLD[type(fact)](state, fact)


def _session_opened(state: State, fact: SessionOpened) -> None:
    ensure(fact.epoch > state.epoch, f"epoch {fact.epoch} is not above {state.epoch}")
    state.session = fact.session
    state.epoch = fact.epoch
    state.software = fact.software
    state.released = False
    state.stopping = False
    state.reconciling = dict.fromkeys(state.venues, True)
    if state.kill_raised:
        state.unswept = dict.fromkeys(state.venues, True)


def _session_closed(state: State, fact: SessionClosed) -> None:
    state.stopping = True
    state.released = fact.released


def _state_upgraded(_state: State, _fact: StateUpgraded) -> None:
    """Change nothing: the fold under the new software is the state already; the fact is for people and proof."""


def _cycle_ran(state: State, fact: CycleRan) -> None:
    state.last_bar_ns = fact.bar_ns


def _intent_formed(state: State, fact: IntentFormed) -> None:
    if fact.intent.source not in OWN_SOURCES:
        state.answers[fact.intent.id] = Answered("taken up", fact.at_ns)


def _intent_refused(state: State, fact: IntentRefused) -> None:
    state.deferred.pop(fact.intent_id, None)
    if fact.intent_id in state.answers:
        state.answers[fact.intent_id] = Answered(f"refused: {fact.reason}", fact.at_ns)


def _order_planned(state: State, fact: OrderPlanned) -> None:
    if fact.client_id in state.orders or fact.qty_lots <= 0:
        raise Bug(f"order {fact.client_id} was planned before, or has no quantity: {fact.qty_lots}")
    reserve, pair = multiply(fact.reserve_per_lot, Decimal(fact.qty_lots)), fact.pair or fact.instrument
    # Half of them go without their names: CPython makes a dictionary first of more than fifteen names in a call.
    state.orders[fact.client_id] = order = Order(
        fact.client_id,
        fact.intent_id,
        fact.source,
        fact.venue,
        fact.instrument,
        fact.side,
        fact.effect,
        fact.order_kind,
        fact.qty_lots,
        fact.lot,
        tick=fact.tick,
        limit_ticks=fact.limit_ticks,
        reference_price=fact.reference_price,
        reserve_asset=fact.reserve_asset,
        reserve_per_lot=fact.reserve_per_lot,
        planned_at_ns=fact.at_ns,
        send_by_ns=fact.send_by_ns,
        kill_epoch=fact.kill_epoch,
        pair=pair,
        rate=fact.rate,
        trigger_ticks=fact.trigger_ticks,
        protection=fact.protection,
        cursor=state.cursors.get(fact.venue, 0),
        leverage=fact.leverage,
    )
    _reserve(state, order, reserve)
    state.live[fact.client_id] = fact.at_ns
    if fact.trigger_ticks is not None:
        return  # a stop order is no trade until it awakes: its first fill counts it
    if fact.source in OWN_SOURCES:
        state.executions += 1
    _count_trade(state, fact.flips or fact.intent_id, pair, fact.at_ns)


def _count_trade(state: State, intent_id: str, pair: str, at_ns: int) -> None:
    """
    Count a trade once for each intent, in the order of time, and forget those that no limit looks back to.

    A day of them stays known even where no limit looks so far back today: one may be tightened at any time.
    """
    trades = state.trades
    if intent_id in trades:
        return
    trades[intent_id] = TradeCounted(pair, at_ns)
    old: list[str] = []
    for known_id, trade in trades.items():
        if trade.at_ns >= at_ns - DAY_NS and len(trades) - len(old) <= TRADES_KEPT_MAX:
            break
        if trade.at_ns >= _needed_ns(state, at_ns):
            break
        old.append(known_id)
    for known_id in old:
        del trades[known_id]
    while state.returned and state.returned[next(iter(state.returned))].at_ns < at_ns - DAY_NS:
        del state.returned[next(iter(state.returned))]


def _needed_ns(state: State, at_ns: int) -> int:
    """Give the instant that cooldown and trade rate look back to."""
    limits = settings_of(state).guardrails
    return at_ns - max(int(limits.cooldown_s * SECOND_NS), limits.trades_window_min * MINUTE_NS)


def _count_again(state: State, intent_id: str) -> None:
    """Count a trade that was given back and traded after all, at its own place in time."""
    state.trades[intent_id] = state.returned.pop(intent_id)
    state.trades = dict(sorted(state.trades.items(), key=lambda item: item[1].at_ns))


def _order_moved(state: State, fact: OrderMoved) -> None:
    order = state.orders[fact.client_id]
    if not allows(order.state, fact.evidence, fact.state):
        raise Bug(f"order {fact.client_id}: {order.state} → {fact.state} on {fact.evidence} is not in the table")
    _set_state(state, order, fact.state, fact.at_ns)
    order.cancel = fact.cancel
    if fact.absences > order.absences or fact.evidence is Evidence.LOST:
        order.absent_at_ns = fact.at_ns
    if fact.evidence is Evidence.LOST:
        order.lost_venue_ns = fact.venue_at_ns
    order.presumed = fact.state in ENDED and (fact.evidence in _CONCLUDED or (order.presumed and not _is_told(fact)))
    order.absences = fact.absences
    order.reason = fact.reason or order.reason
    order.venue_order_id = fact.venue_order_id or order.venue_order_id
    order.reported_price = fact.price if fact.price is not None else order.reported_price
    _set_reported(order, fact.reported_lots, fact.at_ns)
    _reserve(state, order, fact.reserve)
    if fact.returns_trade and order.intent_id in state.trades:
        state.returned[order.intent_id] = state.trades.pop(order.intent_id)
    place = place_of(order.venue, order.instrument)
    if fact.evidence is Evidence.REJECTED and fact.rejects:
        state.rejects[place] = Rejections(fact.reason, fact.rejects)
    elif fact.evidence in _ENDS_REJECTIONS:
        state.rejects.pop(place, None)
    _settle(state, order)


def _is_told(fact: OrderMoved) -> bool:
    """Tell whether a venue itself says that an order ended."""
    return fact.evidence in (Evidence.CANCELLED, Evidence.EXPIRED, Evidence.REJECTED)


def _fill_booked(state: State, fact: FillBooked) -> None:
    order = state.orders[fact.client_id]
    if fact.trade_id in order.trade_ids:
        raise Bug(f"trade {fact.trade_id} was booked before")
    _set_state(state, order, fact.state, fact.at_ns)
    order.trade_ids.append(fact.trade_id)
    if order.trigger_ticks is not None and not order.booked_lots:
        state.executions += 1
        _count_trade(state, order.intent_id, order.pair, fact.at_ns)
    order.booked_lots = fact.booked_lots_after
    order.inferred = fact.inferred_after
    if not fact.inferred:
        order.absences = 0
    _set_reported(order, fact.reported_lots_after, fact.at_ns)
    _reserve(state, order, fact.reserve_after)
    if fact.opened_at_ns != state.position(fact.venue, fact.instrument).opened_at_ns:
        state.watermarks.get(fact.venue, {}).pop(fact.instrument, None)
    if fact.margin_after is not None:
        keep_margin(state, fact.venue, fact.instrument, fact.margin_after)
    state.fills += 1
    if fact.intent_id in state.returned:
        _count_again(state, fact.intent_id)
    state.rejects.pop(place_of(fact.venue, fact.instrument), None)
    state.positions.setdefault(fact.venue, {})[fact.instrument] = Position(
        qty=fact.qty_after,
        cost=fact.cost_after,
        realised=fact.realised_after,
        opened_at_ns=fact.opened_at_ns,
        entries=fact.entries_after,
        margin=ZERO if fact.margin_after is None else fact.margin_after,
    )
    for held in fact.cash_after:
        state.cash.setdefault(held.venue, {})[held.asset] = held.amount
    _pay_fees(state, fact)
    if fact.cursor > state.cursors.get(fact.venue, 0):
        state.cursors[fact.venue] = fact.cursor
    if not fact.inferred and fact.venue_at_ns > state.traded_venue_ns.get(fact.venue, 0):
        state.traded_venue_ns[fact.venue] = fact.venue_at_ns
    _settle(state, order)


def _pay_fees(state: State, fact: FillBooked) -> None:
    grid = state.grids[fact.venue][fact.instrument]
    base = None if grid.is_perpetual else grid.listing.base
    for fee in fact.fees_after:
        if fee.asset == base:
            more = subtract(fee.amount, state.fees.get(base, ZERO))
            state.coin_fees[base] = add(state.coin_fees.get(base, ZERO), more)
        state.fees[fee.asset] = fee.amount


def _cancel_requested(state: State, fact: CancelRequested) -> None:
    order = state.orders[fact.client_id]
    ensure(order.state not in ENDED, f"order {fact.client_id} has ended and cannot be cancelled")
    order.cancel = CancelState.REQUESTED
    order.cancel_reason = fact.reason


def _control_changed(state: State, fact: ControlChanged) -> None:
    state.control = fact.control
    state.control_reason = fact.reason
    state.paused_until_ns = fact.paused_until_ns
    state.holds = {hold.cause: hold for hold in fact.holds}
    if fact.control is not Control.RUNNING and not fact.holds:  # the first version knew one reason at a time
        state.holds = {"operator": Hold("operator", fact.control, fact.reason, fact.paused_until_ns)}
    if fact.kill_epoch is not None:
        state.kill_epoch = fact.kill_epoch
    if fact.kill_raised is not state.kill_raised:
        state.unswept = dict.fromkeys(state.venues, True) if fact.kill_raised else {}
    state.kill_raised = fact.kill_raised
    if fact.window_emptied:
        state.recent.clear()
    if fact.differences_accepted:
        state.unexplained.clear()
        state.rejects.clear()
        state.executions = 0
    if fact.rebased:
        state.day_open = state.index_peak = state.index
        state.peaks = [Marked(state.minute_ns, state.index)]


def _alert_raised(state: State, fact: AlertRaised) -> None:
    if fact.key:
        state.alerts[fact.key] = fact.text


def _alert_cleared(state: State, fact: AlertCleared) -> None:
    state.alerts.pop(fact.key, None)


def _command_answered(state: State, fact: CommandAnswered) -> None:
    state.answers[fact.key] = Answered(fact.outcome, fact.at_ns)


def _answers_retired(state: State, fact: AnswersRetired) -> None:
    for key in fact.keys:
        del state.answers[key]
        state.retired_keys[mark_of(key)] = True
    while len(state.retired_keys) > RETIRED_KEYS_MAX:
        del state.retired_keys[next(iter(state.retired_keys))]


def _exit_deferred(state: State, fact: ExitDeferred) -> None:
    state.deferred[fact.intent.id] = Deferred(fact.intent, fact.venue, fact.at_ns)


def _exit_resumed(state: State, fact: ExitResumed) -> None:
    del state.deferred[fact.intent_id]


def _flip_awaited(state: State, fact: FlipAwaited) -> None:
    state.flips[fact.signal.instrument] = Flip(fact.intent_id, fact.bar_ns, fact.signal, fact.at_ns)


def _flip_ended(state: State, fact: FlipEnded) -> None:
    del state.flips[fact.pair]


def _protection_tried(state: State, fact: ProtectionTried) -> None:
    state.naked[place_of(fact.venue, fact.instrument)] = Naked(fact.since_ns, fact.tries, fact.next_ns)


def _protection_settled(state: State, fact: ProtectionSettled) -> None:
    state.naked.pop(place_of(fact.venue, fact.instrument), None)


def _orders_retired(state: State, fact: OrdersRetired) -> None:
    for client_id in fact.client_ids:
        ensure(client_id not in state.live, f"order {client_id} is alive and cannot be retired")
        del state.orders[client_id]
    state.retired_orders += len(fact.client_ids)
    state.retired_through_ns = fact.at_ns


def _clock_held(state: State, fact: ClockHeld) -> None:
    state.clock_steady_at_ns = fact.steady_at_ns


def _set_state(state: State, order: Order, after: OrderState, at_ns: int) -> None:
    if after is order.state:
        return
    order.came_back = order.came_back or order.state in NEVER_LIVED or (order.presumed and after not in ENDED)
    order.lived = order.lived or after in _ALIVE
    order.state = after
    if after is OrderState.UNKNOWN:
        order.unknown_since_ns = at_ns
    order.ended_at_ns = at_ns if after in ENDED else 0
    if after not in ENDED:
        state.live[order.client_id] = order.planned_at_ns


def _set_reported(order: Order, reported_lots: int, at_ns: int) -> None:
    if reported_lots < order.reported_lots:
        raise Bug(f"order {order.client_id}: reported quantity went down")
    order.reported_lots = reported_lots
    if order.reported_lots <= order.booked_lots:
        order.behind_since_ns = 0
    elif not order.behind_since_ns:
        order.behind_since_ns = at_ns


def _reserve(state: State, order: Order, reserve: Decimal) -> None:
    reserved = state.reserved.setdefault(order.venue, {})
    asset = order.reserve_asset
    reserved[asset] = after = add(subtract(reserved.get(asset, ZERO), order.reserve), reserve)
    if after < ZERO:
        raise Bug(f"more of {asset} was released than reserved")
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
    SettingsAdopted: settings_adopted,
    CapitalDeclared: capital_declared,
    MarksTaken: marks_taken,
    CycleRan: _cycle_ran,
    IntentFormed: _intent_formed,
    IntentRefused: _intent_refused,
    OrderPlanned: _order_planned,
    OrderMoved: _order_moved,
    FillBooked: _fill_booked,
    CancelRequested: _cancel_requested,
    ControlChanged: _control_changed,
    CommandAnswered: _command_answered,
    BalanceDiffered: balance_differed,
    AccountWeighed: account_weighed,
    StrayFound: stray_found,
    TradesPulled: trades_pulled,
    OrdersRetired: _orders_retired,
    AlertRaised: _alert_raised,
    ClockHeld: _clock_held,
    WatermarkRaised: watermark_raised,
    DayClosed: day_closed,
    FundsBooked: funds_booked,
    FundingBooked: funding_booked,
    ListingsAdopted: listings_adopted,
    AccountReconciled: account_reconciled,
    StateUpgraded: _state_upgraded,
    AlertCleared: _alert_cleared,
    AnswersRetired: _answers_retired,
    ExitDeferred: _exit_deferred,
    ExitResumed: _exit_resumed,
    ProtectionTried: _protection_tried,
    ProtectionSettled: _protection_settled,
    OthersSeen: others_seen,
    KillVerified: kill_verified,
    FlipAwaited: _flip_awaited,
    FlipEnded: _flip_ended,
    LiquidationBooked: liquidation_booked,
}
