"""A finished backtest, as it is handed out."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.findings import Findings
from quarterdeck.backtest.plot import Figure, draw
from quarterdeck.backtest.report import write_report
from quarterdeck.backtest.times import iso_time
from quarterdeck.backtest.trades import STATES


class BacktestResult(Findings):
    """A finished backtest: its findings, and how they are shown, reported and written down."""

    def plot(self, path: Path | str | None = None) -> Figure:
        """
        Draw equity, drawdown, buy and hold, prices and trades.

        Args:
            path: Where to write the picture, as `.svg` or `.html`; None writes nothing.

        Returns:
            The picture; a notebook shows it.
        """
        figure = draw(self)
        if path is not None:
            figure.write(Path(path))
        return figure

    def report(self, path: Path | str) -> Path:
        """
        Write everything into one HTML file that needs nothing else.

        Raises:
            ConfigError: If it cannot be written.
        """
        return write_report(self, Path(path))

    def to_json(self, *, trades: bool = False) -> str:
        """
        Put it into words for programs: money as strings, statistics as numbers, null where there is no answer.

        Args:
            trades: Whether every round trip is written too.
        """
        scene, outcome = self.scene, self.scene.outcome
        document: dict[str, object] = {
            "strategy": {"name": scene.strategy.name, "parameters": scene.strategy.parameters},
            "engine": scene.settings.engine,
            "instruments": list(scene.board.instruments),
            "timeframe_s": scene.board.timeframe_ns / 1e9,
            "from_at": iso_time(int(scene.board.opened_at_ns[0])),
            "to_at": iso_time(int(self.closed_at_ns[-1])),
            "bars": len(self.equity),
            "cash": _money(scene.settings.cash),
            "guardrails": scene.settings.guardrails is not None,
            "stats": {name: _number(value) for name, value in self.stats.as_dict().items()},
            "orders": {"planned": len(self.orders)} | _counted(self.orders["state"]),
            "fills": len(outcome.fills),
            "refusals": self.refusals,
            "assumptions": self.assumptions,
            "data_hash": self.data_hash,
            "order_list_hash": self.order_list_hash,
        }
        if trades:
            document["trades"] = [_trade(row) for row in self.trades]
        return msgspec.json.encode(document).decode()


def _counted(states: NDArray[np.str_]) -> dict[str, int]:
    return {state: int(np.count_nonzero(states == state)) for state in STATES}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _money(amount: float) -> str:
    return f"{amount:.8f}".rstrip("0").rstrip(".")


def _trade(row: np.void) -> dict[str, object]:
    money = ("qty", "entry_price", "exit_price", "profit", "fees", "funding")
    return {
        "instrument": str(row["instrument"]),
        "side": str(row["side"]),
        "entry_at": iso_time(int(row["entry_at_ns"])),
        "exit_at": iso_time(int(row["exit_at_ns"])),
        **{name: _money(float(row[name])) for name in money},
        "profit_share": float(row["profit_share"]),
        "bars": int(row["bars"]),
        "cause": str(row["cause"]),
        "is_open": bool(row["is_open"]),
    }
