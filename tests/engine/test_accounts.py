"""Accounts: what they hold beside the bot's own, what nothing explains, and orders that they list."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import (
    AccountReconciled,
    AccountReported,
    AccountWeighed,
    BalanceDiffered,
    Control,
    Evidence,
    HoldingDeclared,
    OrderSeen,
    OrderState,
    OthersSeen,
    Side,
    StrayFound,
    VenueSettings,
)
from quarterdeck.engine import ReadAccount, acts_of, encode_state
from quarterdeck.orders import NEVER_LIVED, Order, client_prefix
from tests.engine.driving import (
    BTC,
    ETH,
    LAG_NS,
    VALIDITY_NS,
    Bot,
    alerts_in,
    kinds_in,
    planned_in,
    seen_of,
    settings_with,
)

MINE = client_prefix("b")


def test_an_account_read_twice_is_an_account_read_once() -> None:
    bot = Bot(started=False)
    bot.start(reconciled=False)
    report: dict[str, Any] = {"USD": Decimal(1_000_500), "BTC": Decimal(2)}
    first = bot.account(**report)
    assert [fact.explained for fact in first if isinstance(fact, BalanceDiffered)] == [True, True]
    body = encode_state(bot.state)
    assert bot.account(**report) == []
    assert encode_state(bot.state) == body


def test_what_an_account_holds_beside_the_bots_own_is_its_baseline() -> None:
    bot = Bot(started=False)
    bot.start(reconciled=False)
    bot.account(USD=Decimal(1_000_500), BTC=Decimal(2))
    bot.wake()
    order = bot.bought()
    spent = bot.state.cash["a"]["USD"]
    assert bot.account(USD=spent + 500, BTC=2 + Decimal(order.qty_lots) / 10**8) == []


def test_a_difference_that_no_fill_explains_stops_opening_and_lets_exits_through() -> None:
    bot = Bot()
    bot.bought()
    held = bot.state.position("a", BTC).qty
    bot.later(1).account(USD=bot.state.cash["a"]["USD"], BTC=held)
    facts = bot.account(USD=bot.state.cash["a"]["USD"] - 5, BTC=held)
    assert bot.state.control is Control.REDUCING
    assert alerts_in(facts) == ["balance_sync"]
    bot.later(61)
    assert planned_in(bot.ask("k", notional=Decimal(50))) == []
    exits = bot.sell()
    assert [one.side for one in planned_in(exits)] == [Side.SELL]


def test_assets_that_a_living_order_may_be_moving_wait_for_the_next_time() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    bot.buy()
    assert bot.account(USD=Decimal(999_950), BTC=Decimal("0.0016")) == []


@pytest.mark.parametrize("state", sorted(NEVER_LIVED))
def test_an_account_that_lists_an_order_which_never_lived_brings_it_back(state: OrderState) -> None:
    bot = Bot()
    order = bot.ended(state)
    facts = bot.take(AccountReported(bot.at_ns, "a", {}, (seen_of(order, 40),)))
    assert (order.state, order.reported_lots) == (OrderState.OPEN, 40)
    assert alerts_in(facts) == ["order"]


def test_an_account_that_lists_an_unknown_order_resolves_it_and_a_late_list_changes_nothing() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.take(AccountReported(bot.at_ns, "a", {}, (seen_of(order),)))
    assert bot.state.live_orders() == [order]
    assert order.reserve > 0
    bot.report(order, Evidence.CANCELLED)
    bot.take(AccountReported(bot.at_ns, "a", {"USD": Decimal(1_000_000)}, (seen_of(order),)))
    assert order.state is OrderState.CANCELLED


def test_an_order_with_our_prefix_that_we_do_not_know_is_a_stray_and_others_are_not_ours() -> None:
    bot = Bot()
    ours = OrderSeen(client_prefix("b") + "0" * 13, "v", BTC, Side.BUY, 5, 0)
    theirs = OrderSeen("someone-else", "v", BTC, Side.BUY, 5, 0)
    facts = bot.take(AccountReported(bot.at_ns, "a", {}, (ours, theirs)))
    assert len([fact for fact in facts if isinstance(fact, StrayFound)]) == 1


def test_a_resume_accepts_the_balances_so_that_absences_can_be_proven_again() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000))
    bot.account(USD=Decimal(1_000_001))
    bot.control("resume")
    order = bot.unknown()
    bot.beyond_bound(order)
    for _ in range(5):
        bot.later(2).absent(order)
    assert order.state is OrderState.NOT_PLACED


def test_a_balance_that_moved_by_the_size_of_an_unknown_order_keeps_it_unknown() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    order = bot.unknown()
    moved = {"USD": Decimal(999_950), "BTC": Decimal(order.qty_lots) / 10**8}
    bot.beyond_bound(order, weighed=False)
    bot.account("a", **moved)
    for _ in range(5):
        bot.later(2).absent(order)
    assert order.state is OrderState.UNKNOWN
    bot.control("resume")
    bot.later(2).account("a", **moved)
    bot.later(2).absent(order)
    assert order.state is OrderState.UNKNOWN, "a resume does not speak of an order that nobody has looked at"
    bot.later(2).account("a", **bot.explained("a"))
    bot.later(2).absent(order)
    assert order.state.value == "not_placed"


def test_an_absence_is_proven_only_by_an_account_read_after_the_order_could_have_arrived() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    order = bot.unknown()
    bot.later(1).account(USD=Decimal(1_000_000), BTC=Decimal(0))
    bot.beyond_bound(order, weighed=False)
    facts = [fact for _ in range(5) for fact in bot.later(2).absent(order)]
    assert order.state is OrderState.UNKNOWN
    assert ReadAccount("a") in list(acts_of(facts, bot.state))
    bot.later(2).account(USD=Decimal(1_000_000), BTC=Decimal(0))
    bot.later(2).absent(order)
    assert order.state.value == "not_placed"


def test_reading_an_account_twice_at_one_instant_weighs_it_once() -> None:
    bot = Bot()
    bot.unknown()
    report = AccountReported(bot.at_ns, "a", {"USD": Decimal(1_000_000)}, (), bot.at_ns)
    assert [type(fact) for fact in bot.take(report)].count(AccountWeighed) == 1
    assert bot.take(report) == []


# --- beside working orders --------------------------------------------------------------------------------------------


def test_a_difference_beside_a_working_order_is_noted_and_told_only_if_it_stays() -> None:
    """A trade on its way to us explains it soon; what nobody explains for a minute is somebody else's doing. S12."""
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(1))
    bot.working()
    gone = {"USD": Decimal(1_000_000), "BTC": Decimal("0.4")}
    assert kinds_in(bot.later(1).account("a", **gone)) == ["AccountWeighed"]
    assert bot.later(30).account("a", **gone) == []
    facts = bot.later(31).account("a", **gone)
    assert kinds_in(facts) == ["BalanceDiffered", "ControlChanged", "AlertRaised"]
    assert (bot.state.control, bot.state.unexplained) == (Control.REDUCING, {"a": {"BTC": Decimal("-0.6")}})
    assert bot.later(61).account("a", **gone) == []


def test_a_trade_that_comes_late_explains_the_difference_beside_its_order() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(1))
    order = bot.working()
    price = order.tick * (order.limit_ticks or 0)
    spent = order.lot * 100 * price
    there = {"USD": Decimal(1_000_000) - spent, "BTC": 1 + order.lot * 100}
    bot.later(1).account("a", **there)
    bot.later(1).fill(order, 100, price=price, fee=Decimal(0), venue_at_ns=bot.at_ns - 2)
    assert kinds_in(bot.later(61).account("a", **there)) == ["AccountWeighed"]
    assert bot.state.doubts == {"a": {}}
    assert bot.later(61).account("a", **there) == []


def test_an_account_that_differs_beside_a_working_order_does_not_count_as_compared_until_it_is_explained() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(1))
    bot.working()
    bot.later(1).start(reconciled=False)
    gone = {"USD": Decimal(1_000_000), "BTC": Decimal("0.4")}
    bot.account("a", **gone)
    assert "a" in bot.state.reconciling
    facts = bot.later(61).account("a", **gone)
    assert [type(fact) for fact in facts][-1] is AccountReconciled
    assert bot.state.control is Control.REDUCING


def test_a_new_session_notes_a_difference_beside_a_working_order_anew() -> None:
    """Found by the simulation: while no session ran, nobody could have heard of the trade that explains it."""
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(1))
    bot.working()
    gone = {"USD": Decimal(1_000_000), "BTC": Decimal("0.4")}
    bot.later(1).account("a", **gone)
    bot.later(90).start(reconciled=False)
    assert bot.state.doubts == {"a": {}}
    assert kinds_in(bot.later(1).account("a", **gone)) == ["AccountWeighed"]
    assert "BalanceDiffered" in kinds_in(bot.later(61).account("a", **gone))


def test_less_than_the_bot_calls_its_own_is_a_difference_even_at_first_sight() -> None:
    """R34: nothing is sold, and nothing bought with, what is not there."""
    bot = Bot(started=False)
    bot.start(reconciled=False)
    facts = bot.account(USD=Decimal(999_999))
    assert [(fact.explained, fact.baseline) for fact in facts if isinstance(fact, BalanceDiffered)] == [
        (False, Decimal(-1))
    ]
    assert bot.state.control is Control.REDUCING
    assert bot.account(USD=Decimal(999_999)) == []


def sold_by_hand(share: str) -> tuple[Bot, Order]:
    """A bot whose position somebody sold a share of at the venue, and an account that shows it."""
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    order = bot.bought()
    held = bot.explained("a")
    sold = held["BTC"] * Decimal(share)
    bot.later(61).account("a", USD=held["USD"] + sold * 30_000, BTC=held["BTC"] - sold)
    assert bot.state.control is Control.REDUCING
    return bot, order


def test_what_somebody_sold_by_hand_is_not_sold_again() -> None:
    """R34: an exit is of what is there."""
    bot, _ = sold_by_hand("1")
    for _ in range(3):
        assert planned_in(bot.later(61).sell()) == []
    bot, order = sold_by_hand("0.25")
    (rest,) = planned_in(bot.later(61).sell())
    assert rest.qty_lots == order.qty_lots - -(-order.qty_lots // 4)


def test_what_was_taken_off_the_account_buys_nothing() -> None:
    bot = Bot()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal(0))
    bot.account(USD=Decimal(400_000), BTC=Decimal(0))
    assert bot.state.free("a", "USD") == 400_000
    bot.control("resume")
    assert bot.state.free("a", "USD") == 400_000


# --- orders of ours and of others -------------------------------------------------------------------------------------


def of_others(number: int = 1, filled_lots: int = 0) -> OrderSeen:
    return OrderSeen(f"by-hand-{number}", f"v{number}", BTC, Side.SELL, 500, filled_lots)


def test_orders_of_others_are_shown_and_noted_again_only_when_they_change() -> None:
    """R34: a person trades by hand on the same account; that is seen, and left alone."""
    bot = Bot()
    held = bot.explained("a")
    first = AccountReported(bot.at_ns, "a", held, (of_others(2), of_others(1)), bot.at_ns)
    facts = bot.take(first)
    assert facts == [OthersSeen(at_ns=bot.at_ns, venue="a", orders=(of_others(1), of_others(2)))]
    assert list(acts_of(facts, bot.state)) == []
    assert bot.take(AccountReported(bot.at_ns, "a", held, (of_others(1), of_others(2)), bot.at_ns)) == []
    assert kinds_in(bot.take(AccountReported(bot.at_ns, "a", held, (of_others(1, 5),), bot.at_ns))) == ["OthersSeen"]
    assert kinds_in(bot.take(AccountReported(bot.at_ns, "a", held, (), bot.at_ns))) == ["OthersSeen"]
    assert bot.state.others == {}


def answered(bot: Bot, evidence: Evidence) -> Order:
    (planned,) = planned_in(bot.ask(f"k{len(bot.taken)}", instrument=ETH, notional=Decimal(50), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.report(order, evidence, venue_order_id="")
    return order


def test_every_order_that_a_venue_lists_is_adopted_before_its_account_counts_as_compared() -> None:
    """R29: a new session finds what its predecessor left, whatever it was taken for."""
    bot = Bot()
    unknown = bot.unknown()
    open_one, proven = (answered(bot.later(61), evidence) for evidence in (Evidence.ACKNOWLEDGED, Evidence.WITHDRAWN))
    bot.start(reconciled=False)
    stray = OrderSeen(MINE + "0" * 13, "v", BTC, Side.BUY, 5, 0)
    listed = (seen_of(unknown, 3), seen_of(open_one), seen_of(proven), stray, of_others())
    venue = open_one.venue
    facts = bot.take(AccountReported(bot.at_ns, venue, bot.explained(venue), listed, bot.at_ns))
    kinds = kinds_in(facts)
    assert (unknown.state, unknown.reported_lots) == (OrderState.OPEN, 3)
    assert (proven.state, open_one.state) == (OrderState.OPEN, OrderState.OPEN)
    assert kinds.index("AccountReconciled") > max(place for place, kind in enumerate(kinds) if kind == "OrderMoved")
    assert bot.state.strays == {f"{venue}:{stray.client_id}": "order"}


def test_an_unknown_order_keeps_its_pair_closed_on_that_venue_and_no_other() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.later(61)
    elsewhere = "b" if order.venue == "a" else "a"
    assert planned_in(bot.ask("k1", notional=Decimal(50), venue=order.venue)) == []
    assert planned_in(bot.later(61).ask("k2", notional=Decimal(50), venue=elsewhere))
    assert planned_in(bot.later(61).ask("k3", notional=Decimal(50), venue=order.venue, instrument=ETH))


@pytest.mark.parametrize("changes", [{"side": Side.SELL}, {"lots": 7}, {"instrument": ETH}])
def test_a_listed_order_with_the_id_of_ours_that_is_another_is_no_evidence_of_ours(changes: dict[str, Any]) -> None:
    """R1: an id that a venue gave out twice may stand for something else."""
    bot = Bot()
    order = bot.unknown()
    seen = replace(seen_of(order, 3), **changes)
    report = AccountReported(bot.at_ns, order.venue, bot.explained(order.venue), (seen,), bot.at_ns)
    facts = bot.take(report)
    assert order.state is OrderState.UNKNOWN
    assert alerts_in(facts) == ["stray_order"]
    assert not [fact for fact in bot.take(report) if isinstance(fact, StrayFound)]


# --- holdings ---------------------------------------------------------------------------------------------------------


def with_coin(qty: str = "0.1", cost: str = "2400") -> Bot:
    """A bot that begins with some of a coin on its first venue."""
    held = (HoldingDeclared("a", BTC, Decimal(qty), Decimal(cost)),)
    venues = (
        VenueSettings("a", VALIDITY_NS, LAG_NS, {"USD": Decimal(1_000_000)}, held),
        VenueSettings("b", VALIDITY_NS, LAG_NS, {"USD": Decimal(1_000_000)}),
    )
    bot = Bot(settings_with(venues=venues, capital=2_000_000 + Decimal(cost)), started=False)
    bot.start(reconciled=False)
    return bot


def test_holdings_that_were_declared_are_positions_and_what_lies_beside_them_is_never_sold() -> None:
    bot = with_coin()
    position = bot.state.position("a", BTC)
    assert (position.qty, position.cost, position.entries) == (Decimal("0.1"), Decimal(2_400), 1)
    bot.account(USD=Decimal(1_000_000), BTC=Decimal("2.1"))
    bot.account("b", USD=Decimal(1_000_000))
    bot.wake()
    assert bot.state.baselines["a"]["BTC"] == 2
    assert bot.state.equity == 2_000_000 + 3_000
    (sold,) = planned_in(bot.sell())
    assert sold.qty_lots * sold.lot == Decimal("0.1")
    bot.later(1).start()
    assert bot.state.position("a", BTC) == position


def test_holdings_that_are_not_there_stop_opening() -> None:
    bot = with_coin()
    bot.account(USD=Decimal(1_000_000), BTC=Decimal("0.04"))
    assert bot.state.unexplained == {"a": {"BTC": Decimal("-0.06")}}
    assert bot.state.control is Control.REDUCING


# --- properties -------------------------------------------------------------------------------------------------------

amounts = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("-0.25"), Decimal(3)])
happenings = st.lists(st.sampled_from(["buy", "limit", "ack", "lose", "fill", "end", "wait", "absent"]), max_size=8)


@settings(max_examples=60)
@given(happenings, amounts, amounts, st.booleans(), st.lists(st.booleans(), min_size=6, max_size=6))
def test_comparing_an_account_sends_nothing_and_twice_is_once(
    happened: list[str], more_usd: Decimal, more_btc: Decimal, timed: bool, listed: list[bool]
) -> None:
    """I22, R32: whatever the state of the orders, a comparison asks for no send and no cancel, and repeats itself."""
    bot = Bot()
    for word in happened:
        _happen(bot, word)
    totals = bot.explained("a")
    totals["USD"] += more_usd
    totals["BTC"] = totals.get("BTC", Decimal(0)) + more_btc
    orders = [order for order in bot.state.orders.values() if order.venue == "a"]
    seen = [seen_of(order, order.booked_lots) for order, is_listed in zip(orders, listed, strict=False) if is_listed]
    shown = (*seen, of_others(1)) if listed[0] else tuple(seen)
    report = AccountReported(bot.at_ns, "a", totals, shown, bot.at_ns if timed else 0)
    asked = [type(act).__name__ for act in acts_of(bot.take(report), bot.state)]
    assert not {"SendOrder", "CancelOrder", "SweepVenue"} & set(asked)
    body = encode_state(bot.state)
    bot.take(report)
    assert encode_state(bot.state) == body


def _happen(bot: Bot, word: str) -> None:
    living = [order for order in bot.state.live_orders() if order.venue == "a"]
    if word == "buy":
        bot.later(61).ask(f"k{len(bot.taken)}", notional=Decimal(50), venue="a")
    elif word == "limit":
        bot.later(61).working()
    elif word == "wait":
        bot.later(61).wake()
    elif living and word == "fill":
        bot.fill(living[-1], min(100, max(living[-1].unbooked_lots, 1)))
    elif living and word == "absent":
        bot.beyond_bound(living[-1], weighed=False)
        for _ in range(3):
            bot.later(2).absent(living[-1])
    elif living:
        said = {"ack": Evidence.ACKNOWLEDGED, "lose": Evidence.AMBIGUOUS, "end": Evidence.CANCELLED}
        bot.report(living[-1], said[word])
