"""Orders and fills for people, and the round trips that they add up to."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.outcome import LIQUIDATION, Outcome
from quarterdeck.backtest.records import Records, worded
from quarterdeck.domain import ensure
from quarterdeck.market import prices_from

CAUSES: Final = ("signal", "stop_loss", "take_profit", "trailing_stop", "flip", "liquidation")
STATES: Final = ("working", "filled", "cancelled", "rejected", "expired")
STILL_OPEN: Final = "open"

_SIDES: Final = ("none", "buy", "sell")  # code -1 is the last
_EFFECTS: Final = ("opening", "reducing")
_KINDS: Final = ("market", "limit")
_LIQUIDITY: Final = ("taker", "maker")


def on_grids(whole: NDArray[Any], instrument: NDArray[Any], steps: tuple[float, ...]) -> NDArray[np.float64]:
    """Turn whole ticks or lots into prices or quantities, each on the grid of its instrument."""
    values = np.empty(len(whole), dtype=np.float64)
    for index, step in enumerate(steps):
        own = instrument == index
        values[own] = prices_from(whole[own], step)
    return values


def order_rows(board: Board, outcome: Outcome) -> Records:
    """
    List every order in the order of decision.

    `qty` and `filled` are in base units, `limit` in quote per base, NaN for a market order; `bar` is the place of the
    timeline on whose close, or inside of which, it was decided.
    """
    orders = outcome.orders
    instrument = orders["instrument"]
    limit = on_grids(orders["limit_ticks"], instrument, board.price_step)
    return Records.of(
        {
            "planned_at_ns": orders["planned_at_ns"],
            "bar": orders["bar"],
            "instrument": worded(board.instruments, instrument),
            "side": worded(_SIDES, orders["side"]),
            "effect": worded(_EFFECTS, orders["effect"]),
            "cause": worded(CAUSES, orders["cause"]),
            "kind": worded(_KINDS, orders["kind"]),
            "state": worded(STATES, orders["state"]),
            "qty": on_grids(orders["qty_lots"], instrument, board.lot),
            "limit": np.where(orders["limit_ticks"] > 0, limit, np.nan),
            "filled": on_grids(orders["filled_lots"], instrument, board.lot),
        }
    )


def fill_rows(board: Board, outcome: Outcome) -> Records:
    """
    List every fill in order of time.

    `qty` is in base units, `price` in quote per base; `notional`, `fee` and `realised` (before fees) in quote. `order`
    is the row of its order, -1 where the venue closed a position without one.
    """
    fills = outcome.fills
    instrument = fills["instrument"]
    qty = on_grids(fills["qty_lots"], instrument, board.lot)
    price = on_grids(fills["price_ticks"], instrument, board.price_step)
    return Records.of(
        {
            "at_ns": fills["at_ns"],
            "bar": fills["bar"],
            "order": fills["order"],
            "instrument": worded(board.instruments, instrument),
            "side": worded(_SIDES, fills["side"]),
            "cause": worded(CAUSES, _causes(outcome)),
            "liquidity": worded(_LIQUIDITY, fills["liquidity"]),
            "qty": qty,
            "price": price,
            "notional": qty * price,
            "fee": fills["fee"],
            "realised": fills["realised"],
        }
    )


class Trips(Struct, frozen=True, eq=False):
    """
    Round trips as numbers, in the order of their entries; every array has the shape (trades,).

    A trip begins with the fill that leaves a flat pair with a position, and ends with the one that leaves it flat
    again. One that has not ended is valued at the last close. `direction` is +1 long, -1 short; `cause` that of the
    fill that ended it; `entry_place` and `exit_place` are the places of the timeline between which it was held.
    Everything but `qty` and the prices is in quote.
    """

    instrument: NDArray[np.int64]
    direction: NDArray[np.int64]
    is_open: NDArray[np.bool_]
    qty: NDArray[np.float64]
    entry_at_ns: NDArray[np.int64]
    entry_place: NDArray[np.int64]
    entry_price: NDArray[np.float64]
    exit_at_ns: NDArray[np.int64]
    exit_place: NDArray[np.int64]
    exit_price: NDArray[np.float64]
    cause: NDArray[np.int64]
    cost: NDArray[np.float64]
    fees: NDArray[np.float64]
    funding: NDArray[np.float64]
    profit: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.qty)


def round_trips(board: Board, outcome: Outcome) -> Trips:
    """Fold the fills into round trips."""
    fills = outcome.fills
    by_instrument = np.argsort(fills["instrument"], kind="stable")
    rows = fills[by_instrument]
    instrument = rows["instrument"].astype(np.int64)
    moved = rows["qty_lots"] * rows["side"]
    held = _held_after(instrument, moved)
    ensure(not bool((held * (held - moved) < 0).any()), "a fill turned a position round; closing comes before opening")
    first = np.flatnonzero(held == moved)
    last = np.append(first[1:], len(rows)) - 1 if len(first) else first
    direction = np.sign(moved[first]).astype(np.int64)
    direction_of = np.repeat(direction, last - first + 1)
    qty = on_grids(rows["qty_lots"], instrument, board.lot)
    notional = qty * on_grids(rows["price_ticks"], instrument, board.price_step)
    enters = moved * direction_of > 0

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(values, first) if len(first) else np.zeros(0)

    qty_in, cost = summed(np.where(enters, qty, 0.0)), summed(np.where(enters, notional, 0.0))
    proceeds, realised, fees = summed(np.where(enters, 0.0, notional)), summed(rows["realised"]), summed(rows["fee"])
    is_open = held[last] != 0
    left = on_grids(np.abs(held[last]), instrument[first], board.lot)
    left_worth = left * _last_closes(board)[instrument[first]]
    open_profit = np.where(is_open, direction * (left_worth - (cost - proceeds + direction * realised)), 0.0)
    end_ns, places = int(board.opened_at_ns[-1]) + board.timeframe_ns, len(board.opened_at_ns)
    trips = Trips(
        instrument=instrument[first],
        direction=direction,
        is_open=is_open,
        qty=qty_in,
        entry_at_ns=rows["at_ns"][first],
        entry_place=_places(board, rows[first]),
        entry_price=cost / qty_in,
        exit_at_ns=np.where(is_open, end_ns, rows["at_ns"][last]),
        exit_place=np.where(is_open, places, _places(board, rows[last])),
        exit_price=np.where(is_open, proceeds + left_worth, proceeds) / qty_in,
        cause=_causes(outcome)[by_instrument][last],
        cost=cost,
        fees=fees,
        funding=np.zeros(len(first)),
        profit=realised + open_profit - fees,
    )
    entered_inside = _fills_inside(board, rows[first])
    return _sorted(_with_funding(board, outcome, trips, entered_inside), by_instrument[first])


def trade_rows(board: Board, trips: Trips) -> Records:
    """
    List every round trip by its entry.

    `qty` is what was entered, in base units; prices are averages, in quote per base. `profit`, `fees` and `funding` are
    in quote, the profit after both; `profit_share` is it over what was entered. `bars` counts the bars of the
    timeline for which it was held; `cause` says why it ended, `open` where it has not: then the exit is the last close.
    """
    causes = np.where(trips.is_open, STILL_OPEN, worded(CAUSES, trips.cause))
    return Records.of(
        {
            "instrument": worded(board.instruments, trips.instrument),
            "side": np.where(trips.direction > 0, "long", "short"),
            "qty": trips.qty,
            "entry_at_ns": trips.entry_at_ns,
            "entry_price": trips.entry_price,
            "exit_at_ns": trips.exit_at_ns,
            "exit_price": trips.exit_price,
            "profit": trips.profit,
            "profit_share": trips.profit / trips.cost,
            "fees": trips.fees,
            "funding": trips.funding,
            "bars": trips.exit_place - trips.entry_place,
            "cause": causes,
            "is_open": trips.is_open,
        }
    )


def _held_after(instrument: NDArray[np.int64], moved: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum what was held of its instrument after each fill; fills of one instrument stand together."""
    total = np.cumsum(moved)
    begins = np.flatnonzero(np.diff(instrument, prepend=-1))
    before = np.append(0, total)[begins]
    held: NDArray[np.int64] = total - np.repeat(before, np.diff(np.append(begins, len(moved))))
    return held


def _causes(outcome: Outcome) -> NDArray[np.int64]:
    """Say why each fill came about; one without an order was the venue's doing."""
    order = outcome.fills["order"]
    causes = np.full(len(order), LIQUIDATION, dtype=np.int64)
    causes[order >= 0] = outcome.orders["cause"][order[order >= 0]]
    return causes


def _places(board: Board, rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Say from which place of the timeline on a fill counts: what fills inside a bar counts from its close."""
    places: NDArray[np.int64] = rows["bar"] + _fills_inside(board, rows)
    return places


def _fills_inside(board: Board, rows: NDArray[np.void]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = rows["at_ns"] > board.opened_at_ns[rows["bar"]]
    return inside


def _last_closes(board: Board) -> NDArray[np.float64]:
    """Find the last close of each instrument."""
    closes = np.empty(len(board.instruments))
    for index, close in enumerate(board.close):
        last = close[-1]
        closes[index] = last if last == last else close[np.flatnonzero(close == close)[-1]]  # noqa: PLR0124 - not NaN
    return closes


def _with_funding(board: Board, outcome: Outcome, trips: Trips, entered_inside: NDArray[np.bool_]) -> Trips:
    """Book each funding payment on the trip that was open then; trips of one instrument stand together."""
    payments = outcome.funding
    if not len(payments):
        return trips
    funding = np.zeros(len(trips))
    origin = int(board.opened_at_ns[0])
    # Of one instant, first what filled inside the bar that ends then, then the payment, then what fills at the open.
    entry_key = (trips.entry_at_ns - origin) * 4 + np.where(entered_inside, 0, 2)
    for index in range(len(board.instruments)):
        own, paid = np.flatnonzero(trips.instrument == index), payments[payments["instrument"] == index]
        if not len(own) or not len(paid):
            continue
        trip = np.searchsorted(entry_key[own], (paid["at_ns"] - origin) * 4 + 1) - 1
        ensure(bool((trip >= 0).all()), "funding was paid before anything was held")
        funding += np.bincount(own[trip], weights=paid["amount"], minlength=len(trips))
    fields = {name: getattr(trips, name) for name in trips.__struct_fields__}
    return Trips(**fields | {"funding": funding, "profit": trips.profit + funding})


def _sorted(trips: Trips, entry_row: NDArray[np.int64]) -> Trips:
    order = np.argsort(entry_row, kind="stable")
    return Trips(**{name: getattr(trips, name)[order] for name in trips.__struct_fields__})
