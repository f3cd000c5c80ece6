"""What the shell is asked to do: only what facts ask for, and what the table says."""

from itertools import product

import pytest

from quarterdeck.domain import CancelState, Evidence, FillBooked, OrderMoved, OrderState
from quarterdeck.engine import CancelOrder, PullFills, QueryOrder, SendOrder, TellOperator, acts_of
from quarterdeck.orders import TABLE, Act, Order
from tests.engine.driving import Bot, planned_in

CONCLUDED = ("fill", "recovered", "cancel_requested", "lost", "absence_proven", "declared_gone")
SAYABLE = [evidence for evidence in Evidence if evidence.value not in (*CONCLUDED, "absent")]
STARTS = [state for state in OrderState if state is not OrderState.NOT_PLACED]


def brought_to(bot: Bot, state: OrderState) -> Order:
    bot.buy()
    order = bot.only_order()
    if state is OrderState.PARTIALLY_FILLED:
        bot.fill(order, 5)
    elif state is OrderState.FILLED:
        bot.fill(order, order.qty_lots)
    elif state is not OrderState.PLANNED:
        said = {OrderState.OPEN: Evidence.ACKNOWLEDGED, OrderState.UNKNOWN: Evidence.AMBIGUOUS}
        bot.report(order, said[state] if state in said else Evidence(state.value))
    assert order.state is state
    return order


def test_each_planned_order_is_sent_once() -> None:
    bot = Bot()
    facts = bot.buy()
    (planned,) = planned_in(facts)
    assert list(acts_of(facts, bot.state)) == [SendOrder(planned.client_id)]


@pytest.mark.parametrize(("state", "evidence"), list(product(STARTS, SAYABLE)))
def test_what_the_row_of_the_table_asks_for_is_asked_for(state: OrderState, evidence: Evidence) -> None:
    bot = Bot()
    order = brought_to(bot, state)
    wanted = TABLE[state][evidence].act
    facts = bot.report(order, evidence, venue_order_id=f"new-{evidence}" if not order.venue_order_id else "")
    acts = list(acts_of(facts, bot.state))
    assert not any(isinstance(act, SendOrder) for act in acts)
    if not any(isinstance(fact, OrderMoved) for fact in facts):
        return  # nothing new was learned, so nothing new is done
    expected = {
        Act.QUERY: QueryOrder(order.client_id),
        Act.PULL_FILLS: PullFills(order.venue),
    }
    if wanted in expected:
        assert expected[wanted] in acts


def test_the_same_rows_hold_for_an_order_that_was_proven_absent() -> None:
    assert TABLE[OrderState.NOT_PLACED] == TABLE[OrderState.REJECTED] == TABLE[OrderState.WITHDRAWN]


def test_a_status_that_runs_ahead_of_the_trades_has_them_pulled() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    facts = bot.report(order, Evidence.CANCELLED, reported_lots=5)
    assert PullFills("a") in list(acts_of(facts, bot.state))


def test_a_cancel_is_sent_and_an_alert_is_told() -> None:
    bot = Bot()
    order = bot.working()
    assert CancelOrder(order.client_id) in list(acts_of(bot.control("halt"), bot.state))
    assert order.cancel is CancelState.REQUESTED
    facts = bot.account(USD=bot.state.cash["a"]["USD"])
    bot.report(order, Evidence.CANCELLED)
    bot.account(USD=bot.state.cash["a"]["USD"])
    facts = bot.account(USD=bot.state.cash["a"]["USD"] + 1)
    assert [type(act) for act in acts_of(facts, bot.state)] == [TellOperator]


def test_booking_a_trade_asks_for_nothing() -> None:
    bot = Bot()
    bot.buy()
    facts = bot.fill(bot.only_order(), 5)
    assert [type(fact) for fact in facts] == [FillBooked]
    assert list(acts_of(facts, bot.state)) == []
