"""The habits of an exchange as they come through the paper venue, in process and behind its socket."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.domain import Evidence, FillReported, OrderKind, OrderReported, RateLimited, Side
from quarterdeck.exchange import Event, Exchange, Personality, RateLimits
from quarterdeck.ports import OrderRequest, VenueNews
from quarterdeck.venues import PaperVenue, RemotePaperVenue, RemoteSettings
from tests.exchange.trading_floor import ACCOUNT, PAIR, SECOND, opened, quote_at
from tests.venues.bench_side import START, HandClock, cancel_of, config, open_gate, request, running

LATE = Personality(acks="async", ack_lag_ns=SECOND)
ONE_REQUEST = Personality(limits=RateLimits(requests_max=1, window_ns=10 * SECOND))


class Desk:
    """A paper venue with its clock and the news it told."""

    def __init__(self, personality: Personality) -> None:
        self.clock = HandClock()
        self.exchange = opened(personality)
        self.saved: list[Sequence[Event]] = []
        self.venue = PaperVenue(self.exchange, ACCOUNT, self.clock, open_gate(self.clock), save=self._save)
        self.news: list[VenueNews] = []
        self.venue.subscribe(self.news.append)
        self.venue.on_quote(quote_at(START, qty=20.0), tradable=True)

    def _save(self, _exchange: Exchange, events: Sequence[Event]) -> None:
        self.saved.append(events)

    def told(self) -> list[Evidence]:
        news, self.news[:] = list(self.news), []
        return [one.evidence if isinstance(one, OrderReported) else Evidence.FILL for one in news]


def stop(client_id: str, trigger: str) -> OrderRequest:
    return replace(request(client_id, Side.SELL), order_kind=OrderKind.STOP, trigger=Decimal(trigger), reduce_only=True)


async def test_a_decision_that_comes_late_is_told_by_the_next_request() -> None:
    desk = Desk(LATE)
    report = await desk.venue.submit(request("a"))
    assert (report.evidence, report.venue_order_id) == (Evidence.AMBIGUOUS, "o1")
    assert desk.told() == []
    desk.clock.wall_ns += SECOND
    await desk.venue.query("b", PAIR)
    assert desk.told() == [Evidence.ACKNOWLEDGED, Evidence.FILL, Evidence.FILLED]


async def test_a_decision_that_comes_late_is_told_when_time_is_told() -> None:
    desk = Desk(LATE)
    await desk.venue.submit(request("a", Side.SELL, lots=5000))
    assert desk.venue.next_ns == START + SECOND
    desk.venue.on_time(START + SECOND)
    assert desk.told() == [Evidence.REJECTED]
    assert (await desk.venue.query("a", PAIR)).evidence is Evidence.REJECTED


async def test_an_order_under_way_is_saved_though_nothing_happened_yet() -> None:
    desk = Desk(LATE)
    before = len(desk.saved)
    await desk.venue.submit(request("a"))
    assert desk.saved[before:] == [[]]


async def test_a_pending_order_is_unknown_or_shown_as_undecided() -> None:
    for shown, evidence in ((False, Evidence.ABSENT), (True, Evidence.AMBIGUOUS)):
        desk = Desk(replace(LATE, pending_visible=shown))
        await desk.venue.submit(request("a"))
        assert (await desk.venue.query("a", PAIR)).evidence is evidence


async def test_the_lag_of_the_venue_counts_the_decision_and_the_visibility() -> None:
    assert Desk(replace(LATE, lag_ns=5)).venue.lag_ns == SECOND + 5


async def test_a_due_decision_is_told_beside_the_reply_that_tells_its_own() -> None:
    desk = Desk(LATE)
    await desk.venue.submit(request("a", price="90.0"))
    desk.clock.wall_ns += SECOND
    report = await desk.venue.cancel(cancel_of("a"))
    assert (report.evidence, desk.told()) == (Evidence.CANCELLED, [Evidence.ACKNOWLEDGED])


@pytest.mark.parametrize(
    ("streams", "told"),
    [("all", [Evidence.FILL, Evidence.FILLED]), ("orders", [Evidence.FILLED]), ("none", [])],
)
async def test_a_stream_carries_what_the_venue_is_in_the_habit_of(streams: str, told: list[Evidence]) -> None:
    desk = Desk(Personality(streams=streams))  # type: ignore[arg-type]
    await desk.venue.submit(request("a"))
    assert desk.told() == told
    assert len(await desk.venue.fills_after(0, "")) == 1


async def test_reads_beyond_the_limit_may_be_repeated_later_and_say_when() -> None:
    """R50: obey Retry-After."""
    desk = Desk(ONE_REQUEST)
    await desk.venue.account()
    reads = desk.venue.query("a", PAIR), desk.venue.fills_after(0, ""), desk.venue.account(), desk.venue.listings()
    for read in reads:
        with pytest.raises(RateLimited, match="rate limited: too many requests") as caught:
            await read
        assert caught.value.retry_after_ns == 10 * SECOND
    assert desk.venue.limits is not None
    assert desk.venue.limits.requests_max == 1


async def test_an_order_beyond_the_limit_is_rejected_and_a_cancel_may_be_sent_again() -> None:
    desk = Desk(ONE_REQUEST)
    assert (await desk.venue.submit(request("a", price="90.0"))).evidence is Evidence.ACKNOWLEDGED
    second = await desk.venue.submit(request("b"))
    assert (second.evidence, second.retry_after_ns) == (Evidence.REJECTED, 10 * SECOND)
    assert (await desk.venue.cancel(cancel_of("a"))).evidence is Evidence.CANCEL_AMBIGUOUS
    desk.clock.wall_ns += 10 * SECOND
    assert (await desk.venue.cancel(cancel_of("a"))).evidence is Evidence.CANCELLED


async def test_a_stop_rests_at_the_venue_and_is_told_when_it_wakes_and_fills() -> None:
    desk = Desk(Personality(stops=True))
    assert desk.venue.stops
    assert (await desk.venue.submit(stop("s", "90.0"))).evidence is Evidence.ACKNOWLEDGED
    desk.venue.on_bar_range(PAIR, 89.0, 100.0, START + 1)
    desk.venue.on_quote(quote_at(START + 2, 93.0, 95.0), tradable=True)
    assert desk.told() == [Evidence.ACKNOWLEDGED, Evidence.FILL, Evidence.FILLED]


async def test_an_answer_with_an_older_order_of_another_kind_is_ambiguous() -> None:
    desk = Desk(Personality(client_id_scope="answers_old"))
    first = await desk.venue.submit(request("a"))
    assert (await desk.venue.submit(request("a"))).evidence is first.evidence is Evidence.FILLED
    other = await desk.venue.submit(request("a", Side.SELL))
    assert other.evidence is Evidence.AMBIGUOUS
    assert other.reason.endswith("an older order: side buy, not sell")


# --- behind the socket ---


def remote(folder: Path, clock: HandClock, personality: Personality) -> RemotePaperVenue:
    settings = RemoteSettings(
        "alpha",
        folder / "s",
        ACCOUNT,
        lag_ns=personality.shown_after_ns,
        stops=personality.stops,
        connect_timeout_s=5.0,
    )
    return RemotePaperVenue(settings, clock, open_gate(clock))


async def test_stops_limits_and_streams_are_the_same_across_the_socket(tmp_path: Path) -> None:
    habits = Personality(
        stops=True, streams="orders", limits=RateLimits(requests_max=2, window_ns=10 * SECOND, ban_after=1)
    )
    clock, news = HandClock(), list[VenueNews]()
    async with running(tmp_path, config(habits)):
        venue = remote(tmp_path, clock, habits)
        venue.subscribe(news.append)
        await venue.connect()
        venue.on_quote(quote_at(START, qty=20.0), tradable=True)
        assert (await venue.submit(stop("s", "90.0"))).evidence is Evidence.ACKNOWLEDGED
        venue.on_quote(quote_at(START + 1, 80.0, 82.0, qty=20.0), tradable=True)
        assert (await venue.query("s", PAIR)).evidence is Evidence.FILLED
        with pytest.raises(RateLimited, match="banned") as caught:
            await venue.account()
        assert caught.value.retry_after_ns == 120 * SECOND
        assert not any(isinstance(one, FillReported) for one in news)
        assert [one.evidence for one in news if isinstance(one, OrderReported)] == [
            Evidence.ACKNOWLEDGED,
            Evidence.FILLED,
        ]
        await venue.aclose()


async def test_decisions_come_by_themselves_where_the_venue_has_a_clock_of_its_own(tmp_path: Path) -> None:
    habits = Personality(acks="async", ack_lag_ns=20_000_000, validity_ns=1 << 62)
    setup = replace(config(habits), clock="wall")
    clock, heard = HandClock(), asyncio.Event()
    async with running(tmp_path, setup):
        venue = RemotePaperVenue(
            RemoteSettings("alpha", tmp_path / "s", ACCOUNT, habits.validity_ns, habits.shown_after_ns),
            clock,
            open_gate(clock),
        )
        venue.subscribe(lambda _news: heard.set())
        await venue.connect()
        assert (await venue.submit(request("a", price="90.0"))).evidence is Evidence.AMBIGUOUS
        await asyncio.wait_for(heard.wait(), 5.0)
        await venue.aclose()
