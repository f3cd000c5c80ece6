"""The judge: every rule is asked, none passes on what is no number, and exits are held up only as the design says."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Control, GuardrailSettings, RiskSettings
from quarterdeck.guardrails import BITS, Subject, judge, passed
from tests.guardrails.subjects import (
    ALL_RULES,
    FINE,
    LIMITS,
    RISK,
    SPEAKS_OF,
    SPOILT,
    any_limits,
    any_risk,
    but,
    nearly_fine,
    refused_by,
    subjects,
)

FLEET = GuardrailSettings(fleet_grant=True)
EVERY = (1 << 23) - 1
PASSING_EXITS = {"G2", "G4", "G5", "G6", "G7", "G8", "G9", "E4", "E5", "E7", "E8", "E9", "E11", "E12"}


def test_an_order_within_every_limit_passes_with_every_rule_evaluated() -> None:
    verdicts = judge(FINE, FLEET, RISK)
    assert (verdicts.evaluated, verdicts.failed, verdicts.exempt) == (EVERY, 0, 0)
    assert len(verdicts.values) == len(verdicts.limits) == 23


def test_only_the_grant_of_a_fleet_is_left_out_and_only_without_a_fleet() -> None:
    lonely = but(grant_max=math.nan, grant_age_s=math.nan, exposure_after=math.nan)
    verdicts = judge(lonely, LIMITS, RISK)
    assert (verdicts.evaluated, verdicts.failed) == (EVERY & ~(1 << BITS["E13"]), 0)
    assert refused_by(lonely, FLEET) == ["E13"]


@pytest.mark.parametrize(("rule", "changes"), SPOILT)
def test_opening_is_refused_by_the_one_rule_that_it_breaks(rule: str, changes: dict[str, Any]) -> None:
    """I10, and the table of guardrails."""
    assert refused_by(but(**changes)) == [rule]


def test_every_rule_has_an_example_that_it_alone_refuses() -> None:
    assert {rule for rule, _ in SPOILT} | {"E13"} == set(ALL_RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {"notional": 200.0},
        {"daily_loss": 0.049999},
        {"drawdown": 0.099999},
        {"asset_after": 2_500.0},
        {"asset_after": -2_500.0},
        {"since_last_trade_s": 60.0},
        {"trades": 5},
        {"need": 1_000.0},
        {"lots": 100},
        {"lots": 1},
        {"notional_quote": 1.0},
        {"notional_quote_max": 50.0},
        {"deviation": 0.03},
        {"book_walk": 0.01},
        {"data_age_s": 10.0},
        {"data_age_s": -10.0},
        {"qty": 2.0},
        {"open_orders": 20, "open_orders_pair": 5},
        {"unexecuted": 1_000.0},
        {"skew_ms": 500.0},
        {"rejects": 2},
        {"leverage": 3.0},
        {"liquidation_multiple": 2.0},
        {"executions": 10_000},
        {"drawdown_ever": 0.99},
        {"drawdown_ever": math.nan},
    ],
)
def test_exactly_at_its_limit_or_just_below_an_order_may_go(changes: dict[str, Any]) -> None:
    assert refused_by(but(**changes)) == []


@pytest.mark.parametrize(
    ("field", "unit", "limit"),
    [
        ("notional", 200.0, 200.0),
        ("asset_after", 10_000.0, 2_500.0),
        ("since_last_trade_s", -1.0, 60.0),
        ("need", 1_000.0, 1_000.0),
        ("notional_quote_min", 50.0, 50.0),
        ("notional_quote_max", -50.0, 50.0),
        ("deviation", 1.0, 0.03),
        ("book_walk", 1.0, 0.01),
        ("data_age_s", 1.0, 10.0),
        ("qty", 2.0, 2.0),
        ("unexecuted", 10_000.0, 1_000.0),
        ("skew_ms", 1.0, 500.0),
        ("leverage", 1.0, 3.0),
        ("liquidation_multiple", -1.0, 2.0),
        ("exposure_after", 2_000.0, 2_000.0),
        ("grant_age_s", 1.0, 60.0),
    ],
)
def test_what_floats_cannot_tell_from_the_limit_counts_as_the_limit(field: str, unit: float, limit: float) -> None:
    """Half the slack beyond passes, twice the slack does not; relative for amounts, absolute for shares and times."""
    assert refused_by(but(**{field: limit + 0.5e-9 * unit}), FLEET) == []
    assert len(refused_by(but(**{field: limit + 2e-9 * unit}), FLEET)) == 1


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", SPEAKS_OF)
def test_no_opening_on_what_is_not_a_number(field: str, wrong: float) -> None:
    """I11: NaN never passes, nor does infinity where it must be finite."""
    harmless = {("since_last_trade_s", math.inf), ("liquidation_multiple", math.inf), ("notional_quote_max", math.inf)}
    expected = set() if (field, wrong) in harmless else SPEAKS_OF[field]
    risk = RiskSettings(drawdown_max=0.15)
    verdicts = judge(but(**{field: wrong}), FLEET, risk)
    assert set(refused_by(but(**{field: wrong}), FLEET, risk)) == expected
    assert all(not math.isnan(number) for number in verdicts.values + verdicts.limits)


def test_every_float_of_a_subject_is_looked_at() -> None:
    floats = {field.name for field in msgspec.structs.fields(Subject) if field.type is float}
    assert floats == set(SPEAKS_OF)


@pytest.mark.parametrize(("rule", "changes"), SPOILT)
def test_an_exit_is_held_up_only_by_the_rules_that_bind_exits(rule: str, changes: dict[str, Any]) -> None:
    """I14: loss, cooldown, concentration and rate limits hold no exit up."""
    halted = changes.get("control") is Control.HALTED
    exempt = rule in PASSING_EXITS and not halted
    wider = rule in {"E1", "E2"}
    verdicts = judge(but(reducing=True, **changes), LIMITS, RISK)
    assert passed(verdicts) == (exempt or wider or "approved" in changes)
    assert bool(verdicts.exempt >> BITS[rule] & 1) == (exempt or "approved" in changes)


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"deviation": 0.08, "book_walk": 0.08}, []),
        ({"deviation": 0.0801}, ["E1"]),
        ({"book_walk": 0.0801}, ["E1"]),
        ({"data_age_s": 300.0, "book_sound": False}, []),
        ({"data_age_s": 300.1}, ["E2"]),
        ({"data_age_s": math.nan}, ["E2"]),
        ({"data_age_s": 7_200.0, "data_age_max_s": 7_200.0}, []),
        ({"qty": 2.1}, ["E3"]),
        ({"qty_max": math.nan}, []),
        ({"qty": math.nan, "qty_max": math.nan}, ["E3"]),
        ({"qty": 0.0, "qty_max": math.nan}, ["E3"]),
        ({"need": math.nan}, ["G10"]),
        ({"tradable": False, "approved": False}, ["G3"]),
    ],
)
def test_exits_have_a_wider_collar_and_may_use_older_prices(changes: dict[str, Any], rules: list[str]) -> None:
    assert refused_by(but(reducing=True, **changes)) == rules


@pytest.mark.parametrize(("rule", "changes"), SPOILT)
def test_strict_exits_know_no_exemption(rule: str, changes: dict[str, Any]) -> None:
    strict = GuardrailSettings(strict_exits=True, protect_when_halted=True)
    verdicts = judge(but(reducing=True, protective=True, **changes), strict, RISK)
    assert verdicts.failed == 1 << BITS[rule]
    assert verdicts.exempt == 0


@pytest.mark.parametrize("protective", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
def test_only_protection_passes_a_halt_and_only_where_it_was_allowed(protective: bool, allowed: bool) -> None:
    limits = GuardrailSettings(protect_when_halted=allowed)
    subject = but(reducing=True, protective=protective, control=Control.HALTED, kill_raised=True)
    assert passed(judge(subject, limits, RISK)) == (protective and allowed)
    opening = but(protective=protective, control=Control.HALTED, kill_raised=True)
    assert refused_by(opening, limits) == ["G1", "G2"]


@pytest.mark.parametrize(
    ("risk", "changes", "rules"),
    [
        (RiskSettings(drawdown_max=0.15), {"drawdown_ever": 0.15}, ["G6"]),
        (RiskSettings(drawdown_max=0.15), {"drawdown_ever": 0.1499}, []),
        (RiskSettings(drawdown_max=0.15), {"drawdown_ever": math.nan}, ["G6"]),
        (RiskSettings(drawdown_max=0.50), {"drawdown": 0.10}, ["G6"]),
        (RiskSettings(position_max=0.10), {"asset_after": 1_000.0}, []),
        (RiskSettings(position_max=0.10), {"asset_after": 1_000.1}, ["G7"]),
        (RiskSettings(position_max=0.90), {"asset_after": 2_600.0}, ["G7"]),
    ],
)
def test_of_two_limits_on_one_thing_the_stricter_binds(
    risk: RiskSettings, changes: dict[str, Any], rules: list[str]
) -> None:
    """D-11: the bot's own limits stand beside the guardrails."""
    assert refused_by(but(**changes), risk=risk) == rules


def test_executions_without_a_person_end_where_that_is_set() -> None:
    limits = GuardrailSettings(executions_max=20)
    assert refused_by(but(executions=19), limits) == []
    assert refused_by(but(executions=20), limits) == ["E9"]


@given(st.one_of(subjects, nearly_fine()), any_limits, any_risk)
def test_whatever_passes_as_an_opening_is_within_every_limit(
    subject: Subject, limits: GuardrailSettings, risk: RiskSettings
) -> None:
    if subject.reducing or not passed(judge(subject, limits, risk)):
        return
    assert not subject.kill_raised
    assert subject.control is Control.RUNNING
    assert subject.approved
    assert subject.tradable
    assert 0 < subject.notional <= min(500, 0.02 * subject.equity) * (1 + 1e-9) < math.inf
    assert -math.inf < subject.daily_loss < 0.05
    assert -math.inf < subject.drawdown < 0.10
    assert risk.drawdown_max is None or subject.drawdown_ever < risk.drawdown_max
    assert abs(subject.asset_after) <= (min(0.25, risk.position_max or 1) + 1e-9) * subject.equity * (1 + 1e-12)
    assert not subject.off_peg
    assert subject.since_last_trade_s >= 60 - 1e-9
    assert subject.trades <= 5
    assert 0 < subject.need <= subject.free * (1 + 1e-9) < math.inf
    assert 1 <= subject.lots <= subject.lots_max
    assert subject.notional_quote_min * (1 - 1e-9) <= subject.notional_quote
    assert 0 < subject.notional_quote <= subject.notional_quote_max * (1 + 1e-9)
    assert 0 <= subject.deviation <= 0.03 + 1e-9
    assert 0 <= subject.book_walk <= 0.01 + 1e-9
    assert abs(subject.data_age_s) <= subject.data_age_max_s + 1e-9 < math.inf
    assert subject.book_sound
    assert 0 < subject.qty <= subject.qty_max * (1 + 1e-9) < math.inf
    assert subject.open_orders <= 20
    assert subject.open_orders_pair <= 5
    assert abs(subject.unexecuted) <= (0.10 + 1e-9) * subject.equity * (1 + 1e-12)
    assert subject.duplicates == subject.unresolved == subject.crossing == 0
    assert 0 <= subject.skew_ms <= 500 + 1e-9
    assert subject.clock_steady
    assert subject.rejects < 3
    assert limits.executions_max is None or subject.executions < limits.executions_max
    assert 0 < subject.leverage <= 3 + 1e-9
    assert subject.margin_as_configured
    assert subject.liquidation_multiple >= 2 - 1e-9
    if limits.fleet_grant:
        assert subject.exposure_after <= subject.grant_max * (1 + 1e-9) < math.inf
        assert abs(subject.grant_age_s) <= 60 + 1e-9


@given(st.one_of(subjects, nearly_fine()), any_risk)
def test_an_exit_is_never_harder_than_an_opening(subject: Subject, risk: RiskSettings) -> None:
    opening = judge(msgspec.structs.replace(subject, reducing=False), LIMITS, risk)
    exiting = judge(msgspec.structs.replace(subject, reducing=True), LIMITS, risk)
    wider = 1 << BITS["E1"] | 1 << BITS["E2"]
    assert not (exiting.failed | exiting.exempt) & ~opening.failed
    assert not opening.failed & ~(exiting.failed | exiting.exempt | wider)


def _tightened(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw limits, and limits of which some are tighter."""
    loose: dict[str, Any] = {}
    tight: dict[str, Any] = {}
    lower = {
        "order_value_max_quote": 500.0,
        "order_value_max_share": 0.02,
        "daily_loss_max": 0.05,
        "drawdown_max": 0.10,
        "concentration_max": 0.25,
        "collar_max": 0.03,
        "collar_exit_max": 0.08,
        "book_walk_max": 0.01,
        "data_age_exit_max_s": 300.0,
        "unexecuted_max": 0.10,
        "clock_skew_max_ms": 500.0,
        "leverage_max": 3.0,
        "grant_valid_s": 60.0,
    }
    for name, most in lower.items():
        loose[name] = draw(st.just(most) | st.floats(most / 2, most))
        tight[name] = loose[name] * draw(st.sampled_from([1.0, 0.999, 0.9, 0.5]))
    for name, most in {"trades_max": 20, "open_orders_max": 30, "open_orders_pair_max": 30, "rejects_max": 20}.items():
        loose[name] = draw(st.integers(1, most))
        tight[name] = draw(st.integers(1, loose[name]))
    for name in ("cooldown_s", "liquidation_multiple_min"):
        loose[name] = draw(st.floats(0.0, 100.0))
        tight[name] = loose[name] + draw(st.sampled_from([0.0, 1e-6, 1.0, 50.0]))
    loose["executions_max"] = draw(st.none() | st.integers(0, 20))
    most_executions = 20 if loose["executions_max"] is None else loose["executions_max"]
    tight["executions_max"] = draw(st.just(loose["executions_max"]) | st.integers(0, most_executions))
    for name in ("strict_exits", "fleet_grant"):
        loose[name] = draw(st.booleans())
        tight[name] = loose[name] or draw(st.booleans())
    loose["protect_when_halted"] = draw(st.booleans())
    tight["protect_when_halted"] = loose["protect_when_halted"] and draw(st.booleans())
    return loose, tight


@given(st.one_of(subjects, nearly_fine()), st.data())
def test_tightening_a_limit_never_turns_a_refusal_into_a_pass(subject: Subject, data: st.DataObject) -> None:
    """I12, the part that one verdict can show: of two settings the tighter refuses whatever the looser does."""
    loose, tight = data.draw(st.composite(_tightened)())
    loose_risk = data.draw(any_risk)
    tight_risk = RiskSettings(
        drawdown_max=min(loose_risk.drawdown_max or 0.5, data.draw(st.floats(0.01, 0.5))),
        position_max=min(loose_risk.position_max or 0.5, data.draw(st.floats(0.01, 0.5))),
    )
    before = judge(subject, GuardrailSettings(**loose), loose_risk)
    after = judge(subject, GuardrailSettings(**tight), tight_risk)
    assert not before.failed & ~after.failed
