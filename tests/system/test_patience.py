import pytest

from quarterdeck.domain import SECOND_NS, Bug
from quarterdeck.engine import PullFills, QueryOrder, SendOrder
from quarterdeck.system.budget import NEVER_NS
from quarterdeck.system.patience import AGAIN_NS, AGAIN_NS_MAX, Patience

ASK = QueryOrder("a")


def waits(patience: Patience, *, proves_from_ns: int = NEVER_NS, times: int) -> list[float]:
    now_ns, found = 0, []
    for _ in range(times):
        patience.put(ASK, now_ns, proves_from_ns)
        found.append((patience.next_ns() - now_ns) / SECOND_NS)
        now_ns = patience.next_ns()
        assert patience.due(now_ns - 1) == []
        assert patience.due(now_ns) == [ASK]
    return found


def test_an_act_is_tried_again_less_and_less_often() -> None:
    assert waits(Patience(), times=9) == [1.05, 1.05, 1.05, 1.05, 2.1, 4.2, 8.4, 10.0, 10.0]


def test_once_an_answer_proves_something_it_is_asked_for_every_second() -> None:
    """R56: a stop order that never arrived is proven absent soon enough to place another."""
    found = waits(Patience(), proves_from_ns=12 * SECOND_NS, times=12)
    assert found[:6] == [1.05, 1.05, 1.05, 1.05, 2.1, 4.2]
    assert found[7:] == [AGAIN_NS / SECOND_NS] * 5
    assert sum(found[:7]) <= 12 + 2 * AGAIN_NS / SECOND_NS


def test_what_was_answered_is_counted_anew() -> None:
    patience = Patience()
    waits(patience, times=9)
    assert patience.has_failed(ASK)
    patience.forget(ASK)
    assert not patience.has_failed(ASK)
    assert waits(patience, times=1) == [1.05]


def test_an_act_waits_once_however_often_it_is_put_off() -> None:
    patience = Patience()
    patience.put(ASK, 0)
    patience.put(ASK, 5 * SECOND_NS)
    patience.put(PullFills("v"), 0)
    assert patience.holds(ASK)
    assert patience.due(AGAIN_NS) == [ASK, PullFills("v")]
    assert patience.due(AGAIN_NS_MAX) == []
    assert not patience.holds(ASK)
    assert patience.next_ns() == NEVER_NS


def test_a_send_is_never_put_off() -> None:
    with pytest.raises(Bug, match="sent once"):
        Patience().put(SendOrder("a"), 0)
