"""One planted breach for each limit: facts made under loose limits, told to an auditor that believes strict ones."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    DAY_NS,
    AccountReconciled,
    Control,
    ControlAsked,
    ControlChanged,
    DayClosed,
    Evidence,
    Fact,
    FundingBooked,
    FundingReported,
    FundsBooked,
    Grant,
    Hold,
    Input,
    ListingsAdopted,
    ListingsReported,
    MarginReading,
    MarksTaken,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderState,
    RiskSettings,
    SettingsAdopted,
    Side,
    Surroundings,
    TriggerFired,
    WatermarkRaised,
    Woke,
)
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    TwoDollars,
    begun,
    change,
    exits,
    fund,
    half_in_btc,
    mark,
    opens,
    resume,
    small_settings,
    take_in,
    two_dollars,
    wide,
)

Told = list[tuple[Input, list[Fact]]]
Scene = Callable[[], Bot]


def breach_in(told: Told) -> str:
    """The rule that an auditor names."""
    with pytest.raises(Breach) as found:
        audit(told)
    return found.value.rule


def audit(told: Told) -> None:
    """Have an auditor take a whole story."""
    auditor = Auditor()
    for news, facts in told:
        auditor.take(news, facts)


def edited(told: Told, edit: Callable[[Fact], Fact | None]) -> Told:
    """The story with every fact as an edit leaves it; None leaves it out."""
    return [(news, [kept for fact in facts if (kept := edit(fact)) is not None]) for news, facts in told]


def last(told: Told, kind: type[Fact]) -> Fact:
    """The last fact of a kind."""
    return [fact for _, facts in told for fact in facts if isinstance(fact, kind)][-1]


def with_last(told: Told, kind: type[Fact], **changes: object) -> Told:
    """The story with the last fact of a kind changed."""
    target = last(told, kind)
    return edited(told, lambda fact: msgspec.structs.replace(fact, **changes) if fact is target else fact)


def without_last(told: Told, kind: type[Fact]) -> Told:
    """The story without the last fact of a kind."""
    target = last(told, kind)
    return edited(told, lambda fact: None if fact is target else fact)


def seeing(told: Told, **around: object) -> Told:
    """The story whose last input saw other surroundings."""
    (*before, (news, facts)) = told
    shown: Surroundings = news.surroundings  # type: ignore[union-attr]  # the last input of these scenes has some
    return [*before, (msgspec.structs.replace(news, surroundings=msgspec.structs.replace(shown, **around)), facts)]


# --- limits that the auditor believes to be stricter ------------------------------------------------------------------


def opened() -> Bot:
    """One trade, a mark a little below the peak, and an order to open; limits are said again before it."""
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.999)
    change(bot, cooldown_s=0.0)
    assert planned_in(bot.ask("k", notional=Decimal(20)))
    return bot


def opened_twice() -> Bot:
    """Two orders to open of the same pair, alike, one after the other."""
    bot = half_in_btc()
    mark(bot, 1.0)
    change(bot, cooldown_s=0.0, duplicate_window_s=0.0)
    assert opens(bot, ETH, 20)
    assert planned_in(bot.later(1).ask("k", instrument=ETH, notional=Decimal(20)))
    return bot


def opened_after_a_rejection() -> Bot:
    bot = half_in_btc()
    mark(bot, 1.0)
    (planned,) = planned_in(bot.ask("r", instrument=ETH, notional=Decimal(30), venue="a"))
    bot.report(bot.state.orders[planned.client_id], Evidence.REJECTED, reason="no")
    change(bot, cooldown_s=0.0)
    assert planned_in(bot.later(6).ask("k", instrument=ETH, notional=Decimal(20), venue="a"))
    return bot


def signalled() -> Bot:
    bot = half_in_btc()
    mark(bot, 1.0)
    change(bot, cooldown_s=0.0)
    assert planned_in(bot.later(6).buy(ETH))
    return bot


STRICTER: list[tuple[str, Scene, dict[str, object]]] = [
    ("G4", opened, {"order_value_max_quote": 10.0}),
    ("G5", opened, {"daily_loss_max": 0.0005}),
    ("G6", opened, {"drawdown_max": 0.0005}),
    ("G7", opened, {"concentration_max": 0.5}),
    ("G8", opened, {"cooldown_s": 3_600.0}),
    ("G9", opened, {"trades_max": 1}),
    ("G10", opened, {"headroom_share": 0.2}),
    ("E1", opened, {"collar_max": 1e-6}),
    ("E3", opened, {"qty_max": {BTC: 1e-5}}),
    ("E4", opened_twice, {"open_orders_max": 1}),
    ("E4", opened_twice, {"open_orders_pair_max": 1}),
    ("E5", opened_twice, {"unexecuted_max": 0.03}),
    ("E6", opened_twice, {"duplicate_window_s": 5.0}),
    ("E9", opened_after_a_rejection, {"rejects_max": 1}),
    ("E9", signalled, {"executions_max": 0}),
    ("E8", opened, {"clock_skew_max_ms": -1.0}),
    ("verdicts", opened, {"fleet_grant": True}),
]


@pytest.mark.parametrize(("rule", "scene", "limits"), STRICTER, ids=[f"{r} {s.__name__}" for r, s, _ in STRICTER])
def test_an_order_beyond_a_limit_is_found(rule: str, scene: Scene, limits: dict[str, object]) -> None:
    told = scene().taken
    adopted = last(told, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    strict = msgspec.structs.replace(adopted.settings.guardrails, **limits)
    believed = msgspec.structs.replace(adopted.settings, guardrails=strict)
    assert breach_in(with_last(told, SettingsAdopted, settings=believed)) == rule


def test_an_order_for_a_pair_off_the_list_is_found() -> None:
    told = opened().taken
    adopted = last(told, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    believed = msgspec.structs.replace(adopted.settings, approved=(ETH,))
    assert breach_in(with_last(told, SettingsAdopted, settings=believed)) == "G3"


def test_an_order_below_the_bots_own_drawdown_is_found() -> None:
    told = opened().taken
    adopted = last(told, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    believed = msgspec.structs.replace(adopted.settings, risk=RiskSettings(drawdown_max=0.0005))
    assert breach_in(with_last(told, SettingsAdopted, settings=believed)) == "G6"


def test_an_exit_beyond_a_limit_is_found_where_exits_are_taken_literally() -> None:
    bot = half_in_btc()
    change(bot, cooldown_s=0.0)
    assert planned_in(bot.later(6).ask("x", Side.SELL))
    adopted = last(bot.taken, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    strict = wide(strict_exits=True, cooldown_s=60.0)
    believed = msgspec.structs.replace(adopted.settings, guardrails=strict)
    assert breach_in(with_last(bot.taken, SettingsAdopted, settings=believed)) == "G8"


# --- a world that was another one -------------------------------------------------------------------------------------


def aged(bot: Bot) -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(quote, at_ns=quote.at_ns - 10**12) for quote in bot.market().quotes)


def crossed(bot: Bot) -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(q, bids=((q.asks[0][0] + 1, 1.0),)) for q in bot.market().quotes)


def dearer(bot: Bot, by: float) -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(quote, last=quote.last * by) for quote in bot.market().quotes)


@pytest.mark.parametrize(
    ("rule", "around"),
    [
        ("E2", lambda bot: {"quotes": aged(bot)}),
        ("E2", lambda bot: {"quotes": crossed(bot)}),
        ("E2", lambda _: {"venues_down": ("a", "b")}),
        ("E1", lambda bot: {"quotes": dearer(bot, 1.04)}),
        ("E8", lambda _: {"skews": ()}),
    ],
)
def test_an_order_in_another_world_is_found(rule: str, around: Callable[[Bot], dict[str, object]]) -> None:
    bot = opened()
    assert breach_in(seeing(bot.taken, **around(bot))) == rule


def of_a_fleet() -> Bot:
    bot = Bot(settings_with(guardrails=wide(fleet_grant=True)))
    market = msgspec.structs.replace(bot.market(), grant=Grant(1_000.0, bot.at_ns))
    assert planned_in(bot.ask("k", notional=Decimal(20), surroundings=market))
    return bot


@pytest.mark.parametrize("grant", [None, Grant(1_000.0, 1), Grant(10.0, of_a_fleet().at_ns)], ids=str)
def test_an_order_without_a_grant_is_found(grant: Grant | None) -> None:
    assert breach_in(seeing(of_a_fleet().taken, grant=grant)) == "E13"


PERP = "BTC-USD:USD"
READ = MarginReading("a", PERP, 2.0, "isolated", 20_000.0, 0.005)


def on_margin() -> Bot:
    settings = settings_with(
        pairs=(PERP,),
        listings=(listing_of("a", PERP),),
        guardrails=wide(),
        risk=RiskSettings(stop_loss=0.05, leverage_max=3.0),
    )
    bot = Bot(settings, started=False)
    bot.prices = {PERP: 30_000.0}
    bot.start()
    bot.wake()
    market = msgspec.structs.replace(bot.market(), margins=(READ,))
    assert planned_in(bot.ask("k", instrument=PERP, notional=Decimal(20), surroundings=market))
    return bot


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("E11", {"leverage": 4.0}),
        ("E11", {"mode": "cross"}),
        ("E11", {"instrument": "other"}),
        ("E12", {"maintenance": 0.47}),
        ("E12", {"maintenance": 0.0}),
    ],
)
def test_an_order_on_other_margin_is_found(rule: str, changes: dict[str, object]) -> None:
    assert breach_in(seeing(on_margin().taken, margins=(msgspec.structs.replace(READ, **changes),))) == rule


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_on_an_account_that_was_not_read_is_found() -> None:
    told = opened().taken
    assert breach_in(edited(told, lambda fact: None if isinstance(fact, AccountReconciled) else fact)) == "E7"


def test_an_order_while_another_one_is_unknown_is_found() -> None:
    bot = half_in_btc()
    change(bot, cooldown_s=0.0)
    lost = planned_in(bot.later(6).ask("lost", instrument=ETH, notional=Decimal(30), venue="a"))[0]
    bot.report(bot.state.orders[lost.client_id], Evidence.AMBIGUOUS, venue_order_id="")
    bot.report(bot.state.orders[lost.client_id], Evidence.ACKNOWLEDGED)
    assert planned_in(bot.ask("k", instrument=ETH, notional=Decimal(20), venue="a"))
    assert breach_in(without_last(bot.taken, OrderMoved)) == "E7"


def test_an_order_through_our_own_is_found() -> None:
    bot = half_in_btc()
    (rest,) = planned_in(
        bot.later(6).ask("s", Side.SELL, qty=Decimal("0.01"), order_kind=OrderKind.LIMIT, limit=Decimal(25_000))
    )
    order = bot.state.orders[rest.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    bot.report(order, Evidence.CANCELLED)
    assert planned_in(bot.later(6).ask("k", notional=Decimal(20), venue="a"))
    assert order.state is OrderState.CANCELLED
    assert breach_in(without_last(bot.taken, OrderMoved)) == "E10"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("grid", {"lot": Decimal("1e-7")}),
        ("rates", {"rate": 1.001}),
        ("G7", {"rate": 1.5, "qty_lots": 5_000_000}),
    ],
)
def test_an_order_that_says_other_things_than_are_so_is_found(rule: str, changes: dict[str, object]) -> None:
    told = opened().taken
    adopted = last(told, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    half = msgspec.structs.replace(adopted.settings, guardrails=wide(concentration_max=0.9))
    assert breach_in(with_last(with_last(told, SettingsAdopted, settings=half), OrderPlanned, **changes)) == rule


def test_verdicts_that_leave_a_rule_out_are_found() -> None:
    told = opened().taken
    planned = last(told, OrderPlanned)
    assert isinstance(planned, OrderPlanned)
    fewer = msgspec.structs.replace(planned.verdicts, evaluated=planned.verdicts.evaluated & ~1)
    assert breach_in(with_last(told, OrderPlanned, verdicts=fewer)) == "verdicts"
    short = msgspec.structs.replace(planned.verdicts, values=planned.verdicts.values[1:])
    assert breach_in(with_last(told, OrderPlanned, verdicts=short)) == "verdicts"


# --- marks, trips and holds -------------------------------------------------------------------------------------------


def lost() -> Bot:
    """Lose enough for the window and the day."""
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.94)
    return bot


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("marks", {"equity": 999.0}),
        ("marks", {"equity": None}),
        ("marks", {"minute_ns": 60}),
        ("index", {"index": 0.95}),
        ("index", {"day_open": 0.95}),
        ("index", {"index_peak": 1.1}),
        ("index", {"drawdown_max": 0.5}),
    ],
)
def test_a_mark_that_is_wrong_in_any_figure_is_found(rule: str, changes: dict[str, object]) -> None:
    assert breach_in(with_last(lost().taken, MarksTaken, **changes)) == rule


def test_a_coin_counted_at_another_rate_is_found() -> None:
    bot = TwoDollars(two_dollars(), started=False)
    bot.start()
    bot.peg = 0.9
    bot.take(Woke(bot.at_ns, bot.market()))
    taken = last(bot.taken, MarksTaken)
    assert isinstance(taken, MarksTaken)
    rates = tuple(msgspec.structs.replace(rate, rate=0.95) for rate in taken.rates)
    assert breach_in(with_last(bot.taken, MarksTaken, rates=rates)) == "rates"


def test_a_limit_of_loss_that_trips_not_is_found() -> None:
    told = lost().taken
    assert breach_in(without_last(told, ControlChanged)) == "trips"


@pytest.mark.parametrize("cause", ["G2", "G5", "G6", "drawdown_max"])
def test_a_limit_of_loss_that_trips_without_a_reason_is_found(cause: str) -> None:
    bot = half_in_btc()
    hold = Hold(cause, Control.REDUCING, "planted")
    planted = ControlChanged(bot.state.at_ns, Control.REDUCING, "planted", cause, holds=(hold,))
    assert breach_in([*bot.taken, (Woke(bot.at_ns), [planted])]) == "trips"


def test_a_limit_of_loss_that_lasts_too_short_is_found() -> None:
    told = lost().taken
    changed = last(told, ControlChanged)
    assert isinstance(changed, ControlChanged)
    early = tuple(msgspec.structs.replace(hold, until_ns=hold.until_ns - DAY_NS // 2) for hold in changed.holds)
    assert breach_in(with_last(told, ControlChanged, holds=early)) in ("trips", "holds")


def changed_by(bot: Bot, news: Input, *holds: Hold, control: Control = Control.RUNNING, **more: object) -> str:
    fact = ControlChanged(bot.state.at_ns, control, "planted", "tester", holds=holds)
    return breach_in([*bot.taken, (news, [msgspec.structs.replace(fact, **more)])])


def test_a_hold_that_nobody_lifts_and_that_is_gone_is_found() -> None:
    bot = lost()
    assert changed_by(bot, Woke(bot.at_ns)) == "holds"
    plain = ControlAsked(bot.at_ns, "r", "resume", "tester")
    assert changed_by(bot, plain, window_emptied=True, differences_accepted=True) == "holds"


def test_a_level_milder_than_its_holds_is_found() -> None:
    bot = lost()
    kept = tuple(bot.state.holds.values())
    assert changed_by(bot, Woke(bot.at_ns), *kept, control=Control.PAUSED) == "holds"


def test_peaks_set_anew_and_differences_accepted_by_nobody_are_found() -> None:
    bot = half_in_btc()
    assert changed_by(bot, Woke(bot.at_ns), rebased=True) == "holds"
    assert changed_by(bot, Woke(bot.at_ns), differences_accepted=True) == "halt"


def test_a_rebase_that_is_told_is_followed() -> None:
    bot = lost()
    resume(bot, rebase=True)
    mark(bot, 0.93)
    audit(bot.taken)
    assert breach_in(with_last(bot.taken, ControlChanged, rebased=False)) == "index"


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"units_after": 1_100.5},
        {"cash_after": Decimal(7)},
        {"flows_after": Decimal(7)},
        {"equity_after": 1.0},
        {"external": True},
    ],
    ids=str,
)
def test_funds_that_move_the_index_or_do_not_add_up_are_found(changes: dict[str, object]) -> None:
    bot = half_in_btc()
    fund(bot, "100")
    assert breach_in(with_last(bot.taken, FundsBooked, **changes)) == "funds"


def test_funding_that_is_booked_twice_or_wrongly_is_found() -> None:
    bot = half_in_btc()
    bot.take(FundingReported(bot.at_ns, "a", BTC, "f", "USD", Decimal(-5), bot.at_ns))
    again = [*bot.taken, bot.taken[-1]]
    assert breach_in(again) == "funding"
    assert breach_in(with_last(bot.taken, FundingBooked, cash_after=Decimal(1))) == "funding"


@pytest.mark.parametrize(
    "changes",
    [
        {"fees": Decimal(1)},
        {"equity_open": Decimal(999)},
        {"equity_open": Decimal(999), "unrealised": Decimal(1)},
        {"flows": Decimal(1), "unrealised": Decimal(-1)},
        {"fees": Decimal(1), "realised": Decimal(1)},
        {"revaluation": Decimal(1), "unrealised": Decimal(-1)},
        {"fills": 7},
        {"day_ns": 5},
    ],
    ids=str,
)
def test_a_day_that_does_not_add_up_is_found(changes: dict[str, object]) -> None:
    bot = half_in_btc()
    bot.at_ns = (bot.at_ns // DAY_NS + 1) * DAY_NS
    bot.wake()
    assert breach_in(with_last(bot.taken, DayClosed, **changes)) == "day"


# --- listings, settings, heights --------------------------------------------------------------------------------------


def test_an_order_for_what_the_venue_trades_no_more_is_found() -> None:
    bot = half_in_btc()
    bot.take(ListingsReported(bot.at_ns, "a", (listing_of("a", BTC, fee_taker=Decimal("0.005")), listing_of("a", ETH))))
    assert exits(bot.later(6))
    adopted = last(bot.taken, ListingsAdopted)
    assert isinstance(adopted, ListingsAdopted)
    frozen = tuple(msgspec.structs.replace(one, tradable=False) for one in adopted.listings)
    assert breach_in(with_last(bot.taken, ListingsAdopted, listings=frozen)) == "G3"


def test_a_new_grid_under_working_orders_is_found() -> None:
    bot = Bot()
    bot.working()
    planted = ListingsAdopted(bot.state.at_ns, "a", (listing_of("a", BTC, lot=Decimal("0.1"), lots_min=1),))
    assert breach_in([*bot.taken, (Woke(bot.at_ns), [planted])]) == "listings"


def test_a_change_of_what_needs_a_start_is_found() -> None:
    told = opened().taken
    adopted = last(told, SettingsAdopted)
    assert isinstance(adopted, SettingsAdopted)
    richer = msgspec.structs.replace(adopted.settings, capital=Decimal(10**9))
    assert breach_in(with_last(told, SettingsAdopted, settings=richer)) == "settings"


@pytest.mark.parametrize("price", [24_000.0, float("inf")])
def test_a_height_that_is_none_is_found(price: float) -> None:
    bot = begun(small_settings(RiskSettings(trailing_stop=0.05)))
    take_in(bot, "0.01")
    mark(bot, 1.0)
    bot.take(TriggerFired(bot.at_ns, "a", BTC, "ratchet", bot.prices[BTC] * 1.01, bot.market()))
    assert isinstance(bot.taken[-1][1][-1], WatermarkRaised)
    assert breach_in(with_last(bot.taken, WatermarkRaised, price=price)) == "watermarks"
