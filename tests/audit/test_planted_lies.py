"""What the auditor finds besides breaches: verdicts, books, marks and chains that are not what they must be."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from quarterdeck.domain import Action, Evidence
from tests.audit.independent.auditor import Auditor
from tests.audit.independent.problem import Problem
from tests.audit.plants import bought, bought_thrice, exit_at_last, limit, paused_for_losses, resting_twice
from tests.audit.scenes import BTC, ETH, Row, Script, facts_of, falsified

DAY_S = 86_400


def problems_of(script: Script, change: Callable[[list[Row]], None]) -> list[Problem]:
    assert script.audited().problems == []
    return Auditor().take_all(falsified(script.lines(), change)).problems


def refused_for_pace() -> Script:
    """A second buy of a pair that comes too early."""
    script = bought()
    script.later(30, marked=False)
    script.signal({BTC: Action.BUY})
    return script


def over_midnight() -> Script:
    """A position that is held from one day into the next, on which another one is sold."""
    script = bought_thrice()
    script.prices[BTC] *= 1.01
    script.later(DAY_S - (script.at_ns // 10**9) % DAY_S)
    script.traded(script.signal({ETH: Action.SELL}))
    script.later(DAY_S)
    return script


def cancelled_part() -> Script:
    """An order of which a part trades before it is cancelled."""
    script = Script()
    order = script.working(script.limit(29_500.0))
    script.fill(order, 0.4)
    script.report(order, Evidence.CANCELLED, reported_lots=order.booked_lots)
    return script


@pytest.mark.parametrize("script", [refused_for_pace, over_midnight, cancelled_part])
def test_nothing_is_found_where_all_is_well(script: Callable[[], Script]) -> None:
    assert script().audited().problems == []


def test_a_refusal_without_reason_is_found() -> None:
    found = problems_of(refused_for_pace(), limit("cooldown_s", 10.0))
    assert [(one.rule, one.what) for one in found if one.what.startswith("refused")] == [
        ("G8", "refused without reason")
    ]


def test_a_refusal_that_names_other_rules_than_its_verdicts_is_found() -> None:
    def change(rows: list[Row]) -> None:
        for fact in facts_of(rows, "IntentRefused"):
            fact["failed"] = ["G9"]

    assert {one.rule for one in problems_of(refused_for_pace(), change)} == {"verdict"}


def test_an_exit_refused_by_a_rule_that_lets_exits_pass_is_found() -> None:
    script = bought()
    script.later(30, marked=False)
    script.signal({BTC: Action.SELL})

    def change(rows: list[Row]) -> None:
        verdicts = facts_of(rows, "OrderPlanned")[-1]["verdicts"]
        assert verdicts[2] == 1 << 7
        verdicts[1], verdicts[2] = verdicts[2], verdicts[1]

    assert {one.rule for one in problems_of(script, change)} == {"G8"}


@pytest.mark.parametrize("place", range(22))
def test_a_value_that_is_not_the_rule_s_is_found(place: int) -> None:
    def change(rows: list[Row]) -> None:
        values = facts_of(rows, "OrderPlanned")[0]["verdicts"][3]
        values[place] = (values[place] or 1.0) * 1.001 + 0.001

    found = problems_of(bought(), change)
    assert len(found) == 1
    assert found[0].what == "value or limit differ"


@pytest.mark.parametrize(
    ("kind", "field", "value", "rule"),
    [
        ("MarksTaken", "equity", 100_001.0, "marks"),
        ("MarksTaken", "index", 1.001, "marks"),
        ("MarksTaken", "day_open", 1.001, "marks"),
        ("MarksTaken", "index_peak", 1.001, "marks"),
        ("MarksTaken", "drawdown_max", 0.5, "marks"),
        ("FillBooked", "realised", "0.01", "books"),
        ("FillBooked", "qty_after", "1", "books"),
        ("FillBooked", "cost_after", "1", "books"),
        ("FillBooked", "price", "1", "books"),
        ("FillBooked", "booked_lots_after", 1, "books"),
        ("OrderMoved", "reserve", "1", "books"),
        ("OrderPlanned", "lot", "0.1", "grid"),
        ("OrderPlanned", "rate", 0.99, "rate"),
        ("OrderPlanned", "reserve_asset", "EUR", "intent"),
        ("OrderPlanned", "side", "buy", "intent"),
        ("OrderPlanned", "intent_id", "nobody", "intent"),
        ("DayClosed", "realised", "0.01", "day"),
        ("DayClosed", "revaluation", "1E-20", "day"),
        ("DayClosed", "fills", 17, "day"),
        ("DayClosed", "equity_open", "1", "day"),
    ],
)
def test_a_figure_that_does_not_follow_is_found(kind: str, field: str, value: object, rule: str) -> None:
    def change(rows: list[Row]) -> None:
        facts_of(rows, kind)[-1][field] = value

    assert rule in {one.rule for one in problems_of(over_midnight(), change)}


def test_a_trade_booked_twice_is_found() -> None:
    def change(rows: list[Row]) -> None:
        (row,) = [row for row in rows if row["kind"] == "FillReported"]
        rows.insert(rows.index(row) + 1, msgspec.json.decode(msgspec.json.encode(row)))

    assert "books" in {one.rule for one in problems_of(bought(), change)}


def test_cash_that_went_missing_is_found() -> None:
    def change(rows: list[Row]) -> None:
        facts_of(rows, "FillBooked")[-1]["cash_after"][0][2] = "49000"

    assert "books" in {one.rule for one in problems_of(exit_at_last(), change)}


def test_a_pause_that_ends_too_early_is_found() -> None:
    def change(rows: list[Row]) -> None:
        (tripped, *_) = [fact for fact in facts_of(rows, "ControlChanged") if fact.get("window_emptied")]
        tripped["holds"][0][3] -= 60 * 10**9

    assert {"G2", "control"} & {one.rule for one in problems_of(paused_for_losses(), change)}


def test_a_pause_that_never_came_is_found() -> None:
    def change(rows: list[Row]) -> None:
        for row in rows:
            row["facts"] = [fact for fact in row["facts"] if fact["kind"] != "ControlChanged"]

    assert "G2" in {one.rule for one in problems_of(paused_for_losses(), change)}


def test_a_halt_that_ends_by_itself_is_found() -> None:
    script = Script()
    script.control("halt")
    script.later(61)
    script.control("resume")

    def change(rows: list[Row]) -> None:
        rows[-1]["kind"] = rows[-1]["payload"]["kind"] = "Woke"

    assert "control" in {one.rule for one in problems_of(script, change)}


@pytest.mark.parametrize("place", ["payload", "facts", "prev", "hash", "at_ns", "seq", "kind"])
def test_a_row_that_was_changed_afterwards_breaks_the_chain(place: str) -> None:
    lines = resting_twice().lines()
    row = msgspec.json.decode(lines[4])
    other = {"payload": {**row["payload"], "at_ns": 1}, "facts": [], "prev": "00" * 32, "hash": "11" * 32}
    row[place] = other.get(place, {"at_ns": row["at_ns"] + 1, "seq": 99, "kind": "Woken"}.get(place))
    lines[4] = msgspec.json.encode(row)
    assert "chain" in {one.rule for one in Auditor().take_all(lines).problems}


def test_a_row_that_was_left_out_breaks_the_chain() -> None:
    lines = resting_twice().lines()
    assert "chain" in {one.rule for one in Auditor().take_all([*lines[:3], *lines[4:]]).problems}
