import asyncio
import resource
import signal
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.domain import ConfigError, Evidence, FillReported, OrderReported, Retryable, Side
from quarterdeck.exchange import Personality
from quarterdeck.ports import Venue, VenueNews
from quarterdeck.venues import PaperFile, RemotePaperVenue, RemoteSettings
from tests.exchange.trading_floor import PAIR, SECOND, listing, quote_at
from tests.venues.bench_side import START, HandClock, cancel_of, config, end, open_gate, remote, request, running


class Inbox:
    """Collects news and lets a test wait for them."""

    def __init__(self, venue: Venue) -> None:
        self.news: list[VenueNews] = []
        self._more = asyncio.Event()
        venue.subscribe(self._take)

    def _take(self, news: VenueNews) -> None:
        self.news.append(news)
        self._more.set()

    async def first(self, count: int) -> list[VenueNews]:
        async with asyncio.timeout(10):
            while len(self.news) < count:
                self._more.clear()
                await self._more.wait()
        return self.news[:count]


async def test_an_order_is_filled_and_told_across_the_socket(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        inbox = Inbox(venue)
        await venue.connect()
        venue.on_quote(quote_at(START), tradable=True)
        report = await venue.submit(request("a"))
        assert (report.evidence, report.reported_lots, report.price) == (Evidence.FILLED, 10, Decimal(101))
        assert (report.at_ns, report.venue_at_ns) == (START, START)
        fill, ended = await inbox.first(2)
        assert isinstance(fill, FillReported)
        assert (fill.lots, fill.fee, fill.cursor) == (10, Decimal("0.0202"), 0)
        assert isinstance(ended, OrderReported)
        assert (await venue.account()).totals["BTC"] == Decimal("100.1")
        assert list(await venue.fills_after(0, "a")) == [replace(fill, cursor=1)]
        assert list(await venue.fills_after(0, "b")) == []


async def test_limits_rest_are_seen_filled_by_bars_and_cancelled(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        inbox = Inbox(venue)
        assert (await venue.submit(request("a", price="95.0"))).evidence is Evidence.ACKNOWLEDGED
        assert (await venue.submit(request("b", Side.SELL, price="105.0"))).evidence is Evidence.ACKNOWLEDGED
        assert [order.client_id for order in (await venue.account()).orders] == ["a", "b"]
        venue.on_bar_range(PAIR, 94.0, 100.0, START + 60 * SECOND)
        assert (await venue.query("a", PAIR)).evidence is Evidence.FILLED
        assert (await venue.cancel(cancel_of("b"))).evidence is Evidence.CANCELLED
        assert (await venue.cancel(cancel_of("a"))).evidence is Evidence.CANCEL_REFUSED
        assert (await venue.query("c", PAIR)).evidence is Evidence.ABSENT
        await inbox.first(3)
        assert [type(news) for news in inbox.news] == [FillReported, OrderReported, OrderReported]


async def test_a_killed_venue_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    clock = HandClock()
    async with remote(tmp_path, clock, connect_timeout_s=10.0) as venue:
        acknowledged: set[str] = set()
        ambiguous: set[str] = set()
        for round_number in range(3):
            async with running(tmp_path) as process:
                clock.wall_ns += SECOND
                await venue.connect()
                venue.on_quote(quote_at(clock.wall_ns, qty=1000.0), tradable=True)
                tasks = [
                    asyncio.create_task(venue.submit(request(f"r{round_number}n{number}", lots=5 + number)))
                    for number in range(40)
                ]
                await tasks[10 + round_number]
                process.send_signal(signal.SIGKILL)
                assert (await end(process))[0] == -signal.SIGKILL
                for report in await asyncio.gather(*tasks):
                    assert report.evidence in {Evidence.FILLED, Evidence.AMBIGUOUS}
                    (acknowledged if report.evidence is Evidence.FILLED else ambiguous).add(report.client_id)
        assert len(acknowledged) >= 33
        async with running(tmp_path) as process:
            await venue.connect()
            fills = [one for one in await venue.fills_after(0, "") if isinstance(one, FillReported)]
            for client_id in acknowledged:
                assert (await venue.query(client_id, PAIR)).evidence is Evidence.FILLED
            for client_id in ambiguous:
                assert (await venue.query(client_id, PAIR)).evidence in {Evidence.FILLED, Evidence.ABSENT}
            bought = (await venue.account()).totals["BTC"] - 100
            assert bought == sum(fill.lots for fill in fills) * Decimal("0.01")
            assert acknowledged <= {fill.client_id for fill in fills} <= acknowledged | ambiguous
            assert len(fills) == len({fill.client_id for fill in fills})
            await end(process)
        file = PaperFile(tmp_path / "venue.db")
        file.exchange(config()).check()
        file.close()


async def test_an_order_executed_before_its_reply_was_lost_is_ambiguous_and_found_later(tmp_path: Path) -> None:
    async with remote(tmp_path, connect_timeout_s=10.0) as venue:
        inbox = Inbox(venue)
        async with running(tmp_path, None, "--reply-delay-ms", "60000") as process:
            await venue.connect()
            venue.on_quote(quote_at(START), tradable=True)
            sending = asyncio.create_task(venue.submit(request("a")))
            await inbox.first(2)
            assert not sending.done()
            process.send_signal(signal.SIGKILL)
            report = await sending
            assert report.evidence is Evidence.AMBIGUOUS
        async with running(tmp_path):
            assert (await venue.query("a", PAIR)).evidence is Evidence.FILLED


async def test_other_requests_go_on_while_a_reply_is_held_back(tmp_path: Path) -> None:
    async with running(tmp_path, None, "--reply-delay-ms", "300"), remote(tmp_path) as venue:
        await venue.connect()
        sending = asyncio.create_task(venue.submit(request("a", price="90.0")))
        while (await venue.query("a", PAIR)).evidence is Evidence.ABSENT:
            assert not sending.done()
        assert not sending.done()
        assert (await sending).evidence is Evidence.ACKNOWLEDGED


async def test_a_late_reply_makes_the_order_ambiguous_first_and_still_arrives(tmp_path: Path) -> None:
    async with running(tmp_path, None, "--reply-delay-ms", "200"), remote(tmp_path, timeout_s=0.05) as venue:
        inbox = Inbox(venue)
        report = await venue.submit(request("a", price="90.0"))
        assert (report.evidence, report.reason) == (Evidence.AMBIGUOUS, "no answer within 0.05 s")
        (late,) = await inbox.first(1)
        assert isinstance(late, OrderReported)
        assert (late.client_id, late.evidence) == ("a", Evidence.ACKNOWLEDGED)


async def test_without_a_venue_nothing_is_signed_and_reads_can_be_retried(tmp_path: Path) -> None:
    async with remote(tmp_path, connect_timeout_s=0.05) as venue:
        assert (await venue.submit(request("a"))).evidence is Evidence.WITHDRAWN
        assert (await venue.cancel(cancel_of("a"))).evidence is Evidence.CANCEL_AMBIGUOUS
        with pytest.raises(Retryable, match="no paper venue answers"):
            await venue.query("a", PAIR)


async def test_what_the_last_hop_forbids_never_reaches_the_venue(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        report = await venue.submit(request("a", send_by_ns=START - 1))
        assert report.evidence is Evidence.WITHDRAWN
        assert (await venue.query("a", PAIR)).evidence is Evidence.ABSENT


async def test_trades_missed_during_a_break_are_fetched_after_it(tmp_path: Path) -> None:
    clock = HandClock()
    async with remote(tmp_path, clock, connect_timeout_s=10.0) as venue:
        inbox = Inbox(venue)
        async with running(tmp_path):
            await venue.connect()
            venue.on_quote(quote_at(START), tradable=True)
            await venue.submit(request("a"))
            await venue.submit(request("resting", price="95.0"))
            await inbox.first(2)
        async with running(tmp_path), remote(tmp_path, clock) as other:
            await other.connect()
            other.on_quote(quote_at(START + 1, 90.0, 92.0), tradable=True)
            assert (await other.query("resting", PAIR)).evidence is Evidence.FILLED
            news = await inbox.first(3)
            assert isinstance(news[2], OrderReported | FillReported)
            assert news[2].client_id == "resting"


async def test_the_latest_quote_is_told_again_after_a_break_and_an_older_one_is_ignored(tmp_path: Path) -> None:
    async with remote(tmp_path, connect_timeout_s=10.0) as venue:
        venue.on_quote(quote_at(START, 199.0, 201.0), tradable=True)
        async with running(tmp_path):
            await venue.connect()
            venue.on_quote(quote_at(START - 1, 1.0, 2.0), tradable=True)
            assert (await venue.submit(request("a"))).price == Decimal(201)


async def test_the_venue_of_other_settings_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, config(Personality(lag_ns=7))), remote(tmp_path) as venue:
        with pytest.raises(ConfigError, match="mend the settings"):
            await venue.connect()


async def test_what_the_venue_lists_is_read_across_the_socket(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        assert await venue.listings() == (listing(),)
    async with remote(tmp_path, connect_timeout_s=0.05) as nobody:
        with pytest.raises(Retryable, match="no paper venue answers"):
            await nobody.listings()


async def test_an_unknown_account_is_refused_for_good(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path):
        venue = RemotePaperVenue(RemoteSettings("alpha", tmp_path / "s", "nobody"), clock, open_gate(clock))
        with pytest.raises(ConfigError, match="no account 'nobody'"):
            await venue.connect()
        await venue.aclose()


async def test_impossible_market_data_is_said_aloud(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        await venue.connect()
        venue.on_quote(quote_at(START, instrument="ETH-USD"), tradable=True)
        with pytest.raises(Retryable):
            await venue.account()
        with pytest.raises(ConfigError, match="does not list ETH-USD"):
            await venue.connect()


@pytest.mark.parametrize("garbage", [b"\x00\x00\x00\x03abc", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc0"])
async def test_garbage_instead_of_a_reply_leaves_the_order_ambiguous(tmp_path: Path, garbage: bytes) -> None:
    async with running(tmp_path):
        (tmp_path / "s").rename(tmp_path / "real")
        writers: list[asyncio.StreamWriter] = []

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Pass the welcome on, then answer everything with garbage."""
            real_reader, real_writer = await asyncio.open_unix_connection(tmp_path / "real")
            writers.extend((writer, real_writer))
            real_writer.write(await reader.read(1000))
            writer.write(await real_reader.read(1000))
            if await reader.read(1000):
                writer.write(garbage)

        proxy = await asyncio.start_unix_server(relay, tmp_path / "s")
        async with remote(tmp_path) as venue:
            await venue.connect()
            report = await venue.submit(request("a"))
            assert report.evidence is Evidence.AMBIGUOUS
            assert "garbage" in report.reason
        proxy.close()
        for writer in writers:
            writer.close()
            await writer.wait_closed()


async def test_a_signal_ends_the_venue_and_removes_its_socket(tmp_path: Path) -> None:
    async with running(tmp_path) as process, remote(tmp_path) as venue:
        await venue.connect()
        assert (tmp_path / "s").exists()
        assert await end(process) == (0, "")
        assert not (tmp_path / "s").exists()


async def test_a_socket_left_by_a_killed_venue_does_not_prevent_a_start(tmp_path: Path) -> None:
    async with running(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        await end(process)
    assert (tmp_path / "s").exists()
    async with running(tmp_path), remote(tmp_path) as venue:
        await venue.connect()


async def test_a_second_process_on_the_same_file_is_turned_away(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        async with running(tmp_path) as second:
            code, text = await end(second)
            assert (code, "end the other one" in text) == (4, True)
        await venue.connect()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of another process")
async def test_a_venue_that_cannot_write_its_file_ends_without_a_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as process, remote(tmp_path) as venue:
        await venue.connect()
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, 1))
        report = await venue.submit(request("a", price="90.0"))
        assert report.evidence is Evidence.AMBIGUOUS
        await process.wait()
        code, text = await end(process)
        assert (code, "cannot be written" in text) == (5, True)


async def test_another_configuration_for_the_same_file_is_a_usage_error(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    async with running(tmp_path, config(Personality(lag_ns=7))) as process:
        code, text = await end(process)
        assert (code, "another configuration" in text) == (2, True)


async def test_a_customer_who_talks_nonsense_loses_only_its_own_connection(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        await venue.connect()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(b"\x00\x00\x00\x02{}")
        assert await reader.read() == b""
        writer.close()
        assert (await venue.account()).venue == "alpha"
