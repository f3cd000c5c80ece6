import pytest

from quarterdeck.venues import SigningGate
from tests.exchange.trading_floor import SECOND
from tests.venues.bench_side import START, HandClock, request

VALIDITY = 5 * SECOND


def gate(clock: HandClock, *, epoch: int = 0, lease_end: int | None = 10 * SECOND) -> SigningGate:
    return SigningGate(clock, kill_epoch=lambda: epoch, lease_end_steady_ns=lambda: lease_end)


def test_a_request_within_every_bound_is_signed_with_the_wall_clock() -> None:
    assert gate(HandClock()).sign_at_ns(request("a", send_by_ns=START), VALIDITY) == START


def test_nothing_is_signed_after_its_deadline() -> None:
    answer = gate(HandClock()).sign_at_ns(request("a", send_by_ns=START - 1), VALIDITY)
    assert isinstance(answer, str)
    assert "too late" in answer


def test_nothing_is_signed_once_the_kill_epoch_rose() -> None:
    answer = gate(HandClock(), epoch=1).sign_at_ns(request("a"), VALIDITY)
    assert isinstance(answer, str)
    assert "killed" in answer


@pytest.mark.parametrize(("steady", "allowed"), [(5 * SECOND, True), (5 * SECOND + 1, False)])
def test_a_signature_never_outlives_the_lease(steady: int, allowed: bool) -> None:
    clock = HandClock()
    clock.steady = steady
    assert isinstance(gate(clock).sign_at_ns(request("a"), VALIDITY), int) is allowed


def test_the_lease_is_compared_on_the_steady_clock() -> None:
    clock = HandClock()
    clock.wall_ns = 0
    clock.steady = 11 * SECOND
    assert gate(clock).sign_at_ns(request("a"), VALIDITY) == "the lease ends before the request would lose its validity"


def test_nothing_is_signed_without_a_lease() -> None:
    assert gate(HandClock(), lease_end=None).sign_at_ns(request("a"), VALIDITY) == "no lease is held"


def test_the_kill_file_is_read_after_the_clock() -> None:
    reads: list[str] = []

    class Watched(HandClock):
        def now_ns(self) -> int:
            reads.append("clock")
            return super().now_ns()

    def kill_epoch() -> int:
        reads.append("kill")
        return 0

    SigningGate(Watched(), kill_epoch=kill_epoch, lease_end_steady_ns=lambda: 10 * SECOND).sign_at_ns(
        request("a"), VALIDITY
    )
    assert reads == ["clock", "kill"]
