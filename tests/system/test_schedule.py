import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import DAY_NS, MINUTE_NS, Bug
from quarterdeck.system.schedule import NEVER_NS, Job, Schedule

HOUR_NS = 60 * MINUTE_NS
MIDNIGHT_NS = 20_000 * DAY_NS


def run(schedule: Schedule, at_ns: int) -> list[str]:
    """Begin and end all that is due."""
    names = schedule.due(at_ns)
    for name in names:
        schedule.begin(name, at_ns)
        schedule.end(name)
    return names


def test_a_job_is_due_at_once_and_then_when_its_next_span_begins() -> None:
    schedule = Schedule([Job("listings", HOUR_NS), Job("archive", DAY_NS)])
    begin_ns = MIDNIGHT_NS + 5 * HOUR_NS + 7 * MINUTE_NS
    assert run(schedule, begin_ns) == ["listings", "archive"]
    assert run(schedule, begin_ns) == []
    assert schedule.next_ns == MIDNIGHT_NS + 6 * HOUR_NS
    assert run(schedule, schedule.next_ns - 1) == []
    assert run(schedule, schedule.next_ns) == ["listings"]
    assert run(schedule, MIDNIGHT_NS + DAY_NS) == ["listings", "archive"]


def test_a_missed_run_is_made_up_for_once() -> None:
    schedule = Schedule([Job("listings", HOUR_NS)])
    run(schedule, MIDNIGHT_NS)
    assert run(schedule, MIDNIGHT_NS + 9 * HOUR_NS + 1) == ["listings"]
    assert run(schedule, MIDNIGHT_NS + 9 * HOUR_NS + 2) == []


def test_a_job_that_runs_never_overlaps_itself_and_is_due_once_it_ended() -> None:
    schedule = Schedule([Job("listings", HOUR_NS), Job("disk", MINUTE_NS)])
    schedule.begin("listings", MIDNIGHT_NS)
    assert run(schedule, MIDNIGHT_NS + 3 * HOUR_NS) == ["disk"]
    with pytest.raises(Bug, match="overlaps"):
        schedule.begin("listings", MIDNIGHT_NS + 3 * HOUR_NS)
    schedule.end("listings")
    assert run(schedule, MIDNIGHT_NS + 3 * HOUR_NS) == ["listings"]


def test_while_everything_runs_nothing_falls_due() -> None:
    schedule = Schedule([Job("disk", MINUTE_NS)])
    schedule.begin("disk", MIDNIGHT_NS)
    assert (schedule.next_ns, schedule.due(MIDNIGHT_NS + DAY_NS)) == (NEVER_NS, [])


@given(st.lists(st.integers(0, 3 * HOUR_NS), min_size=1, max_size=40), st.integers(1, 90))
def test_a_job_begins_once_in_every_span_that_is_looked_at(steps_ns: list[int], minutes: int) -> None:
    """And between two looks only where `next_ns` says so."""
    schedule, every_ns, at_ns = Schedule([Job("one", minutes * MINUTE_NS)]), minutes * MINUTE_NS, MIDNIGHT_NS
    begun = []
    for step_ns in steps_ns:
        at_ns += step_ns
        is_due = at_ns >= schedule.next_ns
        assert bool(run(schedule, at_ns)) is is_due
        begun += [at_ns // every_ns] if is_due else []
    assert begun == sorted(set(begun))
    assert begun[-1] == at_ns // every_ns


def test_a_job_without_a_span_is_a_mistake() -> None:
    with pytest.raises(Bug, match="above zero"):
        Schedule([Job("never", 0)])
