from decimal import Decimal

import pytest

from quarterdeck.domain import Evidence, FillReported, OrderReported, Retryable, Side
from quarterdeck.exchange import Personality
from quarterdeck.ports import Venue, VenueNews
from quarterdeck.venues import PaperVenue, SigningGate
from tests.exchange.trading_floor import ACCOUNT, PAIR, SECOND, listing, opened, quote_at
from tests.venues.bench_side import NEVER, START, HandClock, cancel_of, open_gate, request


class Desk:
    """A paper venue with its clock and the news it told."""

    def __init__(self, personality: Personality | None = None, gate: SigningGate | None = None) -> None:
        self.clock = HandClock()
        self.exchange = opened(personality)
        self.venue = PaperVenue(self.exchange, ACCOUNT, self.clock, gate or open_gate(self.clock))
        self.news: list[VenueNews] = []
        self.venue.subscribe(self.news.append)

    def told(self) -> list[tuple[str, str]]:
        """Every piece of news as (evidence, client id), trades as `fill`; then forget them."""
        news, self.news[:] = list(self.news), []
        return [
            (one.evidence if isinstance(one, OrderReported) else Evidence.FILL, one.client_id)
            for one in news
            if isinstance(one, OrderReported | FillReported)
        ]


def test_it_is_a_venue() -> None:
    venue: Venue = Desk(Personality(validity_ns=7, lag_ns=3)).venue
    assert (venue.name, venue.validity_ns, venue.lag_ns) == ("alpha", 7, 3)


async def test_a_market_order_that_fills_at_once_is_reported_filled_with_its_trades() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=True)
    report = await desk.venue.submit(request("a"))
    assert (report.evidence, report.reported_lots, report.price) == (Evidence.FILLED, 10, Decimal(101))
    assert (report.at_ns, report.venue_at_ns, report.venue_order_id) == (START, START, "o1")
    fill, end = desk.news
    assert isinstance(fill, FillReported)
    assert (fill.lots, fill.price, fill.fee, fill.fee_asset, fill.cursor) == (
        10,
        Decimal(101),
        Decimal("0.0202"),
        "USD",
        0,
    )
    assert isinstance(end, OrderReported)
    assert end.evidence is Evidence.FILLED


async def test_an_order_that_rests_is_acknowledged_and_told_when_it_fills() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=False)
    waiting = await desk.venue.submit(request("a"))
    resting = await desk.venue.submit(request("b", Side.SELL, price="105.0"))
    assert (waiting.evidence, waiting.reported_lots) == (Evidence.ACKNOWLEDGED, 0)
    assert resting.evidence is Evidence.ACKNOWLEDGED
    assert desk.told() == []
    desk.venue.on_quote(quote_at(START + 1), tradable=True)
    assert desk.told() == [(Evidence.FILL, "a"), (Evidence.FILLED, "a")]
    desk.venue.on_bar_range(PAIR, 104.0, 106.0, START + 2)
    assert desk.told() == [(Evidence.FILL, "b"), (Evidence.FILLED, "b")]


async def test_cash_short_at_the_open_is_a_rejection_told_later() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=False)
    await desk.venue.submit(request("a", lots=9000))
    desk.venue.on_quote(quote_at(START + 1, 199.0, 201.0, qty=100.0), tradable=True)
    (news,) = desk.news
    assert isinstance(news, OrderReported)
    assert (news.evidence, news.reason) == (Evidence.REJECTED, "insufficient_balance")


async def test_a_refused_order_is_rejected_with_its_reason() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=True)
    report = await desk.venue.submit(request("a", Side.SELL, lots=5000))
    assert report.evidence is Evidence.REJECTED
    assert report.reason.startswith("insufficient_balance: ")


async def test_a_duplicate_client_id_proves_an_order_and_rejects_nothing() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=True)
    await desk.venue.submit(request("a"))
    report = await desk.venue.submit(request("a"))
    assert report.evidence is Evidence.AMBIGUOUS
    assert report.reason.startswith("duplicate client id")


async def test_a_reply_that_carries_only_the_id_says_nothing_of_fills() -> None:
    desk = Desk(Personality(reply_carries="id"))
    desk.venue.on_quote(quote_at(START), tradable=True)
    report = await desk.venue.submit(request("a"))
    assert (report.evidence, report.reported_lots, report.venue_order_id) == (Evidence.ACKNOWLEDGED, None, "o1")
    assert desk.told() == [(Evidence.FILL, "a"), (Evidence.FILLED, "a")]


async def test_what_the_last_hop_forbids_is_withdrawn_and_never_reaches_the_exchange() -> None:
    clock = HandClock()
    desk = Desk(gate=SigningGate(clock, kill_epoch=lambda: 1, lease_end_steady_ns=lambda: NEVER))
    report = await desk.venue.submit(request("a"))
    assert (report.evidence, report.reason) == (Evidence.WITHDRAWN, "killed: the epoch rose from 0 to 1")
    assert desk.exchange.query(ACCOUNT, "a", START) is None


async def test_the_exchange_judges_validity_by_the_signed_instant() -> None:
    desk = Desk()
    desk.exchange.advance(START + 6 * SECOND)
    report = await desk.venue.submit(request("a"))
    assert report.evidence is Evidence.REJECTED
    assert report.reason.startswith("expired_request")


async def test_a_cancel_is_confirmed_refused_when_the_order_ended_and_refused_when_unknown() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=True)
    await desk.venue.submit(request("a", lots=150, price="101.0"))
    report = await desk.venue.cancel(cancel_of("a"))
    assert (report.evidence, report.reported_lots) == (Evidence.CANCELLED, 100)
    assert (await desk.venue.cancel(cancel_of("a"))).reason.startswith("order_ended")
    unknown = await desk.venue.cancel(cancel_of("b"))
    assert unknown.evidence is Evidence.CANCEL_REFUSED
    assert unknown.reason.startswith("unknown_order")


async def test_a_query_is_absent_until_the_lag_has_passed() -> None:
    desk = Desk(Personality(lag_ns=SECOND))
    await desk.venue.submit(request("a", price="90.0"))
    report = await desk.venue.query("a", PAIR)
    assert (report.evidence, report.venue_at_ns) == (Evidence.ABSENT, START)
    desk.clock.wall_ns += SECOND
    assert (await desk.venue.query("a", PAIR)).evidence is Evidence.ACKNOWLEDGED


async def test_in_an_outage_nothing_is_signed_reads_can_be_retried_and_the_market_goes_on() -> None:
    desk = Desk()
    desk.venue.on_quote(quote_at(START), tradable=True)
    await desk.venue.submit(request("resting", price="95.0"))
    desk.venue.set_down(True)
    assert (await desk.venue.submit(request("a"))).evidence is Evidence.WITHDRAWN
    assert (await desk.venue.cancel(cancel_of("resting"))).evidence is Evidence.CANCEL_AMBIGUOUS
    for read in (
        desk.venue.query("a", PAIR),
        desk.venue.fills_after(0, ""),
        desk.venue.account(),
        desk.venue.listings(),
    ):
        with pytest.raises(Retryable, match="refuses connections"):
            await read
    desk.venue.on_quote(quote_at(START + 1, 90.0, 92.0), tradable=True)
    desk.venue.set_down(False)
    assert (await desk.venue.query("resting", PAIR)).evidence is Evidence.FILLED


async def test_missed_fills_are_pulled_by_cursor_and_prefix() -> None:
    desk = Desk()
    for at_ns, client_id in enumerate(("bot1", "bot2", "other"), start=START):
        desk.venue.on_quote(quote_at(at_ns), tradable=True)
        await desk.venue.submit(request(client_id))
    fills = [one for one in await desk.venue.fills_after(1, "bot") if isinstance(one, FillReported)]
    assert [(fill.cursor, fill.client_id, fill.trade_id) for fill in fills] == [(2, "bot2", "t2")]


async def test_the_account_shows_totals_and_working_orders() -> None:
    desk = Desk()
    await desk.venue.submit(request("a", lots=20, price="90.0"))
    report = await desk.venue.account()
    assert report.totals == {"USD": Decimal(10000), "BTC": Decimal(10)}
    assert [(order.client_id, order.lots, order.filled_lots) for order in report.orders] == [("a", 20, 0)]


async def test_what_the_venue_lists_is_read_as_it_is_now() -> None:
    desk = Desk()
    assert await desk.venue.listings() == (listing(),)
    desk.exchange.relist(listing(tradable=False))
    desk.exchange.relist(listing("ETH-USD"))
    assert [(one.instrument, one.tradable) for one in await desk.venue.listings()] == [(PAIR, False), ("ETH-USD", True)]
    report = await desk.venue.submit(request("a"))
    assert (report.evidence, report.reason) == (
        Evidence.REJECTED,
        "not_tradable: BTC-USD is not traded at present",
    )


async def test_accounts_of_one_exchange_hear_only_of_their_own_orders() -> None:
    desk = Desk()
    desk.exchange.deposit("other", "USD", Decimal(1000))
    other = PaperVenue(desk.exchange, "other", desk.clock, open_gate(desk.clock))
    heard: list[VenueNews] = []
    other.subscribe(heard.append)
    desk.venue.on_quote(quote_at(START), tradable=False)
    await other.submit(request("x"))
    events = desk.exchange.quote(quote_at(START + 1), tradable=True)
    desk.venue.hear(events)
    other.hear(events)
    assert desk.told() == []
    assert [news.client_id for news in heard if isinstance(news, OrderReported | FillReported)] == ["x", "x"]
