"""From the model's words to the engine's."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.domain import Evidence, FundingReported, OrderKind, OrderReported, OrderState, Side
from quarterdeck.exchange import (
    Accepted,
    FundingPaid,
    InterestCharged,
    Liquidated,
    OrderStatus,
    Personality,
    RateLimits,
    Received,
    Refusal,
    Refused,
)
from quarterdeck.venues.reports import Reporter, limits_of
from tests.exchange.trading_floor import ACCOUNT, PAIR
from tests.venues.bench_side import request

REPORT = Reporter("alpha")
ASKED = request("a", Side.BUY, 10, price="95.0")
STATUS = OrderStatus(
    number=7,
    account=ACCOUNT,
    client_id="a",
    instrument=PAIR,
    side=Side.BUY,
    qty_lots=10,
    filled_lots=0,
    state=OrderState.OPEN,
    at_ns=5,
    limit=Decimal("95.0"),
)


def test_an_answer_that_describes_our_order_is_taken_for_it() -> None:
    report = REPORT.submit(ASKED, Accepted(STATUS), 1, 5)
    assert (report.evidence, report.venue_order_id) == (Evidence.ACKNOWLEDGED, "o7")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": Side.SELL}, "side sell, not buy"),
        ({"qty_lots": 11}, "quantity in lots 11, not 10"),
        ({"limit": Decimal(96)}, "limit 96, not 95.0"),
        ({"limit": None}, "limit None, not 95.0"),
        ({"trigger": Decimal(90)}, "trigger 90, not None"),
        ({"instrument": "ETH-USD"}, "instrument ETH-USD, not BTC-USD"),
        ({"client_id": "b"}, "client id b, not a"),
    ],
)
def test_an_answer_that_describes_another_order_proves_nothing_and_names_the_difference(
    changes: dict[str, object], words: str
) -> None:
    """R6: success may describe an older order."""
    report = REPORT.submit(ASKED, Accepted(replace(STATUS, state=OrderState.FILLED, **changes)), 1, 5)
    assert report.evidence is Evidence.AMBIGUOUS
    assert report.reason == f"duplicate client id: the venue answers with an older order: {words}"
    assert report.reported_lots is None


def test_a_limit_that_is_written_otherwise_is_the_same_limit() -> None:
    assert REPORT.submit(ASKED, Accepted(replace(STATUS, limit=Decimal(95))), 1, 5).evidence is Evidence.ACKNOWLEDGED


@pytest.mark.parametrize("reason", [Refusal.RATE_LIMITED, Refusal.BANNED])
def test_a_rate_limited_order_was_definitely_not_executed_and_says_when_to_ask_again(reason: Refusal) -> None:
    report = REPORT.submit(ASKED, Refused(reason, "too many", 70), 1, 5)
    assert (report.evidence, report.reason, report.retry_after_ns) == (
        Evidence.REJECTED,
        "rate limited: too many",
        70,
    )


def test_a_rate_limited_cancel_may_be_sent_again() -> None:
    report = REPORT.cancel("a", Refused(Refusal.BANNED, "banned", 70), 1, 5)
    assert (report.evidence, report.retry_after_ns) == (Evidence.CANCEL_AMBIGUOUS, 70)
    assert report.reason.startswith("rate limited")


def test_a_received_order_is_acknowledged_only_where_receiving_is_accepting() -> None:
    accepted = REPORT.submit(ASKED, Received(7, "a"), 1, 5)
    pending = REPORT.submit(ASKED, Received(7, "a", pending=True), 1, 5)
    assert (accepted.evidence, pending.evidence) == (Evidence.ACKNOWLEDGED, Evidence.AMBIGUOUS)
    assert accepted.venue_order_id == pending.venue_order_id == "o7"


def test_a_pending_order_is_neither_there_nor_absent() -> None:
    report = REPORT.query("a", replace(STATUS, state=OrderState.PLANNED), 1, 5)
    assert (report.evidence, report.reported_lots) == (Evidence.AMBIGUOUS, None)
    assert report.reason.startswith("pending")


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.NOT_PLACED, OrderState.WITHDRAWN])
def test_a_status_that_means_nothing_ends_nothing_and_alerts(state: OrderState) -> None:
    """R26: an unmapped status is not terminal."""
    report = REPORT.query("a", replace(STATUS, state=state, filled_lots=3), 1, 5)
    assert (report.evidence, report.reported_lots) == (Evidence.AMBIGUOUS, None)
    assert report.reason.startswith(f"alert: the venue says {state}")


@pytest.mark.parametrize("state", list(OrderState))
def test_every_status_of_a_venue_has_a_meaning(state: OrderState) -> None:
    assert REPORT.query("a", replace(STATUS, state=state), 1, 5).venue_order_id == "o7"


def test_funding_and_interest_are_payments_with_an_id() -> None:
    funding = FundingPaid("f1", ACCOUNT, "BTC-USD:USD", "USD", Decimal("-1.5"), Decimal("0.001"), Decimal(1500), 9)
    interest = InterestCharged("i2", ACCOUNT, "USD", Decimal("0.2"), Decimal(100), 9)
    assert REPORT.news(funding, 10) == FundingReported(10, "alpha", "BTC-USD:USD", "f1", "USD", Decimal("-1.5"), 9)
    assert REPORT.news(interest, 10) == FundingReported(10, "alpha", "", "i2", "USD", Decimal("-0.2"), 9)


def test_a_liquidation_is_told_by_its_trades() -> None:
    assert REPORT.news(Liquidated(ACCOUNT, "", {}, 9), 10) is None


def test_how_much_a_venue_hears_is_said_in_the_words_of_the_port() -> None:
    assert limits_of(Personality()) is None
    limits = limits_of(Personality(limits=RateLimits(requests_max=7, window_ns=9)))
    assert limits is not None
    assert (limits.requests_max, limits.window_ns) == (7, 9)
    assert limits.orders_max >= limits.requests_max


def test_a_stop_is_compared_by_its_trigger() -> None:
    asked = replace(ASKED, order_kind=OrderKind.STOP, limit=None, trigger=Decimal(90))
    report = REPORT.submit(asked, Accepted(replace(STATUS, limit=None, trigger=Decimal("90.0"))), 1, 5)
    assert isinstance(report, OrderReported)
    assert report.evidence is Evidence.ACKNOWLEDGED
