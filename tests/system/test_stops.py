"""Stop orders that rest at their venue, in a market of bars: the same exits as where the bot itself watches."""

from pathlib import Path

import pytest

from quarterdeck.domain import Fact, FillBooked, OrderKind, OrderMoved, OrderPlanned, OrderState, Side
from tests.system.replaying import ALWAYS_LONG, facts_of, local, orders_of, played

LEVELS = ("0.003", "0.006")
CENT = 0.01


def drilled(root: Path, *, at_venue: bool, bars: int = 200) -> list[Fact]:
    with local(root, bars=bars, strategy=ALWAYS_LONG, levels=LEVELS) as stage:
        if at_venue:
            stage.let_protect("alpha", "beta")
        played(stage)
        return facts_of(stage)


def told(facts: list[Fact]) -> list[tuple[object, ...]]:
    """Say of every fill when, where and how much, but not at what price."""
    plans = {fact.client_id: fact for fact in facts if isinstance(fact, OrderPlanned)}
    fills = [fact for fact in facts if isinstance(fact, FillBooked)]
    return [
        (
            fill.at_ns,
            plans[fill.client_id].venue,
            plans[fill.client_id].instrument,
            plans[fill.client_id].side,
            fill.lots,
        )
        for fill in fills
    ]


def test_stops_at_the_venue_and_stops_that_the_bot_watches_give_the_same_exits(tmp_path: Path) -> None:
    by_bot = drilled(tmp_path / "bot", at_venue=False)
    by_venue = drilled(tmp_path / "venue", at_venue=True)
    assert any(fact.order_kind is OrderKind.STOP for fact in by_venue if isinstance(fact, OrderPlanned))
    assert told(by_venue) == told(by_bot)
    prices = [[float(fact.price) for fact in facts if isinstance(fact, FillBooked)] for facts in (by_bot, by_venue)]
    # A stop order's trigger lies on the grid, a level that the bot watches does not: that is all the difference.
    assert prices[1] == pytest.approx(prices[0], abs=2 * CENT)


def test_an_entry_is_covered_at_the_instant_at_which_it_fills_before_its_bar_goes_on(tmp_path: Path) -> None:
    facts = drilled(tmp_path / "venue", at_venue=True)
    plans = {fact.client_id: fact for fact in facts if isinstance(fact, OrderPlanned)}
    entries = [fact for fact in facts if isinstance(fact, FillBooked) and plans[fact.client_id].side is Side.BUY]
    stops = {(plan.instrument, plan.at_ns) for plan in plans.values() if plan.order_kind is OrderKind.STOP}
    assert len(entries) > 10
    assert all((plans[fill.client_id].instrument, fill.at_ns) in stops for fill in entries)


def test_what_still_covers_a_position_stays_at_the_venue_when_the_bot_stops(tmp_path: Path) -> None:
    with local(tmp_path / "b", bars=200, strategy=ALWAYS_LONG, levels=("0.05", "0.06")) as stage:
        stage.let_protect("alpha", "beta")
        played(stage, cycles=20)
        states = {fact.client_id: fact.state for fact in facts_of(stage) if isinstance(fact, OrderMoved)}
        stops = [plan.client_id for plan in orders_of(stage) if plan.order_kind is OrderKind.STOP]
        assert {states[client_id] for client_id in stops} == {OrderState.OPEN}
        again = played(stage, cycles=20)
        assert again.orders.planned == 0  # the next session finds them, and nothing is missing or doubled
