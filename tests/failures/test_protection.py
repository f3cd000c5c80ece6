"""R25, R30, R56: positions without their stop order, or with several."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.domain import OrderKind, OrderPlanned, OrderState, RiskSettings, Side, Source
from quarterdeck.exchange import VenueOrder
from quarterdeck.orders import Order
from quarterdeck.ports import OrderRequest
from tests.engine.driving import BTC
from tests.failures.network import LOST_REPLY, LOST_REQUEST, OVERLOADED_AFTERWARDS, WELL, Fate
from tests.failures.stage import HABITS, World, staged, usual_settings

STOPPING = {name: replace(HABITS, stops=True) for name in ("a", "b")}
RISK = RiskSettings(stop_loss=0.05)
BACKOFF_S = 40.0


def stops_at(world: World) -> list[VenueOrder]:
    """List the stop orders that rest at venue `a`."""
    orders = world.a.exchange.state.orders.values()
    return [order for order in orders if order.is_working and order.order_kind is OrderKind.STOP]


def stops_known(world: World) -> list[Order]:
    """List the stop orders that the bot takes for living."""
    return [order for order in world.state.live_orders() if order.is_protective]


def planned_stops(world: World) -> list[OrderPlanned]:
    return [plan for plan in world.planned() if plan.order_kind is OrderKind.STOP]


def refuses_stops(request: OrderRequest) -> str:
    """Word why a venue takes no stop order; empty for any other."""
    return "no stop orders at present" if request.order_kind is OrderKind.STOP else ""


def is_covered(world: World) -> bool:
    """Tell whether exactly one stop order rests, over all that is held."""
    resting = stops_at(world)
    return len(resting) == 1 and resting[0].left_lots * Decimal("1e-8") == world.held()


@pytest.mark.parametrize("fate", [LOST_REPLY, OVERLOADED_AFTERWARDS], ids=["reply lost", "503 and placed"])
def test_r25_an_overloaded_venue_never_gets_a_second_stop_order_for_a_position(tmp_path: Path, fate: Fate) -> None:
    """Guards one living stop order for a position: nothing is planned while one is unknown, for it may live."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.a.pushes = False
        world.a.next("submit", WELL, fate)
        world.buy()
        most = 0
        for _ in range(60):
            world.pass_s(1)
            most = max(most, len(stops_at(world)), len(stops_known(world)))
        assert most == 1
        assert len(planned_stops(world)) == 1
        assert is_covered(world)


def test_r25_what_grows_or_shrinks_has_one_stop_order_again(tmp_path: Path) -> None:
    """Guards that one which does not fit is cancelled before another is planned."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        most = 0
        for number, qty in enumerate(("0.01", "0.02", "0.005")):
            world.buy(f"in {number}", qty)
            for _ in range(20):
                world.pass_s(0.5)
                most = max(most, len(stops_at(world)))
            assert is_covered(world)
        world.wish("out", Side.SELL, qty=Decimal("0.02"), pass_s=20.0)
        assert world.held() == world.booked() == Decimal("0.015")
        assert is_covered(world)
        assert most == 1


def test_r30_a_stop_order_is_the_same_one_after_a_restart(tmp_path: Path) -> None:
    """Guards that protective orders are journaled and adopted first: stop and target were lost on restart elsewhere."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.buy()
        world.until(lambda: is_covered(world))
        (stop,) = stops_known(world)
        for _ in range(3):
            world.restart(pass_s=15.0)
            assert [order.client_id for order in stops_known(world)] == [stop.client_id]
            assert is_covered(world)
        world.crash()
        world.touch(BTC, 28_000.0)
        assert world.held() == Decimal(0), "it works while nobody lives"
        world.start(pass_s=10.0)
        assert world.booked() == Decimal(0)
        assert len(world.planned()) == 2


def test_r30_a_crash_between_the_fill_and_its_stop_order_leaves_no_position_naked(tmp_path: Path) -> None:
    """Guards that what lacks its stop is known from the journal alone."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        world.buy(pass_s=0.05)
        assert world.held() == Decimal("0.01")
        assert not planned_stops(world)
        world.restart(pass_s=20.0)
        assert is_covered(world)
        assert world.state.naked == {}


def test_r56_a_stop_that_the_venue_refuses_is_tried_again_with_patience_and_then_the_position_is_sold(
    tmp_path: Path,
) -> None:
    """Guards the naked time and its ladder: an emergency exit came at once elsewhere, or the liquidation before it."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.a.refuses = refuses_stops
        world.buy(pass_s=20.0)
        tries = [plan.at_ns for plan in planned_stops(world)]
        assert 2 <= len(tries) <= 6
        gaps = [late - early for early, late in pairwise(tries)]
        assert gaps == sorted(gaps), "it asks less and less often"
        assert world.booked() == world.held() == Decimal("0.01"), "no emergency yet"
        assert world.state.naked
        world.pass_s(BACKOFF_S)
        assert world.booked() == world.held() == Decimal(0)
        sales = [plan for plan in world.planned() if plan.side is Side.SELL]
        (exit_plan,) = [plan for plan in sales if plan.order_kind is OrderKind.MARKET]
        assert exit_plan.source is Source.PROTECTION
        assert world.state.naked == {}
        assert "naked" in world.alerts()


def test_r56_a_refusal_that_ends_in_time_sells_nothing(tmp_path: Path) -> None:
    """Guards the backoff: a venue that refuses for a few seconds costs a few tries, and no position."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.a.refuses = refuses_stops
        world.buy(pass_s=5.0)
        assert world.state.naked
        world.a.refuses = lambda _request: ""
        world.pass_s(BACKOFF_S)
        assert is_covered(world)
        assert world.state.naked == {}
        assert world.held() == Decimal("0.01")


def test_r56_a_stop_whose_request_was_lost_is_proven_absent_and_placed_again_within_the_naked_time(
    tmp_path: Path,
) -> None:
    """Guards that one lost packet sells no position: the proof is found well before the patience ends."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        world.a.next("submit", WELL, LOST_REQUEST)
        world.buy(pass_s=60.0)
        assert [world.order(plan.client_id).state for plan in planned_stops(world)] == [
            OrderState.NOT_PLACED,
            OrderState.OPEN,
        ]
        assert is_covered(world)
        assert world.held() == Decimal("0.01")


def test_r56_every_part_of_an_entry_that_fills_is_covered(tmp_path: Path) -> None:
    """Guards entry and protection as one plan: an entry that fills in parts is protected from the first part on."""
    with staged(tmp_path, usual_settings(risk=RISK), habits=STOPPING) as world:
        entry = world.bid(qty="0.8")
        for held in ("0.5", "0.8"):
            world.touch(BTC, 29_499.0)
            world.pass_s(20)
            assert world.held() == Decimal(held)
            assert is_covered(world)
        assert next(plan for plan in world.planned() if plan.client_id == entry.client_id).protection == "venue"
