"""Perpetuals, the fleet's grant, clocks, accounts: what was not read refuses to open, and holds up no exit. I11."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    ClockStepped,
    Effect,
    Evidence,
    Grant,
    MarginReading,
    RiskSettings,
    Side,
    Skew,
    Surroundings,
)
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import exits, failed_in, take_in, wide

PERP = "BTC-USD:USD"
STOP = RiskSettings(stop_loss=0.05, leverage_max=10.0)


class Perpetual(Bot):
    """A bot on one perpetual of venue `a`, and what the venue reads back of its margin."""

    reading: MarginReading | None = MarginReading("a", PERP, 2.0, "isolated", 0.0, 0.005)

    def market(self, down: tuple[str, ...] = ()) -> Surroundings:
        """The book of the perpetual, with what was read back."""
        shown = super().market(down)
        margins = () if self.reading is None else (self.reading,)
        return msgspec.structs.replace(shown, margins=margins)


def perpetual(risk: RiskSettings = STOP, **limits: object) -> Perpetual:
    settings = settings_with(pairs=(PERP,), listings=(listing_of("a", PERP),), guardrails=wide(**limits), risk=risk)
    bot = Perpetual(settings, started=False)
    bot.prices = {PERP: 30_000.0}
    bot.start()
    bot.wake()
    return bot


def read(bot: Perpetual, **changes: object) -> Perpetual:
    assert bot.reading is not None
    bot.reading = msgspec.structs.replace(bot.reading, **changes)
    return bot


def refused(bot: Bot, instrument: str = PERP, **more: object) -> tuple[str, ...]:
    asked: dict[str, Any] = {"instrument": instrument, "notional": Decimal(50), **more}
    facts = bot.ask(f"k-{len(bot.taken)}", **asked)
    return () if planned_in(facts) else failed_in(facts)


# --- E11, E12 ---------------------------------------------------------------------------------------------------------


def test_a_perpetual_is_opened_on_margin_as_configured() -> None:
    assert refused(perpetual()) == ()


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"leverage": 3.0}, ()),
        ({"leverage": 3.01}, ("E11",)),
        ({"leverage": math.nan}, ("E11", "E12")),
        ({"leverage": math.inf}, ("E11", "E12")),
        ({"leverage": 0.0}, ("E11", "E12")),
        ({"mode": "cross"}, ("E11",)),
        ({"liquidation_price": 29_999.0}, ()),  # it is that of what is held; what counts is worked out for what will be
        ({"maintenance": 0.0}, ("E12",)),  # the venue does not say it
        ({"maintenance": math.nan}, ("E12",)),
        ({"maintenance": 1.0}, ("E12",)),
        ({"maintenance": 0.44}, ()),
        ({"maintenance": 0.45}, ("E12",)),  # half of the cost over 0.55: 9 % away is less than twice the stop of 5 %
    ],
    ids=str,
)
def test_what_is_read_back_decides(changes: dict[str, object], rules: tuple[str, ...]) -> None:
    assert refused(read(perpetual(), **changes)) == rules


def test_what_was_not_read_back_refuses() -> None:
    bot = perpetual()
    bot.reading = None
    assert refused(bot) == ("E11", "E12")


def test_without_a_stop_nobody_can_say_how_near_liquidation_is() -> None:
    assert refused(perpetual(RiskSettings(leverage_max=3.0))) == ("E12",)
    assert refused(perpetual(RiskSettings(trailing_stop=0.05, leverage_max=3.0))) == ()


def test_a_long_position_that_is_paid_in_full_is_never_liquidated_and_needs_no_stop() -> None:
    assert refused(read(perpetual(RiskSettings()), leverage=1.0)) == ()


def test_a_short_position_is_liquidated_above_its_price_however_it_is_margined() -> None:
    asked: dict[str, Any] = {"side": Side.SELL, "effect": Effect.OPEN}
    risk = RiskSettings(short=True, leverage_max=10.0, stop_loss=0.05)
    assert refused(read(perpetual(risk), leverage=1.0), **asked) == ()
    assert refused(read(perpetual(risk), leverage=3.0), **asked) == ()
    bare = RiskSettings(short=True, leverage_max=10.0)
    assert refused(read(perpetual(bare), leverage=1.0), **asked) == ("E12",)
    assert refused(read(perpetual(bare, liquidation_multiple_min=0.0), leverage=1.0), **asked) == ()


@pytest.mark.parametrize(("leverage", "rules"), [(9.0, ()), (10.0, ("E12",))])
def test_more_leverage_brings_liquidation_nearer_than_two_stops(leverage: float, rules: tuple[str, ...]) -> None:
    assert refused(read(perpetual(leverage_max=20.0), leverage=leverage)) == rules


def test_leverage_beyond_what_the_bot_is_to_trade_with_is_refused_though_the_guardrail_would_allow_it() -> None:
    risk = RiskSettings(stop_loss=0.05, leverage_max=1.0)
    assert refused(read(perpetual(risk), leverage=2.0)) == ("E11",)


def test_where_all_of_an_account_is_at_stake_nobody_can_say_how_near_liquidation_is() -> None:
    assert refused(read(perpetual(margin_mode="cross"), mode="cross")) == ("E12",)


def test_an_exit_from_a_perpetual_needs_no_reading() -> None:
    bot = perpetual()
    (planned,) = planned_in(bot.ask("in", instrument=PERP, qty=Decimal("0.01")))
    bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    bot.reading = None
    assert exits(bot.later(61), PERP)


def test_spot_knows_neither_leverage_nor_liquidation() -> None:
    assert refused(Bot(settings_with(guardrails=wide())), BTC) == ()


# --- E13 --------------------------------------------------------------------------------------------------------------


def granted(bot: Bot, grant: Grant | None) -> Surroundings:
    return msgspec.structs.replace(bot.market(), grant=grant)


def of_a_fleet() -> Bot:
    return Bot(settings_with(guardrails=wide(fleet_grant=True)))


@pytest.mark.parametrize(
    ("exposure_max", "age_s", "passes"),
    [
        (1_000.0, 0.0, True),
        (1_000.0, 60.0, True),
        (1_000.0, 60.001, False),
        (49.0, 0.0, False),
        (0.0, 0.0, False),
        (math.nan, 0.0, False),
        (math.inf, 0.0, False),
    ],
)
def test_a_bot_of_a_fleet_opens_within_a_grant_of_the_last_minute(
    exposure_max: float, age_s: float, passes: bool
) -> None:
    bot = of_a_fleet()
    grant = Grant(exposure_max, bot.at_ns - round(age_s * SECOND_NS))
    assert refused(bot, BTC, surroundings=granted(bot, grant)) == (() if passes else ("E13",))


def test_without_a_grant_nothing_is_opened_and_everything_can_be_closed() -> None:
    bot = of_a_fleet()
    grant = Grant(10_000.0, bot.at_ns)
    (planned,) = planned_in(bot.ask("in", qty=Decimal("0.01"), surroundings=granted(bot, grant)))
    bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    assert refused(bot.later(61), BTC) == ("E13",)
    assert exits(bot)


def test_the_grant_covers_what_is_held_what_works_and_the_order() -> None:
    bot = of_a_fleet()

    def opens(key: str, exposure_max: float) -> bool:
        grant = Grant(exposure_max, bot.later(6).at_ns)
        return bool(planned_in(bot.ask(key, notional=Decimal(100), surroundings=granted(bot, grant))))

    assert opens("one", 101)
    order = bot.only_order()
    assert not opens("two", 199), "the first one may still fill"
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    assert not opens("three", 199), "it did"
    assert opens("four", 201)


def test_a_bot_run_alone_needs_no_grant() -> None:
    assert refused(Bot(settings_with(guardrails=wide())), BTC) == ()


# --- E8 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "passes"),
    [
        (500.0, True),
        (-500.0, True),
        (500.1, False),
        (-501.0, False),
        (math.nan, False),
        (math.inf, False),
        (None, False),
    ],
)
def test_the_clock_of_the_venue_lies_within_half_a_second_and_is_known(ms: float | None, passes: bool) -> None:
    bot = Bot(settings_with(guardrails=wide()))
    skews = () if ms is None else (Skew("a", ms), Skew("b", ms))
    market = msgspec.structs.replace(bot.market(), skews=skews)
    assert refused(bot, BTC, surroundings=market) == (() if passes else ("E8",))


def test_the_clock_of_one_venue_holds_up_that_venue_alone() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    market = msgspec.structs.replace(bot.market(), skews=(Skew("a", 0.0), Skew("b", 9_000.0)))
    assert refused(bot, BTC, venue="b", surroundings=market) == ("E8",)
    assert refused(bot, BTC, venue="a", surroundings=market) == ()


def test_neither_skew_nor_a_jump_of_the_clock_holds_up_an_exit() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    take_in(bot, "0.1", instrument=ETH)
    bot.later(61).take(ClockStepped(bot.at_ns, 10 * SECOND_NS))
    market = msgspec.structs.replace(bot.market(), skews=())
    assert failed_in(bot.ask("k", notional=Decimal(50), surroundings=market)) == ("E8",)
    assert planned_in(bot.ask("x", Side.SELL, surroundings=market))
    assert exits(bot, ETH)


# --- E7 ---------------------------------------------------------------------------------------------------------------


def test_nothing_is_opened_on_an_account_that_this_session_has_not_read() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    bot.start(reconciled=False)
    bot.later(61).wake()
    assert refused(bot, BTC, venue="a") == ("E7",)
    assert exits(bot, qty=Decimal("0.001")), "what is held can be sold before"
    bot.account("b", **bot.explained("b"))
    assert refused(bot, ETH, venue="b") == ()
    assert bot.state.reconciling == {"a": True}


def test_an_unknown_order_holds_up_its_pair_on_its_account_and_nothing_else() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    lost = bot.unknown()
    assert refused(bot.later(6), BTC, venue=lost.venue) == ("E7",)
    assert refused(bot, BTC, venue="b") == ()
    assert refused(bot, ETH, venue=lost.venue) == ()


def test_an_exit_passes_an_unknown_order_up_to_what_every_outcome_leaves() -> None:
    """An unknown sale may have sold it: only what is left even then may be sold."""
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    (sale,) = planned_in(bot.later(61).ask("x", Side.SELL, qty=Decimal("0.004")))
    bot.report(bot.state.orders[sale.client_id], Evidence.AMBIGUOUS, venue_order_id="")
    (rest,) = planned_in(bot.later(6).ask("y", Side.SELL))
    assert rest.qty_lots == 600_000
