"""Rate limits of an account, and the bans of those who do not heed them."""

from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, Side
from quarterdeck.exchange import Exchange, Personality, RateLimits, Refusal, Refused
from tests.exchange.trading_floor import ACCOUNT, limit, opened, place, state_of

BUY = Side.BUY


def limited(**rules: object) -> Exchange:
    return opened(Personality(limits=RateLimits(window_ns=100, **rules)))  # type: ignore[arg-type]


def order(exchange: Exchange, number: int, at_ns: int) -> Refused | None:
    """Place an order; give the refusal, if it is one."""
    reply, _ = exchange.place(ACCOUNT, limit(f"c{number}", BUY, "1", "50.0"), signed_at_ns=at_ns, at_ns=at_ns)
    return reply if isinstance(reply, Refused) else None


def test_an_account_without_limits_is_never_turned_away() -> None:
    exchange = opened()
    assert all(exchange.admit(ACCOUNT, 1) is None for _ in range(1000))


def test_requests_beyond_the_window_are_refused_until_the_next_one_begins() -> None:
    exchange = limited(requests_max=2)
    assert exchange.admit(ACCOUNT, 110) is None
    assert order(exchange, 1, 120) is None
    refused = exchange.admit(ACCOUNT, 130)
    assert refused == Refused(Refusal.RATE_LIMITED, "too many requests; ask again in 70 ns", 70)
    assert order(exchange, 2, 199) == Refused(Refusal.RATE_LIMITED, "too many requests; ask again in 1 ns", 1)
    assert state_of(exchange, "c2") is None
    assert exchange.admit(ACCOUNT, 200) is None


def test_orders_have_a_bound_of_their_own_that_leaves_cancels_and_reads_alone() -> None:
    exchange = limited(orders_max=1)
    assert order(exchange, 1, 110) is None
    refused = order(exchange, 2, 110)
    assert refused is not None
    assert (refused.reason, refused.retry_after_ns) == (Refusal.RATE_LIMITED, 90)
    assert exchange.admit(ACCOUNT, 110) is None
    assert not isinstance(exchange.cancel(ACCOUNT, "c1", 110)[0], Refused)


def test_a_cancel_beyond_the_limit_leaves_the_order_working() -> None:
    exchange = limited(requests_max=1)
    order(exchange, 1, 110)
    reply, events = exchange.cancel(ACCOUNT, "c1", 120)
    assert isinstance(reply, Refused)
    assert (reply.reason, events) == (Refusal.RATE_LIMITED, [])
    refused, events = exchange.cancel_all(ACCOUNT, "", 120)
    assert refused is not None
    assert events == []
    assert exchange.open_orders(ACCOUNT, 120) != []


def test_who_asks_on_and_on_is_banned_and_a_ban_ends_by_itself() -> None:
    """R50: a 429 that is not heeded becomes a 418."""
    exchange = limited(requests_max=1, ban_after=2, ban_ns=1000)
    assert exchange.admit(ACCOUNT, 100) is None
    first, second = exchange.admit(ACCOUNT, 101), exchange.admit(ACCOUNT, 102)
    assert first is not None
    assert first.reason is Refusal.RATE_LIMITED
    assert second == Refused(Refusal.BANNED, "banned for 1000 ns", 1000)
    assert exchange.admit(ACCOUNT, 1101) == Refused(Refusal.BANNED, "banned for 1 ns", 1)
    assert exchange.admit(ACCOUNT, 1102) is None


def test_a_request_that_is_heard_in_between_spares_the_ban() -> None:
    exchange = limited(requests_max=1, ban_after=2)
    for window in range(1, 6):
        assert exchange.admit(ACCOUNT, window * 100) is None
        refused = exchange.admit(ACCOUNT, window * 100 + 1)
        assert refused is not None
        assert refused.reason is Refusal.RATE_LIMITED


@pytest.mark.parametrize(("lengthens", "left_ns"), [(False, 500), (True, 1000)])
def test_asking_during_a_ban_lengthens_it_only_where_that_is_the_habit(lengthens: bool, left_ns: int) -> None:
    exchange = limited(requests_max=1, ban_after=1, ban_ns=1000, ban_lengthens=lengthens)
    exchange.admit(ACCOUNT, 100)
    exchange.admit(ACCOUNT, 100)
    refused = exchange.admit(ACCOUNT, 600)
    assert refused is not None
    assert refused.retry_after_ns == left_ns


def test_somebody_else_may_use_up_the_limit_of_the_same_key() -> None:
    """F22: one limit, two consumers."""
    exchange = limited(requests_max=10)
    exchange.consume(ACCOUNT, 10, 110)
    refused = order(exchange, 1, 110)
    assert refused is not None
    assert refused.reason is Refusal.RATE_LIMITED


def test_every_account_has_limits_of_its_own() -> None:
    exchange = limited(requests_max=1)
    exchange.deposit("other", "USD", Decimal(1))
    assert exchange.admit(ACCOUNT, 1) is None
    assert exchange.admit("other", 1) is None
    assert exchange.admit(ACCOUNT, 1) is not None


def test_limits_and_bans_outlive_a_restart() -> None:
    exchange = limited(requests_max=1, ban_after=1)
    exchange.admit(ACCOUNT, 1)
    exchange.admit(ACCOUNT, 1)
    again = Exchange.from_bytes(exchange.to_bytes())
    assert again.to_bytes() == exchange.to_bytes()
    refused = again.admit(ACCOUNT, 1)
    assert refused is not None
    assert refused.reason is Refusal.BANNED


def test_a_refused_order_keeps_its_client_id_free() -> None:
    exchange = limited(orders_max=1)
    order(exchange, 1, 110)
    assert order(exchange, 2, 110) is not None
    place(exchange, limit("c2", BUY, "1", "50.0"), at_ns=200)


@pytest.mark.parametrize(
    "rules", [{"window_ns": 0}, {"ban_ns": 0}, {"requests_max": 0}, {"orders_max": -1}, {"ban_after": 0}]
)
def test_impossible_limits_are_refused(rules: dict[str, int]) -> None:
    with pytest.raises(InputError, match="rate limits"):
        RateLimits(**rules)  # type: ignore[arg-type]
