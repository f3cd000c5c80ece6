"""How soon after a kill nothing is signed any more, and how soon nothing of ours is left at a venue."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import IO, Final

import msgspec

from bench.kill_bot import Signed
from bench.measuring import ROOT, Effort, Measure, scratch_folder
from bench.scene import FIRST_NS, PAIRS, PRICES, VENUES, listing, opened, surroundings
from quarterdeck.domain import ControlAsked, OrderKind, Side, ensure
from quarterdeck.engine import State, SweepVenue, step
from quarterdeck.exchange import Accepted, Exchange, NewOrder
from quarterdeck.orders import client_prefix
from quarterdeck.system import Hands, KillFile, Reach, WallClock, raise_kill
from quarterdeck.venues import PaperVenue, SigningGate

ORDERS: Final = 200
LAST_SIGNATURE_MS_MAX: Final = 50.0
SWEEP_S_MAX: Final = 30.0
SETTLE_S: Final = 1.0


def kill_switch(effort: Effort) -> list[Measure]:
    """Raise the kill while another process signs as fast as it can, and ask when it was first refused."""
    refused_us, durable_us = [], []
    with scratch_folder() as folder:
        path = folder / "kill"
        KillFile(path).close()
        command = [sys.executable, "-m", "bench.kill_process", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as signer:
            assert signer.stdin is not None
            assert signer.stdout is not None
            for _ in range(effort.rounds * effort.of(4, 1)):
                _arm(signer.stdin, signer.stdout)
                raised_ns = time.monotonic_ns()
                raise_kill(path)
                durable_us.append((time.monotonic_ns() - raised_ns) / 1e3)
                refused_us.append((int(signer.stdout.readline()) - raised_ns) / 1e3)
            signer.stdin.close()
    return [
        Measure("kill: raised → the last hop of another process refuses", "µs", refused_us),
        Measure("  kill: raised → the switch is durable", "µs", durable_us),
    ]


def kill_under_load(effort: Effort) -> list[Measure]:
    """Raise the kill while a bot sends orders as fast as it can, and ask when it signed the last one."""
    late_ms, counts = [], []
    for _ in range(effort.rounds):
        with scratch_folder() as folder:
            signed, raised_ns = _killed(folder)
        ensure(signed.count > 0, "the bot signed nothing, so there was nothing to stop")
        late_ms.append(max(0.0, (signed.last_ns - raised_ns) / 1e6))
        counts.append(float(signed.count))
    return [
        Measure("kill: decided → last signature of a bot at full load", "ms", late_ms, at_most=LAST_SIGNATURE_MS_MAX),
        Measure("  orders that it had signed by then", "", counts),
    ]


def _killed(folder: Path) -> tuple[Signed, int]:
    command = [sys.executable, "-m", "bench.kill_bot", str(folder / "w")]
    with ExitStack() as stack:
        bot = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        stack.callback(bot.kill)
        assert bot.stdout is not None
        ensure(bot.stdout.readline() == "armed\n", "the bot ended; it says why on stderr")
        _let_run(bot)
        raised_ns = time.monotonic_ns()
        raise_kill(folder / "w" / "run" / "kill")
        _let_run(bot)
        bot.send_signal(signal.SIGTERM)
        return msgspec.json.decode(bot.stdout.readline(), type=Signed), raised_ns


def _let_run(bot: subprocess.Popen[str]) -> None:
    with suppress(subprocess.TimeoutExpired):
        bot.wait(SETTLE_S)


def sweep(effort: Effort) -> list[Measure]:
    """Let the hands of a killed bot find and cancel 200 orders that its journal does not know."""
    took_s = [asyncio.run(_swept(effort.of(ORDERS, 20))) for _ in range(effort.rounds)]
    return [Measure("kill: 200 listed orders → none is left", "s", took_s, at_most=SWEEP_S_MAX)]


async def _swept(count: int) -> float:
    exchange = _exchange_with_orders(count)
    clock = WallClock()
    gate = SigningGate(clock, kill_epoch=lambda: 0, lease_end_steady_ns=lambda: None)
    venue = PaperVenue(exchange, "bench", clock, gate)
    state = _killed_state()
    hands = Hands(Reach({venue.name: venue}, clock, lambda _: None, lambda _: None), state)
    began_s = time.perf_counter()
    hands.do(SweepVenue(venue.name))
    await hands.settle()
    took_s = time.perf_counter() - began_s
    ensure(not exchange.open_orders("bench", exchange.now_ns), "orders are left at the venue")
    return took_s


def _exchange_with_orders(count: int) -> Exchange:
    venue, pair = VENUES[0], PAIRS[0]
    exchange = Exchange.opened(venue, [listing(venue, pair)])
    exchange.deposit("bench", "USD", Decimal(10**9))
    exchange.quote(surroundings(FIRST_NS).quotes[0], tradable=True)
    limit = Decimal(int(PRICES[pair] * 0.9))
    for number in range(count):
        client_id = f"{client_prefix('bench')}{number:013d}"[:18]
        order = NewOrder(client_id, pair, Side.BUY, OrderKind.LIMIT, Decimal("0.01"), limit)
        reply, _ = exchange.place("bench", order, signed_at_ns=FIRST_NS, at_ns=FIRST_NS)
        ensure(isinstance(reply, Accepted), f"order {number} does not rest: {reply}")
    return exchange


def _killed_state() -> State:
    state = opened()
    asked = ControlAsked(FIRST_NS, "kill", "kill", "bench", "bench", surroundings=surroundings(FIRST_NS))
    step(state, asked)
    return state


def _arm(stdin: IO[str], stdout: IO[str]) -> None:
    stdin.write("again\n")
    stdin.flush()
    ensure(stdout.readline() == "armed\n", "the signing process ended; it says why on stderr")
