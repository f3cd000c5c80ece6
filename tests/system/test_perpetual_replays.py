"""Perpetuals on a replay: flips, funding, liquidation and limit entries, each at its instant and price."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck.domain import (
    CycleDue,
    Fact,
    FillBooked,
    FundingBooked,
    LiquidationBooked,
    MarksTaken,
    OrderPlanned,
    TriggerFired,
)
from quarterdeck.system import Driver, RunSummary
from tests.system.perpetual_stage import (
    BEGIN_NS,
    HOUR_NS,
    MINUTE_NS,
    PERP,
    VENUE,
    PerpetualStage,
    Written,
    flat,
)

BUY, SELL = 1, 2


def kinds(facts: Sequence[Fact], kind: type[Fact]) -> list[Fact]:
    return [fact for fact in facts if isinstance(fact, kind)]


def fills_of(stage: PerpetualStage) -> list[tuple[int, str, float]]:
    """List the fills: when, at which side, at which price."""
    sides = {fact.client_id: fact.side for fact in stage.facts() if isinstance(fact, OrderPlanned)}
    return [
        (fact.at_ns, sides[fact.client_id].value, float(fact.price))
        for fact in stage.facts()
        if isinstance(fact, FillBooked)
    ]


def position_of(summary: RunSummary) -> Decimal:
    return sum((held.qty for held in summary.positions), Decimal(0))


def test_a_sell_against_a_long_closes_it_and_opens_short_at_one_open(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path)
    stage.record([flat(100.0, BUY), flat(100.0), flat(110.0, SELL), flat(120.0), flat(120.0)])
    summary = stage.played()
    at_ns = stage.open_of(3)
    assert fills_of(stage) == [(stage.open_of(1), "buy", 100.0), (at_ns, "sell", 120.0), (at_ns, "sell", 120.0)]
    closing, opening = [fact for fact in stage.facts() if isinstance(fact, OrderPlanned)][1:]
    assert (closing.at_ns, opening.at_ns, opening.flips) == (at_ns, at_ns, closing.intent_id)
    assert opening.intent_id == f"{closing.intent_id}:open"
    assert position_of(summary) < 0
    assert summary.intents.total == 3


def test_without_shorts_a_sell_closes_and_opens_nothing(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, risk="short: false")
    stage.record([flat(100.0, SELL), flat(100.0, BUY), flat(100.0), flat(100.0, SELL), flat(101.0)])
    assert position_of(stage.played()) == 0
    assert [side for _, side, _ in fills_of(stage)] == ["buy", "sell"]


def test_the_leverage_is_set_at_the_venue_before_anything_is_decided(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, risk="short: true, leverage_max: 5")
    stage.record([flat(100.0, BUY), flat(100.0), flat(100.0)])
    stage.played()
    (planned,) = kinds(stage.facts(), OrderPlanned)
    assert isinstance(planned, OrderPlanned)
    assert planned.leverage == 5
    cycle = next(one for one in stage.news() if isinstance(one, CycleDue))
    (reading,) = cycle.surroundings.margins
    assert (reading.venue, reading.instrument, reading.leverage, reading.mode) == (VENUE, PERP, 5.0, "isolated")
    assert reading.maintenance == 0.01


@pytest.mark.parametrize(
    ("after_ns", "price"),
    [
        (90 * MINUTE_NS, 104.0),  # inside the second bar: at its open
        (2 * HOUR_NS, 110.0),  # where the third opens: at the close before it
        (3 * HOUR_NS + MINUTE_NS, 120.0),  # in a gap: at the last close
        (4 * HOUR_NS, 120.0),  # where the gap ends: still at the last close
    ],
)
def test_funding_is_paid_at_the_price_known_at_its_instant(tmp_path: Path, after_ns: int, price: float) -> None:
    stage = PerpetualStage(tmp_path, timeframe="1h")
    bars = [flat(100.0, BUY), Written(104.0, 112.0, 103.0, 110.0), Written(115.0, 121.0, 114.0, 120.0), None]
    stage.record([*bars, flat(130.0), flat(130.0)])
    stage.pay([(0, 0.5), (after_ns, 0.001), (10 * HOUR_NS, 0.5)])
    summary = stage.played()
    (paid,) = kinds(stage.facts(), FundingBooked)
    assert isinstance(paid, FundingBooked)
    assert paid.at_ns == BEGIN_NS + after_ns
    assert paid.amount == -(position_of(summary) * Decimal(str(price)) * Decimal("0.001"))


def test_each_settlement_is_paid_once_however_the_replay_is_cut(tmp_path: Path) -> None:
    bars = [flat(100.0, BUY), *[flat(101.0)] * 4, flat(102.0, SELL), *[flat(103.0)] * 4]
    settlements = [(number * HOUR_NS, 0.001) for number in range(11)]
    ends = []
    for name, parts in (("whole", (None,)), ("cut", (1, 1, 2, 1, 2, None))):
        (tmp_path / name).mkdir()
        stage = PerpetualStage(tmp_path / name, timeframe="1h")
        stage.record(bars)
        stage.pay(settlements)
        summary = [stage.played(cycles) for cycles in parts][-1]
        paid = [(one.at_ns, one.amount) for one in stage.facts() if isinstance(one, FundingBooked)]
        ends.append((paid, fills_of(stage), summary.cash, summary.positions, summary.equity))
    assert ends[0] == ends[1]
    assert len(ends[0][0]) == 8


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        # At ten times the long at 100 has lost its margin at 90 / 0.99 = 90.9090…: on the grid below it.
        (Written(95.0, 95.0, 90.9, 92.0), 90.9),
        (Written(88.05, 92.0, 85.0, 92.0), 88.0),
    ],
)
def test_a_position_is_liquidated_inside_the_bar_at_its_level_or_beyond(
    tmp_path: Path, bar: Written, price: float
) -> None:
    stage = PerpetualStage(tmp_path, risk="short: true, leverage_max: 10")
    stage.record([flat(100.0, BUY), flat(100.0), flat(100.0), bar, flat(92.0), flat(92.0)])
    summary = stage.played()
    (forced,) = kinds(stage.facts(), LiquidationBooked)
    assert isinstance(forced, LiquidationBooked)
    assert (forced.at_ns, float(forced.price)) == (stage.open_of(4), price)
    assert position_of(summary) == 0
    assert summary.orders.planned == 1


def test_a_short_is_liquidated_above(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, risk="short: true, leverage_max: 10")
    stage.record([flat(100.0, SELL), flat(100.0), Written(100.0, 109.0, 99.0, 100.0), flat(100.0)])
    summary = stage.played()
    (forced,) = kinds(stage.facts(), LiquidationBooked)
    assert isinstance(forced, LiquidationBooked)
    assert float(forced.price) == 109.0  # 110 / 1.01 = 108.9109…
    assert position_of(summary) == 0


def test_the_low_that_does_not_reach_the_level_liquidates_nothing(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, risk="short: true, leverage_max: 10")
    stage.record([flat(100.0, BUY), flat(100.0), Written(95.0, 95.0, 91.0, 91.0), flat(91.0)])
    assert position_of(stage.played()) > 0


def test_the_stop_that_lies_nearer_saves_from_liquidation(tmp_path: Path) -> None:
    """Even where the bar opened beyond both: the bot closes at the open."""
    for name, open_ in (("inside", 97.0), ("beyond", 85.0)):
        (tmp_path / name).mkdir()
        stage = PerpetualStage(tmp_path / name, risk="short: true, leverage_max: 10, stop_loss: 0.05")
        stage.record([flat(100.0, BUY), flat(100.0), Written(open_, 97.0, 80.0, 82.0), flat(82.0)])
        stage.played()
        assert not kinds(stage.facts(), LiquidationBooked)
        assert fills_of(stage)[-1] == (stage.open_of(3), "sell", min(95.0, open_))


def test_of_a_short_the_stop_rises_and_the_target_falls(tmp_path: Path) -> None:
    for name, bar, price in (
        ("stop", Written(100.0, 103.0, 95.0, 100.0), 102.0),  # both were reached: the worse counts
        ("target", Written(100.0, 101.0, 95.0, 100.0), 96.0),
    ):
        (tmp_path / name).mkdir()
        stage = PerpetualStage(tmp_path / name, risk="short: true, stop_loss: 0.02, take_profit: 0.04")
        stage.record([flat(100.0, SELL), flat(100.0), bar, flat(100.0)])
        stage.played()
        assert fills_of(stage)[-1] == (stage.open_of(3), "buy", price)


def test_a_limit_entry_fills_inside_the_bar_and_may_be_stopped_in_it(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, risk="stop_loss: 0.01", orders="entry: limit, entry_offset: 0.01")
    stage.record([flat(100.0, BUY), Written(100.0, 100.0, 98.0, 99.5), flat(99.5)])
    summary = stage.played()
    close_ns = stage.open_of(2)
    assert fills_of(stage) == [(close_ns, "buy", 99.0), (close_ns, "sell", 98.0)]
    assert position_of(summary) == 0


def test_the_target_of_an_entry_that_filled_inside_a_bar_waits_for_the_next(tmp_path: Path) -> None:
    """Nobody knows whether the high came before the entry or after it."""
    stage = PerpetualStage(tmp_path, risk="take_profit: 0.02", orders="entry: limit, entry_offset: 0.01")
    bars = [flat(100.0, BUY), Written(100.0, 103.0, 98.0, 100.0), Written(100.0, 102.0, 100.0, 100.0), flat(100.0)]
    stage.record(bars)
    stage.played()
    assert [(at_ns, side) for at_ns, side, _ in fills_of(stage)] == [
        (stage.open_of(2), "buy"),
        (stage.open_of(3), "sell"),
    ]


def test_a_limit_entry_fills_at_an_open_beyond_it_and_not_at_one_that_touches_it(tmp_path: Path) -> None:
    for name, open_, fills in (("touched", 99.0, 0), ("beyond", 98.9, 1)):
        (tmp_path / name).mkdir()
        stage = PerpetualStage(tmp_path / name, orders="entry: limit, entry_offset: 0.01, timeout_min: 2")
        stage.record([flat(100.0, BUY), Written(open_, 100.0, open_, 99.5), flat(99.5), flat(99.5)])
        summary = stage.played()
        assert summary.fills == fills
        assert fills_of(stage) == [(stage.open_of(1), "buy", 99.0)] * fills


def test_a_limit_entry_that_is_only_touched_waits_and_times_out(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, orders="entry: limit, entry_offset: 0.01, timeout_min: 2")
    stage.record([flat(100.0, BUY), Written(100.0, 100.0, 99.0, 99.5), flat(99.5), Written(99.5, 99.5, 97.0, 98.0)])
    summary = stage.played()
    assert (summary.orders.planned, summary.orders.cancelled, summary.fills) == (1, 1, 0)


def test_the_mark_of_a_bar_is_taken_at_its_close_though_a_stop_fired_inside(tmp_path: Path) -> None:
    stage = PerpetualStage(tmp_path, timeframe="1h", risk="stop_loss: 0.02")
    stage.record([flat(100.0, BUY), flat(100.0), Written(100.0, 100.0, 95.0, 96.0), flat(96.0)])
    stage.played()
    news, facts = stage.news(), stage.facts()
    assert [one.at_ns for one in news if isinstance(one, TriggerFired)] == [stage.open_of(3)]
    marks = [fact.at_ns for fact in facts if isinstance(fact, MarksTaken)]
    assert marks == [stage.open_of(number) for number in range(5)]
    exits = [place for place, fact in enumerate(facts) if isinstance(fact, FillBooked)][-1]
    mark = next(place for place, fact in enumerate(facts) if isinstance(fact, MarksTaken) and fact.at_ns == marks[3])
    assert exits < mark


def test_a_bar_that_is_late_opens_nothing_in_either_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Driver, "_why_late", lambda _driver, _close_ns: "it was late")
    for name, says in (("long", BUY), ("short", SELL)):
        (tmp_path / name).mkdir()
        stage = PerpetualStage(tmp_path / name)
        stage.record([flat(100.0, says), flat(100.0), flat(100.0)])
        assert stage.played().orders.planned == 0
        assert f"it was late; no {'BUY' if says == BUY else 'SELL'} of {PERP}" in stage.log()


def test_a_venue_across_a_socket_trades_and_pays_the_same(tmp_path: Path) -> None:
    bars = [
        flat(100.0, BUY),
        Written(101.0, 103.0, 99.5, 102.0),
        Written(102.0, 104.0, 101.0, 103.0, SELL),
        Written(103.0, 106.0, 102.0, 102.5),
        Written(102.5, 104.0, 96.0, 97.0, BUY),
        flat(97.0),
        Written(97.0, 97.0, 85.0, 86.0),
        flat(86.0, SELL),
        Written(86.0, 90.0, 84.0, 88.0),
        flat(88.0),
    ]
    settlements = [(number * HOUR_NS // 2, 0.0007 * (-1) ** number) for number in range(1, 19)]
    told = []
    with tempfile.TemporaryDirectory(prefix="qd") as sockets:
        for name in ("inside", "across"):
            (tmp_path / name).mkdir()
            stage = PerpetualStage(tmp_path / name, timeframe="1h", risk="short: true, leverage_max: 10")
            stage.record(bars)
            stage.pay(settlements, None if name == "inside" else Path(sockets) / "a")
            venue = stage.venue_process() if name == "across" else None
            if venue is not None:
                venue.start()
            try:
                summary = stage.played()
            finally:
                if venue is not None:
                    venue.stop()
            funded = [(one.at_ns, one.amount) for one in stage.facts() if isinstance(one, FundingBooked)]
            forced = [(one.at_ns, one.price) for one in stage.facts() if isinstance(one, LiquidationBooked)]
            told.append((summary.order_list_hash, fills_of(stage), funded, forced, summary.cash, summary.equity))
    assert told[0] == told[1]
    assert told[0][2]
    assert told[0][3]
