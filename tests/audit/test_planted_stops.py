"""What the auditor finds of stop orders: in the wrong place, twice, over too much, and what they hold being sold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import Action, Evidence, HoldingDeclared, OrderPlanned, RiskSettings, Side
from tests.audit.independent.auditor import Auditor
from tests.audit.scenes import BTC, Row, Script, facts_of, falsified, no_limits, settings_with


def covered() -> Script:
    """A position, its stop order, another one after the first expired, and an exit that waited for its cancel."""
    plain = settings_with(guardrails=no_limits(), risk=RiskSettings(stop_loss=0.05))
    venues = tuple(msgspec.structs.replace(venue, stops=True) for venue in plain.venues)
    script = Script(msgspec.structs.replace(plain, venues=venues))
    script.traded(script.signal({BTC: Action.BUY}))
    first = stop_of(script)
    script.report(first, Evidence.ACKNOWLEDGED)
    script.later(1, marked=False)
    script.report(first, Evidence.EXPIRED)
    second = stop_of(script)
    script.report(second, Evidence.ACKNOWLEDGED)
    script.later(10, marked=False)
    script.ask(BTC, Side.SELL)
    script.report(second, Evidence.CANCELLED)
    script.traded(script.wake())
    return script


def stop_of(script: Script) -> OrderPlanned:
    (stop,) = [fact for fact in script.wake() if isinstance(fact, OrderPlanned)]
    assert stop.trigger_ticks is not None
    return stop


def stops(rows: list[Row]) -> list[Row]:
    return [fact for fact in facts_of(rows, "OrderPlanned") if fact["order_kind"] == "stop"]


def told_of(change: Callable[[list[Row]], None]) -> list[tuple[str, str]]:
    audit = Auditor().take_all(falsified(covered().lines(), change))
    return [(problem.rule, problem.what) for problem in audit.problems]


def test_nothing_is_found_where_all_is_well() -> None:
    audit = covered().audited()
    assert audit.problems == []
    assert audit.planned.total() == 4


def test_a_trigger_in_the_wrong_place_is_found() -> None:
    def lower(rows: list[Row]) -> None:
        stops(rows)[0]["trigger_ticks"] -= 100

    assert any(rule == "stop" and "it awakes at" in what for rule, what in told_of(lower))


def test_a_stop_order_over_a_part_is_found() -> None:
    def shrink(rows: list[Row]) -> None:
        stops(rows)[0]["qty_lots"] //= 2

    assert any(rule == "stop" and "without cover" in what for rule, what in told_of(shrink))


def test_a_stop_order_over_more_than_is_held_is_found() -> None:
    def grow(rows: list[Row]) -> None:
        one = stops(rows)[0]
        one["qty_lots"] *= 2

    assert {"E3", "G10"} <= {rule for rule, _ in told_of(grow)}


@pytest.mark.parametrize(("evidence", "place"), [("expired", "second"), ("cancelled", "exit")])
def test_an_order_beside_a_living_stop_order_is_found(evidence: str, place: str) -> None:
    """I8: at most one for each position; and what it holds nobody else sells."""

    def revive(rows: list[Row]) -> None:
        for row in list(rows):
            if any(fact["kind"] == "OrderMoved" and fact["evidence"] == evidence for fact in row["facts"]):
                rows.remove(row)

    assert any(rule == "stop" and "sells what stop order" in what for rule, what in told_of(revive)), place


def test_stop_orders_where_nobody_wishes_them_are_found() -> None:
    def forbid(rows: list[Row]) -> None:
        for fact in facts_of(rows, "SettingsAdopted"):
            for venue in fact["settings"]["venues"]:
                venue["stops"] = False

    assert any(what.startswith("nobody wishes stop orders") for _, what in told_of(forbid))


def test_a_price_that_it_was_not_judged_at_is_found() -> None:
    def flatter(rows: list[Row]) -> None:
        stops(rows)[0]["reference_price"] = float(Decimal(30_000))

    assert ("stop", "it was judged at another price than its trigger") in told_of(flatter)


def begun_with_holdings() -> Script:
    """A bot that begins with a position, which is marked, covered, kept over midnight, and sold."""
    plain = settings_with(guardrails=no_limits(), risk=RiskSettings(stop_loss=0.05))
    held = (HoldingDeclared("alpha", BTC, Decimal("0.01"), Decimal(290)),)
    venues = (msgspec.structs.replace(plain.venues[0], stops=True, holdings=held), plain.venues[1])
    script = Script(msgspec.structs.replace(plain, venues=venues, capital=plain.capital + 290))
    (stop,) = script.state.live_orders()
    script.report(stop, Evidence.ACKNOWLEDGED)
    script.later(86_400)
    script.later(86_400)
    script.ask(BTC, Side.SELL)
    script.report(stop, Evidence.CANCELLED)
    script.traded(script.wake())
    script.later(86_400)
    return script


def test_declared_holdings_are_part_of_the_books() -> None:
    audit = begun_with_holdings().audited()
    assert [str(problem) for problem in audit.problems] == []
    assert audit.days == 3


def test_holdings_of_another_size_than_declared_are_found() -> None:
    def inflate(rows: list[Row]) -> None:
        for fact in facts_of(rows, "CapitalDeclared"):
            fact["holdings"][0][2] = "0.02"

    forged = falsified(begun_with_holdings().lines(), inflate)
    assert {"marks", "books"} & {problem.rule for problem in Auditor().take_all(forged).problems}
