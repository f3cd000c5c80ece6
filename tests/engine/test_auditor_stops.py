"""The auditor is only worth something if it fails: planted lies about stop orders."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quarterdeck.domain import Evidence, Fact, Input, OrderPlanned, RiskSettings, SettingsAdopted, Side, Source
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.engine.covered import covered, stop_in

Told = list[tuple[Input, list[Fact]]]


def honest_story() -> Told:
    """A position that is covered, whose stop order expires, and is placed again."""
    bot, stop = covered()
    bot.report(stop, Evidence.EXPIRED)
    bot.report(stop_in(bot, bot.wake()), Evidence.ACKNOWLEDGED)
    return bot.taken


def audit(told: Told) -> None:
    auditor = Auditor()
    for news, facts in told:
        auditor.take(news, facts)


def with_stops(told: Told, **lies: object) -> Told:
    """The same story, every stop order changed."""
    return [
        (
            news,
            [
                msgspec.structs.replace(fact, **lies)
                if isinstance(fact, OrderPlanned) and fact.trigger_ticks is not None
                else fact
                for fact in facts
            ],
        )
        for news, facts in told
    ]


def test_the_honest_story_passes() -> None:
    audit(honest_story())


LIES: list[tuple[str, dict[str, Any]]] = [
    ("stop", {"trigger_ticks": 2_370_000}),
    ("stop", {"trigger_ticks": 2_375_002}),
    ("stop", {"reference_price": 25_000.0}),
    ("stop", {"qty_lots": 1_000_000}),
    ("I21", {"qty_lots": 2_000_001}),
    ("stop", {"source": Source.MANUAL}),
    ("stop", {"limit_ticks": 2_375_000}),
    ("stop", {"trigger_ticks": None}),
    ("intent", {"side": Side.BUY}),
]


@pytest.mark.parametrize(("rule", "lies"), LIES)
def test_a_stop_order_that_is_not_what_it_must_be_is_found(rule: str, lies: dict[str, Any]) -> None:
    with pytest.raises(Breach) as found:
        audit(with_stops(honest_story(), **lies))
    assert found.value.args[0].startswith(rule)


def test_a_second_stop_order_beside_a_living_one_is_found() -> None:
    story = honest_story()
    kept = [(news, facts) for news, facts in story if getattr(news, "evidence", None) is not Evidence.EXPIRED]
    with pytest.raises(Breach, match="I8"):
        audit(kept)


def test_a_sale_of_what_a_stop_order_holds_is_found() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.report(stop, Evidence.CANCELLED)
    bot.wake()
    told = [(news, facts) for news, facts in bot.taken if getattr(news, "evidence", None) is not Evidence.CANCELLED]
    with pytest.raises(Breach, match="G10"):
        audit(told)


def test_a_stop_order_that_nobody_wishes_is_found() -> None:
    story = honest_story()
    changed: Told = []
    for news, facts in story:
        told = [
            msgspec.structs.replace(fact, settings=msgspec.structs.replace(fact.settings, risk=RiskSettings()))
            if isinstance(fact, SettingsAdopted)
            else fact
            for fact in facts
        ]
        changed.append((news, told))
    with pytest.raises(Breach, match="nobody wishes a stop"):
        audit(changed)


def test_trades_of_stop_orders_are_counted_from_their_first_fill() -> None:
    bot, stop = covered()
    before = bot.auditor.executions
    bot.fill(stop, 100, price=Decimal(23_750), fee=Decimal(0))
    bot.fill(stop, 100, price=Decimal(23_750), fee=Decimal(0))
    assert bot.auditor.executions == before + 1 == bot.state.executions
