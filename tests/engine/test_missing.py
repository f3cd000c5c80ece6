"""What is not known refuses to open and never blocks an exit: NaN, infinity, zero, absence. I11, R38, R44-46, X6."""

import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    Action,
    CycleDue,
    CycleRan,
    Grant,
    IntentRefused,
    MarginReading,
    OrderKind,
    Quote,
    Side,
    SignalGiven,
    SizingSettings,
    Skew,
    Surroundings,
)
from tests.engine.driving import BTC, ETH, Bot, kinds_in, planned_in, settings_with
from tests.engine.scenes import TwoDollars, exits, opens, take_in, two_dollars, wide

ODD = [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1e300]
odd = st.sampled_from(ODD)
maybe_odd = st.one_of(st.just(30_000.0), odd)
level = st.tuples(maybe_odd, st.one_of(st.just(0.5), odd))
sides = st.lists(level, max_size=3).map(tuple)


@st.composite
def quotes(draw: st.DrawFn, at_ns: int) -> tuple[Quote, ...]:
    """Books of both venues, any number of which may be nonsense."""
    return tuple(
        Quote(
            venue,
            BTC,
            at_ns - draw(st.sampled_from([0, 0, 0, 10**9, 10**11, 10**12, -(10**10)])),
            draw(maybe_odd),
            draw(sides),
            draw(sides),
        )
        for venue in "ab"
    )


@given(st.data())
def test_nothing_that_is_no_number_ever_passes_to_a_venue(data: st.DataObject) -> None:
    """R45: whatever the market says, the auditor judges every order that passes, and every number in it is one."""
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    shown = Surroundings(
        quotes=data.draw(quotes(bot.later(61).at_ns)),
        skews=tuple(Skew(venue, data.draw(st.one_of(st.just(0.0), odd))) for venue in "ab"),
    )
    facts = bot.ask("k", notional=Decimal(50), surroundings=shown)
    facts += bot.ask("l", Side.SELL, surroundings=shown)
    for planned in planned_in(facts):
        for number in (planned.reference_price, planned.rate, float(planned.reserve_per_lot)):
            assert 0 < number < math.inf
        assert all(math.isfinite(value) for value in planned.verdicts.values if value != math.inf)
        assert planned.qty_lots > 0


@given(st.data())
def test_a_mark_is_a_finite_number_or_none(data: st.DataObject) -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    bot.later(61)
    shown = Surroundings(quotes=data.draw(quotes(bot.at_ns)), skews=bot.market().skews)
    index = bot.state.index
    bot.ask("k", instrument=ETH, notional=Decimal(50), surroundings=shown)
    assert bot.state.equity is None or 0 < bot.state.equity < math.inf
    assert 0 < bot.state.index < math.inf
    assert bot.state.equity is not None or bot.state.index == index


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, 0.2])
def test_a_signal_that_is_no_number_is_passed_over_or_known_to_be_certain_r46(confidence: float) -> None:
    bot = Bot(settings_with(sizing=SizingSettings(confidence_min=0.5)))
    given_ = (SignalGiven(BTC, Action.BUY, confidence),)
    facts = bot.take(CycleDue(bot.at_ns, bot.at_ns, given_, bot.market()))
    (ran,) = [fact for fact in facts if isinstance(fact, CycleRan)]
    if confidence == math.inf:
        return
    assert planned_in(facts) == []
    assert BTC in ran.skipped


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1e-30", "1e30"])
@pytest.mark.parametrize("unit", ["qty", "notional", "limit"])
@pytest.mark.parametrize("side", Side)
def test_an_amount_that_is_none_is_refused_and_a_huge_one_is_clipped(amount: str, unit: str, side: Side) -> None:
    bot = Bot(settings_with(guardrails=wide(order_value_max_quote=500.0)))
    take_in(bot, "0.01")
    more: dict[str, object] = {unit: Decimal(amount)}
    if unit == "limit":
        more |= {"order_kind": OrderKind.LIMIT, "qty": Decimal("0.001")}
    if unit == "notional" and side is Side.SELL:
        return
    for planned in planned_in(bot.later(61).ask("k", side, **more)):
        assert amount == "1e30", "only too much of a good thing can be made smaller"
        assert float(planned.qty_lots * planned.lot) * planned.reference_price <= 500.5


@pytest.mark.parametrize("missing", ["quotes", "skews", "everything"])
def test_what_is_missing_around_a_decision_refuses_it_by_name_x6(missing: str) -> None:
    bot = Bot(settings_with(guardrails=wide()))
    shown = bot.market()
    bare = {
        "quotes": msgspec.structs.replace(shown, quotes=()),
        "skews": msgspec.structs.replace(shown, skews=()),
        "everything": Surroundings(),
    }[missing]
    facts = bot.ask("k", notional=Decimal(50), surroundings=bare)
    assert planned_in(facts) == []
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert refused.failed == ("E8",) if missing == "skews" else refused.stage == "route"


def test_a_cycle_without_a_market_refuses_each_opinion_and_takes_the_bar() -> None:
    """The loop goes on: a bar is worked through though nothing could be done on it. R47."""
    bot = Bot(settings_with(guardrails=wide()))
    facts = bot.cycle({BTC: Action.BUY, ETH: Action.BUY}, market=Surroundings())
    assert kinds_in(facts) == ["CycleRan", "IntentFormed", "IntentRefused", "IntentFormed", "IntentRefused"]
    assert bot.cycle({BTC: Action.BUY}, bar_ns=bot.state.last_bar_ns) == []


def test_one_pair_without_a_price_holds_up_no_other_r47() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    bot.prices[BTC] = math.nan
    facts = bot.cycle({BTC: Action.BUY, ETH: Action.BUY})
    assert [one.instrument for one in planned_in(facts)] == [ETH]


def test_old_books_open_nothing_and_new_ones_open_again_r44() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    stale = bot.market()
    bot.later(3_600)
    assert not opens(bot, BTC, surroundings=stale)
    assert opens(bot, BTC)


def test_a_bar_is_taken_once_and_an_older_one_never_r43() -> None:
    """A bar that comes again, or late, has no second say: what it said the first time is in the journal."""
    bot = Bot(settings_with(guardrails=wide()))
    bar_ns = bot.at_ns
    assert planned_in(bot.cycle({BTC: Action.BUY}, bar_ns=bar_ns))
    assert bot.later(5).cycle({BTC: Action.SELL}, bar_ns=bar_ns) == []
    assert bot.cycle({ETH: Action.BUY}, bar_ns=bar_ns - 60 * 10**9) == []


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.0])
def test_readings_that_are_no_numbers_are_as_good_as_none(number: float) -> None:
    bot = Bot(settings_with(guardrails=wide(fleet_grant=True)))
    shown = bot.market()
    for around in (
        msgspec.structs.replace(shown, grant=Grant(number, bot.at_ns)),
        msgspec.structs.replace(shown, skews=(Skew("a", number), Skew("b", number)) if number != -1.0 else ()),
        msgspec.structs.replace(shown, margins=(MarginReading("a", BTC, number, "isolated", number),)),
    ):
        assert not opens(bot.later(6), BTC, surroundings=around)


@pytest.mark.parametrize("peg", [math.nan, math.inf, 0.0, -1.0])
def test_a_coin_with_a_price_that_is_none_counts_as_it_did(peg: float) -> None:
    bot = TwoDollars(two_dollars(), started=False)
    bot.start()
    bot.passes()
    bot.peg = peg
    bot.passes()
    assert bot.state.equity in (None, 2_000_000.0)
    assert bot.state.holds == {}
    take_in(bot, "0.01", venue="a")
    assert exits(bot.later(6))
