from quarterdeck.system import TapeClock, WallClock

SECOND = 1_000_000_000


class Steady:
    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def test_a_standing_clock_moves_only_when_it_is_set_and_never_back() -> None:
    steady = Steady()
    clock = TapeClock(100, None, steady)
    steady.now += SECOND
    assert clock.now_ns() == 100
    clock.set(150)
    clock.set(120)
    assert clock.now_ns() == 150
    assert clock.wait_s(10**18) == 0.0


def test_a_paced_clock_runs_by_itself_and_is_not_set() -> None:
    steady = Steady()
    clock = TapeClock(100 * SECOND, 60.0, steady)
    clock.set(10**18)
    assert clock.now_ns() == 100 * SECOND
    steady.now += SECOND // 2
    assert clock.now_ns() == 130 * SECOND
    assert clock.wait_s(160 * SECOND) == 0.5
    assert clock.wait_s(130 * SECOND) == 0.0
    assert clock.wait_s(0) == 0.0


def test_leases_count_on_the_steady_clock_of_the_machine() -> None:
    steady = Steady()
    assert TapeClock(0, 60.0, steady).steady_ns() == steady.now
    clock = WallClock()
    assert 0 < clock.steady_ns() <= clock.steady_ns()
    assert clock.now_ns() > 1_600_000_000 * SECOND
