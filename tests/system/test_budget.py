from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.domain import SECOND_NS, Bug
from quarterdeck.ports import RequestLimits
from quarterdeck.system.budget import NEVER_NS, Budget, Priority, Wish

TEN = RequestLimits(requests_max=16, orders_max=5, window_ns=10 * SECOND_NS)
CANCEL, QUERY, EXIT, POLL, OPEN = (Wish(priority, priority in (2, 4)) for priority in Priority)


def full(limits: RequestLimits = TEN) -> Budget[str]:
    """A budget of which every request was just used up by cancels."""
    budget = Budget[str](limits)
    for number in range(limits.requests_max):
        budget.put(f"used-{number}", CANCEL)
    assert len(budget.admit(0)) == limits.requests_max
    for _ in range(limits.requests_max):
        budget.answered(0)
    return budget


def test_the_most_urgent_goes_first_whatever_came_first() -> None:
    budget = full()
    wishes = {"open": OPEN, "poll": POLL, "exit": EXIT, "query": QUERY, "cancel": CANCEL}
    for act, wish in wishes.items():
        budget.put(act, wish)
    assert budget.admit(0) == []
    assert budget.next_ns(0) == TEN.window_ns
    assert budget.admit(TEN.window_ns) == ["cancel", "query", "exit", "poll", "open"]


def test_what_is_less_urgent_leaves_room_for_what_is_more_so() -> None:
    budget = Budget[str](RequestLimits(requests_max=16, orders_max=100, window_ns=SECOND_NS))
    left = []
    for wish in (OPEN, POLL, EXIT, QUERY, CANCEL):
        for number in range(20):
            budget.put(f"{wish.priority}-{number}", wish)
        admitted = budget.admit(0)
        left.append(len(admitted))
        for act in [f"{wish.priority}-{number}" for number in range(20)]:
            budget.drop(act)
    assert left == [8, 2, 2, 2, 2]


def test_orders_beyond_their_own_limit_wait_and_hold_up_no_other_request() -> None:
    budget = Budget[str](TEN)
    for number in range(7):
        budget.put(f"exit-{number}", EXIT)
    budget.put("poll", POLL)
    assert budget.admit(0) == ["exit-0", "exit-1", "exit-2", "exit-3", "exit-4", "poll"]
    for _ in range(5):
        budget.answered(SECOND_NS, places_order=True)
    assert budget.admit(TEN.window_ns) == []
    assert budget.admit(TEN.window_ns + SECOND_NS) == ["exit-5", "exit-6"]


def test_a_request_under_way_keeps_its_place_until_a_window_after_its_answer() -> None:
    budget = Budget[str](RequestLimits(1, 1, 10 * SECOND_NS))
    budget.put("a", CANCEL)
    budget.put("b", CANCEL)
    assert budget.admit(0) == ["a"]
    assert budget.admit(1_000 * SECOND_NS) == []
    assert budget.next_ns(1_000 * SECOND_NS) == NEVER_NS
    budget.answered(1_000 * SECOND_NS)
    assert budget.next_ns(1_000 * SECOND_NS) == 1_010 * SECOND_NS
    assert budget.admit(1_010 * SECOND_NS) == ["b"]


def test_an_order_that_waited_too_long_is_taken_out_and_never_admitted() -> None:
    budget = full()
    budget.put("stale", Wish(Priority.OPEN, places_order=True, by_ns=3 * SECOND_NS))
    assert budget.next_ns(0) == 3 * SECOND_NS + 1
    assert budget.expired(3 * SECOND_NS) == []
    assert budget.expired(3 * SECOND_NS + 1) == ["stale"]
    assert budget.admit(TEN.window_ns) == []


def test_an_order_that_is_dropped_from_the_queue_is_never_admitted() -> None:
    budget = full()
    budget.put("unwanted", OPEN)
    assert budget.waits("unwanted")
    assert budget.drop("unwanted")
    assert not budget.drop("unwanted")
    assert budget.admit(TEN.window_ns) == []


def test_a_venue_that_asks_for_silence_gets_it_and_hears_cancels_first() -> None:
    for limits in (TEN, None):
        budget = Budget[str](limits)
        budget.refused(0, 30 * SECOND_NS)
        budget.put("open", OPEN)
        budget.put("cancel", CANCEL)
        assert budget.admit(30 * SECOND_NS - 1) == []
        assert not budget.take(Priority.POLL, 0)
        assert budget.next_ns(0) == 30 * SECOND_NS
        assert budget.admit(30 * SECOND_NS) == ["cancel", "open"]


def test_after_a_complaint_half_of_the_budget_is_left_to_others_and_taken_back_step_by_step() -> None:
    budget = Budget[str](TEN)
    budget.refused(0, SECOND_NS)
    for number in range(100):
        budget.put(f"cancel-{number}", CANCEL)
    rounds, at_ns = [], SECOND_NS
    for _ in range(7):
        admitted = budget.admit(at_ns)
        rounds.append(len(admitted))
        for _ in admitted:
            budget.answered(at_ns)
        at_ns += TEN.window_ns
    assert rounds == [8, 10, 12, 14, 16, 16, 16]


def test_a_poll_takes_its_turn_at_once_or_not_at_all() -> None:
    budget = Budget[str](TEN)
    assert budget.take(Priority.POLL, 0)
    budget.answered(0)
    budget.refused(0, 0)
    budget.put("cancel", CANCEL)
    assert not budget.take(Priority.POLL, 0)
    assert not full().take(Priority.POLL, 0)


def test_an_answer_to_nothing_is_a_bug() -> None:
    with pytest.raises(Bug, match="nobody made"):
        Budget[str](TEN).answered(0)


class TrueLimiter:
    """The venue's own count: arrivals in any span of a window."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[int, bool]] = []

    def worst(self, window_ns: int, *, orders: bool) -> int:
        found = sorted(at_ns for at_ns, is_order in self.arrivals if is_order or not orders)
        most = 0
        for first, at_ns in enumerate(found):
            most = max(most, sum(at_ns <= other < at_ns + window_ns for other in found[first:]))
        return most


Asked = tuple[int, int, int, int]
ASKED = st.tuples(st.integers(0, 3_000), st.sampled_from(list(Priority)), st.integers(0, 4_000), st.integers(0, 4_000))


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(ASKED, max_size=60), requests_max=st.integers(1, 12), orders_max=st.integers(1, 6))
def test_the_venues_own_limiter_never_counts_more_than_it_allows_however_late_requests_arrive(
    asked: list[Asked], requests_max: int, orders_max: int
) -> None:
    """I15: with any delay on the way there and back, in every window."""
    limits = RequestLimits(requests_max, orders_max, window_ns=5_000)
    budget, venue, numbers, now = Budget[int](limits), TrueLimiter(), count(), 0
    delays: dict[int, tuple[bool, int, int]] = {}
    answers: list[tuple[int, int]] = []
    for wait, priority, there, back in asked:
        now = _play(budget, venue, delays, answers, now, now + wait)
        number = next(numbers)
        is_order = priority in (Priority.EXIT, Priority.OPEN)
        delays[number] = (is_order, there, back)
        budget.put(number, Wish(Priority(priority), places_order=is_order))
    _play(budget, venue, delays, answers, now, now + 10_000_000)
    assert len(venue.arrivals) == len(asked)  # in the end everybody had a turn
    assert venue.worst(limits.window_ns, orders=False) <= requests_max
    assert venue.worst(limits.window_ns, orders=True) <= orders_max


def _play(
    budget: Budget[int],
    venue: TrueLimiter,
    delays: dict[int, tuple[bool, int, int]],
    answers: list[tuple[int, int]],
    now: int,
    until: int,
) -> int:
    while True:
        for number in budget.admit(now):
            is_order, there, back = delays[number]
            venue.arrivals.append((now + there, is_order))
            answers.append((now + there + back, number))
        answers.sort(reverse=True)
        step = min(budget.next_ns(now), answers[-1][0] if answers else NEVER_NS)
        if step > until:
            return until
        assert step >= now
        now = step
        while answers and answers[-1][0] <= now:
            _, number = answers.pop()
            budget.answered(now, places_order=delays[number][0])
