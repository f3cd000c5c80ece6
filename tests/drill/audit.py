"""What must hold after a drill: the journal and the venues tell the same story, each part of it once."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from quarterdeck.domain import (
    ZERO,
    FillBooked,
    OrderMoved,
    OrderPlanned,
    OrderState,
    add,
)
from quarterdeck.engine import State
from quarterdeck.exchange import ExchangeState, Trade
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.orders import ENDED, NEVER_LIVED, Order
from quarterdeck.system import recover, verify_journal, verify_replay
from tests.drill.killer import Counts
from tests.drill.stage import BOT, Stage


class Story:
    """The facts of a journal by order, with the rows they stand in."""

    def __init__(self, stage: Stage) -> None:
        self.planned: dict[str, tuple[int, OrderPlanned]] = {}
        self.first_answer: dict[str, int] = {}
        self.fills: dict[str, list[FillBooked]] = {}
        self.went_unknown: set[str] = set()
        with SqliteReader(stage.folder.journal) as reader:
            for row in reader.rows():
                for fact in decode_facts(row.body):
                    self._take(row.seq, fact)

    def _take(self, seq: int, fact: object) -> None:
        if isinstance(fact, OrderPlanned):
            assert fact.client_id not in self.planned, f"{fact.client_id} was planned twice"
            self.planned[fact.client_id] = (seq, fact)
        elif isinstance(fact, OrderMoved | FillBooked):
            self.first_answer.setdefault(fact.client_id, seq)
            if isinstance(fact, FillBooked):
                self.fills.setdefault(fact.client_id, []).append(fact)
            elif fact.state is OrderState.UNKNOWN:
                self.went_unknown.add(fact.client_id)


def audit(stage: Stage, counts: Counts) -> State:
    """
    Compare the journal with the files of the venues, which must have ended.

    Returns:
        The state at the journal's head.
    """
    check = verify_journal(stage.folder.journal)
    assert check.ok, check
    replayed = verify_replay(stage.folder.journal)
    assert replayed.ok, replayed.problems
    state = recover(stage.folder.journal).state
    story = Story(stage)
    _nothing_is_open(state)
    for name, venue in stage.venues.items():
        held = venue.state()
        _orders_agree(name, held, story, state)
        _fills_agree(name, held, story, state)
        _balances_agree(name, held, state)
        counts.by_venue[name] = len(held.orders)
    counts.orders = len(story.planned)
    counts.fills = sum(not fill.inferred for fills in story.fills.values() for fill in fills)
    counts.inferred = sum(fill.inferred for fills in story.fills.values() for fill in fills)
    counts.by_end = dict(Counter(order.state.value for order in state.orders.values()))
    counts.went_unknown = len(story.went_unknown)
    counts.sessions = state.epoch
    return state


def _nothing_is_open(state: State) -> None:
    assert state.released, "the last session did not end in good order"
    unsettled = [order for order in state.live_orders() if not covers(state, order)]
    assert not unsettled, f"orders that have not settled: {unsettled}"
    assert not state.strays, f"strays: {state.strays}"
    assert not state.unexplained, f"differences that no trade explains: {state.unexplained}"
    if not state.live_orders():
        assert all(amount == 0 for kept in state.reserved.values() for amount in kept.values()), state.reserved


def covers(state: State, order: Order) -> bool:
    """Whether this is a stop order that a bot leaves behind on purpose, as something is held that it covers."""
    held = state.position(order.venue, order.instrument)
    return order.is_protective and order.state is OrderState.OPEN and held.qty > 0


def _orders_agree(venue: str, held: ExchangeState, story: Story, state: State) -> None:
    """Every order of the venue was planned once, durably and before; nothing that never lived is there."""
    working = {order.client_id for order in held.orders.values() if order.is_working}
    assert working == {order.client_id for order in state.live_orders() if order.venue == venue}
    seen: Counter[str] = Counter()
    children: Counter[tuple[str, str]] = Counter()
    for order in held.orders.values():
        seen[order.client_id] += 1
        seq, plan = story.planned[order.client_id]
        children[(plan.intent_id, plan.venue)] += 1
        assert (plan.venue, plan.instrument, plan.side) == (venue, order.instrument, order.side), (plan, order)
        assert (plan.qty_lots, plan.limit_ticks) == (order.qty_lots, order.limit_ticks), (plan, order)
        assert story.first_answer[order.client_id] > seq, f"{order.client_id} was answered before it was planned"
        assert plan.at_ns <= order.placed_at_ns, f"{order.client_id} was placed before it was planned"
    assert all(count == 1 for count in seen.values()), f"doubled: {seen.most_common(3)}"
    assert all(count == 1 for count in children.values()), f"one intent, two orders: {children.most_common(3)}"


def _fills_agree(venue: str, held: ExchangeState, story: Story, state: State) -> None:
    """Per order, the booked fills are the venue's trades, each once; inferred ones were replaced by real ones."""
    trades: dict[str, list[Trade]] = {}
    for trade in held.trades:
        trades.setdefault(trade.client_id, []).append(trade)
    at_venue = {order.client_id: order for order in held.orders.values()}
    for client_id, (_, plan) in story.planned.items():
        if plan.venue != venue:
            continue
        booked = [fill for fill in story.fills.get(client_id, []) if not fill.inferred]
        told = trades.get(client_id, [])
        left = {(fill.trade_id, fill.lots, fill.price, fill.fee, fill.fee_asset) for fill in booked}
        right = {(trade.trade_id, trade.lots, trade.price, trade.fee, trade.fee_asset) for trade in told}
        assert left == right, f"{client_id}: booked {left}, traded {right}"
        assert len(booked) == len(told) == len(left), f"{client_id}: a trade stands there twice"
        order = state.orders[client_id]
        assert order.state in ENDED or covers(state, order), order
        assert not order.inferred, f"{client_id}: an inferred fill was never replaced: {order.inferred}"
        lived = client_id in at_venue
        assert not (lived and order.state in NEVER_LIVED), f"{order.state} in the journal, {at_venue.get(client_id)}"
        assert lived or not (order.booked_lots or order.state is OrderState.FILLED), order
        assert order.booked_lots == (at_venue[client_id].filled_lots if lived else 0), order


def _balances_agree(venue: str, held: ExchangeState, state: State) -> None:
    """What the journal says the bot has is what the account holds, to the last digit."""
    account = held.head.accounts[BOT]
    own: dict[str, Decimal] = dict(state.cash.get(venue, {}))
    for instrument, position in state.positions.get(venue, {}).items():
        base = state.grids[venue][instrument].listing.base
        own[base] = add(own.get(base, ZERO), position.qty)
    for asset in sorted(own.keys() | account.keys()):
        balance = account.get(asset)
        total = add(balance.free, balance.locked) if balance is not None else ZERO
        assert own.get(asset, ZERO) == total, f"{venue}: {asset} is {own.get(asset)} by journal, {total} by account"
