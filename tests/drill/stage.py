"""The stage of a drill: a workspace, paper venues as processes of their own, and the bot as a process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from quarterdeck.config import BotConfig, BotFolder, Workspace, load_bot
from quarterdeck.domain import SECOND_NS, FillReported, OrderSeen
from quarterdeck.exchange import ExchangeState, Personality
from quarterdeck.ports import OrderRequest
from quarterdeck.system import ReplaySource, paper_config
from quarterdeck.venues import PAPER_PROCESS, PaperFile, RemotePaperVenue, RemoteSettings
from tests.conftest import ROOT
from tests.drill.plan import BotPlan, text_of

BOT: Final = "drill"
PAIRS: Final = ("BTC-USD", "ETH-USD")
MINUTE_NS: Final = 60 * SECOND_NS
BEGIN_NS: Final = 1_600_000_020 * SECOND_NS  # a full minute
READY_S: Final = 20.0
POLL_S: Final = 0.002

# Buys on one bar and sells on the next, each pair on its own beat, so that something is always under way.
CHURN: Final = """\
import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy


class Churn(Strategy):
    \"\"\"Turn a position over all the time.\"\"\"

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        beat = candles.opened_at_ns // candles.timeframe_ns + (1 if candles.instrument == "ETH-USD" else 0)
        return Signals(np.where(beat % 2 == 0, 1, -1).astype(np.int8))
"""

YAML: Final = """\
name: {bot}
mode: paper
base_currency: USD
capital: "100000"
exchanges:
{exchanges}
strategy: {{name: {strategy}, timeframe: 1m}}
pairs: [BTC-USD, ETH-USD]
sizing: {{kind: quote, value: "200"}}
risk: {{stop_loss: {stop_loss}, take_profit: {take_profit}}}
guardrails: {{{guardrails}}}
shutdown: {{orders: cancel}}
"""
USUAL_LIMITS: Final = "cooldown_s: 30, trades_max: 1000, collar_max: 0.6"
LOOSE_LIMITS: Final = "cooldown_s: 0, trades_max: 1000, collar_max: 0.6, concentration_max: 1"
_EXCHANGE: Final = """\
  - name: {name}
    balances: {{USD: "50000"}}
    fees: {{maker: {maker}, taker: {taker}, asset: {fee_asset}}}
    spread_bps: {spread}
    depth_quote: {depth}
    grid: {{BTC-USD: {{tick: "0.01", lot: "0.000001"}}, ETH-USD: {{tick: "0.01", lot: "0.00001"}}}}
"""


class Died(Exception):
    """A process that was to run has ended."""


class VenueProcess:
    """One paper venue in a process of its own, with a file that outlives it."""

    def __init__(self, config: BotConfig, name: str, folder: Path, personality: Personality, delay_ms: int) -> None:
        exchange = next(venue for venue in config.exchanges if venue.name == name)
        assert exchange.socket is not None
        self.name = name
        self.socket = exchange.socket
        self.config = msgspec.structs.replace(paper_config(config, exchange), personality=personality)
        self._file = folder / f"{name}.db"
        self._errors = folder / f"{name}.err"
        self._delay_ms = delay_ms
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", PAPER_PROCESS),
                    *("--file", str(self._file), "--socket", str(self.socket)),
                    *("--config", msgspec.json.encode(self.config).decode()),
                    *("--reply-delay-ms", str(self._delay_ms)),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said != b"ready\n":
            raise Died(f"venue {self.name} did not start: {self._errors.read_text()}")

    def freeze(self) -> None:
        """Let it take what is sent, and answer nothing any more."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=READY_S)
            if process.stdout is not None:
                process.stdout.close()

    def state(self) -> ExchangeState:
        """Read what it remembers; it must not run."""
        assert self._process is None, "a running venue keeps its file to itself"
        file = PaperFile(self._file)
        try:
            return file.exchange(self.config).state
        finally:
            file.close()

    def client_ids(self) -> set[str]:
        """Ask a running venue for every order of the bot that works or traded."""
        return asyncio.run(self._ask_client_ids())

    async def _ask_client_ids(self) -> set[str]:
        venue = self._reader()
        try:
            trades = await venue.fills_after(0, "")
            account = await venue.account()
        finally:
            await venue.aclose()
        ours = {trade.client_id for trade in trades if isinstance(trade, FillReported)}
        return ours | {order.client_id for order in account.orders}

    async def working(self) -> tuple[OrderSeen, ...]:
        """Ask a running venue which orders of the bot work."""
        venue = self._reader()
        try:
            return (await venue.account()).orders
        finally:
            await venue.aclose()

    def _reader(self) -> RemotePaperVenue:
        habits = self.config.personality
        settings = RemoteSettings(
            self.name, self.socket, BOT, habits.validity_ns, habits.shown_after_ns, stops=habits.stops
        )
        return RemotePaperVenue(settings, _NoTime(), _NoSigning())


class _NoTime:
    """A clock for somebody who only reads: the time that venues are told never goes on because of him."""

    def now_ns(self) -> int:
        return 0

    def steady_ns(self) -> int:
        return 0


class _NoSigning:
    def sign_at_ns(self, request: OrderRequest, validity_ns: int) -> int | str:
        return "this one only reads"


class BotProcess:
    """A bot in a process of its own."""

    def __init__(self, plan: BotPlan, log: Path, *, user: int | None = None) -> None:
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.drill.child", text_of(plan)],
                cwd=ROOT,
                stdout=out,
                stderr=err,
                user=user,
            )
        self.pid = self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=READY_S)

    def has_ended(self, within_s: float = POLL_S) -> bool:
        """Wait so long for its end."""
        try:
            self._process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def exit_code(self, within_s: float = 60.0) -> int:
        """Wait for its end."""
        try:
            return self._process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"process {self.pid} did not end within {within_s} s: {self.said()}") from None

    def until(self, condition: Callable[[], bool], what: str, within_s: float = READY_S) -> None:
        """Wait until something holds, as long as the process lives."""
        for _ in range(int(within_s / POLL_S)):
            if condition():
                return
            if self.has_ended():
                break
        if not condition():
            raise Died(f"{what} did not happen; process {self.pid}: {self._process.returncode}; {self.said()}")

    def said(self) -> str:
        """Give what it said on stderr."""
        return self._err.read_text()

    def summary(self) -> dict[str, object]:
        """Read the summary that it printed."""
        return msgspec.json.decode(self._out.read_bytes(), type=dict[str, object])

    def close(self) -> None:
        """End it if it still runs, paused or not."""
        if self._process.poll() is None:
            self.kill()


class Stage:
    """A workspace with one bot, its venues, and its processes."""

    def __init__(self, root: Path, socket_folder: Path) -> None:
        self.root = root
        self.workspace = Workspace(root / "ws")
        self.sockets = socket_folder
        self.venues: dict[str, VenueProcess] = {}
        self.bots: list[BotProcess] = []
        self.tapes: tuple[ReplaySource, ...] = ()

    @property
    def folder(self) -> BotFolder:
        return self.workspace.bot_folder(BOT)

    @property
    def config(self) -> BotConfig:
        return load_bot(self.workspace.bot_file(BOT), self.workspace)

    def write_bot(
        self,
        *,
        remote: bool,
        strategy: str = CHURN,
        stop_loss: str = "null",
        take_profit: str = "null",
        fee_asset: str = "quote",
        guardrails: str = USUAL_LIMITS,
    ) -> None:
        """Write the configuration of the bot and its strategy; `fee_asset` is that of the second venue."""
        for folder in ("bots", "strategies/production", "run"):
            (self.workspace.root / folder).mkdir(parents=True, exist_ok=True)
        (self.workspace.root / "quarterdeck.yaml").write_text("version: 1\n")
        (self.workspace.production / "churn.py").write_text(strategy)
        usual = {"maker": 0.001, "taker": 0.002, "spread": 2}
        alpha = _EXCHANGE.format(name="alpha", depth=250_000, fee_asset="quote", **usual)
        beta = _EXCHANGE.format(name="beta", depth=1_000, fee_asset=fee_asset, **usual)
        beta += "    basis_bps: 5\n    lag_bars: 1\n    seed: 5\n"
        if remote:
            alpha += f"    socket: {self.sockets}/alpha\n"
            beta += f"    socket: {self.sockets}/beta\n"
        text = YAML.format(
            bot=BOT,
            exchanges=alpha + beta,
            strategy="churn",
            stop_loss=stop_loss,
            take_profit=take_profit,
            guardrails=guardrails,
        )
        self.workspace.bot_file(BOT).write_text(text)

    def let_protect(self, *venues: str) -> None:
        """Let stop orders rest at these venues."""
        file = self.workspace.bot_file(BOT)
        text = file.read_text()
        for venue in venues:
            named = f"  - name: {venue}\n"
            text = text.replace(named, f"{named}    protective_orders: venue\n")
        file.write_text(text)

    def start_venues(self, personalities: dict[str, Personality], delay_ms: int) -> None:
        """Start every venue."""
        for name, personality in personalities.items():
            self.venues[name] = VenueProcess(self.config, name, self.root, personality, delay_ms)
            self.venues[name].start()

    def record(self, bars: int, seed: int = 1) -> None:
        """Write a recording of so many bars for each pair."""
        sources = []
        for pair, price in zip(PAIRS, (20_000.0, 1_500.0), strict=True):
            path = self.root / f"{pair}.csv"
            path.write_text(candles_csv(Random(f"{seed}:{pair}"), bars, price))
            sources.append(ReplaySource("alpha", pair, path))
        self.tapes = tuple(sources)

    def plan(self, **changes: object) -> BotPlan:
        """Say what a process of the bot does."""
        plan = BotPlan(workspace=self.workspace.root, bot=BOT, replay=self.tapes)
        return msgspec.structs.replace(plan, **changes)

    def run(self, plan: BotPlan, *, user: int | None = None) -> BotProcess:
        """Start the bot."""
        bot = BotProcess(plan, self.root / f"bot-{len(self.bots)}", user=user)
        self.bots.append(bot)
        return bot

    def close(self) -> None:
        """End whatever still runs."""
        for bot in self.bots:
            bot.close()
        for venue in self.venues.values():
            venue.kill()


@contextlib.contextmanager
def staged(root: Path) -> Iterator[Stage]:
    """Make a stage and clear it away; sockets lie elsewhere, as their paths must be short."""
    with tempfile.TemporaryDirectory(prefix="qd-") as sockets:
        stage = Stage(root, Path(sockets))
        try:
            yield stage
        finally:
            stage.close()


def candles_csv(random: Random, bars: int, price: float) -> str:
    """Write a wandering price as candles of one minute."""
    lines = ["timestamp,open,high,low,close,volume"]
    for number in range(bars):
        close = max(price * (1 + random.gauss(0.0, 0.002)), 1.0)
        high, low = max(price, close) * 1.0005, min(price, close) * 0.9995
        at_ms = (BEGIN_NS + number * MINUTE_NS) // 1_000_000
        lines.append(f"{at_ms},{price:.2f},{high + 0.01:.2f},{low - 0.01:.2f},{close:.2f},1.5")
        price = round(close, 2)
    return "\n".join(lines) + "\n"
