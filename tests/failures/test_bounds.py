"""R50 to R55: rates, bans, clocks, rejections, minimums and metadata of venues."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.domain import SECOND_NS, Action, CancelAsked, OrderKind, OrderState, Side
from quarterdeck.exchange import Personality, RateLimits
from tests.engine.driving import BTC, ETH
from tests.engine.scenes import wide
from tests.failures.network import ACCOUNT, LOST_REPLY, WELL, knows_nothing
from tests.failures.stage import HABITS, World, staged, usual_settings

WINDOW_S = 10.0
BAN_S = 120.0


def limited(requests_max: int, *, orders_max: int = 1_000) -> dict[str, Personality]:
    """Habits of a venue that counts, and that bans who does not listen."""
    limits = RateLimits(
        requests_max=requests_max,
        orders_max=orders_max,
        window_ns=round(WINDOW_S * SECOND_NS),
        ban_after=3,
        ban_ns=round(BAN_S * SECOND_NS),
        ban_lengthens=True,
    )
    return {"a": replace(HABITS, limits=limits)}


def cancel(world: World, client_id: str) -> None:
    world.bot.offer(CancelAsked(world.bot.clock.now_ns(), f"no {client_id}", "tester", client_id))


# --- R50, R51 ---------------------------------------------------------------------------------------------------------


def test_r50_a_bot_that_wants_more_than_a_venue_hears_keeps_below_its_limit(tmp_path: Path) -> None:
    """Guards the budget in front of every request: the venue, which bans after three refusals, never refuses one."""
    with staged(tmp_path, habits=limited(20)) as world:
        for number in range(40):
            world.wish(f"w{number}", qty=Decimal("0.01") + Decimal("0.0001") * number, pass_s=0.05)
        world.pass_s(120)
        refused = [order for order in world.state.orders.values() if "rate" in order.reason or "banned" in order.reason]
        assert refused == []
        assert _most_in_a_window(world) <= 20
        assert world.booked() == world.held() > 0


def _most_in_a_window(world: World) -> int:
    counts: dict[int, int] = {}
    for at_ns in world.a.got_at_ns:
        window = at_ns // round(WINDOW_S * SECOND_NS)
        counts[window] = counts.get(window, 0) + 1
    return max(counts.values())


def test_r50_a_refusal_for_the_rate_is_obeyed_and_nothing_is_opened_until_the_venue_hears_again(tmp_path: Path) -> None:
    """Guards Retry-After: somebody else used up the limit of the key; a 429 that is ignored becomes a ban."""
    with staged(tmp_path, habits=limited(30)) as world:
        resting = world.bid()
        while world.a.asked_by_others():
            continue
        world.wish("one too many", instrument=ETH, qty=Decimal(1), pass_s=0.5)
        (refused,) = [order for order in world.state.orders.values() if order.intent_id == "one too many"]
        assert refused.state is OrderState.REJECTED
        asked = len(world.a.got)
        assert not world.opens("and on it goes", instrument=ETH)
        cancel(world, resting.client_id)
        world.pass_s(1)
        assert len(world.a.got) == asked, "not even a cancel is sent while the venue hears nothing"
        assert world.opens("elsewhere", instrument=ETH, venue="b")
        world.pass_s(2 * WINDOW_S)
        assert world.order(resting.client_id).state is OrderState.CANCELLED
        assert world.opens("it hears again", instrument=ETH)
        assert not [order for order in world.state.orders.values() if "banned" in order.reason]


def test_r50_during_a_ban_nothing_is_asked_and_nothing_opened_there(tmp_path: Path) -> None:
    """Guards the silence during a ban, which every request would begin anew; exits wait, the other venue goes on."""
    with staged(tmp_path, habits=limited(30)) as world:
        world.buy()
        world.pass_s(1)
        for _ in range(100):
            world.a.asked_by_others()
        world.wish("into the ban", instrument=ETH, qty=Decimal(1), pass_s=1.0)
        asked = len(world.a.got)
        world.pass_s(BAN_S - 10)
        assert len(world.a.got) == asked
        assert not world.opens("still", instrument=ETH)
        assert world.opens("elsewhere", instrument=ETH, venue="b")
        world.pass_s(80)
        world.wish("out", Side.SELL, pass_s=5.0)
        assert world.booked() == world.held() == Decimal(0)


def test_r51_where_little_may_be_asked_cancels_go_first_then_questions_and_exits_and_entries_last(
    tmp_path: Path,
) -> None:
    """Guards the order of turns: status polls used up the counter elsewhere, and nothing was left for orders."""
    limits = wide(open_orders_max=50, open_orders_pair_max=50)
    settings = usual_settings(send_within_ns=120 * SECOND_NS, guardrails=limits)
    with staged(tmp_path, settings, habits=limited(16)) as world:
        world.buy()
        world.pass_s(2 * WINDOW_S)
        world.a.always("query", knows_nothing())
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        unknown = world.bid("unknown", instrument=ETH, limit="1970")
        for number in range(6):
            world.wish(f"bid {number}", qty=Decimal("0.01"), limit=Decimal(29_500 + number), order_kind=OrderKind.LIMIT)
        world.pass_s(2)
        before = len(world.a.got)
        world.wish("exit", Side.SELL, pass_s=0.0)
        world.wish("entry", qty=Decimal("0.02"), pass_s=0.1)
        world.pass_s(40)
        (leaving,) = [plan.client_id for plan in world.planned() if plan.intent_id == "exit"]
        (entering,) = [plan.client_id for plan in world.planned() if plan.intent_id == "entry"]
        calls = world.a.got[before:]
        cancels = [place for place, (call, _) in enumerate(calls) if call == "cancel"]
        assert len(cancels) >= 6
        assert max(cancels[:6]) < calls.index(("submit", leaving)) < calls.index(("submit", entering))
        assert calls.index(("query", unknown.client_id)) < calls.index(("submit", entering))


# --- R52 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [0.7, -0.7])
def test_r52_beyond_half_a_second_of_skew_nothing_is_opened_and_exits_pass(tmp_path: Path, ahead_s: float) -> None:
    """Guards the comparison of clocks every minute, and its gate: requests were refused as too old elsewhere."""
    with staged(tmp_path) as world:
        world.buy()
        world.venue_clock.step_ns = round(ahead_s * SECOND_NS)
        world.pass_s(62)
        assert not world.opens("more")
        assert "E8" in world.why_not()
        world.ask("out", Side.SELL, pass_s=3.0)
        assert world.held() == Decimal(0)
        world.venue_clock.step_ns = 0
        world.pass_s(62)
        assert world.opens("again")


# --- R53, R55 ---------------------------------------------------------------------------------------------------------


def test_r53_orders_without_funds_end_after_three_and_each_rejection_reads_the_account(tmp_path: Path) -> None:
    """Guards the breaker: 300,000 unfunded orders in five hours elsewhere; here a person took the money away."""
    with staged(tmp_path) as world:
        world.a.exchange.deposit(ACCOUNT, "USD", Decimal(-999_999))
        world.b.exchange.deposit(ACCOUNT, "USD", Decimal(-999_999))
        reads = 0
        for _ in range(30):
            world.cycle(BTC=Action.BUY)
            world.pass_s(61)
            reads = max(reads, world.a.count("account"))
        rejected = [order for order in world.state.orders.values() if order.state is OrderState.REJECTED]
        assert 1 <= len(rejected) <= 3
        assert len(world.planned()) <= 3
        assert "breaker" in world.alerts() or "balance_sync" in world.alerts()


def test_r53_the_same_rejection_for_ever_is_three_rejections(tmp_path: Path) -> None:
    """Guards the count of identical words where the account explains nothing: the venue has a rule of its own."""
    with staged(tmp_path) as world:
        for side in world.sides.values():
            side.refuses = lambda _request: "rule 4711"
        for _ in range(20):
            world.cycle(BTC=Action.BUY)
            world.pass_s(61)
        assert world.a.count("submit") <= 3
        assert len(world.planned()) <= 6
        assert "breaker" in world.alerts()
        assert world.state.rejections("a", BTC) is not None


def test_r55_an_empty_list_of_markets_replaces_no_good_one(tmp_path: Path) -> None:
    """Guards the adoption of listings: maintenance emptied the list elsewhere, and nothing could be sold any more."""
    with staged(tmp_path) as world:
        world.buy()
        known = dict(world.state.grids["a"])
        world.a.always("listings", WELL._replace(says=lambda _found: ()))
        world.restart(pass_s=10.0)
        assert world.a.count("listings") >= 1
        assert world.state.grids["a"].keys() == known.keys()
        assert world.state.grids["a"][BTC].listing == known[BTC].listing
        world.ask("out", Side.SELL, pass_s=3.0)
        assert world.booked() == world.held() == Decimal(0)
