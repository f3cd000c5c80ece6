"""Packed verdicts say what they said, whoever packed them; and what they say tells a trader why, and what to do."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import GuardrailSettings, RiskSettings, Verdicts
from quarterdeck.guardrails import RULES, Subject, judge, passed, refusing, unpack
from tests.guardrails.subjects import (
    ALL_RULES,
    FINE,
    LIMITS,
    RISK,
    SPOILT,
    any_limits,
    any_risk,
    but,
    nearly_fine,
    subjects,
)

BY_ID = {rule.id: rule for rule in RULES}


@given(st.one_of(subjects, nearly_fine()), any_limits, any_risk)
def test_what_was_packed_is_what_is_unpacked(subject: Subject, limits: GuardrailSettings, risk: RiskSettings) -> None:
    verdicts = judge(subject, limits, risk)
    spread = unpack(verdicts)
    assert [verdict.id for verdict in spread] == (ALL_RULES if limits.fleet_grant else ALL_RULES[:-1])
    assert passed(verdicts) == all(verdict.passed for verdict in spread)
    assert tuple(verdict for verdict in spread if not verdict.passed) == refusing(verdicts)
    assert [verdict.value for verdict in spread if verdict.evaluated] == list(verdicts.values)
    assert [verdict.limit for verdict in spread if verdict.evaluated] == list(verdicts.limits)
    assert not verdicts.failed & verdicts.exempt
    for verdict in spread:
        assert (verdict.value is None) == (verdict.limit is None) == (not verdict.evaluated)
        assert verdict.evaluated or not verdict.passed or verdict.exempt
        assert verdict.value is None or not math.isnan(verdict.value)
        assert bool(verdict.reason) == (not verdict.passed or verdict.exempt)
        assert (verdict.name, verdict.unit) == (BY_ID[verdict.id].name, BY_ID[verdict.id].unit)


@given(st.one_of(subjects, nearly_fine()), any_limits, any_risk)
def test_verdicts_survive_the_journal_to_the_byte(
    subject: Subject, limits: GuardrailSettings, risk: RiskSettings
) -> None:
    packed = msgspec.msgpack.encode(judge(subject, limits, risk))
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(packed, type=Verdicts)) == packed


def test_verdicts_of_the_five_first_rules_are_still_read() -> None:
    """As the keel packed them: G1, G2, G4, G8 and G10; here G4 refuses and G8 was not evaluated."""
    old = Verdicts(0b10_0000_1011, 0b1000_1000, 0, (0.0, 0.0, 300.0, 51.0), (0.0, 0.0, 200.0, 1_000.0))
    spread = unpack(old)
    assert [(one.id, one.passed, one.value, one.limit) for one in spread] == [
        ("G1", True, 0.0, 0.0),
        ("G2", True, 0.0, 0.0),
        ("G4", False, 300.0, 200.0),
        ("G8", False, None, None),
        ("G10", True, 51.0, 1_000.0),
    ]
    assert [one.id for one in refusing(old)] == ["G4", "G8"]


def test_bits_of_a_later_version_are_passed_over() -> None:
    later = Verdicts(1 << 30 | 1, 1 << 30, 0, (0.0, 7.0), (0.0, 5.0))
    assert [one.id for one in unpack(later)] == ["G1"]
    assert refusing(later) == ()
    assert not passed(later)


@pytest.mark.parametrize(
    ("changes", "rule", "value", "limit"),
    [
        ({"notional": 300.0}, "G4", 300.0, 200.0),
        ({"notional": 600.0, "equity": 1e6, "asset_after": 0.0}, "G4", 600.0, 500.0),
        ({"daily_loss": 0.06}, "G5", 0.06, 0.05),
        ({"drawdown": 0.12}, "G6", 0.12, 0.10),
        ({"drawdown_ever": 0.2}, "G6", 0.2, 0.15),
        ({"drawdown": 0.12, "drawdown_ever": 0.2}, "G6", 0.12, 0.10),
        ({"asset_after": 3_000.0}, "G7", 0.3, 0.2),
        ({"off_peg": True}, "G7", 0.05, 0.2),
        ({"since_last_trade_s": 12.5}, "G8", 12.5, 60.0),
        ({"trades": 6}, "G9", 6.0, 5.0),
        ({"need": 2_000.0}, "G10", 2_000.0, 1_000.0),
        ({"lots": 0}, "G10", 51.0, 1_000.0),
        ({"deviation": 0.05}, "E1", 0.05, 0.03),
        ({"book_walk": 0.02}, "E1", 0.02, 0.01),
        ({"data_age_s": 11.0}, "E2", 11.0, 10.0),
        ({"qty": 3.0}, "E3", 3.0, 2.0),
        ({"open_orders": 21, "open_orders_pair": 6}, "E4", 21.0, 20.0),
        ({"open_orders_pair": 6}, "E4", 6.0, 5.0),
        ({"open_orders": 20, "open_orders_pair": 6}, "E4", 6.0, 5.0),
        ({"rejects": 3, "executions": 21}, "E9", 3.0, 3.0),
        ({"unexecuted": 2_000.0}, "E5", 0.2, 0.1),
        ({"skew_ms": 600.0}, "E8", 600.0, 500.0),
        ({"rejects": 4}, "E9", 4.0, 3.0),
        ({"executions": 21}, "E9", 21.0, 20.0),
        ({"kill_raised": True}, "G1", 1.0, 0.0),
        ({"approved": False, "tradable": False}, "G3", 3.0, 0.0),
        ({"exposure_after": 3_000.0}, "E13", 3_000.0, 2_000.0),
    ],
)
def test_a_refusal_shows_the_numbers_that_refused(
    changes: dict[str, Any], rule: str, value: float, limit: float
) -> None:
    limits = GuardrailSettings(executions_max=20, fleet_grant=True)
    (verdict,) = refusing(judge(but(**changes), limits, RiskSettings(drawdown_max=0.15, position_max=0.2)))
    assert (verdict.id, verdict.value, verdict.limit) == (rule, value, limit)


def test_an_exit_shows_the_limits_of_exits() -> None:
    spread = {one.id: one for one in unpack(judge(but(reducing=True), LIMITS, RISK))}
    assert (spread["E1"].limit, spread["E2"].limit) == (0.08, 300.0)
    (walked,) = refusing(judge(but(reducing=True, book_walk=0.09), LIMITS, RISK))
    assert (walked.value, walked.limit) == (0.09, 0.08)


OTHER_GROUNDS: list[dict[str, Any]] = [
    {"off_peg": True},
    {"lots": 0},
    {"notional_quote": 0.5},
    {"book_sound": False},
    {"clock_steady": False},
    {"margin_as_configured": False},
    {"grant_age_s": 61.0},
]


@pytest.mark.parametrize("changes", OTHER_GROUNDS)
def test_a_rule_that_refuses_for_its_other_ground_says_so(changes: dict[str, Any]) -> None:
    (verdict,) = refusing(judge(but(**changes), GuardrailSettings(fleet_grant=True), RISK))
    assert verdict.reason == BY_ID[verdict.id].otherwise != ""


@pytest.mark.parametrize(("rule", "changes"), [case for case in SPOILT if case[1] not in OTHER_GROUNDS])
def test_a_rule_that_refuses_by_its_number_says_so(rule: str, changes: dict[str, Any]) -> None:
    if changes in ({"lots": 101}, {"notional_quote": 0.99}, {"notional_quote_max": 49.99}):
        rule_reason = BY_ID[rule].otherwise
    else:
        rule_reason = BY_ID[rule].reason
    (verdict,) = refusing(judge(but(**changes), LIMITS, RISK))
    assert verdict.reason == rule_reason


def test_a_limit_met_within_the_slack_is_not_the_reason() -> None:
    """Both numbers stand at their limits; only the other ground refuses."""
    for changes in ({"asset_after": 2_500.0, "off_peg": True}, {"need": 1_000.0 * (1 + 5e-10), "lots": 0}):
        (verdict,) = refusing(judge(but(**changes), LIMITS, RISK))
        assert verdict.reason == BY_ID[verdict.id].otherwise


def test_a_missing_number_is_named_as_the_reason() -> None:
    (verdict,) = refusing(judge(but(skew_ms=math.nan), LIMITS, RISK))
    assert not verdict.evaluated
    assert verdict.reason.startswith(BY_ID["E8"].reason)
    assert verdict.reason.endswith("(a number is missing, so the rule could not be evaluated)")


def test_what_passes_gives_no_reason() -> None:
    assert refusing(judge(FINE, LIMITS, RISK)) == ()
    assert {one.reason for one in unpack(judge(FINE, LIMITS, RISK))} == {""}
