"""Perpetuals at the paper venue, in the bot's process and in one of its own: margin, funding, positions, force."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import Evidence, FillReported, FundingReported, MarginReading, PositionLiquidated, Side
from quarterdeck.exchange import PerpetualRules, Personality
from quarterdeck.ports import OrderRequest, VenueNews
from quarterdeck.venues import PaperConfig, PaperFile, PaperVenue, RemotePaperVenue
from tests.exchange.trading_floor import ACCOUNT, listing, quote_at
from tests.venues.bench_side import START, HandClock, config, open_gate, remote, request, running

PERP = "BTC-USD:USD"
HABITS = Personality(perpetuals=PerpetualRules(maintenance=Decimal("0.01")))

AnyVenue = PaperVenue | RemotePaperVenue
Opened = Callable[[Path], AbstractAsyncContextManager[AnyVenue]]


def setup() -> PaperConfig:
    listed = msgspec.structs.replace(listing(), instrument=PERP, fee_taker=Decimal("0.001"), lots_max=10**6)
    return msgspec.structs.replace(config(HABITS), listings=(listing(), listed))


@asynccontextmanager
async def in_process(folder: Path) -> AsyncIterator[AnyVenue]:
    clock = HandClock()
    file = PaperFile(folder / "venue.db")
    try:
        yield PaperVenue(file.exchange(setup()), ACCOUNT, clock, open_gate(clock), save=file.save)
    finally:
        file.close()


@asynccontextmanager
async def across(folder: Path) -> AsyncIterator[AnyVenue]:
    async with running(folder, setup()), remote(folder) as venue:
        await venue.connect()
        yield venue


EVERYWHERE = pytest.mark.parametrize("opened", [in_process, across], ids=["in process", "across a socket"])


def order(client_id: str, side: Side, lots: int) -> OrderRequest:
    return msgspec.structs.replace(request(client_id, side, lots), instrument=PERP)


def show(venue: AnyVenue, price: float, after: int = 0, *, liquidates: bool = False) -> None:
    quote = quote_at(START + after, price, price, qty=1e6, instrument=PERP)
    venue.on_quote(quote, tradable=True, liquidates=liquidates)


@EVERYWHERE
async def test_the_leverage_is_set_and_read_back(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as venue:
        assert await venue.read_margin(PERP) == MarginReading("alpha", PERP, 1.0, "isolated", 0.0, 0.01)
        assert await venue.set_leverage(PERP, 4) == ""
        assert (await venue.read_margin(PERP)).leverage == 4.0
        assert await venue.set_leverage(PERP, 99) == "bad_leverage: leverage 99, from 1 to 20"
        show(venue, 100.0)
        await venue.submit(order("a", Side.BUY, 100))
        reading = await venue.read_margin(PERP)
        assert reading.liquidation_price == pytest.approx(75.0 / 0.99)
        assert (await venue.set_leverage(PERP, 2)).startswith("position_open: ")
        assert (await venue.account()).positions == {PERP: Decimal(1)}


@EVERYWHERE
async def test_a_short_receives_funding_at_the_price_last_told(tmp_path: Path, opened: Opened) -> None:
    async with opened(tmp_path) as venue:
        news: list[VenueNews] = []
        venue.subscribe(news.append)
        show(venue, 100.0)
        sold = await venue.submit(order("a", Side.SELL, 100))
        assert sold.evidence is Evidence.FILLED
        show(venue, 110.0, 1)
        venue.on_funding(PERP, Decimal("0.001"), START + 2)
        venue.on_funding(PERP, Decimal("0.001"), START + 2)
        account = await venue.account()
    (paid,) = [one for one in news if isinstance(one, FundingReported)]
    assert (paid.amount, paid.instrument, paid.asset, paid.from_margin) == (Decimal("0.11"), PERP, "USD", None)
    assert account.totals["USD"] == Decimal(100_000) - Decimal("0.1") + Decimal("0.11")
    assert account.positions == {PERP: Decimal(-1)}


@EVERYWHERE
async def test_only_a_quote_that_may_closes_by_force_and_the_trade_alone_tells_of_it(
    tmp_path: Path, opened: Opened
) -> None:
    async with opened(tmp_path) as venue:
        news: list[VenueNews] = []
        venue.subscribe(news.append)
        await venue.set_leverage(PERP, 10)
        show(venue, 100.0)
        await venue.submit(order("a", Side.BUY, 100))
        show(venue, 90.0, 1)
        await venue.account()
        assert not [one for one in news if isinstance(one, PositionLiquidated)]
        news.clear()
        show(venue, 90.5, 2, liquidates=True)
        account = await venue.account()
        pulled = await venue.fills_after(0, "a")
    (told,) = news
    assert isinstance(told, PositionLiquidated)
    assert (told.instrument, told.side, told.lots, told.price) == (PERP, Side.SELL, 100, Decimal("90.5"))
    assert (told.realised, told.fee, told.cursor) == (Decimal("-9.5"), Decimal("0.0905"), 0)
    assert account.positions == {}
    assert account.totals["USD"] == Decimal(100_000) - Decimal("0.1") - Decimal("9.5") - Decimal("0.0905")
    bought, forced = pulled
    assert isinstance(bought, FillReported)
    assert bought.realised == 0
    assert isinstance(forced, PositionLiquidated)
    assert (forced.trade_id, forced.cursor) == (told.trade_id, 2)


async def test_a_venue_without_perpetuals_tells_no_positions(tmp_path: Path) -> None:
    async with running(tmp_path), remote(tmp_path) as venue:
        await venue.connect()
        assert (await venue.account()).positions is None


async def test_what_a_venue_was_told_outlives_its_process(tmp_path: Path) -> None:
    async with in_process(tmp_path) as venue:
        await venue.set_leverage(PERP, 4)
        show(venue, 100.0)
        await venue.submit(order("a", Side.BUY, 100))
        venue.on_funding(PERP, Decimal("0.001"), START + 2)
        before = (await venue.account()).totals
    async with in_process(tmp_path) as venue:
        venue.on_funding(PERP, Decimal("0.001"), START + 2)
        assert (await venue.account()).totals == before
        assert (await venue.read_margin(PERP)).leverage == 4.0
