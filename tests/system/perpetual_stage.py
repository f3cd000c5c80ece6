"""A bot on one perpetual whose bars, signals and funding a test writes down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from quarterdeck.config import BotConfig, Workspace, load_bot
from quarterdeck.domain import Fact, Input
from quarterdeck.journal import SqliteReader, decode_body, decode_facts
from quarterdeck.system import ReplaySource, RunOptions, RunSummary, run_bot
from tests.drill.stage import VenueProcess

PERP: Final = "BTC-USDT:USDT"
BOT: Final = "perp"
VENUE: Final = "alpha"
MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS
BEGIN_NS: Final = 472_222 * HOUR_NS
TIMEFRAMES: Final = {"1m": MINUTE_NS, "1h": HOUR_NS}

# Says what the volume of a bar says: 1 buys, 2 sells.
TOLD: Final = """\
import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy


class Told(Strategy):
    \"\"\"Say what the recording says.\"\"\"

    window_bars = 1

    def signals(self, candles: Candles) -> Signals:
        \"\"\"Read the volume.\"\"\"
        return Signals(np.where(candles.volume == 1, 1, np.where(candles.volume == 2, -1, 0)).astype(np.int8))
"""

_YAML: Final = """\
name: {bot}
base_currency: USDT
exchanges:
  - name: alpha
    balances: {{USDT: "10000"}}
    fees: {{maker: 0.0, taker: 0.001}}
    spread_bps: 0
    depth_quote: 1e12
    perpetuals: {{leverage_max: 50, maintenance: 0.01}}
    grid: {{"{perp}": {{tick: "0.1", lot: "0.001"}}}}
{more}strategy: {{name: told, timeframe: {timeframe}}}
pairs: ["{perp}"]
sizing: {{kind: quote, value: "1000"}}
risk: {{{risk}}}
orders: {{{orders}}}
guardrails: {{order_value_max_quote: 100000, order_value_max_share: 1, concentration_max: 10, cooldown_s: 0,
  trades_max: 1000, daily_loss_max: 1, drawdown_max: 1, loss_rate_max: 1, unexecuted_max: 1, leverage_max: 50,
  liquidation_multiple_min: 0, collar_max: 1, collar_exit_max: 1}}
"""


class Written(NamedTuple):
    """A bar as a test writes it down; `says` is what the strategy says on its close: 1 buys, 2 sells."""

    open: float
    high: float
    low: float
    close: float
    says: int = 0


def flat(price: float, says: int = 0) -> Written:
    """A bar that stands still."""
    return Written(price, price, price, price, says)


class PerpetualStage:
    """A workspace with one bot on one perpetual."""

    def __init__(self, root: Path, *, timeframe: str = "1m", risk: str = "short: true", orders: str = "") -> None:
        self.root = root
        self.workspace = Workspace(root / "ws")
        self.timeframe = timeframe
        self.timeframe_ns = TIMEFRAMES[timeframe]
        self._risk, self._orders = risk, orders
        self._path = root / "bars.csv"
        for folder in ("bots", "strategies/production", "run"):
            (self.workspace.root / folder).mkdir(parents=True, exist_ok=True)
        (self.workspace.root / "quarterdeck.yaml").write_text("version: 1\n")
        (self.workspace.production / "told.py").write_text(TOLD)
        self._write("")

    def _write(self, more: str) -> None:
        text = _YAML.format(
            bot=BOT, perp=PERP, more=more, timeframe=self.timeframe, risk=self._risk, orders=self._orders
        )
        self.workspace.bot_file(BOT).write_text(text)

    @property
    def config(self) -> BotConfig:
        return load_bot(self.workspace.bot_file(BOT), self.workspace)

    def pay(self, settlements: Sequence[tuple[int, float]], socket: Path | None = None) -> None:
        """Record funding: instants after the first open, with their rates; behind a socket where one is named."""
        lines = [f"{(BEGIN_NS + after_ns) // 10**6},{rate}" for after_ns, rate in settlements]
        (self.workspace.root / "funding.csv").write_text("\n".join(["timestamp,funding_rate", *lines]) + "\n")
        more = f'    funding: {{"{PERP}": funding.csv}}\n'
        self._write(more if socket is None else f"{more}    socket: {socket}\n")

    def record(self, bars: Sequence[Written | None]) -> None:
        """Write the recording; None is a bar that is missing."""
        lines = ["timestamp,open,high,low,close,volume"]
        for number, bar in enumerate(bars):
            if bar is not None:
                opened_ms = (BEGIN_NS + number * self.timeframe_ns) // 10**6
                lines.append(",".join(map(str, (opened_ms, *bar))))
        self._path.write_text("\n".join(lines) + "\n")

    def played(self, cycles: int | None = None) -> RunSummary:
        """Run the bot on its recording; what works when it ends goes on working."""
        config = msgspec.structs.replace(self.config, cancel_on_shutdown=False)
        source = ReplaySource(VENUE, PERP, self._path)
        return run_bot(self.workspace, config, RunOptions(replay=(source,), speed=None, cycles=cycles))

    def venue_process(self) -> VenueProcess:
        """Make the venue a process of its own, not started yet."""
        config = self.config
        return VenueProcess(config, VENUE, self.root, config.exchanges[0].personality, 0)

    def facts(self) -> list[Fact]:
        """Read every fact of the journal."""
        with SqliteReader(self.workspace.bot_folder(BOT).journal) as reader:
            return [fact for row in reader.rows() for fact in decode_facts(row.body)]

    def news(self) -> list[Input]:
        """Read every input of the journal."""
        with SqliteReader(self.workspace.bot_folder(BOT).journal) as reader:
            return [decode_body(row.body)[0] for row in reader.rows()]

    def log(self) -> str:
        """Read what was complained of."""
        return self.workspace.bot_folder(BOT).log.read_text()

    def open_of(self, bar: int) -> int:
        """Say when a bar opened."""
        return BEGIN_NS + bar * self.timeframe_ns
