"""Flips: what is held is closed, and the other side opened once nothing is left; to the limits both are one trade."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    Action,
    CycleDue,
    Effect,
    Evidence,
    FlipAwaited,
    FlipEnded,
    IntentFormed,
    IntentRefused,
    OrderPlanned,
    OrderSettings,
    Side,
    SignalGiven,
    SizingSettings,
)
from quarterdeck.engine import NEVER_NS, due
from tests.engine.driving import Bot, kinds_in, planned_in
from tests.engine.margin_floor import OTHER, PERP, Floor, on_margin


def held(floor: Bot, name: str = PERP) -> Decimal:
    return floor.state.position("a", name).qty


def long(**changes: object) -> Floor:
    """A bot that is long, and whose next orders nobody fills before they are answered for."""
    floor = Floor(msgspec.structs.replace(on_margin(), **changes))
    floor.signal("BUY")
    floor.later(61).wake()
    assert held(floor) > 0
    return floor


def filled(floor: Floor, order: OrderPlanned) -> None:
    known = floor.state.orders[order.client_id]
    floor.report(known, Evidence.ACKNOWLEDGED)
    floor.fill(known, known.qty_lots, price=Decimal(30_000), trade_id=f"own-{order.client_id}")


def test_a_sale_of_a_long_position_closes_it_first_and_then_opens_a_short_one() -> None:
    floor = long()
    facts = floor.sell(PERP)
    assert kinds_in(facts)[-3:] == ["IntentFormed", "OrderPlanned", "FlipAwaited"]
    (closing,) = planned_in(facts)
    assert (closing.effect, closing.side) == (Effect.REDUCE, Side.SELL)
    assert due(floor.state) > floor.at_ns
    filled(floor, closing)
    assert held(floor) == 0
    assert due(floor.state) <= floor.at_ns
    (opening,) = planned_in(floor.wake())
    assert (opening.effect, opening.side) == (Effect.OPEN, Side.SELL)
    assert opening.intent_id == f"{closing.intent_id}:open"
    assert opening.flips == closing.intent_id
    filled(floor, opening)
    assert held(floor) < 0
    assert not floor.state.flips


def test_a_purchase_turns_a_short_position_around_as_well() -> None:
    floor = Floor()
    floor.signal("SELL")
    assert held(floor) < 0
    floor.later(61)
    floor.signal("BUY")
    assert held(floor) > 0
    floor.check()


def test_a_bot_that_may_not_be_short_only_closes() -> None:
    settings = on_margin()
    floor = Floor(msgspec.structs.replace(settings, risk=msgspec.structs.replace(settings.risk, short=False)))
    floor.signal("BUY")
    floor.later(61)
    floor.signal("SELL")
    assert held(floor) == 0
    facts = floor.later(61).sell(PERP)
    assert not [fact for fact in facts if isinstance(fact, IntentFormed)]


def test_both_halves_of_a_flip_are_one_trade_to_cooldown_and_rate() -> None:
    limits = msgspec.structs.replace(on_margin().guardrails, cooldown_s=60.0, trades_max=2, duplicate_window_s=5.0)
    floor = long(guardrails=limits, sizing=SizingSettings("base", Decimal("0.03")))
    floor.signal("SELL")
    assert held(floor) == Decimal("-0.03")  # of the very size of the first half, and a moment later
    assert len(floor.state.trades) == 2
    floor.later(30)
    refused = [fact for fact in floor.buy(PERP) if isinstance(fact, IntentRefused)]
    assert not refused  # an exit passes
    assert floor.state.flips


def test_a_first_half_that_is_rejected_ends_the_flip() -> None:
    floor = long()
    (closing,) = planned_in(floor.sell(PERP))
    floor.report(floor.state.orders[closing.client_id], Evidence.REJECTED, reason="no")
    facts = floor.wake()
    (ended,) = [fact for fact in facts if isinstance(fact, FlipEnded)]
    assert ended.reason
    assert not planned_in(facts)
    assert held(floor) > 0
    assert due(floor.state) > floor.at_ns


def test_a_first_half_that_does_not_fill_by_the_next_bar_ends_the_flip() -> None:
    floor = long()
    (closing,) = planned_in(floor.sell(PERP))
    floor.later(61).wake()
    floor.take(CycleDue(floor.at_ns, floor.at_ns, (SignalGiven(OTHER, Action.HOLD),), floor.market()))
    assert not floor.state.flips
    filled(floor, closing)
    assert not planned_in(floor.wake())
    assert held(floor) == 0


def test_a_part_that_fills_is_waited_for() -> None:
    floor = long()
    (closing,) = planned_in(floor.sell(PERP))
    known = floor.state.orders[closing.client_id]
    floor.fill(known, known.qty_lots // 2, price=Decimal(30_000), trade_id="part")
    assert not planned_in(floor.wake())
    assert floor.state.flips
    floor.fill(known, known.unbooked_lots, price=Decimal(30_000), trade_id="rest")
    assert planned_in(floor.wake())


def test_a_refused_first_half_leaves_no_flip_behind() -> None:
    floor = long()
    floor.quoted = ""
    facts = floor.take(
        CycleDue(
            floor.at_ns,
            floor.at_ns,
            (SignalGiven(PERP, Action.SELL),),
            msgspec.structs.replace(floor.market(), quotes=()),
        )
    )
    assert not [fact for fact in facts if isinstance(fact, FlipAwaited)]
    assert not floor.state.flips


def test_a_new_session_and_a_stop_give_flips_up() -> None:
    floor = long()
    (closing,) = planned_in(floor.sell(PERP))
    floor.let_go()
    filled(floor, closing)
    assert due(floor.state) == NEVER_NS or due(floor.state) > floor.at_ns
    assert not planned_in(floor.wake())
    floor.start(reconciled=False)
    assert not floor.state.flips


def test_the_second_half_goes_in_as_a_limit_where_entries_do() -> None:
    floor = Floor(on_margin(orders=OrderSettings("limit", 0.01)))
    floor.signal("BUY")
    floor.pass_to(1, btc=29_000.0)
    assert held(floor) > 0
    floor.pass_to(61, btc=30_000.0)
    floor.signal("SELL")
    (resting,) = floor.state.live_orders()
    assert held(floor) == 0
    assert (resting.side, resting.limit_ticks) == (Side.SELL, 3_030_000)
    floor.check()


@pytest.mark.parametrize("effect", [Effect.OPEN, Effect.REDUCE])
def test_by_hand_the_other_side_is_opened_only_after_closing(effect: Effect) -> None:
    floor = long()
    facts = floor.ask(
        "k", Side.SELL, instrument=PERP, effect=effect, notional=Decimal(100) if effect is Effect.OPEN else None
    )
    if effect is Effect.REDUCE:
        assert planned_in(facts)
        return
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert "reduce it before" in refused.reason


def test_spot_is_never_short() -> None:
    facts = Bot().ask("k", Side.SELL, effect=Effect.OPEN, notional=Decimal(100))
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert "never short on spot" in refused.reason
