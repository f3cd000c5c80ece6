"""
A bot that trades as fast as it can until it is told to end: `python -m bench.kill_bot FOLDER`.

A replay at full speed, with real venues in process and a real journal. It says `armed` once it trades, and at its end
when it last signed an order, on the machine's monotonic clock, and how many it signed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

import msgspec
from msgspec import Struct

from quarterdeck.config import create_workspace, load_bot
from quarterdeck.ports import OrderRequest
from quarterdeck.system import RunOptions, run_bot
from quarterdeck.venues import SigningGate

BOT: Final = "busy"
ARMED_AFTER: Final = 50

STRATEGY: Final = '''\
import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy


class Busy(Strategy):
    """Turn a position over on every bar."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        beat = candles.opened_at_ns // candles.timeframe_ns + (1 if candles.instrument == "ETH-USD" else 0)
        return Signals(np.where(beat % 2 == 0, 1, -1).astype(np.int8))
'''
YAML: Final = """\
name: busy
mode: paper
base_currency: USD
capital: "1000000"
exchanges:
  - {name: alpha, balances: {USD: "500000"}, fees: {maker: 0.0, taker: 0.0}, spread_bps: 1, depth_quote: 250000}
  - {name: beta, balances: {USD: "500000"}, fees: {maker: 0.0, taker: 0.0}, spread_bps: 1, depth_quote: 250000}
strategy: {name: busy, timeframe: 1m}
pairs: [BTC-USD, ETH-USD]
sizing: {kind: quote, value: "200"}
guardrails: {cooldown_s: 0, trades_max: 1000, collar_max: 0.6, concentration_max: 1}
"""


class Signed(Struct):
    """When the last order was signed, and how many were."""

    last_ns: int = 0
    count: int = 0


SIGNED: Final = Signed()


class CountingGate(SigningGate):
    """The last hop, which also looks at the clock whenever it signs."""

    def sign_at_ns(self, request: OrderRequest, validity_ns: int) -> int | str:
        signed = super().sign_at_ns(request, validity_ns)
        if isinstance(signed, int):
            SIGNED.last_ns = time.monotonic_ns()
            SIGNED.count += 1
            if SIGNED.count == ARMED_AFTER:
                print("armed", flush=True)
        return signed


def main(folder: Path) -> None:
    workspace = create_workspace(folder)
    (workspace.production / "busy.py").write_text(STRATEGY)
    workspace.bot_file(BOT).write_text(YAML)
    with patch("quarterdeck.system.wire.SigningGate", CountingGate):  # nothing else of the bot is other than usual
        run_bot(workspace, load_bot(workspace.bot_file(BOT), workspace), RunOptions(speed=None))
    print(msgspec.json.encode(SIGNED).decode(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
