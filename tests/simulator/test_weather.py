"""What becomes of single requests, messages and books under plans written by hand."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Quote
from quarterdeck.simulator import CALM, Call, Draw, Fate, Fault, FaultKind, FaultPlan, Weather, draw_plan
from quarterdeck.simulator.books import Books

QUOTE = Quote("alfa", "BTC-USD", 1, 100.0, ((99.0, 2.0),), ((101.0, 4.0),))


def weather(*faults: Fault, noted: list[FaultKind] | None = None) -> Weather:
    heard: list[FaultKind] = [] if noted is None else noted
    return Weather(FaultPlan(faults, latency_s=0.0), Random(1), heard.append)


def fate(*faults: Fault, call: Call = Call.SUBMIT, at_s: float = 5.0) -> Fate:
    return weather(*faults).fate(call, at_s)


def test_when_nothing_is_wrong_a_request_arrives_once_and_is_answered_once() -> None:
    assert Weather(CALM, Random(1), lambda _kind: None).fate(Call.QUERY, 0.0).trouble is None
    assert fate() == Fate(0.0, (0.0,), (0.0,))


def test_a_lost_request_never_arrives_and_a_lost_reply_is_never_heard() -> None:
    assert fate(Fault(FaultKind.LOSE_REQUEST)) == Fate(0.0, (), ())
    assert fate(Fault(FaultKind.OUTAGE)) == Fate(0.0, (), ())
    assert fate(Fault(FaultKind.LOSE_REPLY)) == Fate(0.0, (0.0,), ())


def test_a_fault_strikes_only_the_calls_and_the_time_that_it_names() -> None:
    fault = Fault(FaultKind.LOSE_REQUEST, 2.0, 8.0, calls=(Call.SUBMIT,))
    assert fate(fault, call=Call.CANCEL).arrives_s
    assert fate(fault, at_s=1.9).arrives_s
    assert fate(fault, at_s=8.0).arrives_s
    assert not fate(fault, at_s=2.0).arrives_s


@pytest.mark.parametrize(
    ("kind", "size", "status", "acts", "is_definite"),
    [
        (FaultKind.ERROR_BEFORE, 0.0, 502, False, False),
        (FaultKind.ERROR_AFTER, 0.0, 504, True, False),
        (FaultKind.TOO_MANY, 3.0, 429, False, True),
        (FaultKind.BAN, 30.0, 418, False, True),
        (FaultKind.ERROR_BODY, 0.0, 200, False, True),
        (FaultKind.GARBLE, 0.0, 200, True, False),
        (FaultKind.MAINTENANCE, 0.0, 503, False, True),
    ],
)
def test_each_spoilt_answer_says_what_it_is_and_whether_the_venue_acted(
    kind: FaultKind, size: float, status: int, acts: bool, is_definite: bool
) -> None:
    found = fate(Fault(kind, size=size))
    assert found.trouble is not None
    assert (found.trouble.status, bool(found.arrives_s), found.trouble.is_definite) == (status, acts, is_definite)
    assert found.trouble.retry_after_s == size
    assert found.answers_s


def test_a_ban_refuses_everything_until_it_is_over_and_a_new_plan_lifts_it() -> None:
    found = weather(Fault(FaultKind.BAN, 0.0, 1.0, size=30.0))
    assert found.fate(Call.QUERY, 0.5).trouble is not None
    again = found.fate(Call.CANCEL, 20.5)
    assert again.trouble is not None
    assert again.trouble.retry_after_s == 10.0
    assert found.fate(Call.CANCEL, 30.5).trouble is None
    found.fate(Call.QUERY, 0.5)
    found.change(CALM)
    assert found.fate(Call.CANCEL, 1.0).trouble is None


def test_repeated_requests_arrive_twice_and_repeated_replies_are_heard_twice() -> None:
    assert len(fate(Fault(FaultKind.REPEAT_REQUEST)).arrives_s) == 2
    assert len(fate(Fault(FaultKind.REPEAT_REPLY, size=1.0)).answers_s) == 2


def test_the_stream_can_be_silent_held_back_delayed_or_repeated() -> None:
    assert weather(Fault(FaultKind.MUTE_NEWS)).hearings(1.0) == []
    assert weather(Fault(FaultKind.DROP_NEWS)).hearings(1.0) == []
    assert weather(Fault(FaultKind.STALL_NEWS, 0.0, 9.0)).hearings(2.0) == [7.0]
    assert len(weather(Fault(FaultKind.REPEAT_NEWS, size=3.0)).hearings(1.0)) == 2
    assert 0.0 < weather(Fault(FaultKind.DELAY_NEWS, size=3.0)).hearings(1.0)[0] < 3.0
    assert weather().hearings(1.0) == [0.0]


def test_each_fault_that_strikes_is_noted() -> None:
    noted: list[FaultKind] = []
    found = weather(Fault(FaultKind.LOSE_REPLY, 3.0), noted=noted)
    found.fate(Call.SUBMIT, 1.0)
    assert noted == []
    found.fate(Call.SUBMIT, 3.0)
    assert noted == [FaultKind.LOSE_REPLY]


@given(st.integers(0, 5_000), st.floats(0.0, 600.0))
def test_no_fate_of_any_plan_lies_in_the_past_and_only_what_arrived_is_answered(seed: int, at_s: float) -> None:
    rng = Random(seed)
    found = Weather(draw_plan(rng, Draw(seconds=600.0, instruments=("BTC-USD",))), rng, lambda _kind: None)
    for call in Call:
        drawn = found.fate(call, at_s)
        assert min((drawn.leaves_s, *drawn.arrives_s, *drawn.answers_s)) >= 0.0
        assert drawn.arrives_s or drawn.trouble is not None or not drawn.answers_s
    assert all(delay_s >= 0.0 for delay_s in found.hearings(at_s))


def bent(kind: FaultKind, size: float = 0.0) -> Books:
    return Books(weather(Fault(kind, 5.0, 9.0, size=size, what="BTC-USD")))


def test_a_crossed_a_zero_and_a_stale_book_are_shown_and_never_traded() -> None:
    assert bent(FaultKind.CROSSED_BOOK).shown(QUOTE, 6.0).bids == QUOTE.asks
    assert bent(FaultKind.ZERO_PRICE).shown(QUOTE, 6.0).last == 0.0
    stale, later = bent(FaultKind.STALE_BOOK), Quote("alfa", "BTC-USD", 2, 120.0, ((119.0, 1.0),), ((121.0, 1.0),))
    assert stale.shown(QUOTE, 4.0) == QUOTE
    assert stale.shown(later, 6.0) == QUOTE
    assert stale.shown(later, 9.0) == later
    for kind in (FaultKind.CROSSED_BOOK, FaultKind.ZERO_PRICE, FaultKind.STALE_BOOK):
        assert bent(kind).traded(QUOTE, 6.0) == (QUOTE, True)
        assert bent(kind).lies("BTC-USD", 6.0)
        assert not bent(kind).lies("ETH-USD", 6.0)


def test_an_empty_a_one_sided_and_a_thin_book_are_traded_as_they_are() -> None:
    assert bent(FaultKind.EMPTY_BOOK).traded(QUOTE, 6.0)[0].bids == ()
    one_sided = bent(FaultKind.ONE_SIDED).traded(QUOTE, 6.0)[0]
    assert (one_sided.bids, one_sided.asks) == (QUOTE.bids, ())
    thin = Books(weather(Fault(FaultKind.THIN_BOOK, size=0.5))).traded(QUOTE, 6.0)[0]
    assert (thin.bids, thin.asks) == (((99.0, 1.0),), ((101.0, 2.0),))


def test_a_wick_moves_the_whole_book_and_a_closed_one_trades_nothing() -> None:
    assert bent(FaultKind.WICK, -0.5).traded(QUOTE, 6.0)[0].asks == ((50.5, 4.0),)
    assert Books(weather(Fault(FaultKind.CLOSED_BOOK))).traded(QUOTE, 6.0) == (QUOTE, False)
