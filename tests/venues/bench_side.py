"""What the tests of the venues share: a clock in hand, an open gate, requests, and the paper venue as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import msgspec

from quarterdeck.domain import OrderKind, Side
from quarterdeck.exchange import Personality
from quarterdeck.ports import CancelRequest, OrderRequest
from quarterdeck.venues import PAPER_PROCESS, PaperConfig, RemotePaperVenue, RemoteSettings, SigningGate
from tests.exchange.trading_floor import ACCOUNT, PAIR, SECOND, listing

START = 1_000 * SECOND
NEVER = 1 << 62


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.wall_ns = START
        self.steady = 0

    def now_ns(self) -> int:
        return self.wall_ns

    def steady_ns(self) -> int:
        return self.steady


def open_gate(clock: HandClock) -> SigningGate:
    return SigningGate(clock, kill_epoch=lambda: 0, lease_end_steady_ns=lambda: NEVER)


def request(
    client_id: str, side: Side = Side.BUY, lots: int = 10, *, price: str | None = None, send_by_ns: int = NEVER
) -> OrderRequest:
    return OrderRequest(
        client_id=client_id,
        venue="alpha",
        instrument=PAIR,
        side=side,
        order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        qty_lots=lots,
        qty=lots * Decimal("0.01"),
        limit=None if price is None else Decimal(price),
        send_by_ns=send_by_ns,
        kill_epoch=0,
    )


def cancel_of(client_id: str) -> CancelRequest:
    return CancelRequest(client_id, "alpha", PAIR)


def config(personality: Personality | None = None) -> PaperConfig:
    return PaperConfig(
        venue="alpha",
        listings=(listing(),),
        accounts={ACCOUNT: {"USD": Decimal(100_000), "BTC": Decimal(100)}},
        personality=personality or Personality(),
        clock="told",
    )


async def start_process(folder: Path, setup: PaperConfig | None = None, *options: str) -> asyncio.subprocess.Process:
    """Start a paper venue on `folder` and wait until it listens, or has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        PAPER_PROCESS,
        *("--file", str(folder / "venue.db")),
        *("--socket", str(folder / "s")),
        *("--config", msgspec.json.encode(setup or config()).decode()),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() in {b"ready\n", b""}
    return process


@asynccontextmanager
async def running(
    folder: Path, setup: PaperConfig | None = None, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a paper venue; it is ended on the way out if it still runs."""
    process = await start_process(folder, setup, *options)
    try:
        yield process
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """End a process with SIGTERM, if it has not ended yet; return its exit code and what it said on stderr."""
    if process.returncode is None:
        # Not process.terminate(): on a process that just ended it would reap it before asyncio does.
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


@asynccontextmanager
async def remote(
    folder: Path, clock: HandClock | None = None, *, timeout_s: float = 5.0, connect_timeout_s: float = 5.0
) -> AsyncIterator[RemotePaperVenue]:
    hands = clock or HandClock()
    settings = RemoteSettings("alpha", folder / "s", ACCOUNT, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s)
    venue = RemotePaperVenue(settings, hands, open_gate(hands))
    try:
        yield venue
    finally:
        await venue.aclose()
