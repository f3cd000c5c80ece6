"""
Everything the kernel works on, found from one record that compiled functions hand to each other.

The record holds addresses of tables. A function that took the tables themselves would have each of them counted and
copied at every call, which costs more than the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from quarterdeck.backtest.kernel.compile import inlined
from quarterdeck.backtest.kernel.records import (
    Desk,
    FillRow,
    Limits,
    Mark,
    Note,
    Number,
    OrderRow,
    Payday,
    PaymentRow,
    RefusalRow,
    Slot,
    Speaking,
    Wallet,
    Whole,
    Window,
    Work,
    dtype_of,
)
from quarterdeck.backtest.outcome import FILL, ORDER, PAYMENT, REFUSAL

RECENT: Final = 0
PEAKS: Final = 1
SIGNALS_AT_ONCE: Final = 512

WALLET: Final = dtype_of(Wallet)
LIMITS: Final = dtype_of(Limits)
SLOT: Final = dtype_of(Slot)
WORK: Final = dtype_of(Work)
WINDOW: Final = dtype_of(Window)
MARK: Final = dtype_of(Mark)
NOTE: Final = dtype_of(Note)
SPEAKING: Final = dtype_of(Speaking)
PAYDAY: Final = dtype_of(Payday)
NUMBER: Final = dtype_of(Number)
WHOLE: Final = dtype_of(Whole)
SIGN: Final = np.dtype([("value", "i1")])


Numba = Any
"""What numba hands to those who extend it; it has no types of its own for that."""


def _find_record(_context: Numba, address: Numba, index: Numba, kind: Numba) -> Numba:
    """Find a record of a table by its place; nobody looks whether the table is that long."""
    record = kind.dtype

    def find(context: Numba, builder: Numba, signature: Numba, values: Numba) -> Numba:
        word = ir.IntType(64)
        place = context.cast(builder, values[1], signature.args[1], types.int64)
        step = builder.mul(place, ir.Constant(word, record.size))
        return builder.inttoptr(builder.add(values[0], step), context.get_value_type(record))

    return record(address, index, kind), find


_at: Final = cast("Callable[[int, int, Any], Any]", intrinsic(_find_record))


def _fetch_record(_context: Numba, address: Numba, index: Numba) -> Numba:  # noqa: ARG001 - numba asks for them
    """Have the memory fetch a float of a table while other things are done."""

    def fetch(_context: Numba, builder: Numba, _signature: Numba, values: Numba) -> Numba:
        word, byte = ir.IntType(64), ir.IntType(8).as_pointer()
        place = builder.inttoptr(builder.add(values[0], builder.mul(values[1], ir.Constant(word, 8))), byte)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        known = builder.module.globals.get("llvm.prefetch.p0")
        prefetch = known or ir.Function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [place, ir.Constant(number, 0), ir.Constant(number, 3), ir.Constant(number, 1)])
        return ir.Constant(word, 0)

    return types.int64(types.int64, types.int64), fetch


fetch_number: Final = cast("Callable[[int, int], int]", intrinsic(_fetch_record))


@inlined
def wallet_of(desk: Desk) -> Wallet:
    """Give the wallet."""
    found: Wallet = _at(desk.wallet_at, 0, WALLET)
    return found


@inlined
def limits_of(desk: Desk) -> Limits:
    """Give the thresholds."""
    found: Limits = _at(desk.limits_at, 0, LIMITS)
    return found


@inlined
def slot_of(desk: Desk, instrument: int) -> Slot:
    """Give what is known of an instrument."""
    found: Slot = _at(desk.slots_at, instrument, SLOT)
    return found


@inlined
def work_of(desk: Desk, place: int) -> Work:
    """Give a living order, in the order of planning."""
    found: Work = _at(desk.live_at, place, WORK)
    return found


@inlined
def window_of(desk: Desk, number: int) -> Window:
    """Give the loss-rate or the drawdown window."""
    found: Window = _at(desk.windows_at, number, WINDOW)
    return found


@inlined
def mark_of(window: Window, place: int) -> Mark:
    """Give a mark of the ring of a window."""
    found: Mark = _at(window.ring_at, place & window.mask, MARK)
    return found


@inlined
def order_of(desk: Desk, number: int) -> OrderRow:
    """Give an order as it is written down."""
    found: OrderRow = _at(desk.orders_at, number, ORDER)
    return found


@inlined
def note_of(desk: Desk, number: int) -> Note:
    """Give what is remembered of an order besides."""
    found: Note = _at(desk.notes_at, number, NOTE)
    return found


@inlined
def speaking_of(desk: Desk, number: int) -> Speaking:
    """Give one of the collected bars on which the strategy says something."""
    found: Speaking = _at(desk.speaking_at, number, SPEAKING)
    return found


@inlined
def payday_of(desk: Desk, number: int) -> Payday:
    """Give a settlement, in the order of time."""
    found: Payday = _at(desk.paydays_at, number, PAYDAY)
    return found


@inlined
def fill_of(desk: Desk, number: int) -> FillRow:
    """Give a trade as it is written down."""
    found: FillRow = _at(desk.fills_at, number, FILL)
    return found


@inlined
def refusal_of(desk: Desk, number: int) -> RefusalRow:
    """Give a refusal as it is written down."""
    found: RefusalRow = _at(desk.refusals_at, number, REFUSAL)
    return found


@inlined
def payment_of(desk: Desk, number: int) -> PaymentRow:
    """Give a funding payment as it is written down."""
    found: PaymentRow = _at(desk.payments_at, number, PAYMENT)
    return found


@inlined
def number_at(address: int, place: int) -> float:
    """Give a float of a table of floats."""
    found: float = _at(address, place, NUMBER).value
    return found


@inlined
def write_number(address: int, place: int, value: float) -> None:
    """Put a float into a table of floats."""
    _at(address, place, NUMBER).value = value


@inlined
def whole_at(address: int, place: int) -> int:
    """Give a whole number of a table of whole numbers."""
    found: int = _at(address, place, WHOLE).value
    return found


@inlined
def sign_at(address: int, place: int) -> int:
    """Give an action of a table of actions."""
    found: int = _at(address, place, SIGN).value
    return found


@inlined
def move_work(desk: Desk, to: int, place: int) -> None:
    """Move a living order to another place of the list."""
    target, source = work_of(desk, to), work_of(desk, place)
    target.order = source.order
    target.instrument = source.instrument
    target.sign = source.sign
    target.effect = source.effect
    target.lots = source.lots
    target.limit_ticks = source.limit_ticks
    target.price = source.price
    target.need_lot = source.need_lot
    target.lock = source.lock
    target.lock_low = source.lock_low
    target.planned_at_ns = source.planned_at_ns
    target.is_placed = source.is_placed
    target.is_leaving = source.is_leaving


def address_of(table: NDArray[Any]) -> int:
    """Tell where a table lies in memory."""
    return int(table.ctypes.data)
