"""Orders whose outcome is not known: what ends the doubt, who may end it, when a person hears of it. 3.3, R4-R10."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    AlertCleared,
    AlertRaised,
    CommandAnswered,
    Control,
    Evidence,
    Fact,
    FundsAsked,
    OrderMoved,
    OrderReported,
    OrderState,
    ResolveAsked,
)
from quarterdeck.engine import CancelOrder, PullFills, QueryOrder, ReadAccount, acts_of, due, recovery_acts
from quarterdeck.orders import ENDED, Order
from tests.engine.driving import BTC, LAG_NS, Bot, alerts_in, kinds_in, planned_in, seen_of, settings_with
from tests.engine.scenes import fund


def unproving() -> Bot:
    """A bot on venues that enforce no bound on how late a request may be honoured."""
    venues = tuple(replace(venue, proves_absence=False) for venue in settings_with().venues)
    return Bot(settings_with(venues=venues))


def resolve(bot: Bot, order: Order, key: str = "r") -> str:
    """Have a person say that an order lives no more; give the answer."""
    facts = bot.take(ResolveAsked(bot.at_ns, key, "tester", order.client_id, "seen in the web page of the venue"))
    return "".join(fact.outcome for fact in facts if isinstance(fact, CommandAnswered))


def deny(bot: Bot, order: Order, times: int = 5) -> None:
    """Have the venue not know an order, again and again, at a distance."""
    for _ in range(times):
        bot.later(2).absent(order)


# --- a working order that its venue knows no more ---------------------------------------------------------------------


def test_a_working_order_that_its_venue_knows_no_more_is_unknown_again_and_everything_is_asked() -> None:
    bot = Bot()
    order = bot.working()
    bot.beyond_bound(order)
    facts: list[Fact] = []
    for left in (2, 1, 0):
        facts = bot.later(2).absent(order)
        assert order.state is (OrderState.OPEN if left else OrderState.UNKNOWN)
    assert order.absences == 0
    assert order.reserve == order.reserve_per_lot * order.qty_lots
    assert list(acts_of(facts, bot.state)) == [QueryOrder(order.client_id), ReadAccount("a"), PullFills("a")]
    assert planned_in(bot.later(61).ask("k", notional=Decimal(50), venue="a")) == []


@pytest.mark.parametrize(("spacing_s", "early"), [(0.4, False), (2.0, True)])
def test_negatives_that_are_too_close_or_too_early_lose_no_working_order(spacing_s: float, early: bool) -> None:
    """R9: right after it was taken in, an order may not be found though it works."""
    bot = Bot()
    order = bot.working()
    if not early:
        bot.beyond_bound(order)
    for _ in range(3 if early else 5):
        bot.later(spacing_s).absent(order, venue_at_ns=order.send_by_ns if early else None)
    assert order.state is OrderState.OPEN


def test_what_shows_life_has_negatives_counted_anew() -> None:
    bot = Bot()
    order = bot.working()
    bot.beyond_bound(order)
    for _ in range(4):
        deny(bot, order, 2)
        bot.report(order, Evidence.ACKNOWLEDGED)
    assert order.state.value == "open"
    deny(bot, order, 2)
    bot.fill(order, 5)
    deny(bot, order, 2)
    assert order.state.value == "partially_filled"


def test_a_lost_order_that_never_filled_is_proven_gone_and_counts_as_cancelled() -> None:
    bot = Bot()
    order = bot.lost()
    bot.later(2).account("a", **bot.explained("a"))
    deny(bot, order, 2)
    assert order.state.value == "unknown"
    facts = bot.later(2).absent(order)
    assert (order.state.value, bool(order.reserve), len(bot.state.live)) == ("cancelled", False, 0)
    assert [fact.evidence for fact in facts if isinstance(fact, OrderMoved)] == [Evidence.ABSENCE_PROVEN]
    assert PullFills("a") in list(acts_of(facts, bot.state))


def test_an_account_read_before_an_order_was_lost_proves_nothing() -> None:
    """It may have filled between: the reading must be later than the loss, and by the lag of the venue."""
    bot = Bot()
    order = bot.working()
    bot.beyond_bound(order)
    deny(bot, order, 3)
    lost_ns = bot.at_ns
    bot.take(AccountReported(bot.at_ns, "a", bot.explained("a"), (), lost_ns + LAG_NS))
    deny(bot, order)
    assert order.state is OrderState.UNKNOWN
    bot.later(1).take(AccountReported(bot.at_ns, "a", bot.explained("a"), (), lost_ns + LAG_NS + 1))
    deny(bot, order, 1)
    assert order.state.value == "cancelled"


def test_a_lost_order_that_filled_stays_unknown_until_its_trade_is_known() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    order = bot.lost()
    price = order.tick * (order.limit_ticks or 0)
    qty = order.lot * order.qty_lots
    bot.later(2).account(USD=Decimal(1_000_000) - qty * price, BTC=qty)
    deny(bot, order)
    assert order.state is OrderState.UNKNOWN
    bot.fill(order, order.qty_lots, price=price, fee=Decimal(0))
    assert order.state.value == "filled"


def test_a_partly_filled_order_that_is_lost_keeps_what_filled() -> None:
    bot = Bot()
    order = bot.working()
    bot.fill(order, 40, fee=Decimal(0))
    bot.beyond_bound(order)
    deny(bot, order, 3)
    assert order.state is OrderState.UNKNOWN
    bot.later(2).account("a", **bot.explained("a"))
    deny(bot, order, 3)
    assert (order.state.value, order.booked_lots, bool(order.reserve)) == ("cancelled", 40, False)
    assert bot.fill(order, 5, trade_id="late")
    assert (order.state.value, order.booked_lots) == ("cancelled", 45)


def test_an_order_that_was_only_concluded_to_be_gone_comes_back_when_its_venue_lists_it() -> None:
    """R9, I30: what works at the venue works in the books, and a person hears of it."""
    bot = Bot()
    order = bot.lost()
    bot.later(2).account("a", **bot.explained("a"))
    deny(bot, order, 3)
    assert order.state is OrderState.CANCELLED
    facts = bot.take(AccountReported(bot.at_ns, "a", bot.explained("a"), (seen_of(order),), bot.at_ns))
    assert (order.state.value, alerts_in(facts)) == ("open", ["order"])
    assert QueryOrder(order.client_id) in list(acts_of(facts, bot.state))
    assert order.reserve == order.reserve_per_lot * order.qty_lots


def test_an_order_whose_end_its_venue_confirmed_does_not_come_back() -> None:
    bot = Bot()
    order = bot.lost()
    bot.later(2).account("a", **bot.explained("a"))
    deny(bot, order, 3)
    bot.report(order, Evidence.CANCELLED)
    assert bot.take(AccountReported(bot.at_ns, "a", bot.explained("a"), (seen_of(order),), bot.at_ns)) == []
    assert order.state is OrderState.CANCELLED


# --- venues that prove no absence, and the word of a person -----------------------------------------------------------


def test_where_a_venue_enforces_no_bound_no_negative_ever_ends_an_order() -> None:
    bot = unproving()
    order = bot.unknown()
    bot.beyond_bound(order)
    for _ in range(50):
        assert bot.later(30).absent(order) == []
    bot.later(1).account("a", **bot.explained("a"))
    deny(bot, order)
    assert (order.state, order.reserve) == (OrderState.UNKNOWN, order.reserve_per_lot * order.qty_lots)


def test_where_a_venue_enforces_no_bound_a_working_order_is_lost_all_the_same() -> None:
    bot = unproving()
    order = bot.lost()
    assert order.state is OrderState.UNKNOWN
    bot.report(order, Evidence.ACKNOWLEDGED)
    assert order.state.value == "open"


def test_a_person_ends_an_unknown_order_once_for_each_key() -> None:
    bot = unproving()
    order = bot.unknown()
    assert resolve(bot, order) == f"done: order {order.client_id} counts as not_placed"
    assert (order.state.value, bool(order.reserve), len(bot.state.live)) == ("not_placed", False, 0)
    assert "tester" in order.reason
    assert resolve(bot, order) == ""
    assert resolve(bot, order, "again").startswith("refused: order")
    assert planned_in(bot.later(61).ask("k", notional=Decimal(50)))


def test_an_order_that_had_lived_counts_as_cancelled_when_a_person_resolves_it() -> None:
    bot = unproving()
    order = bot.lost()
    assert "cancelled" in resolve(bot, order)
    bot.fill(order, 7)
    assert (order.state.value, order.booked_lots) == ("cancelled", 7)


@pytest.mark.parametrize("state", ["planned", "open", "filled", "cancelled"])
def test_a_person_can_resolve_nothing_but_unknown_orders(state: str) -> None:
    bot = Bot()
    if state in ("filled", "cancelled"):
        order = bot.ended(OrderState(state))
    else:
        bot.buy()
        order = bot.only_order()
        if state == "open":
            bot.report(order, Evidence.ACKNOWLEDGED)
    answer = resolve(bot, order)
    assert answer == f"refused: order {order.client_id} is {state}; only an unknown one can be resolved"
    assert order.state.value == state


def test_a_person_cannot_resolve_what_the_bot_does_not_know() -> None:
    bot = Bot()
    facts = bot.take(ResolveAsked(bot.at_ns, "r", "tester", "nothing"))
    assert [fact.outcome for fact in facts if isinstance(fact, CommandAnswered)] == ["refused: no order nothing"]


def test_what_a_person_took_for_gone_comes_back_when_the_venue_says_so() -> None:
    bot = unproving()
    order = bot.unknown()
    resolve(bot, order)
    facts = bot.report(order, Evidence.ACKNOWLEDGED)
    assert (order.state.value, alerts_in(facts)) == ("open", ["order"])


def deposited(bot: Bot) -> Order:
    """An unknown order that was never placed, and money that somebody sent to the account in the meantime."""
    order = bot.unknown()
    bot.beyond_bound(order, weighed=False)
    held = bot.explained("a")
    bot.account("a", **{**held, "USD": held["USD"] + 50})
    deny(bot, order)
    assert order.state is OrderState.UNKNOWN, "the deposit may be what the order did"
    return order


def test_a_person_who_explains_a_deposit_lets_an_order_be_proven_absent() -> None:
    bot = Bot()
    order = deposited(bot)
    asked = FundsAsked(
        at_ns=bot.at_ns,
        key="f",
        who="tester",
        venue="a",
        asset="USD",
        amount=Decimal(50),
        external=True,
        surroundings=bot.market(),
    )
    assert kinds_in(bot.take(asked)) == ["FundsBooked"]
    deny(bot, order, 1)
    assert order.state is OrderState.NOT_PLACED
    bot.later(5).account("a", **bot.explained("a"))
    assert bot.state.unexplained == {}


def test_a_declared_deposit_explains_what_is_in_doubt_before_what_was_explained_long_ago() -> None:
    """What lay beside the bot's own from the very beginning stays where it is."""
    bot = Bot(started=False)
    bot.start(reconciled=False)
    bot.account(USD=Decimal(1_000_250))
    bot.account("b", USD=Decimal(1_000_000))
    bot.wake()
    order = deposited(bot)
    assert kinds_in(fund(bot, "50")) == ["FundsBooked"]
    assert (int(bot.state.baselines["a"]["USD"]), int(bot.state.doubts["a"]["USD"])) == (250, 0)
    deny(bot, order, 1)
    assert order.state is OrderState.NOT_PLACED
    assert bot.later(5).account("a", **bot.explained("a")) == []


def test_a_person_may_resolve_an_order_whose_account_stays_in_doubt() -> None:
    bot = Bot()
    order = deposited(bot)
    resolve(bot, order)
    assert order.state is OrderState.NOT_PLACED
    held = bot.explained("a")
    odd = {**held, "USD": held["USD"] + 50}
    assert bot.later(5).account("a", **odd) == [], "a trade of it may be on its way"
    assert "BalanceDiffered" in kinds_in(bot.later(61).account("a", **odd))
    assert bot.state.control is Control.REDUCING


def test_a_fill_of_an_order_that_somebody_just_called_gone_is_no_money_of_others() -> None:
    """Found by the simulation: the account was compared while the news of the fill was on its way."""
    bot = Bot()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.AMBIGUOUS)
    resolve(bot, order)
    before = bot.explained("a")
    filled = {**before, "USD": before["USD"] - 50, "BTC": before.get("BTC", Decimal(0)) + Decimal("0.001")}
    assert "BalanceDiffered" not in kinds_in(bot.later(5).account("a", **filled))
    assert bot.state.moving_orders() == [order], "its trades are pulled"
    assert "BalanceDiffered" in kinds_in(bot.later(61).account("a", **filled))
    bot.later(301).wake()
    assert bot.state.moving_orders() == []


def test_an_order_beside_another_that_works_is_weighed_as_well() -> None:
    """An order at rest changes no total; that it works must not keep the doubt about another one alive for ever."""
    bot = Bot()
    bot.working()
    (planned,) = planned_in(bot.later(61).ask("k", notional=Decimal(50), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.AMBIGUOUS, venue_order_id="")
    bot.beyond_bound(order)
    deny(bot, order, 3)
    assert order.state is OrderState.NOT_PLACED


def test_an_account_that_shows_an_order_at_work_elsewhere_moving_money_proves_nothing() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    bot.working()
    (planned,) = planned_in(bot.later(61).ask("k", notional=Decimal(50), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.AMBIGUOUS, venue_order_id="")
    bot.beyond_bound(order, weighed=False)
    bot.account(USD=Decimal(999_950), BTC=order.lot * order.qty_lots)
    deny(bot, order)
    assert order.state is OrderState.UNKNOWN


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_a_person_hears_of_an_order_that_is_unknown_for_a_minute_and_when_that_is_over() -> None:
    bot = Bot()
    order = bot.unknown()
    at_ns = bot.at_ns + 60 * SECOND_NS
    bot.later(59.9).wake()
    assert due(bot.state) == at_ns
    bot.at_ns = at_ns
    (raised,) = [fact for fact in bot.wake() if isinstance(fact, AlertRaised)]
    assert (raised.code, raised.key, raised.severity) == ("unknown_order", f"unknown:{order.client_id}", "critical")
    assert not alerts_in(bot.later(61).wake())
    facts = bot.report(order, Evidence.ACKNOWLEDGED)
    (cleared,) = [fact for fact in facts if isinstance(fact, AlertCleared)]
    assert (cleared.key, bot.state.alerts) == (raised.key, {})


@pytest.mark.parametrize("end", ["fill", "infer", "resolve", "list", "prove"])
def test_the_alert_is_over_whatever_ends_the_doubt(end: str) -> None:
    bot = Bot()
    order = bot.unknown()
    bot.later(61).wake()
    assert list(bot.state.alerts) == [f"unknown:{order.client_id}"]
    if end == "fill":
        bot.fill(order, 5)
    elif end == "infer":
        bot.report(order, Evidence.AMBIGUOUS, reported_lots=5)
        bot.later(3).wake()
    elif end == "resolve":
        resolve(bot, order)
    elif end == "list":
        bot.take(AccountReported(bot.at_ns, "a", bot.explained("a"), (seen_of(order),), bot.at_ns))
    else:
        bot.beyond_bound(order)
        deny(bot, order, 3)
    assert order.state is not OrderState.UNKNOWN
    assert bot.state.alerts == {}


def test_a_status_without_a_meaning_ends_nothing_and_is_told_once_until_the_order_ends() -> None:
    """R26: what nobody mapped is looked at by a person, and is no evidence."""
    bot = Bot()
    order = bot.working()
    strange = "alert: the venue says mellow, which is no status of an order"
    facts = bot.report(order, Evidence.AMBIGUOUS, reason=strange)
    assert (order.state.value, alerts_in(facts)) == ("open", ["strange_status"])
    assert bot.report(order, Evidence.AMBIGUOUS, reason=strange) == []
    bot.report(order, Evidence.CANCELLED)
    assert bot.state.alerts == {}
    assert bot.report(order, Evidence.AMBIGUOUS, reason=strange) == []


def test_an_order_that_is_lost_again_is_told_again() -> None:
    bot = Bot()
    order = bot.lost()
    assert alerts_in(bot.later(61).wake()) == ["unknown_order"]
    bot.report(order, Evidence.ACKNOWLEDGED)
    deny(bot, order, 3)
    assert order.state is OrderState.UNKNOWN
    assert alerts_in(bot.later(61).wake()) == ["unknown_order"]


# --- cancels whose outcome is not known -------------------------------------------------------------------------------


def test_a_cancel_whose_outcome_is_not_known_is_a_fact_and_sent_again_by_the_next_session() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    facts = bot.report(order, Evidence.CANCEL_AMBIGUOUS, reason="timeout")
    assert [fact.cancel.value for fact in facts if isinstance(fact, OrderMoved)] == ["unknown"]
    assert list(acts_of(facts, bot.state)) == [], "whoever sent it sends it again in its own time"
    assert bot.report(order, Evidence.CANCEL_AMBIGUOUS) == []
    bot.start()
    assert CancelOrder(order.client_id) in list(recovery_acts(bot.state))
    assert order.state is OrderState.OPEN


def test_a_cancel_that_was_accepted_and_came_to_nothing_is_asked_for_again_each_minute() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    bot.report(order, Evidence.CANCEL_ACCEPTED)
    bot.report(order, Evidence.ACKNOWLEDGED)
    facts = bot.later(61).wake()
    assert CancelOrder(order.client_id) in list(acts_of(facts, bot.state))


# --- a property -------------------------------------------------------------------------------------------------------

PROOFS = {
    OrderState.FILLED: {"fill"},
    OrderState.CANCELLED: {"cancelled", "rejected", "absence_proven", "declared_gone"},
    OrderState.REJECTED: {"rejected"},
    OrderState.EXPIRED: {"expired"},
    OrderState.NOT_PLACED: {"absence_proven", "declared_gone"},
    OrderState.WITHDRAWN: {"withdrawn"},
}
said = st.sampled_from(
    [one for one in Evidence if one.value not in ("fill", "recovered", "cancel_requested", "lost")]
).filter(lambda one: one.value not in ("absence_proven", "declared_gone"))
odd_price = st.sampled_from([None, Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")])
odd_lots = st.sampled_from([None, -5, 0, 1, 10**9])
odd_time = st.sampled_from([0, -1, 2**62])


@settings(max_examples=150)
@given(st.lists(st.tuples(said, odd_lots, odd_price, odd_time), max_size=12))
def test_odd_reports_move_no_order_to_an_end_without_the_word_of_its_venue(
    story: list[tuple[Evidence, int | None, Decimal | None, int]],
) -> None:
    """R26, R7: nonsense is no evidence; only the evidence that the auditor knows for an end leads there."""
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    for evidence, lots, price, venue_at_ns in story:
        before = order.state
        report = OrderReported(bot.later(1).at_ns, order.venue, order.client_id, evidence, "v", lots, price)
        bot.take(replace(report, venue_at_ns=venue_at_ns, reason="\x00 odd " * 3))
        if order.state is not before and order.state in ENDED:
            assert evidence.value in PROOFS[order.state] or evidence is Evidence.ABSENT
        bot.wake()
    assert bot.state.position(order.venue, BTC).qty >= 0
