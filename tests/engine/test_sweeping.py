"""A kill is proven: every venue is searched until it lists nothing of ours, late enough by its own clock. I4, R36."""

import pytest

from quarterdeck.domain import Evidence, KillVerified, OrderState, VenueSwept
from quarterdeck.engine import SweepVenue, acts_of, recovery_acts
from quarterdeck.orders import client_prefix
from tests.engine.driving import LAG_NS, VALIDITY_NS, Bot, alerts_in, kinds_in

STRAY = client_prefix("b") + "0" * 13


def swept(bot: Bot, venue: str = "a", *left: str, venue_at_ns: int | None = None) -> list[str]:
    """Search a venue; give the kinds of facts that it brought about."""
    at_ns = bot.at_ns if venue_at_ns is None else venue_at_ns
    return kinds_in(bot.take(VenueSwept(bot.at_ns, venue, at_ns, left)))


def test_a_kill_asks_for_a_search_of_every_venue_and_so_does_a_start_while_killed() -> None:
    bot = Bot()
    acts = list(acts_of(bot.control("kill"), bot.state))
    assert [act for act in acts if isinstance(act, SweepVenue)] == [SweepVenue("a"), SweepVenue("b")]
    assert swept(bot.later(1)) == ["KillVerified"]
    assert list(recovery_acts(bot.state)) == [SweepVenue("b")]
    bot.start()
    assert list(recovery_acts(bot.state)) == [SweepVenue("a"), SweepVenue("b")]


def test_a_halt_searches_nothing_and_a_resume_ends_the_search() -> None:
    bot = Bot()
    assert not [act for act in acts_of(bot.control("halt"), bot.state) if isinstance(act, SweepVenue)]
    assert bot.state.unswept == {}
    bot.control("kill")
    bot.control("resume")
    assert bot.state.unswept == {}
    assert swept(bot) == []


def test_an_empty_list_proves_nothing_before_the_last_order_must_have_shown() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.CANCELLED)
    bot.control("kill")
    shown_ns = order.send_by_ns + VALIDITY_NS + LAG_NS
    bot.later(30)
    assert swept(bot, venue_at_ns=0) == []
    assert swept(bot, venue_at_ns=shown_ns) == []
    assert swept(bot, venue_at_ns=shown_ns + 1) == ["KillVerified"]
    assert list(bot.state.unswept) == ["b"]
    assert swept(bot, venue_at_ns=shown_ns + 9) == []


@pytest.mark.parametrize("state", ["planned", "unknown"])
def test_an_empty_list_proves_nothing_while_an_order_may_still_appear(state: str) -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    if state == "unknown":
        bot.report(order, Evidence.AMBIGUOUS)
    bot.control("kill")
    assert swept(bot, venue_at_ns=order.send_by_ns + 10 * (VALIDITY_NS + LAG_NS)) == []
    bot.report(order, Evidence.WITHDRAWN)
    bot.later(60)
    assert swept(bot) == ["KillVerified"]


def test_what_a_search_still_lists_works_and_is_no_proof() -> None:
    bot = Bot()
    order = bot.unknown()
    bot.control("kill")
    bot.later(60)
    assert swept(bot, "a", order.client_id) == ["OrderMoved"]
    assert order.state is OrderState.OPEN
    assert swept(bot, "a", order.client_id) == []
    bot.report(order, Evidence.CANCELLED)
    assert swept(bot, "a", order.client_id) == [], "the list was read before its cancel arrived"
    assert order.state.value == "cancelled"
    assert swept(bot) == ["KillVerified"]


def test_an_order_with_our_mark_that_the_journal_does_not_know_is_told_once() -> None:
    bot = Bot()
    bot.control("kill")
    bot.later(60)
    facts = bot.take(VenueSwept(bot.at_ns, "a", bot.at_ns, (STRAY,)))
    assert (kinds_in(facts), alerts_in(facts)) == (["StrayFound", "AlertRaised"], ["stray_order"])
    assert swept(bot, "a", STRAY) == []
    assert list(bot.state.unswept) == ["a", "b"]


def test_a_search_of_a_venue_while_nothing_is_killed_says_nothing() -> None:
    bot = Bot()
    assert swept(bot) == []
    assert swept(bot, "nowhere", "x") == []


def test_that_a_venue_is_empty_names_the_time_of_the_venue() -> None:
    bot = Bot()
    bot.control("kill")
    facts = bot.later(1).take(VenueSwept(bot.at_ns, "b", bot.at_ns - 7))
    assert facts == [KillVerified(at_ns=bot.at_ns, venue="b", venue_at_ns=bot.at_ns - 7)]
