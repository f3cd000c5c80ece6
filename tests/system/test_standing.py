"""What `status` says of a state: why opening is denied, what is lost or not known, and what no stop would sell."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    DAY_NS,
    SECOND_NS,
    Control,
    Hold,
)
from quarterdeck.engine import State
from quarterdeck.engine.state import Rejections, TradeCounted
from quarterdeck.system.standing import Denial, day_of, holds_of, loss_of, opening_of
from quarterdeck.system.usage import guardrail_uses
from tests.system.desk import BTC, START_NS
from tests.system.states import limits_with, order, state_with

PLACE = "BTC-USD on a"


def test_nothing_in_the_way_means_that_opening_is_allowed() -> None:
    assert opening_of(state_with()).allowed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"holds": {"G5": Hold("G5", Control.REDUCING, "lost 5 %", 0)}}, "reducing: lost 5 %"),
        ({"kill_raised": True}, "the kill switch is raised"),
        ({"reconciling": {"a": True, "b": True}}, "every account is still being compared with the books"),
        ({"unexplained": {"a": {"BTC": Decimal("-0.5")}}}, "a: -0.5 BTC that no trade explains"),
        ({"clock_steady_at_ns": START_NS + SECOND_NS}, "the clock jumped; nothing is opened before "),
        ({"equity": None}, "something held has no fresh price, so that equity is not known"),
    ],
)
def test_each_thing_in_the_way_is_named(changes: dict[str, object], reason: str) -> None:
    """S12: trades made outside the system are shown, and not fought."""
    opening = opening_of(state_with(**changes))
    assert not opening.allowed
    assert len(opening.reasons) == 1
    assert opening.reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("changes", "scope", "reason"),
    [
        ({"reconciling": {"b": True}}, "b", "b: its account is being compared with the books"),
        ({"orders": {"c1": order()}, "live": {"c1": 1}}, PLACE, f"{PLACE}: what became of order c1 is not known"),
        (
            {"rejects": {"a BTC-USD": Rejections("no funds", 3)}},
            PLACE,
            f"{PLACE}: rejected 3 times in a row (no funds); look, then resume",
        ),
    ],
)
def test_what_holds_up_one_venue_or_pair_leaves_the_others_open(
    changes: dict[str, object], scope: str, reason: str
) -> None:
    """E7, E9."""
    opening = opening_of(state_with(**changes))
    assert (opening.allowed, opening.reasons) == (True, ())
    assert opening.denied == (Denial(scope, reason),)


def test_venues_without_fresh_price_are_closed_one_by_one_and_all_together() -> None:
    one = opening_of(state_with(), {"b": "b: no fresh price, none yet"})
    assert (one.allowed, one.denied) == (True, (Denial("b", "b: no fresh price, none yet"),))
    both = opening_of(state_with(), {"a": "a: no fresh price, none yet", "b": "b: it listens to no request"})
    assert both.reasons == ("no venue is open: a: no fresh price, none yet; b: it listens to no request",)
    assert not both.allowed


def test_several_causes_stand_beside_one_another() -> None:
    state = state_with(
        orders={"c1": order(), "c2": order(client_id="c2")},
        live={"c1": 1, "c2": 2},
        holds={"takeover": Hold("takeover", Control.REDUCING, "the process before did not give up", START_NS)},
        unexplained={"a": {"BTC": Decimal("-0.5")}},
    )
    opening = opening_of(state)
    assert [denial.scope for denial in opening.denied] == ["everything", "everything", PLACE]
    assert opening.reasons[0].startswith("reducing: the process before did not give up (until 20")
    assert opening.denied[-1].reason == f"{PLACE}: what became of 2 orders is not known"


def test_limits_that_hold_every_order_up_are_in_the_way() -> None:
    alone = state_with(executions=3)
    alone.settings = limits_with(alone, executions_max=3)
    assert opening_of(alone).reasons == ("E9: 3 executions without a person, 3 are the limit; look, then resume",)
    closed = state_with()
    assert closed.settings is not None
    closed.settings = msgspec.structs.replace(closed.settings, approved=())
    assert opening_of(closed).reasons == ("G3: no pair may be opened; see `pairs`",)


def test_the_tightest_hold_stands_first() -> None:
    holds = {name: Hold(name, level, name) for name, level in (("p", Control.PAUSED), ("h", Control.HALTED))}
    assert [hold.cause for hold in holds_of(state_with(holds=holds))] == ["h", "p"]


def test_losses_are_counted_by_the_index_against_their_limits() -> None:
    """R59, X11."""
    loss = loss_of(state_with())
    assert loss is not None
    assert loss.day_open == Decimal(10_000)
    assert loss.daily_loss == pytest.approx(0.03)
    assert loss.drawdown == pytest.approx(1 - 0.97 / 1.005)
    assert (loss.daily_loss_max, loss.drawdown_max, loss.loss_rate_max) == (0.05, 0.1, 0.02)
    assert loss.drawdown_ever == pytest.approx(1 - 0.97 / 1.01)
    assert loss.loss_rate == pytest.approx(1 - 0.97 / 0.98)
    assert loss_of(state_with(day_ns=-1)) is None


def test_the_parts_of_the_day_add_up_to_the_change_of_equity() -> None:
    """S6."""
    day = day_of(state_with(flows=Decimal(100)))
    assert day is not None
    assert (day.realised, day.fees, day.flows, day.fills) == (Decimal(-250), Decimal(25), Decimal(100), 2)
    gained = day.realised + day.unrealised - day.fees + day.funding + day.flows
    assert day.equity - day.equity_open == gained
    assert day_of(state_with(fees={"BNB": Decimal(1)})) is None
    assert day_of(state_with(fees={"BNB": Decimal(1)}, rates={"BNB": 600.0})) is not None


def test_the_use_of_every_limit_is_a_number_where_one_makes_sense() -> None:
    state = state_with(
        orders={"c1": order()},
        live={"c1": START_NS},
        trades={"i1": TradeCounted(BTC, START_NS - 90 * SECOND_NS), "i0": TradeCounted(BTC, START_NS - DAY_NS)},
        rejects={"a BTC-USD": Rejections("no", 2)},
        reconciling={"b": True},
        executions=7,
    )
    state.settings = limits_with(state, executions_max=20)
    uses = [(use.id, use.used, use.limit) for use in guardrail_uses(state, 4.0)]
    assert uses == [
        ("G1", 0.0, 0.0),
        ("G2", pytest.approx(1 - 0.97 / 0.98), 0.02),
        ("G4", None, pytest.approx(194.0)),
        ("G5", pytest.approx(0.03), 0.05),
        ("G6", pytest.approx(1 - 0.97 / 1.005), 0.1),
        ("G7", pytest.approx(2_800 / 9_700), 0.25),
        ("G8", 90.0, 60.0),
        ("G9", 1.0, 5.0),
        ("G10", None, 0.01),
        ("E2", 4.0, 300.0),
        ("E4", 1.0, 20.0),
        ("E5", pytest.approx(1_500 / 9_700), 0.1),
        ("E7", 2.0, 0.0),
        ("E8", 0.0, 0.0),
        ("E9", 2.0, 3.0),
        ("E9", 7.0, 20.0),
    ]
    assert guardrail_uses(State(), None) == []
