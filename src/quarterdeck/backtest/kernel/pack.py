"""The settings of a run as records of numbers, and room for what it writes down."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.kernel.cycle import drop_unsure
from quarterdeck.backtest.kernel.desk import PEAKS, RECENT, SIGNALS_AT_ONCE
from quarterdeck.backtest.kernel.records import (
    Desk,
    Limits,
    Mark,
    Note,
    Payday,
    Slot,
    Speaking,
    Wallet,
    Window,
    Work,
    dtype_of,
    records_of,
)
from quarterdeck.backtest.kernel.words import BASE, EQUITY_SHARE, LIMIT, MARKET, QUOTE
from quarterdeck.backtest.outcome import FILL, ORDER, PAYMENT, REFUSAL
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import DAY_NS, MINUTE_NS, SECOND_NS, BotSettings, Listing
from quarterdeck.fills import FEE_STEP
from quarterdeck.guardrails import BITS, RULES, Exits, higher, needs_no_stop
from quarterdeck.market import quote_shape

ATOM_DIGITS_MIN: Final = 8
RECORDS_MIN: Final = 4096
FINE_DIGITS_MAX: Final = 12
WHOLE_MAX: Final = 2**62
NEVER_NS: Final = 2**63 - 1
_KINDS: Final = {"quote": QUOTE, "equity_share": EQUITY_SHARE, "base": BASE}
_ENTRIES: Final = {"market": MARKET, "limit": LIMIT}
_ALWAYS_EXEMPT: Final = ("G2", "G3")
"""Rules that pass exits in a backtest, where nothing is ever halted or not tradable."""


class Tables:
    """The memory of a run: everything that its desk points to."""

    def __init__(self, board: Board, bot: BotSettings, settings: BacktestSettings) -> None:
        """Lay everything out; records have room for a start."""
        scale, count, bars = _atoms_in_one(bot), len(board.instruments), len(board.opened_at_ns)
        limits, every_ns = bot.guardrails, bot.mark_every_ns
        self.equity = np.empty(bars, dtype=np.float64)
        self._paydays = _paydays(board, settings)
        self.wallet = _wallet(board, bot, settings, scale)
        self.wallet[0]["payday_ns"] = self._paydays[0]["at_ns"]
        self._limits = _limits(bot)
        self._slots = _slots(board, bot, settings, (scale, float(self.wallet[0]["fine"])))
        self._live = records_of(Work, count * (min(bot.sizing.entries_max, bars) + 3))
        self._windows = records_of(Window, 2)
        self._rings = [
            _ring(self._windows[RECENT], limits.loss_rate_window_min * MINUTE_NS, every_ns, bars),
            _ring(self._windows[PEAKS], limits.drawdown_window_days * DAY_NS, every_ns, bars),
        ]
        self._bars = _bars(board, bot)
        room = RECORDS_MIN + count * (64 + bars // 32)
        self._speaking = records_of(Speaking, SIGNALS_AT_ONCE)
        self.orders = np.empty(room, dtype=ORDER)
        self.fills = np.empty(room, dtype=FILL)
        self.refusals = np.empty(room, dtype=REFUSAL)
        self.payments = np.empty(len(self._paydays), dtype=PAYMENT)
        self._notes = records_of(Note, room)
        self.desk = records_of(Desk)
        self._point()

    def grow(self) -> None:
        """Make twice the room for records."""
        self.orders, self.fills = _doubled(self.orders), _doubled(self.fills)
        self.refusals = _doubled(self.refusals)
        self._notes = _doubled(self._notes)
        self._point()

    def _point(self) -> None:
        """Put into the desk where everything lies."""
        tables = {
            "wallet_at": self.wallet,
            "limits_at": self._limits,
            "slots_at": self._slots,
            "live_at": self._live,
            "windows_at": self._windows,
            "orders_at": self.orders,
            "notes_at": self._notes,
            "fills_at": self.fills,
            "refusals_at": self.refusals,
            "payments_at": self.payments,
            "speaking_at": self._speaking,
            "paydays_at": self._paydays,
            "equity_at": self.equity,
            **self._bars,
        }
        desk = self.desk[0]
        for name, table in tables.items():
            desk[name] = table.ctypes.data
        desk["slots"], desk["bars"] = len(self._slots), len(self.equity)
        desk["records_max"] = len(self.orders)


def _bars(board: Board, bot: BotSettings) -> dict[str, NDArray[Any]]:
    """Give the bars as they are read: row after row, without the actions that are not sure enough."""
    action = np.ascontiguousarray(board.action, dtype=np.int8)
    if board.confidence is not None:
        action = action.copy()
        drop_unsure(action.ravel(), board.confidence.ravel(), bot.sizing.confidence_min)
    prices = {"open_at": board.open, "high_at": board.high, "low_at": board.low, "close_at": board.close}
    return {
        "opened_at": np.ascontiguousarray(board.opened_at_ns, dtype=np.int64),
        "action_at": action,
        **{name: np.ascontiguousarray(row, dtype=np.float64) for name, row in prices.items()},
    }


def _paydays(board: Board, settings: BacktestSettings) -> NDArray[Any]:
    """Lay out the settlements from the first bar on, in the order of time and of instruments, and one that never is."""
    rows = [
        (at_ns, board.instruments.index(name), rate)
        for name, rates in settings.funding.items()
        for at_ns, rate in zip(rates.at_ns.tolist(), rates.rate.tolist(), strict=True)
        if at_ns >= board.opened_at_ns[0]
    ]
    paydays = records_of(Payday, len(rows) + 1)
    for place, row in enumerate([*sorted(rows), (NEVER_NS, 0, 0.0)]):
        paydays[place] = row
    return paydays


def _doubled(table: NDArray[Any]) -> NDArray[Any]:
    grown = np.empty(2 * len(table), dtype=table.dtype)
    grown[: len(table)] = table
    return grown


def _atoms_in_one(bot: BotSettings) -> float:
    """Give how many of the smallest step of any sum of money there are in one of quote."""
    digits = [ATOM_DIGITS_MIN, _digits(bot.capital)]
    digits += [_digits(one.lot) + _digits(one.tick) for one in bot.listings]
    digits += [_digits(one.notional_min) for one in bot.listings]
    return float(10 ** max(digits))


def _share_paid(bot: BotSettings, listing: Listing) -> Decimal:
    """Give which share of its worth the bot sets aside for an order that opens."""
    share = Decimal(1)
    if listing.is_perpetual:
        share = Decimal(1) / Decimal(int(bot.risk.leverage_max))
    return share + (listing.fee_taker if bot.orders.entry == "market" else max(listing.fee_taker, listing.fee_maker))


def _digits(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _ring(window: np.void, window_ns: int, every_ns: int, bars: int) -> NDArray[Any]:
    """Make the ring of a window: room for all marks that it can hold at once, a power of two."""
    most = min(window_ns // every_ns, bars * 2 if bars < WHOLE_MAX else bars) + 4
    size = 1 << int(most - 1).bit_length()
    window["mask"] = size - 1
    window["back"] = -math.inf
    ring = np.empty(size, dtype=dtype_of(Mark))
    window["ring_at"] = ring.ctypes.data
    return ring


def _wallet(board: Board, bot: BotSettings, settings: BacktestSettings, scale: float) -> NDArray[Any]:
    wallet = records_of(Wallet)
    risk, first = bot.risk, wallet[0]
    levels = (risk.stop_loss, risk.take_profit, risk.trailing_stop)
    values = {
        "scale": scale,
        "fine": float(10 ** min(max(_digits(_share_paid(bot, one)) for one in bot.listings), FINE_DIGITS_MAX)),
        "fee_step": float(FEE_STEP * Decimal(scale)),
        "timeframe_ns": board.timeframe_ns,
        "mark_every_ns": bot.mark_every_ns,
        "mark_age_ns_max": _whole(bot.mark_age_ns_max),
        "order_timeout_ns": _whole(bot.order_timeout_ns),
        "entries_max": bot.sizing.entries_max,
        "sizing_kind": _KINDS[bot.sizing.kind],
        "sizing_value": float(bot.sizing.value),
        "entry_kind": _ENTRIES[bot.orders.entry],
        "entry_offset": bot.orders.entry_offset,
        "stop_loss": _or_nan(risk.stop_loss),
        "take_profit": _or_nan(risk.take_profit),
        "trailing_stop": _or_nan(risk.trailing_stop),
        "has_levels": levels != (None, None, None),
        "has_trailing": risk.trailing_stop is not None,
        "maintenance": settings.maintenance,
        "stop": min([stop for stop in (risk.stop_loss, risk.trailing_stop) if stop is not None], default=math.nan),
        "allows_short": risk.short,
        "band": bot.guardrails.stablecoin_band,
        "has_perpetuals": any(one.is_perpetual for one in bot.listings),
        "cash": float(bot.capital * Decimal(scale)),
        "money": float(bot.capital),
        "marked_at_ns": int(board.opened_at_ns[0]) if len(board.opened_at_ns) else 0,
        "equity": float(bot.capital),
        "units": float(bot.capital),
        "index": 1.0,
        "index_peak": 1.0,
        "day_ns": -DAY_NS,
        "worth_peak": float(bot.capital),
    }
    for name, value in values.items():
        first[name] = value
    return wallet


def _limits(bot: BotSettings) -> NDArray[Any]:
    records, limits, risk = records_of(Limits), bot.guardrails, bot.risk
    age_s = (bot.price_age_ns_max or int(limits.data_age_max_s * SECOND_NS)) / SECOND_NS
    exempt = sum(1 << rule.bit for rule in RULES if rule.exits is Exits.PASS)
    values = {
        "drawdown_ever_max": math.inf if risk.drawdown_max is None else risk.drawdown_max,
        "position_max": math.inf if risk.position_max is None else risk.position_max,
        "drawdown_window_ns": limits.drawdown_window_days * DAY_NS,
        "loss_rate_window_ns": limits.loss_rate_window_min * MINUTE_NS,
        "loss_rate_pause_ns": limits.loss_rate_pause_min * MINUTE_NS,
        "cooldown_ns": int(limits.cooldown_s * SECOND_NS),
        "trades_window_ns": limits.trades_window_min * MINUTE_NS,
        "data_age_max_s": age_s,
        "data_age_exit_max_s": higher(limits.data_age_exit_max_s, age_s),
        "duplicate_window_ns": int(limits.duplicate_window_s * SECOND_NS),
        "executions_max": -1 if limits.executions_max is None else limits.executions_max,
        "is_isolated": limits.margin_mode == "isolated",
        "needs_no_stop": needs_no_stop(limits.liquidation_multiple_min),
        "exempt": exempt | sum(1 << BITS[rule] for rule in _ALWAYS_EXEMPT),
    }
    for name in records.dtype.names or ():
        records[0][name] = values[name] if name in values else getattr(limits, name)
    return records


def _slots(board: Board, bot: BotSettings, settings: BacktestSettings, units: tuple[float, float]) -> NDArray[Any]:
    slots = records_of(Slot, len(board.instruments))
    by_name = {one.instrument: one for one in bot.listings}
    shape = quote_shape(2.0 * settings.slippage_bps, 1.0, levels=1)
    listings = [by_name[name] for name in board.instruments]
    bases = [one.base for one in listings]
    for place, listing in enumerate(listings):
        slot = slots[place]
        _fill_slot(slot, listing, units[0])
        slot["need"] = float(listing.lot * listing.tick * _share_paid(bot, listing) * Decimal(units[0] * units[1]))
        slot["asset"] = bases.index(bases[place])
        slot["ask_factor"], slot["bid_factor"] = shape.ask_factors[0], shape.bid_factors[0]
        slot["leverage"] = bot.risk.leverage_max if listing.is_perpetual else 1.0
        slot["qty_max"] = bot.guardrails.qty_max.get(listing.instrument, math.nan)
        slot["approved"] = bot.approved is None or listing.instrument in bot.approved
        slot["is_coin"] = listing.base in bot.guardrails.stablecoins
        spot = [at for at, one in enumerate(listings) if one.base == listing.base and not one.is_perpetual]
        slot["coin_market"] = spot[0] if spot else -1
    return slots


def _fill_slot(slot: np.void, listing: Listing, scale: float) -> None:
    per_unit = 1 / listing.lot
    values = {
        "lot": float(listing.lot),
        "lots_per_unit": float(per_unit) if per_unit == per_unit.to_integral_value() else 0.0,
        "tick": float(listing.tick),
        "atoms": float(listing.lot * listing.tick * Decimal(scale)),
        "lots_min": listing.lots_min,
        "lots_max": listing.lots_max,
        "notional_min": float(listing.notional_min),
        "notional_min_atoms": float(listing.notional_min * Decimal(scale)),
        "notional_max": math.inf if listing.notional_max is None else float(listing.notional_max),
        "fee_taker": float(listing.fee_taker),
        "fee_maker": float(listing.fee_maker),
        "fee_dear": float(max(listing.fee_taker, listing.fee_maker, Decimal(0))),
        "is_perpetual": listing.is_perpetual,
        "high": math.nan,
        "marked": math.nan,
        "price": math.nan,
    }
    for name, value in values.items():
        slot[name] = value


def _whole(value: int) -> int:
    return min(value, WHOLE_MAX)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
