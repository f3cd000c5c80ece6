"""
Breaches to plant: for every rule a journal in which all is well, and a falsification that makes it a breach.

Each falsified journal carries a chain that holds, and verdicts that say all is well: only asking the rules anew can
find the breach.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    Action,
    Evidence,
    Grant,
    GuardrailSettings,
    MarginReading,
    RiskSettings,
    Side,
)
from tests.audit.scenes import (
    BTC,
    ETH,
    PERP,
    PRICES,
    VENUES,
    Row,
    Script,
    facts_of,
    limits_of,
    no_limits,
    planned_in,
    settings_with,
)


class Plant(Struct, frozen=True):
    """A rule, a script in which all is well, and what to change in its rows."""

    rule: str
    script: Callable[[], Script]
    falsify: Callable[[list[Row]], None]


# --- scripts in which all is well -------------------------------------------------------------------------------------


def bought() -> Script:
    """One opening order that trades."""
    script = Script()
    script.traded(script.signal({BTC: Action.BUY}))
    return script


def bought_thrice() -> Script:
    """Three opening orders, a minute apart."""
    script = Script()
    for pair in (BTC, ETH, BTC):
        script.traded(script.signal({pair: Action.BUY}))
        script.later(61)
    return script


def killed_and_resumed() -> Script:
    script = Script()
    script.control("kill", kill_epoch=1)
    script.later(5).control("resume", kill_epoch=1)
    script.later(60)
    script.traded(script.signal({BTC: Action.BUY}))
    return script


def loaded(limits: GuardrailSettings) -> Script:
    """A bot with most of its money in one coin, so that its index follows the price."""
    script = Script(settings_with(guardrails=limits))
    for venue in VENUES:
        script.traded(script.ask(notional=Decimal(45_000), venue=venue))
        script.later(61)
    return script


def fallen(limits: GuardrailSettings, share: float = 0.03, wait_s: float = 61.0) -> Script:
    """The coin falls, time passes, and something is bought."""
    script = loaded(limits)
    script.prices[BTC] *= 1.0 - share
    script.later(61)
    for _ in range(round(wait_s / 60)):
        script.later(60)
    script.traded(script.ask(ETH, notional=Decimal(100)))
    return script


def lost_in_a_day() -> Script:
    return fallen(no_limits(loss_rate_max=0.9, daily_loss_max=0.9, drawdown_max=0.9))


def paused_for_losses() -> Script:
    return fallen(no_limits(daily_loss_max=0.9, drawdown_max=0.9), wait_s=16 * 60)


def lost_in_two_steps() -> Script:
    """Two falls, each smaller than the limit, further apart than the window is long."""
    script = loaded(no_limits(daily_loss_max=0.9, drawdown_max=0.9))
    for wait_min in (35, 1):
        script.prices[BTC] *= 0.985
        for _ in range(wait_min):
            script.later(60)
    script.traded(script.ask(ETH, notional=Decimal(100)))
    return script


def resting_twice(seconds: float = 3.0) -> Script:
    """Two limit orders alike that wait in the book."""
    script = Script(settings_with(guardrails=no_limits(duplicate_window_s=1.0)))
    script.working(script.limit(29_300.0))
    script.later(seconds, marked=False)
    script.working(script.limit(29_300.0))
    return script


def rejected_twice() -> Script:
    script = Script(settings_with(guardrails=no_limits()))
    for _ in range(2):
        (planned,) = planned_in(script.ask(notional=Decimal(100), venue="alpha"))
        script.report(planned, Evidence.REJECTED, reason="insufficient funds")
        script.later(61)
    script.ask(notional=Decimal(100), venue="alpha")
    return script


def executed_twice() -> Script:
    script = Script(settings_with(guardrails=no_limits(executions_max=10)))
    for pair in (BTC, ETH, BTC):
        script.traded(script.signal({pair: Action.BUY}))
        script.later(61)
    return script


def selling_high() -> Script:
    """A sell that rests above the market, and a buy at the market."""
    script = Script(settings_with(guardrails=no_limits()))
    script.traded(script.ask(notional=Decimal(900), venue="alpha"))
    script.working(script.limit(31_500.0, side=Side.SELL))
    script.ask(notional=Decimal(100), venue="alpha")
    return script


def exit_at_last() -> Script:
    """A position that is bought and sold again."""
    script = bought()
    script.later(61)
    script.traded(script.signal({BTC: Action.SELL}))
    return script


def on_margin() -> Script:
    script = Script(
        settings_with(guardrails=no_limits(), pairs=(BTC, PERP), risk=RiskSettings(stop_loss=0.05, leverage_max=3.0))
    )
    script.prices[PERP] = PRICES[BTC]
    script.margins = tuple(MarginReading(venue, PERP, 2.0, "isolated", 0.0, 0.005) for venue in VENUES)
    script.later(61)
    script.ask(PERP, notional=Decimal(100))
    return script


def granted() -> Script:
    script = Script(settings_with(guardrails=no_limits(fleet_grant=True)))
    script.grant = Grant(exposure_max=500.0, at_ns=script.at_ns)
    script.ask(notional=Decimal(300))
    return script


def slow_data() -> Script:
    script = Script()
    script.stale_ns = dict.fromkeys(VENUES, 5 * SECOND_NS)
    script.signal({BTC: Action.BUY})
    return script


# --- falsifications ---------------------------------------------------------------------------------------------------


def limit(name: str, value: object) -> Callable[[list[Row]], None]:
    """Have the journal say that a threshold was tighter all along."""

    def change(rows: list[Row]) -> None:
        for limits in limits_of(rows):
            assert name in limits
            limits[name] = value

    return change


def setting(name: str, value: object) -> Callable[[list[Row]], None]:
    """Have the journal say that another setting of the bot was different all along."""

    def change(rows: list[Row]) -> None:
        for fact in facts_of(rows, "SettingsAdopted"):
            assert name in fact["settings"]
            fact["settings"][name] = value

    return change


def listed(name: str, value: object) -> Callable[[list[Row]], None]:
    """Have every listing be otherwise."""

    def change(rows: list[Row]) -> None:
        for fact in facts_of(rows, "SettingsAdopted"):
            for listing in fact["settings"]["listings"]:
                listing[name] = value

    return change


def without(kind: str, **fields: object) -> Callable[[list[Row]], None]:
    """Take the facts of a kind away, and rows of inputs of that kind."""

    def is_meant(one: Row) -> bool:
        return one["kind"] == kind and all(one.get(name) == value for name, value in fields.items())

    def change(rows: list[Row]) -> None:
        rows[:] = [row for row in rows if not is_meant(row["payload"])]
        for row in rows:
            row["facts"] = [fact for fact in row["facts"] if not is_meant(fact)]

    return change


def shown(place: int, index: int, value: object) -> Callable[[list[Row]], None]:
    """
    Change what inputs could see: of every entry in a part of the surroundings, one field.

    Args: the part (0 quotes, 2 skews, 3 margins), the index of the field, and its new value.
    """

    def change(rows: list[Row]) -> None:
        for row in rows:
            for entry in row["payload"].get("surroundings", [[]] * 5)[place]:
                entry[index] = value

    return change


def fewer_dollars(rows: list[Row]) -> None:
    for fact in facts_of(rows, "CapitalDeclared"):
        fact["cash"] = {venue: {"USD": "200"} for venue in fact["cash"]}


def small_grant(rows: list[Row]) -> None:
    for row in rows:
        shown_there = row["payload"].get("surroundings")
        if shown_there and shown_there[4]:
            shown_there[4][0] = 200.0


def old_grant(rows: list[Row]) -> None:
    for row in rows:
        shown_there = row["payload"].get("surroundings")
        if shown_there and shown_there[4]:
            shown_there[4][1] -= 61 * SECOND_NS


def crossing_sell(rows: list[Row]) -> None:
    for fact in facts_of(rows, "OrderPlanned"):
        if fact["side"] == "sell":
            fact["limit_ticks"] = 2_990_000


def oversold(rows: list[Row]) -> None:
    for fact in facts_of(rows, "OrderPlanned"):
        if fact["side"] == "sell":
            fact["qty_lots"] += 1


def longer_pause(rows: list[Row]) -> None:
    limit("loss_rate_pause_min", 30)(rows)


def held_longer(rows: list[Row]) -> None:
    for fact in facts_of(rows, "ControlChanged"):
        for hold in fact.get("holds", ()):
            hold[3] += 3_600 * SECOND_NS


def paused_by_hand() -> Script:
    script = Script()
    script.control("pause")
    for _ in range(16):
        script.later(60)
    script.signal({BTC: Action.BUY})
    return script


def still_held(rows: list[Row]) -> None:
    """Drop the lifting of a hold that never ends."""
    held_longer(rows)
    first = True
    for row in rows:
        kept = []
        for fact in row["facts"]:
            if fact["kind"] != "ControlChanged" or first:
                kept.append(fact)
                first = first and fact["kind"] != "ControlChanged"
        row["facts"] = kept


PLANTS: tuple[Plant, ...] = (
    Plant("G1", killed_and_resumed, without("ControlAsked", command="resume")),
    Plant("G2", paused_for_losses, longer_pause),
    Plant("G2", paused_by_hand, still_held),
    Plant("G2", lost_in_two_steps, limit("loss_rate_window_min", 60)),
    Plant("G3", bought, setting("approved", [ETH])),
    Plant("G3", bought, listed("tradable", False)),
    Plant("G4", bought, limit("order_value_max_quote", 299.0)),
    Plant("G4", bought, limit("order_value_max_share", 0.0029)),
    Plant("G5", lost_in_a_day, limit("daily_loss_max", 0.02)),
    Plant("G6", lost_in_a_day, limit("drawdown_max", 0.02)),
    Plant("G6", lost_in_a_day, setting("risk", {"drawdown_max": 0.02})),
    Plant("G7", bought_thrice, limit("concentration_max", 0.005)),
    Plant("G7", bought_thrice, setting("risk", {"position_max": 0.005})),
    Plant("G8", bought_thrice, limit("cooldown_s", 123.0)),
    Plant("G9", bought_thrice, limit("trades_max", 2)),
    Plant("G9", bought_thrice, limit("trades_max", 1)),
    Plant("G10", bought, fewer_dollars),
    Plant("G10", bought, listed("notional_min", "400")),
    Plant("G10", bought, listed("notional_max", "200")),
    Plant("G10", bought, listed("lots_min", 10**8)),
    Plant("G10", exit_at_last, oversold),
    Plant("E1", resting_twice, limit("collar_max", 0.02)),
    Plant("E1", bought, limit("book_walk_max", -0.01)),
    Plant("E2", slow_data, setting("price_age_ns_max", 4 * SECOND_NS)),
    Plant("E2", bought, shown(0, 4, [])),
    Plant("E3", bought, limit("qty_max", {BTC: 0.001})),
    Plant("E3", bought, limit("qty_value_multiple", 0.5)),
    Plant("E4", resting_twice, limit("open_orders_max", 1)),
    Plant("E4", resting_twice, limit("open_orders_pair_max", 1)),
    Plant("E5", resting_twice, limit("unexecuted_max", 0.0015)),
    Plant("E6", resting_twice, limit("duplicate_window_s", 5.0)),
    Plant("E7", bought, without("AccountReconciled")),
    Plant("E8", bought, shown(2, 1, 501.0)),
    Plant("E8", bought, shown(2, 1, -501.0)),
    Plant("E9", rejected_twice, limit("rejects_max", 2)),
    Plant("E9", executed_twice, limit("executions_max", 2)),
    Plant("E10", selling_high, crossing_sell),
    Plant("E11", on_margin, shown(3, 2, 3.5)),
    Plant("E11", on_margin, shown(3, 3, "cross")),
    Plant("E12", on_margin, shown(3, 5, 0.47)),
    Plant("E12", on_margin, shown(3, 5, 0.0)),
    Plant("E13", granted, small_grant),
    Plant("E13", granted, old_grant),
)
