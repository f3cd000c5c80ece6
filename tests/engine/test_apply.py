"""The fold refuses what cannot have happened."""

from decimal import Decimal
from typing import TypeVar

import msgspec
import pytest

from quarterdeck.domain import (
    AlertRaised,
    Bug,
    CancelRequested,
    CancelState,
    Evidence,
    Fact,
    FillBooked,
    OrderMoved,
    OrderPlanned,
    OrdersRetired,
    OrderState,
)
from quarterdeck.engine import apply
from tests.engine.driving import Bot

Told = TypeVar("Told", OrderPlanned, FillBooked)


def told(bot: Bot, kind: type[Told]) -> Told:
    return next(fact for _, facts in bot.taken for fact in facts if isinstance(fact, kind))


def moved(bot: Bot, **changes: object) -> OrderMoved:
    order = bot.only_order()
    plain = OrderMoved(
        at_ns=bot.state.at_ns,
        client_id=order.client_id,
        evidence=Evidence.ACKNOWLEDGED,
        state=OrderState.OPEN,
        reported_lots=order.reported_lots,
        reserve=order.reserve,
        cancel=CancelState.NONE,
    )
    return msgspec.structs.replace(plain, **changes)


def refuses(bot: Bot, fact: Fact, words: str) -> None:
    with pytest.raises(Bug, match=words):
        apply(bot.state, fact)


def test_time_does_not_go_back() -> None:
    bot = Bot()
    refuses(bot, AlertRaised(bot.state.at_ns - 1, "x", "y"), "time went back")


def test_an_order_is_planned_once_and_with_a_quantity() -> None:
    bot = Bot()
    bot.buy()
    planned = told(bot, OrderPlanned)
    refuses(bot, planned, "was planned before")
    refuses(bot, msgspec.structs.replace(planned, client_id="x", qty_lots=0), "has no quantity")


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        (Evidence.ACKNOWLEDGED, OrderState.CANCELLED),
        (Evidence.AMBIGUOUS, OrderState.NOT_PLACED),
        (Evidence.ABSENT, OrderState.NOT_PLACED),
        (Evidence.REJECTED, OrderState.CANCELLED),
        (Evidence.FILLED, OrderState.REJECTED),
    ],
)
def test_a_transition_outside_the_table_is_refused(evidence: Evidence, state: OrderState) -> None:
    bot = Bot()
    bot.buy()
    refuses(bot, moved(bot, evidence=evidence, state=state), "is not in the table")


def test_a_reported_quantity_does_not_fall() -> None:
    bot = Bot()
    bot.buy()
    bot.fill(bot.only_order(), 5)
    refuses(bot, moved(bot, state=OrderState.PARTIALLY_FILLED, reported_lots=4), "reported quantity went down")


def test_a_trade_is_booked_once() -> None:
    bot = Bot()
    bot.buy()
    bot.fill(bot.only_order(), 5)
    refuses(bot, told(bot, FillBooked), "was booked before")


def test_no_more_is_released_than_was_set_aside() -> None:
    bot = Bot()
    bot.buy()
    refuses(bot, moved(bot, reserve=Decimal(-1)), "was released than reserved")


def test_an_order_that_ended_is_not_cancelled_and_a_living_one_not_forgotten() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    refuses(bot, OrdersRetired(bot.state.at_ns, (order.client_id,)), "is alive")
    bot.report(order, Evidence.REJECTED)
    refuses(bot, CancelRequested(bot.state.at_ns, order.client_id, "a", "x"), "has ended")
