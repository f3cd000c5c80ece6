"""What `status` says of a state: why opening is denied, what is lost or not known, and what no stop would sell."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    CancelState,
    Control,
    Effect,
    GuardrailSettings,
    Hold,
    OrderKind,
    OrderState,
    RiskSettings,
    SettingsAdopted,
    Side,
    Source,
)
from quarterdeck.engine import Marked, State, apply
from quarterdeck.engine.state import Rejections, TradeCounted
from quarterdeck.orders import Order
from quarterdeck.portfolio import Position, Sums, Totals
from quarterdeck.system.standing import (
    day_of,
    holds_of,
    loss_of,
    opening_of,
    unknown_of,
    unprotected_of,
)
from quarterdeck.system.usage import guardrail_uses
from tests.system.desk import BTC, START_NS, settings

DAY_START_NS = START_NS - START_NS % DAY_NS
ZERO = Decimal(0)


def state_with(**changes: object) -> State:
    """A bot on two venues that is worth 9,700 today after an open of 10,000, and holds a tenth of a bitcoin."""
    state = State(
        at_ns=START_NS,
        cash={"a": {"USD": Decimal(7_000)}},
        fees={"USD": Decimal(30)},
        positions={"a": {BTC: Position(Decimal("0.1"), Decimal(2_800), Decimal(-250), START_NS, 1)}},
        equity=9_700.0,
        equity_open=10_000.0,
        units=10_000.0,
        index=0.97,
        index_peak=1.01,
        day_ns=DAY_START_NS,
        day_open=1.0,
        day_totals=Totals(Decimal(10_000), ZERO, ZERO, Decimal(5), ZERO, ZERO, 3, Sums(fees={"USD": Decimal(5)})),
        fills=5,
        recent=[Marked(START_NS - 5 * MINUTE_NS, 0.98)],
        peaks=[Marked(START_NS - DAY_NS, 1.005)],
    )
    apply(state, SettingsAdopted(START_NS, settings()))
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def limits_with(state: State, **changes: object) -> BotSettings:
    assert state.settings is not None
    guardrails = msgspec.structs.replace(state.settings.guardrails, **changes)
    return msgspec.structs.replace(state.settings, guardrails=guardrails)


def test_nothing_in_the_way_means_that_opening_is_allowed() -> None:
    assert opening_of(state_with()).allowed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"holds": {"G5": Hold("G5", Control.REDUCING, "lost 5 %", 0)}}, "reducing: lost 5 %"),
        ({"kill_raised": True}, "the kill switch is raised"),
        ({"reconciling": {"b": True}}, "b: its account is being compared with the books"),
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


def test_what_no_stop_would_sell_is_told_with_the_reason() -> None:
    """S14."""
    state = state_with()
    stopped = msgspec.structs.replace(settings(), risk=RiskSettings(stop_loss=0.05))

    def reason(control: Control = Control.RUNNING, *, is_running: bool = True) -> str:
        found = unprotected_of(state, control, is_running=is_running)
        return found.reason if found else ""

    assert reason() == "no stop is set in risk"
    state.settings = stopped
    assert reason() == ""
    assert reason(is_running=False) == "the bot is not running"
    assert reason(Control.HALTED).startswith("the bot is halted")
    state.settings = msgspec.structs.replace(stopped, guardrails=GuardrailSettings(protect_when_halted=True))
    assert reason(Control.HALTED) == ""
    state.positions = {}
    assert reason(is_running=False) == ""


def order(**changes: object) -> Order:
    """An order for 0.05 bitcoin whose outcome is not known."""
    made = Order(
        client_id="c1",
        intent_id="i1",
        source=Source.STRATEGY,
        venue="a",
        instrument=BTC,
        pair=BTC,
        rate=1.0,
        side=Side.BUY,
        effect=Effect.OPEN,
        order_kind=OrderKind.MARKET,
        qty_lots=50_000,
        lot=Decimal("0.000001"),
        tick=Decimal("0.01"),
        limit_ticks=None,
        reference_price=30_000.0,
        reserve_asset="USD",
        reserve_per_lot=Decimal("0.03"),
        planned_at_ns=START_NS,
        send_by_ns=START_NS,
        kill_epoch=0,
        state=OrderState.UNKNOWN,
        cancel=CancelState.NONE,
        absences=1,
        unknown_since_ns=START_NS,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_an_unknown_order_says_what_is_done_and_what_it_holds_up() -> None:
    """S5."""
    told = unknown_of(state_with(), order())
    assert (told.qty, told.side) == (Decimal("0.05"), "buy")
    assert told.doing == "asking a by client id; 1 of 3 conclusive denials so far"
    assert told.blocks == "nothing is opened in BTC-USD on a until this is known"


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
