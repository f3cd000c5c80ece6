"""
What the kernel knows while it runs, as records of numbers: each class names the fields of one.

Compiled code reads and writes them in place. Money is kept in atoms, the smallest step of any sum in a run, so that
sums of it are whole numbers and exact; everything else is in quote, base units or nanoseconds.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, get_type_hints

import numpy as np
from numpy.typing import NDArray

_KINDS: Final = {int: "i8", float: "f8"}


class Desk:
    """Where everything lies in memory, and how much of it there is."""

    wallet_at: int
    limits_at: int
    slots_at: int
    live_at: int
    windows_at: int
    orders_at: int
    notes_at: int
    fills_at: int
    refusals_at: int
    payments_at: int
    speaking_at: int
    paydays_at: int
    slots: int
    records_max: int  # room in each of the tables that are written down
    # The bars of all instruments, one row after the other, and what the strategy says on each.
    bars: int
    opened_at: int
    open_at: int
    high_at: int
    low_at: int
    close_at: int
    action_at: int
    equity_at: int


class Wallet:
    """The money of the bot, what it is marked at, and what holds it back. One for all instruments."""

    # Settings.
    scale: float  # atoms in one of quote
    fine: float  # parts in an atom, so fine that what a lot costs with its fee is a whole number of them
    fee_step: float  # atoms
    timeframe_ns: int
    mark_every_ns: int
    mark_age_ns_max: int
    order_timeout_ns: int
    entries_max: int
    sizing_kind: int  # QUOTE, EQUITY_SHARE or BASE
    sizing_value: float
    entry_kind: int  # MARKET or LIMIT
    entry_offset: float
    stop_loss: float  # NaN where there is none; so with the two that follow
    take_profit: float
    trailing_stop: float
    has_perpetuals: int
    maintenance: float
    stop: float  # the nearer of the two stops, NaN without any
    allows_short: int
    band: float
    has_levels: int
    has_trailing: int
    # Money.
    cash: float  # atoms
    cash_low: float  # atoms that the sum above cannot hold
    money: float  # quote
    # Marks.
    marked_at_ns: int
    equity: float  # NaN where the last mark could not be taken
    units: float
    index: float
    index_peak: float
    day_ns: int
    day_open: float
    # Holds, with the instant at which each ends; 0 for none.
    paused_until_ns: int
    day_lost_until_ns: int
    fallen_until_ns: int
    is_down_for_good: int
    # Counts.
    executions: int
    live: int
    positions: int  # instruments that are held
    marked: int  # those held at the last mark
    orders: int
    fills: int
    refusals: int
    payments: int
    paydays: int  # settlements that are past
    payday_ns: int  # the next one
    flips: int  # instruments whose opposite side is awaited
    heard_ns: int  # close of the place before, 0 at first
    place: int
    # What the curve of equity came to.
    worth_peak: float
    fall_max: float


class Limits:
    """The thresholds of the guardrails, and the bot's own where they speak of the same thing."""

    order_value_max_quote: float
    order_value_max_share: float
    daily_loss_max: float
    drawdown_max: float
    drawdown_ever_max: float  # infinite for none; so is the next
    position_max: float
    drawdown_window_ns: int
    loss_rate_max: float
    loss_rate_window_ns: int
    loss_rate_pause_ns: int
    concentration_max: float
    cooldown_s: float
    cooldown_ns: int
    trades_max: int
    trades_window_ns: int
    headroom_share: float
    collar_max: float
    collar_exit_max: float
    book_walk_max: float
    data_age_max_s: float
    data_age_exit_max_s: float
    qty_value_multiple: float
    open_orders_max: int
    open_orders_pair_max: int
    unexecuted_max: float
    duplicate_window_ns: int
    clock_skew_max_ms: float
    rejects_max: int
    executions_max: int  # below zero for none
    leverage_max: float
    is_isolated: int
    liquidation_multiple_min: float
    needs_no_stop: int
    strict_exits: int
    exempt: int  # the rules whose refusal does not hold up an exit


class Slot:
    """One instrument: its grid and costs, the position in it, and its latest price."""

    # Grid and costs.
    lot: float
    lots_per_unit: float  # 0 where that is not a whole number
    tick: float
    leverage: float
    asset: int  # the first instrument of the same base asset
    atoms: float  # in a lot times a tick
    lots_min: int
    lots_max: int
    notional_min: float
    notional_min_atoms: float
    need: float  # of a lot that opens, at one tick, in fine parts of an atom
    notional_max: float
    fee_taker: float
    fee_maker: float
    fee_dear: float
    ask_factor: float
    bid_factor: float
    qty_max: float  # NaN where none is set
    approved: int
    is_perpetual: int
    is_coin: int  # its base asset is a stablecoin
    coin_market: int  # the spot instrument that says what it is worth, below zero for none
    # Position.
    lots: int  # below zero for a short one
    qty: float
    cost: float  # atoms, of the sign of the lots
    entries: int
    margin: float  # atoms
    high: float  # the mark that a trailing stop follows, NaN before the first
    marked: float  # price of the last mark, NaN where it was not held then
    # Market.
    price: float  # of the last quote, NaN before the first
    price_at_ns: int
    close: float  # the last close, 0 before the first
    # Counts.
    entered_inside: int  # the place of the timeline inside of which an entry last filled, plus one
    flips: int  # the side that is to be opened once this position is closed, 0 for none
    flips_order: int  # the order that closes it
    waits: int  # the cause of an exit that waits for a cancel, plus one; 0 for none
    waits_sign: int
    enters: int  # the side on which this close opens, 0 for none
    rejects: int
    reject_words: int


class Work:
    """An order that may still fill."""

    order: int
    instrument: int
    sign: int
    effect: int
    lots: int
    limit_ticks: int
    price: float
    need_lot: float  # what the bot sets aside for a lot of an order that opens, in fine parts of an atom
    lock: float  # atoms that the exchange holds back, in two parts
    lock_low: float
    planned_at_ns: int
    is_placed: int  # the exchange knows it
    is_leaving: int  # its cancel is asked for


class Window:
    """A sliding highest value of the loss index: which marks of a ring it covers, and the highest of its back part."""

    first: int
    middle: int
    end: int
    back: float
    mask: int
    ring_at: int


class Speaking:
    """A bar on which the strategy says something, as the sparse pass needs it."""

    place: int
    sign: int
    close: float
    open: float  # of the bar after it, as is the last
    opened_at_ns: int
    next_opened_at_ns: int


class Payday:
    """A settlement of a perpetual: longs pay this fraction of the worth of what they hold, shorts receive it."""

    at_ns: int
    instrument: int
    rate: float


class Mark:
    """A value of the loss index, and when it was."""

    value: float
    at_ns: int


class Note:
    """What is remembered of an order besides what is written down: whether it counts as a trade."""

    counted: int


class OrderRow:
    """An order as an `Outcome` has it."""

    planned_at_ns: int
    bar: int
    instrument: int
    side: int
    effect: int
    cause: int
    kind: int
    state: int
    qty_lots: int
    limit_ticks: int
    filled_lots: int


class FillRow:
    """A trade as an `Outcome` has it."""

    at_ns: int
    bar: int
    order: int
    instrument: int
    side: int
    liquidity: int
    qty_lots: int
    price_ticks: int
    fee: float
    realised: float


class RefusalRow:
    """A refusal as an `Outcome` has it."""

    at_ns: int
    bar: int
    instrument: int
    side: int
    effect: int
    cause: int
    failed: int


class PaymentRow:
    """A funding payment as an `Outcome` has it."""

    at_ns: int
    bar: int
    instrument: int
    amount: float


class Number:
    """A float of a table of floats."""

    value: float


class Whole:
    """A whole number of a table of whole numbers."""

    value: int


@cache
def dtype_of(record: type) -> np.dtype[np.void]:
    """Give the layout of a record."""
    return np.dtype([(name, _KINDS[kind]) for name, kind in get_type_hints(record).items()])


def records_of(record: type, count: int = 1) -> NDArray[Any]:
    """Make so many records, all zero."""
    return np.zeros(count, dtype=dtype_of(record))
