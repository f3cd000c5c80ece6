"""Fault plans: what may be written in one, and that text and plan are the same thing."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.simulator import (
    CALM,
    TRAITS,
    Call,
    Draw,
    Fault,
    FaultKind,
    FaultPlan,
    draw_plan,
    json_of,
    plan_from,
    yaml_of,
)

DRAW = Draw(1_800.0, ("BTC-USD", "ETH-USD:USD"), assets=("USD",), lag_s=3.0)
VENUE_INJECTORS = {f"F{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 18, 19, 20, 21, 22)}


def test_there_is_a_kind_for_every_injector_that_can_touch_a_venue() -> None:
    assert TRAITS.keys() == set(FaultKind)
    assert {trait.injector for trait in TRAITS.values()} == VENUE_INJECTORS


@given(st.integers(0, 10_000))
def test_a_plan_reads_back_as_it_was_written_as_json_and_as_yaml(seed: int) -> None:
    plan = draw_plan(Random(seed), DRAW)
    assert plan_from(json_of(plan)) == plan
    assert plan_from(yaml_of(plan)) == plan


@given(st.integers(0, 10_000))
def test_equal_seeds_draw_equal_plans_in_the_order_of_time(seed: int) -> None:
    plan = draw_plan(Random(seed), DRAW)
    assert plan == draw_plan(Random(seed), DRAW)
    begins = [fault.from_s for fault in plan.faults]
    assert begins == sorted(begins)
    assert all(0.0 <= begin <= DRAW.seconds for begin in begins)


def test_every_kind_is_drawn_by_some_seed_and_absent_from_some() -> None:
    plans = [draw_plan(Random(seed), DRAW) for seed in range(300)]
    kinds = [{fault.kind for fault in plan.faults} for plan in plans]
    assert set.union(*kinds) == set(FaultKind)
    assert set.intersection(*kinds) == set()


def test_creates_are_never_delivered_twice_to_a_venue_that_does_not_keep_ids() -> None:
    draw = Draw(seconds=60.0, instruments=("BTC-USD",), keeps_ids=False)
    plans = [draw_plan(Random(seed), draw) for seed in range(100)]
    repeats = [fault for plan in plans for fault in plan.faults if fault.kind is FaultKind.REPEAT_REQUEST]
    assert repeats
    assert all(fault.calls and Call.SUBMIT not in fault.calls for fault in repeats)


def test_kinds_that_are_left_out_are_not_drawn() -> None:
    without = frozenset({FaultKind.LOSE_REQUEST, FaultKind.OUTAGE})
    draw = Draw(seconds=60.0, instruments=("BTC-USD",), without=without)
    kinds = {fault.kind for seed in range(50) for fault in draw_plan(Random(seed), draw).faults}
    assert not kinds & without
    assert kinds


def test_an_empty_text_is_a_calm_plan() -> None:
    assert plan_from("") == FaultPlan() == CALM


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("faults: [{kind: lose_request, sahre: 0.5}]", "unknown field `sahre`"),
        ("faults: [{kind: lose_request, share: 1.5}]", "share 1.5 must lie in"),
        ("faults: [{kind: lose_request, share: .nan}]", "every number must be finite"),
        ("faults: [{kind: no_such_thing}]", "Invalid enum value 'no_such_thing'"),
        ("faults: [{kind: outage, share: 0.5}]", "strikes nothing by chance"),
        ("faults: [{kind: outage, calls: [submit]}]", "strikes no requests"),
        ("faults: [{kind: outage, from_s: 9, until_s: 3}]", "must rise from zero"),
        ("faults: [{kind: outage, size: 3}]", "has no size"),
        ("faults: [{kind: ban}]", "size is missing: seconds"),
        ("faults: [{kind: fees, size: -2, what: BTC-USD}]", "must be above zero"),
        ("faults: [{kind: wick, size: 0.5}]", "name its instrument"),
        ("faults: [{kind: outage, what: BTC-USD}]", "leave what out"),
        ("faults: {", "neither YAML nor JSON"),
        ("latency_s: -1", "latency_s -1.0 must be zero or more"),
        ("latency: 1", "unknown field `latency`"),
    ],
)
def test_what_is_no_plan_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_from(text)


def test_a_fault_is_on_from_its_beginning_to_just_before_its_end() -> None:
    fault = Fault(FaultKind.OUTAGE, 10.0, 20.0)
    assert [fault.is_on(at_s) for at_s in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert Fault(FaultKind.OUTAGE, 10.0).is_on(1e9)


def test_what_a_fault_is_about_is_something_that_the_venue_has() -> None:
    for seed in range(100):
        for fault in draw_plan(Random(seed), Draw(60.0, ("BTC-USD",))).faults:
            wanted = TRAITS[fault.kind].what
            assert wanted != "asset"
            assert fault.what == ("BTC-USD" if wanted else "")
            assert fault.kind not in (FaultKind.LIQUIDATE, FaultKind.FUNDING_SPIKE)
