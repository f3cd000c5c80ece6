from collections.abc import Callable

import pytest

from quarterdeck.system.lag import BEAT_S, LagWatch


class HandLoop:
    """A loop whose clock and turns a test holds in its hands."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, callback: Callable[[], None], /) -> "HandTimer":
        self.waiting.append((when, callback))
        return HandTimer(self)

    def pass_s(self, seconds: float) -> None:
        """Let time pass, and everything that is due by then have its turn at the end of it."""
        self.now_s += seconds
        due, self.waiting = [one for one in self.waiting if one[0] <= self.now_s], []
        for _, callback in due:
            callback()


class HandTimer:
    def __init__(self, loop: HandLoop) -> None:
        self._loop = loop

    def cancel(self) -> None:
        self._loop.waiting.clear()


def test_a_loop_that_keeps_up_is_not_late() -> None:
    loop = HandLoop()
    watch = LagWatch(loop)
    for _ in range(40):
        loop.pass_s(BEAT_S)
    assert watch.worst_s() == pytest.approx(0.0)


def test_the_worst_of_a_span_is_told_once() -> None:
    loop = HandLoop()
    watch = LagWatch(loop)
    for seconds in (BEAT_S, BEAT_S + 3.0, BEAT_S + 1.0, BEAT_S):
        loop.pass_s(seconds)
    assert watch.worst_s() == pytest.approx(3.0)
    loop.pass_s(BEAT_S)
    assert watch.worst_s() == pytest.approx(0.0)


def test_a_hold_up_counts_before_the_beat_had_its_turn() -> None:
    loop = HandLoop()
    watch = LagWatch(loop)
    loop.now_s += BEAT_S + 5.0
    assert watch.worst_s() == pytest.approx(5.0)


def test_a_watch_that_is_closed_beats_no_more() -> None:
    loop = HandLoop()
    LagWatch(loop).close()
    assert loop.waiting == []
