"""A last hop that signs as fast as it can until it is killed: `python -m bench.kill_process KILL_FILE`."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Final

from quarterdeck.domain import OrderKind, Side
from quarterdeck.ports import OrderRequest
from quarterdeck.system import KillFile, WallClock
from quarterdeck.venues import SigningGate

NEVER_NS: Final = 2**62


def main() -> None:
    """Say `armed`, sign until the gate refuses, say when that was, and begin again; stdin's end ends it."""
    kill = KillFile(Path(sys.argv[1]))
    gate = SigningGate(WallClock(), kill_epoch=kill.epoch, lease_end_steady_ns=lambda: NEVER_NS)
    while sys.stdin.readline():
        request = _request(kill.epoch())
        print("armed", flush=True)
        while isinstance(gate.sign_at_ns(request, 0), int):
            pass
        print(time.monotonic_ns(), flush=True)


def _request(epoch: int) -> OrderRequest:
    return OrderRequest("c1", "alpha", "BTC-USD", Side.BUY, OrderKind.MARKET, 1, Decimal(1), None, NEVER_NS, epoch)


if __name__ == "__main__":
    main()
