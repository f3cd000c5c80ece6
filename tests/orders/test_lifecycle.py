"""The table: complete, closed, and walked by nothing else."""

from decimal import Decimal
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Bug, CancelState, Effect, Evidence, OrderKind, OrderState, Side, Source
from quarterdeck.orders import (
    ALLOWED,
    ENDED,
    NEVER_LIVED,
    RECOVERY,
    TABLE,
    Act,
    Alert,
    Next,
    Order,
    allows,
    is_settled,
    reserve_of,
    step,
)
from tests.engine.auditor import GRAPH, PROOF

QTY_LOTS = 10
PAIRS = list(product(OrderState, Evidence))
BOOKED = {
    OrderState.PLANNED: (0,),
    OrderState.OPEN: (0,),
    OrderState.PARTIALLY_FILLED: (4,),
    OrderState.FILLED: (10, 11),
    OrderState.CANCELLED: (0, 4),
    OrderState.EXPIRED: (0, 4),
    OrderState.REJECTED: (0,),
    OrderState.NOT_PLACED: (0,),
    OrderState.WITHDRAWN: (0,),
    OrderState.UNKNOWN: (0,),
}


def order_in(state: OrderState, booked_lots: int, cancel: CancelState = CancelState.NONE) -> Order:
    plain = Order(
        client_id="abcdefghijklmnopqr",
        intent_id="i",
        source=Source.STRATEGY,
        venue="a",
        instrument="BTC-USD",
        side=Side.BUY,
        effect=Effect.OPEN,
        order_kind=OrderKind.MARKET,
        qty_lots=QTY_LOTS,
        lot=Decimal("1E-8"),
        tick=Decimal("0.01"),
        limit_ticks=None,
        reference_price=100.0,
        reserve_asset="USD",
        reserve_per_lot=Decimal("1.01"),
        planned_at_ns=1,
        send_by_ns=2,
        kill_epoch=0,
        pair="BTC-USD",
        rate=1.0,
    )
    changes = {"state": state, "booked_lots": booked_lots, "reported_lots": booked_lots, "cancel": cancel}
    return msgspec.structs.replace(plain, **changes)


@pytest.mark.parametrize("state", OrderState)
def test_every_state_has_a_row_for_every_evidence(state: OrderState) -> None:
    assert set(TABLE[state]) == set(Evidence)
    assert state in ALLOWED
    assert state in RECOVERY


@pytest.mark.parametrize(("state", "evidence"), PAIRS)
def test_a_step_leads_only_where_the_table_and_the_auditors_graph_allow(state: OrderState, evidence: Evidence) -> None:
    for booked in BOOKED[state]:
        for more in (1, 6, 20) if evidence is Evidence.FILL else (0,):
            moved = step(order_in(state, booked), evidence, booked + more)
            assert allows(state, evidence, moved.state)
            assert moved.state is state or moved.state in GRAPH[state]
            assert moved.state is state or evidence in PROOF[moved.state]


@pytest.mark.parametrize(("state", "evidence"), PAIRS)
def test_the_table_allows_no_more_than_the_auditors_graph(state: OrderState, evidence: Evidence) -> None:
    reachable = {after for after in OrderState if allows(state, evidence, after)}
    assert reachable - {state} <= GRAPH[state]
    assert reachable


def test_only_the_process_that_planned_an_order_sends_it() -> None:
    rows = [row for by_evidence in TABLE.values() for row in by_evidence.values()]
    assert all(row.act is not Act.SEND_ONCE for row in rows)
    assert all(act is not Act.SEND_ONCE for act in RECOVERY.values())
    assert {state for state, act in ALLOWED.items() if act is Act.SEND_ONCE} == {OrderState.PLANNED}


@pytest.mark.parametrize("state", [state for state in OrderState if state not in ENDED])
def test_no_living_order_ends_without_evidence_from_venue_or_sender(state: OrderState) -> None:
    silent = set(Evidence) - {evidence for proofs in PROOF.values() for evidence in proofs}
    for evidence in silent:
        assert not any(allows(state, evidence, after) for after in ENDED)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_order_that_ended_needs_no_cancel_and_takes_a_late_fill(state: OrderState) -> None:
    booked = BOOKED[state][0]
    for evidence in Evidence:
        if evidence is Evidence.FILL:
            continue
        moved = step(order_in(state, booked, CancelState.REQUESTED), evidence, booked)
        assert moved.state not in ENDED or moved.cancel is CancelState.NONE
    late = step(order_in(state, booked), Evidence.FILL, booked + 1)
    assert late.state in (state, OrderState.FILLED, OrderState.PARTIALLY_FILLED)


@pytest.mark.parametrize("state", sorted(NEVER_LIVED))
@pytest.mark.parametrize("evidence", [Evidence.ACKNOWLEDGED, Evidence.FILLED, Evidence.FILL])
def test_an_order_that_never_lived_and_turns_out_to_live_raises_an_alert(state: OrderState, evidence: Evidence) -> None:
    moved = step(order_in(state, 0), evidence, 1 if evidence is Evidence.FILL else 0)
    assert moved.alert is Alert.CAME_BACK
    assert moved.state not in ENDED


@pytest.mark.parametrize("state", [s for s in OrderState if s is not OrderState.FILLED])
def test_more_than_was_ordered_raises_an_alert_wherever_it_happens(state: OrderState) -> None:
    assert step(order_in(state, 0), Evidence.FILL, QTY_LOTS + 1).alert is Alert.OVERFILLED


def test_a_fill_of_a_complete_order_raises_an_alert_only_when_it_is_too_much() -> None:
    full = order_in(OrderState.FILLED, QTY_LOTS)
    assert step(full, Evidence.FILL, QTY_LOTS).alert is Alert.NONE
    assert step(full, Evidence.FILL, QTY_LOTS + 1).alert is Alert.OVERFILLED


def test_a_fill_that_books_nothing_is_a_bug() -> None:
    with pytest.raises(Bug, match="left nothing booked"):
        step(order_in(OrderState.OPEN, 0), Evidence.FILL, 0)


@given(st.sampled_from(OrderState), st.integers(0, 12), st.integers(0, 12))
def test_the_reserve_covers_what_may_still_come_and_is_never_negative(
    state: OrderState, booked: int, reported: int
) -> None:
    order = order_in(OrderState.OPEN, booked)
    reserve = reserve_of(order, state, booked, reported)
    left = max(reported - booked, 0) if state in ENDED else max(QTY_LOTS - booked, 0)
    assert reserve == Decimal("1.01") * left
    assert reserve >= 0


@given(st.lists(st.tuples(st.sampled_from(Evidence), st.integers(1, 4)), max_size=25))
def test_random_evidence_walks_only_along_the_table_and_ends_with_nothing_set_aside(
    story: list[tuple[Evidence, int]],
) -> None:
    order = order_in(OrderState.PLANNED, 0)
    for evidence, lots in story:
        before, booked = order.state, order.booked_lots + (lots if evidence is Evidence.FILL else 0)
        moved = step(order, evidence, booked)
        assert allows(before, evidence, moved.state)
        order.state, order.cancel, order.booked_lots = moved.state, moved.cancel, booked
        order.reported_lots = max(order.reported_lots, booked)
        reserve = reserve_of(order, order.state, order.booked_lots, order.reported_lots)
        assert reserve >= 0
        assert (reserve == 0) if is_settled(order) else True
        assert (order.state is OrderState.FILLED) == (order.booked_lots >= QTY_LOTS)


def test_words_for_where_a_row_leads_are_all_used() -> None:
    used = {row.next for by_evidence in TABLE.values() for row in by_evidence.values()}
    assert set(Next) <= used


@pytest.mark.parametrize("evidence", [Evidence.ABSENCE_PROVEN, Evidence.DECLARED_GONE])
@pytest.mark.parametrize(
    ("lived", "reported", "after"), [(False, 0, "not_placed"), (True, 0, "cancelled"), (False, 3, "cancelled")]
)
def test_what_is_concluded_to_be_gone_was_never_placed_unless_it_had_shown_life(
    evidence: Evidence, lived: bool, reported: int, after: str
) -> None:
    order = msgspec.structs.replace(order_in(OrderState.UNKNOWN, 0), lived=lived, reported_lots=reported)
    assert step(order, evidence, 0).state.value == after


@pytest.mark.parametrize("presumed", [False, True])
def test_only_a_cancelled_order_whose_end_was_concluded_comes_back(presumed: bool) -> None:
    order = msgspec.structs.replace(order_in(OrderState.CANCELLED, 0), presumed=presumed)
    moved = step(order, Evidence.ACKNOWLEDGED, 0)
    assert (moved.state is OrderState.OPEN, moved.alert is Alert.CAME_BACK) == (presumed, presumed)


@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.UNKNOWN])
def test_the_word_of_a_person_moves_nothing_but_unknown_orders(state: OrderState) -> None:
    assert step(order_in(state, BOOKED[state][0]), Evidence.DECLARED_GONE, BOOKED[state][0]).state is state


@pytest.mark.parametrize("state", [OrderState.OPEN, OrderState.PARTIALLY_FILLED])
def test_a_working_order_that_is_lost_is_unknown_and_keeps_its_cancel(state: OrderState) -> None:
    moved = step(order_in(state, BOOKED[state][0], CancelState.UNKNOWN), Evidence.LOST, BOOKED[state][0])
    assert (moved.state, moved.cancel, moved.act) == (OrderState.UNKNOWN, CancelState.UNKNOWN, Act.QUERY)
