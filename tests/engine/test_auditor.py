"""The auditor is only worth something if it fails: one planted breach for each of its rules."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AccountReported,
    CancelRequested,
    CancelState,
    Control,
    ControlChanged,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    Hold,
    HoldingsAfter,
    InferredFill,
    Input,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrdersRetired,
    OrderState,
    SessionClosed,
    Side,
    Stopping,
    Verdicts,
)
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.engine.driving import BTC, Bot

Told = list[tuple[Input, list[Fact]]]
Kind = TypeVar("Kind", bound=OrderPlanned)


def honest_story() -> Told:
    """Buy twice and sell once, with an inferred fill, a cancel and a lost reply on the way."""
    bot = Bot()
    first = bot.bought()
    bot.later(61).sell()
    leaving = bot.state.live_orders()[0]
    bot.report(leaving, Evidence.ACKNOWLEDGED, reported_lots=leaving.qty_lots)
    bot.later(3).wake()
    bot.fill(leaving, leaving.qty_lots)
    assert first.booked_lots == leaving.booked_lots
    bot.later(61)
    lost = bot.unknown()
    bot.beyond_bound(lost)
    for _ in range(3):
        bot.later(2).absent(lost)
    assert lost.state is OrderState.NOT_PLACED
    bot.later(61)
    working = bot.working()
    bot.control("kill")
    bot.report(working, Evidence.CANCELLED)
    return bot.taken


STORY = honest_story()


def audit(told: Told) -> None:
    auditor = Auditor()
    for news, facts in told:
        auditor.take(news, facts)


def with_changed(kind: type[Fact], nth: int, **changes: object) -> Told:
    """The story with one field of its nth fact of a kind changed."""
    told: Told = []
    count = 0
    for news, facts in STORY:
        kept: list[Fact] = []
        for fact in facts:
            if isinstance(fact, kind):
                kept.append(msgspec.structs.replace(fact, **changes) if count == nth else fact)
                count += 1
            else:
                kept.append(fact)
        told.append((news, kept))
    assert count > nth
    return told


def with_more(where: type[Fact], made: Callable[[Any], Fact], nth: int = 0) -> Told:
    """The story with one fact put in after the nth of a kind."""
    told: Told = []
    count = 0
    for news, facts in STORY:
        kept: list[Fact] = []
        for fact in facts:
            kept.append(fact)
            if isinstance(fact, where):
                if count == nth:
                    kept.append(made(fact))
                count += 1
        told.append((news, kept))
    return told


def without(kind: type[Fact]) -> Told:
    """The story with every fact of a kind left out."""
    return [(news, [fact for fact in facts if not isinstance(fact, kind)]) for news, facts in STORY]


def first_of(kind: type[Kind]) -> Kind:
    return next(fact for _, facts in STORY for fact in facts if isinstance(fact, kind))


def paused(fact: Fact) -> Fact:
    hold = Hold("operator", Control.PAUSED, "planted")
    return ControlChanged(fact.at_ns, Control.PAUSED, "planted", "tester", holds=(hold,))


PLAN = first_of(OrderPlanned)


def refused() -> Verdicts:
    return msgspec.structs.replace(PLAN.verdicts, failed=1)


def held_back() -> tuple[InferredFill, ...]:
    inferred = [fact for _, facts in STORY for fact in facts if isinstance(fact, FillBooked) and fact.inferred]
    return inferred[0].inferred_after


def ended_again(fact: FillBooked) -> Fact:
    return OrderMoved(
        at_ns=fact.at_ns,
        client_id=fact.client_id,
        evidence=Evidence.CANCELLED,
        state=OrderState.CANCELLED,
        reported_lots=fact.reported_lots_after,
        reserve=Decimal(0),
        cancel=CancelState.NONE,
    )


def cancelled_late(fact: FillBooked) -> Fact:
    return CancelRequested(fact.at_ns, fact.client_id, fact.venue, "planted")


def running_again(fact: ControlChanged) -> Fact:
    return ControlChanged(fact.at_ns, Control.RUNNING, "planted", "nobody")


def killed_before_the_first_order() -> Told:
    return with_more(MarksTaken, lambda fact: ControlChanged(fact.at_ns, Control.RUNNING, "x", "y", kill_raised=True))


BREACHES: list[tuple[str, str, Callable[[], Told]]] = [
    ("time", "a fact before its time", lambda: with_changed(OrderPlanned, 0, at_ns=1)),
    ("I1", "an order planned twice", lambda: with_more(OrderPlanned, lambda fact: fact)),
    (
        "I1",
        "two orders for one intent",
        lambda: with_more(OrderPlanned, lambda fact: msgspec.structs.replace(fact, client_id="a" * 18)),
    ),
    (
        "I1",
        "two openings for one intent on two venues",
        lambda: with_more(OrderPlanned, lambda fact: msgspec.structs.replace(fact, client_id="a" * 18, venue="b")),
    ),
    ("I1", "a client id that no venue takes", lambda: with_changed(OrderPlanned, 0, client_id="too-short")),
    ("intent", "an order without an intent", lambda: with_changed(OrderPlanned, 0, intent_id="nobody")),
    ("intent", "an order on the other side", lambda: with_changed(OrderPlanned, 0, side=Side.SELL)),
    ("intent", "an exit that becomes an entry", lambda: with_changed(OrderPlanned, 1, effect=Effect.OPEN)),
    ("last hop", "an order of an older kill epoch", lambda: with_changed(OrderPlanned, 0, kill_epoch=-1)),
    (
        "last hop",
        "an order to be sent next year",
        lambda: with_changed(OrderPlanned, 0, send_by_ns=PLAN.at_ns + 10**16),
    ),
    ("verdicts", "an order that was refused", lambda: with_changed(OrderPlanned, 0, verdicts=refused())),
    ("G1", "an order after a kill", killed_before_the_first_order),
    ("G4", "an order worth too much", lambda: with_changed(OrderPlanned, 0, reference_price=400_000.0)),
    ("G4", "an order worth nothing", lambda: with_changed(OrderPlanned, 0, reference_price=0.0)),
    ("G4", "an order without a mark", lambda: without(MarksTaken)),
    ("G10", "more than is free", lambda: with_changed(OrderPlanned, 0, reserve_per_lot=Decimal(10))),
    ("G10", "less set aside than it may cost", lambda: with_changed(OrderPlanned, 0, reserve_per_lot=Decimal("1e-9"))),
    ("G10", "fewer lots than the venue takes", lambda: with_changed(OrderPlanned, 0, qty_lots=50)),
    ("G10", "more sold than is held", lambda: with_changed(OrderPlanned, 1, qty_lots=PLAN.qty_lots + 1)),
    ("G10", "a notional below the minimum", lambda: with_changed(OrderPlanned, 0, qty_lots=200)),
    ("I17", "a trade booked twice", lambda: with_more(FillBooked, lambda fact: fact)),
    ("fills", "a fill that nobody reported", lambda: with_changed(FillBooked, 0, trade_id="made up")),
    ("fills", "another price than was reported", lambda: with_changed(FillBooked, 0, price=Decimal(1))),
    ("fills", "more inferred than was reported", lambda: with_changed(FillBooked, 1, lots=10**9)),
    ("fills", "inferred lots that are not retired", lambda: with_changed(FillBooked, 2, inferred_after=held_back())),
    ("fills", "filled before it is complete", lambda: with_changed(FillBooked, 0, state=OrderState.PARTIALLY_FILLED)),
    (
        "conservation",
        "cash from nowhere",
        lambda: with_changed(FillBooked, 0, cash_after=(HoldingsAfter("a", "USD", Decimal(1_000_000)),)),
    ),
    (
        "conservation",
        "a fee forgotten",
        lambda: with_changed(FillBooked, 0, fees_after=(HoldingsAfter("", "USD", Decimal(0)),)),
    ),
    ("conservation", "a lot too much", lambda: with_changed(FillBooked, 0, qty_after=Decimal(1))),
    ("conservation", "a profit from nowhere", lambda: with_changed(FillBooked, 2, realised_after=Decimal(5))),
    ("reserve", "nothing kept for a working order", lambda: with_changed(OrderMoved, 0, reserve=Decimal(0))),
    ("reserve", "something kept for a filled order", lambda: with_changed(FillBooked, 0, reserve_after=Decimal(1))),
    ("graph", "a filled order that ends again", lambda: with_more(FillBooked, ended_again)),
    ("I6", "an end without evidence", lambda: with_changed(OrderMoved, 0, state=OrderState.REJECTED)),
    ("reported", "a reported quantity that falls", lambda: with_changed(OrderMoved, 1, reported_lots=-1)),
    ("cancel", "a cancel of an order that has ended", lambda: with_more(FillBooked, cancelled_late)),
    ("halt", "a halt that ends by itself", lambda: with_more(ControlChanged, running_again)),
    (
        "I2",
        "an order after the session closed",
        lambda: with_more(MarksTaken, lambda fact: SessionClosed(fact.at_ns, "planted", released=False)),
    ),
    ("kill", "a kill that leaves an order alone", lambda: without(CancelRequested)),
    (
        "retire",
        "a living order that is forgotten",
        lambda: with_more(OrderPlanned, lambda fact: OrdersRetired(fact.at_ns, (fact.client_id,))),
    ),
    ("marks", "two marks in one minute", lambda: with_more(MarksTaken, lambda fact: fact)),
    ("G2", "an entry while paused", lambda: with_more(MarksTaken, paused)),
]


def test_an_honest_story_passes() -> None:
    audit(STORY)


@pytest.mark.parametrize(
    ("rule", "told"),
    [(rule, told) for rule, _, told in BREACHES],
    ids=[f"{rule}: {what}" for rule, what, _ in BREACHES],
)
def test_a_planted_breach_is_found(rule: str, told: Callable[[], Told]) -> None:
    with pytest.raises(Breach) as found:
        audit(told())
    assert found.value.rule == rule


def test_a_trade_within_the_cooldown_is_found() -> None:
    bot = Bot()
    bot.bought()
    bot.later(59)
    other = Bot()
    other.later(59)
    facts = other.ask("soon", notional=Decimal(50))
    with pytest.raises(Breach) as found:
        bot.auditor.take(other.taken[-1][0], facts[-2:])
    assert found.value.rule == "G8"


def test_an_entry_while_one_may_still_fill_is_found() -> None:
    bot = Bot()
    bot.working()
    other = Bot()
    other.later(61)
    bot.later(61).wake()
    facts = [fact for fact in other.buy() if not isinstance(fact, MarksTaken)]
    with pytest.raises(Breach) as found:
        bot.auditor.take(other.taken[-1][0], facts)
    assert found.value.rule == "entries"


def test_an_order_called_not_placed_too_early_is_found() -> None:
    at_once = [
        (news, facts)
        for news, facts in STORY
        if getattr(news, "evidence", None) is not Evidence.ABSENT
        or any(isinstance(fact, OrderMoved) and fact.state is OrderState.NOT_PLACED for fact in facts)
    ]
    with pytest.raises(Breach) as found:
        audit(at_once)
    assert found.value.rule == "not placed"


def test_an_order_called_not_placed_without_a_look_at_the_account_is_found() -> None:
    late = max(place for place, (news, _) in enumerate(STORY) if isinstance(news, AccountReported))
    unread: Told = [told for place, told in enumerate(STORY) if place != late]
    with pytest.raises(Breach, match="before the account was read"):
        audit(unread)


def test_a_reconciliation_that_sends_is_found() -> None:
    bot = Bot()
    order = bot.working()
    report = AccountReported(bot.at_ns, "a", {}, ())
    with pytest.raises(Breach) as found:
        bot.auditor.take(report, [CancelRequested(bot.state.at_ns, order.client_id, "a", "planted")])
    assert found.value.rule == "I22"


def test_an_epoch_that_does_not_rise_is_found() -> None:
    bot = Bot()
    again = [fact for fact in bot.taken[0][1] if type(fact).__name__ == "SessionOpened"]
    late = [msgspec.structs.replace(fact, at_ns=bot.state.at_ns) for fact in again]
    with pytest.raises(Breach) as found:
        bot.auditor.take(Stopping(bot.state.at_ns, "x"), late)
    assert found.value.rule == "I5"


def test_an_entry_before_the_clock_is_steady_is_found() -> None:
    bot, other = Bot(), Bot()
    bot.auditor.steady_at_ns = bot.at_ns + MINUTE_NS
    facts = other.buy(BTC)
    with pytest.raises(Breach) as found:
        bot.auditor.take(other.taken[-1][0], facts)
    assert found.value.rule == "E8"
    assert bot.at_ns % SECOND_NS == 0
