"""What venues say about orders and accounts, and what may be concluded from it."""

from decimal import Decimal
from itertools import product

import pytest

from quarterdeck.domain import (
    SECOND_NS,
    Bug,
    CancelRequested,
    CancelState,
    Evidence,
    Fact,
    IntentRefused,
    OrderMoved,
    OrderReported,
    OrderState,
    StrayFound,
)
from quarterdeck.engine import QueryOrder, SendOrder, acts_of, encode_state
from quarterdeck.orders import NEVER_LIVED, client_prefix
from tests.engine.driving import BTC, LAG_NS, VALIDITY_NS, Bot, alerts_in, kinds_in, planned_in

CONCLUDED = [
    Evidence.FILL,
    Evidence.RECOVERED,
    Evidence.CANCEL_REQUESTED,
    Evidence.LOST,
    Evidence.ABSENCE_PROVEN,
    Evidence.DECLARED_GONE,
]
SAYABLE = [evidence for evidence in Evidence if evidence not in CONCLUDED]


ENDS = [
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.EXPIRED,
    OrderState.NOT_PLACED,
    OrderState.WITHDRAWN,
]


@pytest.mark.parametrize(("state", "evidence"), list(product(ENDS, SAYABLE)))
def test_a_late_report_of_an_order_that_ended_is_said_once_and_sends_nothing(
    state: OrderState, evidence: Evidence
) -> None:
    bot = Bot()
    order = bot.ended(state)
    facts = bot.report(order, evidence, venue_order_id=order.venue_order_id)
    assert not any(isinstance(act, SendOrder) for act in acts_of(facts, bot.state))
    body = encode_state(bot.state)
    again = bot.report(order, evidence, venue_order_id=order.venue_order_id)
    assert not [fact for fact in again if not alerts_in([fact])]
    assert encode_state(bot.state) == body


@pytest.mark.parametrize("state", ENDS)
def test_a_late_fill_after_any_end_is_booked_and_once(state: OrderState) -> None:
    bot = Bot()
    order = bot.ended(state)
    held = bot.state.position(order.venue, BTC).qty
    facts = bot.fill(order, 7, trade_id="late")
    assert bot.state.position(order.venue, BTC).qty == held + Decimal("7E-8")
    assert bool(alerts_in(facts)) == (state in NEVER_LIVED or state is OrderState.FILLED)
    assert bot.fill(order, 7, trade_id="late") == []


def test_a_fill_after_not_placed_is_booked_alerts_and_asks_for_the_rest() -> None:
    bot = Bot()
    order = bot.ended(OrderState.NOT_PLACED)
    facts = bot.fill(order, 7)
    assert order.state is OrderState.PARTIALLY_FILLED
    assert alerts_in(facts) == ["order"]
    assert QueryOrder(order.client_id) in list(acts_of(facts, bot.state))
    assert order.reserve == order.reserve_per_lot * (order.qty_lots - 7)


@pytest.mark.parametrize("evidence", CONCLUDED)
def test_what_only_the_engine_can_conclude_cannot_be_reported(evidence: Evidence) -> None:
    bot = Bot()
    order = bot.unknown()
    with pytest.raises(Bug, match="only the engine can conclude"):
        bot.report(order, evidence)


def test_three_spaced_absences_after_the_bound_prove_that_an_order_was_not_placed() -> None:
    bot = Bot()
    order = bot.unknown()
    reserved = bot.state.reserved["a"]["USD"]
    bot.beyond_bound(order)
    states = []
    for _ in range(3):
        bot.later(1).absent(order)
        states.append(order.state)
    assert states == [OrderState.UNKNOWN, OrderState.UNKNOWN, OrderState.NOT_PLACED]
    assert reserved > 0
    assert bot.state.reserved["a"]["USD"] == 0


@pytest.mark.parametrize(
    ("count", "spacing_s", "venue_says"),
    [
        (2, 5.0, "after"),
        (50, 1.0, "at the bound"),
        (50, 1.0, "before"),
        (50, 1.0, "nothing"),
        (3, 0.4, "after"),
        (20, 0.01, "after"),
        (1, 0.0, "after"),
    ],
)
def test_weaker_evidence_of_absence_never_ends_an_order(count: int, spacing_s: float, venue_says: str) -> None:
    bot = Bot()
    order = bot.unknown()
    bound_ns = order.send_by_ns + VALIDITY_NS + LAG_NS
    said = {"after": bound_ns + 1, "at the bound": bound_ns, "before": bound_ns - SECOND_NS, "nothing": 0}
    bot.beyond_bound(order)
    for _ in range(count):
        bot.later(spacing_s).absent(order, venue_at_ns=said[venue_says])
    assert order.state is OrderState.UNKNOWN
    assert order.reserve == order.reserve_per_lot * order.qty_lots
    # Our own clock proves nothing, however late it is; and an order that is unknown stays an entry.
    assert planned_in(bot.later(3_600).buy()) == []


def test_absences_of_another_venue_prove_nothing() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.beyond_bound(order)
    for _ in range(5):
        bot.later(2)
        report = OrderReported(bot.at_ns, "b", order.client_id, Evidence.ABSENT, venue_at_ns=bot.at_ns)
        assert bot.take(report) == []
    assert order.state is OrderState.UNKNOWN


def test_positive_evidence_ends_the_doubt_at_once() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.beyond_bound(order)
    bot.later(2).absent(order)
    bot.later(2).absent(order)
    bot.report(order, Evidence.ACKNOWLEDGED)
    assert order.state is OrderState.OPEN
    assert order.absences == 0


def test_an_unexplained_balance_keeps_an_order_unknown() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.account(ETH=Decimal(5))
    bot.account(ETH=Decimal(6))
    bot.beyond_bound(order)
    for _ in range(5):
        bot.later(2).absent(order)
    assert order.state is OrderState.UNKNOWN


def test_a_slot_of_the_cooldown_is_given_back_when_an_order_was_not_placed() -> None:
    bot = Bot()
    order = bot.ended(OrderState.NOT_PLACED)
    assert bot.at_ns - order.planned_at_ns < 60 * SECOND_NS
    assert bot.state.last_trade_ns(BTC) == 0
    assert len(planned_in(bot.buy())) == 1


@pytest.mark.parametrize("evidence", [Evidence.REJECTED, Evidence.CANCELLED, Evidence.EXPIRED, Evidence.WITHDRAWN])
def test_an_order_that_ends_unfilled_gives_its_slot_back_and_a_filled_one_does_not(evidence: Evidence) -> None:
    bot = Bot()
    bot.buy()
    bot.report(bot.only_order(), evidence)
    assert bot.state.trades == {}
    assert len(planned_in(bot.later(5).buy())) == 1
    bot = Bot()
    bot.buy()
    bot.fill(bot.only_order(), 150)
    bot.report(bot.only_order(), evidence)
    bot.sell()
    (refused,) = [f for f in bot.later(1).ask("k", notional=Decimal(50)) if isinstance(f, IntentRefused)]
    assert "G8" in refused.failed


def test_a_slot_given_back_is_that_of_the_trade_before() -> None:
    bot = Bot()
    bot.bought()
    first_ns = bot.state.last_trade_ns(BTC)
    bot.later(61).ask("k", notional=Decimal(50))
    last = list(bot.state.orders.values())[-1]
    assert bot.state.last_trade_ns(BTC) > first_ns
    bot.report(last, Evidence.REJECTED)
    assert bot.state.last_trade_ns(BTC) == first_ns


def test_a_slot_is_not_given_back_by_an_order_that_was_not_the_last() -> None:
    bot = Bot()
    early = bot.working()
    bot.later(61).ask("k", notional=Decimal(50))
    bot.report(early, Evidence.CANCELLED)
    (refused,) = [f for f in bot.later(5).ask("l", notional=Decimal(50)) if isinstance(f, IntentRefused)]
    assert refused.failed == ("G8",)


def test_a_slot_is_not_given_back_when_another_order_was_planned_in_the_same_instant() -> None:
    bot = Bot()
    bot.bought()
    (entry,) = planned_in(bot.later(61).ask("k", notional=Decimal(50)))
    (leaving,) = planned_in(bot.sell())
    assert entry.at_ns == leaving.at_ns
    bot.report(bot.state.orders[entry.client_id], Evidence.REJECTED)
    (refused,) = [f for f in bot.later(5).ask("l", notional=Decimal(50)) if isinstance(f, IntentRefused)]
    assert refused.failed == ("G8",)


def test_a_report_about_an_order_that_we_do_not_know_is_set_aside_once() -> None:
    bot = Bot()
    report = OrderReported(bot.at_ns, "a", client_prefix("b") + "0" * 13, Evidence.ACKNOWLEDGED)
    facts = bot.take(report)
    assert isinstance(facts[0], StrayFound)
    assert alerts_in(facts) == ["stray_order"]
    assert bot.take(report) == []


def test_an_absence_of_an_order_that_we_do_not_know_is_no_news() -> None:
    bot = Bot()
    assert bot.take(OrderReported(bot.at_ns, "a", "whatever", Evidence.ABSENT)) == []


def test_a_report_from_the_wrong_venue_does_not_move_the_order() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.take(OrderReported(bot.at_ns, "b", order.client_id, Evidence.REJECTED))
    assert order.state is OrderState.PLANNED


def test_a_cancel_that_overtook_its_create_is_asked_for_again_when_the_order_appears() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.control("kill")
    bot.report(order, Evidence.CANCEL_REFUSED)
    assert order.cancel is CancelState.NONE
    facts = bot.report(order, Evidence.ACKNOWLEDGED)
    assert "CancelRequested" in kinds_in(facts)


def test_a_cancel_that_was_refused_is_asked_for_again_each_minute_and_not_in_a_loop() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    asked: list[Fact] = []
    for _ in range(5):
        bot.report(order, Evidence.CANCEL_REFUSED)
        asked += [f for f in bot.report(order, Evidence.ACKNOWLEDGED) if isinstance(f, CancelRequested)]
    assert asked == []
    assert "CancelRequested" in kinds_in(bot.later(61).wake())


@pytest.mark.parametrize("state", sorted(NEVER_LIVED))
def test_an_order_that_turns_out_to_live_during_a_halt_is_cancelled(state: OrderState) -> None:
    bot = Bot()
    order = bot.ended(state)
    bot.control("halt")
    facts = bot.report(order, Evidence.ACKNOWLEDGED)
    assert alerts_in(facts) == ["order"]
    assert "CancelRequested" in kinds_in(facts)


def test_fills_that_race_a_cancel_are_all_booked() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    bot.fill(order, 100)
    bot.report(order, Evidence.CANCELLED, reported_lots=150)
    assert (order.state, order.reserve) == (OrderState.CANCELLED, order.reserve_per_lot * 50)
    bot.fill(order, 50)
    assert order.reserve == 0
    assert bot.state.live == {}


@pytest.mark.parametrize("price", ["0", "NaN", "-1", "Infinity"])
def test_an_average_price_that_is_none_is_not_taken(price: str) -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    facts = bot.report(order, Evidence.CANCELLED, reported_lots=150, price=Decimal(price))
    assert [fact.price for fact in facts if isinstance(fact, OrderMoved)] == [None]
    assert "FillBooked" in kinds_in(bot.later(3).wake())
