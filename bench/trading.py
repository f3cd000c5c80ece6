"""How fast the paper venue trades as a process of its own behind its socket."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench.measuring import Effort, Measure, Spent, scratch_folder
from bench.scene import FIRST_NS, PRICES, VENUES, listing, surroundings
from quarterdeck.domain import Evidence, OrderKind, Quote, Side, ensure
from quarterdeck.ports import OrderRequest
from quarterdeck.venues import PAPER_PROCESS, PaperConfig, RemotePaperVenue, RemoteSettings, SigningGate

ACCOUNT: Final = "bench"
VENUE: Final = VENUES[0]
PAIR: Final = next(iter(PRICES))
QTY: Final = Decimal("0.001")
NEVER_NS: Final = 2**62
MONEY: Final = {"USD": Decimal(10**9), "BTC": Decimal(10**6)}


class StandingClock:
    """A clock that stands still: the venue is told the time."""

    def now_ns(self) -> int:
        return FIRST_NS

    def steady_ns(self) -> int:
        return 0


def paper_process(effort: Effort) -> list[Measure]:
    """Send market orders to a paper venue in its own process, one after another and sixteen at once."""
    return asyncio.run(_paper_process(effort))


async def _paper_process(effort: Effort) -> list[Measure]:
    count, alone, crowded = effort.of(320, 32), [], []
    numbers = itertools.count()
    async with _venue() as venue:
        for turn in range(effort.rounds):
            venue.on_quote(_quote(FIRST_NS + turn), tradable=True)
            single, crowd = Spent(), Spent()
            with single.measured():
                for _ in range(count):
                    await _submit(venue, next(numbers))
            with crowd.measured():
                for _ in range(count // 16):
                    await asyncio.gather(*(_submit(venue, next(numbers)) for _ in range(16)))
            alone.append(count / single.wall_s)
            crowded.append(count / crowd.wall_s)
    return [
        Measure("paper venue in its own process, one order at a time", "/s", alone),
        Measure("  sixteen orders at once", "/s", crowded),
    ]


async def _submit(venue: RemotePaperVenue, number: int) -> None:
    request = OrderRequest(
        client_id=f"c{number:017d}",
        venue=VENUE,
        instrument=PAIR,
        side=_side(number),
        order_kind=OrderKind.MARKET,
        qty_lots=int(QTY / listing(VENUE, PAIR).lot),
        qty=QTY,
        limit=None,
        send_by_ns=NEVER_NS,
        kill_epoch=0,
    )
    report = await venue.submit(request)
    ensure(report.evidence in (Evidence.ACKNOWLEDGED, Evidence.FILLED), f"order {number}: {report}")


@asynccontextmanager
async def _venue() -> AsyncIterator[RemotePaperVenue]:
    """Start the process, its file on the disk of the checkout and its socket where paths are short."""
    setup = PaperConfig(venue=VENUE, listings=(listing(VENUE, PAIR),), accounts={ACCOUNT: MONEY}, clock="told")
    with scratch_folder() as folder, TemporaryDirectory() as near:
        socket = Path(near) / "s"
        command = ["-m", PAPER_PROCESS, "--file", str(folder / "venue.db"), "--socket", str(socket)]
        config = msgspec.json.encode(setup).decode()
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--config", config, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        ensure(await process.stdout.readline() == b"ready\n", "the paper venue did not start; it says why on stderr")
        venue = RemotePaperVenue(RemoteSettings(VENUE, socket, ACCOUNT), StandingClock(), _open_gate())
        try:
            yield venue
        finally:
            await venue.aclose()
            process.send_signal(signal.SIGTERM)
            await process.wait()


def _open_gate() -> SigningGate:
    return SigningGate(StandingClock(), kill_epoch=lambda: 0, lease_end_steady_ns=lambda: NEVER_NS)


def _quote(at_ns: int) -> Quote:
    return surroundings(at_ns).quotes[0]


def _side(number: int) -> Side:
    return Side.BUY if number % 2 == 0 else Side.SELL
