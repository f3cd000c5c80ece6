"""The judge: every rule is evaluated, packed, and unpacked as it was."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Control, GuardrailSettings, Verdicts
from quarterdeck.guardrails import RULES, Subject, judge, passed, refusing, unpack

LIMITS = GuardrailSettings()
FINE = Subject(
    kill_raised=False,
    control=Control.RUNNING,
    notional=50.0,
    equity=10_000.0,
    since_last_trade_s=math.inf,
    need=51.0,
    free=1_000.0,
    lots=10,
    lots_min=1,
    lots_max=100,
    notional_min=1.0,
    reducing=False,
)
numbers = st.one_of(st.floats(), st.sampled_from([0.0, -1.0, 60.0, 500.0, math.nan, math.inf, -math.inf]))
subjects = st.builds(
    Subject,
    kill_raised=st.booleans(),
    control=st.sampled_from(Control),
    notional=numbers,
    equity=numbers,
    since_last_trade_s=numbers,
    need=numbers,
    free=numbers,
    lots=st.integers(-1, 200),
    lots_min=st.just(1),
    lots_max=st.just(100),
    notional_min=numbers,
    reducing=st.booleans(),
    protective=st.booleans(),
)
rule_settings = st.builds(GuardrailSettings, strict_exits=st.booleans(), protect_when_halted=st.booleans())


def but(**changes: object) -> Subject:
    return msgspec.structs.replace(FINE, **changes)


def refused_by(subject: Subject, settings: GuardrailSettings = LIMITS) -> list[str]:
    return [rule.id for rule in refusing(judge(subject, settings))]


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        (FINE, []),
        (but(kill_raised=True), ["G1"]),
        (but(control=Control.PAUSED), ["G2"]),
        (but(control=Control.REDUCING), ["G2"]),
        (but(control=Control.HALTED), ["G2"]),
        (but(notional=201.0), ["G4"]),
        (but(equity=math.nan), ["G4"]),
        (but(since_last_trade_s=59.9), ["G8"]),
        (but(need=1_001.0), ["G10"]),
        (but(lots=0), ["G10"]),
        (but(notional=0.5), ["G10"]),
        (but(kill_raised=True, control=Control.HALTED, notional=math.nan, free=0.0), ["G1", "G2", "G4", "G10"]),
    ],
)
def test_opening_is_refused_by_each_rule_that_it_breaks(subject: Subject, rules: list[str]) -> None:
    assert refused_by(subject) == rules


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"control": Control.PAUSED}, []),
        ({"control": Control.REDUCING}, []),
        ({"control": Control.HALTED}, ["G2"]),
        ({"kill_raised": True}, ["G1"]),
        ({"notional": 5_000.0, "equity": math.nan, "since_last_trade_s": 0.0}, []),
        ({"need": 1_001.0}, ["G10"]),
        ({"notional": 0.5}, ["G10"]),
        ({"notional": 0.0, "notional_min": 0.0}, ["G10"]),
    ],
)
def test_an_exit_passes_what_the_design_lets_it_pass(changes: dict[str, Any], rules: list[str]) -> None:
    assert refused_by(but(reducing=True, **changes)) == rules


def test_strict_exits_know_no_exemption() -> None:
    strict = GuardrailSettings(strict_exits=True)
    subject = but(reducing=True, control=Control.PAUSED, notional=5_000.0, since_last_trade_s=0.0)
    assert refused_by(subject, strict) == ["G2", "G4", "G8"]


@pytest.mark.parametrize("protective", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
def test_only_protection_passes_a_halt_and_only_where_it_was_allowed(protective: bool, allowed: bool) -> None:
    settings = GuardrailSettings(protect_when_halted=allowed)
    subject = but(reducing=True, protective=protective, control=Control.HALTED, kill_raised=True)
    assert passed(judge(subject, settings)) == (protective and allowed)
    opening = but(protective=protective, control=Control.HALTED, kill_raised=True)
    assert refused_by(opening, settings) == ["G1", "G2"]


@given(subjects, rule_settings)
def test_what_was_packed_is_what_is_unpacked(subject: Subject, settings: GuardrailSettings) -> None:
    verdicts = judge(subject, settings)
    spread = unpack(verdicts)
    assert [verdict.id for verdict in spread] == [rule.id for rule in RULES]
    assert passed(verdicts) == all(verdict.passed for verdict in spread)
    assert [verdict.id for verdict in spread if not verdict.passed] == [rule.id for rule in refusing(verdicts)]
    assert not verdicts.failed & verdicts.exempt
    for verdict in spread:
        assert (verdict.value is None) == (verdict.limit is None) == (not verdict.evaluated)
        assert verdict.evaluated or not verdict.passed or verdict.exempt
        assert verdict.value is None or not math.isnan(verdict.value)
        assert bool(verdict.reason) == (not verdict.passed or verdict.exempt)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdicts), type=Verdicts) == verdicts


@given(subjects, rule_settings)
def test_nothing_opens_on_a_number_that_is_not_one(subject: Subject, settings: GuardrailSettings) -> None:
    if not passed(judge(subject, settings)) or (subject.reducing and not settings.strict_exits):
        return
    assert subject.control is Control.RUNNING
    assert not subject.kill_raised
    assert 0.0 < subject.notional <= min(500.0, 0.02 * subject.equity) * (1 + 1e-9)
    assert subject.since_last_trade_s >= 60.0 - 1e-9
    assert 0.0 < subject.need <= subject.free * (1 + 1e-9)
    assert math.isfinite(subject.need + subject.free + subject.equity + subject.notional_min)


@given(subjects)
def test_an_exit_is_never_harder_than_an_opening(subject: Subject) -> None:
    opening = judge(msgspec.structs.replace(subject, reducing=False), LIMITS)
    exiting = judge(msgspec.structs.replace(subject, reducing=True), LIMITS)
    assert not exiting.failed & ~opening.failed
    assert exiting.failed | exiting.exempt == opening.failed
