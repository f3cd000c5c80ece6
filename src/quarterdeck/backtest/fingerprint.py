"""Hashes that tell whether two backtests saw the same data, and whether two runs planned the same orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

import numpy as np

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.outcome import FLIP, LIQUIDATION, SIGNAL, Outcome
from quarterdeck.backtest.plan import VENUE
from quarterdeck.backtest.trades import CAUSES
from quarterdeck.domain import Action, Side
from quarterdeck.market import Candles
from quarterdeck.orders import OrderLine, OrderList, client_id, client_prefix


def data_hash(candles: Mapping[str, Candles]) -> str:
    """Hash every bar of every instrument: names, timeframe, grid, times, prices and volumes."""
    digest = sha256()
    for instrument, bars in sorted(candles.items()):
        digest.update(f"{instrument} {bars.timeframe_ns} {bars.price_step!r} {len(bars)}\n".encode())
        for array in (bars.opened_at_ns, bars.open, bars.high, bars.low, bars.close, bars.volume):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def order_list_hash(board: Board, outcome: Outcome, bot: str) -> str:
    """Hash the planned orders, as a paper run of a bot of that name on a venue called `backtest` does."""
    lines = OrderList()
    for line in order_lines(board, outcome, bot):
        lines.add(line)
    return lines.hexdigest()


def order_lines(board: Board, outcome: Outcome, bot: str) -> Iterator[OrderLine]:
    """Give every planned order with the client order id that it would have; what the venue closed is no order."""
    prefix = client_prefix(bot)
    signalled: dict[int, str] = {}
    planned = 0
    for at_ns, bar, instrument, side, cause, lots, ticks in _orders(outcome):
        if cause == LIQUIDATION:
            continue
        name = board.instruments[instrument]
        if cause == SIGNAL:
            action = Action.BUY if side > 0 else Action.SELL
            intent = f"{bot}:{name}:{board.opened_at_ns[bar]}:{action}"
            signalled[instrument] = intent
        elif cause == FLIP:
            intent = f"{signalled[instrument]}:open"
        else:
            intent = f"{bot}:{name}:{VENUE}:{at_ns}:{planned}:{CAUSES[cause]}"
        yield OrderLine(
            at_ns=at_ns,
            client_id=client_id(prefix, intent, 0),
            venue=VENUE,
            instrument=name,
            side=(Side.BUY if side > 0 else Side.SELL).value,
            qty_lots=lots,
            limit_ticks=ticks or None,
        )
        planned += 1


def _orders(outcome: Outcome) -> Iterator[tuple[int, int, int, int, int, int, int]]:
    orders = outcome.orders
    names = ("planned_at_ns", "bar", "instrument", "side", "cause", "qty_lots", "limit_ticks")
    return zip(*(orders[name].tolist() for name in names), strict=True)
