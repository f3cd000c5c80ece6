"""Outcomes written by hand: a few fills at stated prices, and a slow ledger that says what they come to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quarterdeck.backtest import Board, Outcome
from quarterdeck.backtest.outcome import FILL, FILLED, FLIP, LIQUIDATION, ORDER, PAYMENT, REFUSAL, SIGNAL

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
START_NS = 1_704_067_200_000_000_000  # 2024-01-01
LOT = 0.001
STEP = 0.01
FEE = 0.001
CASH = 10_000.0


@dataclass(frozen=True)
class Done:
    """One fill: on which bar, which way, how many lots at which price; `inside` for what fills within the bar."""

    bar: int
    side: int
    lots: int
    price: float
    instrument: int = 0
    cause: int = SIGNAL
    inside: bool = False
    fee: float | None = None


@dataclass(frozen=True)
class Paid:
    """One funding payment, `after_ns` after the opening of its bar."""

    bar: int
    amount: float
    instrument: int = 0
    after_ns: int = 0


def board_of_closes(
    closes: Sequence[Sequence[float]] | Sequence[float],
    *,
    timeframe_ns: int = HOUR_NS,
    start_ns: int = START_NS,
    opened_at_ns: Sequence[int] | None = None,
) -> Board:
    """Make a board whose bars open at the close before; a NaN is a bar that is not there."""
    close = np.atleast_2d(np.array(closes, dtype=np.float64))
    bars = close.shape[1]
    opened = start_ns + np.arange(bars) * timeframe_ns if opened_at_ns is None else np.array(opened_at_ns)
    open_ = np.where(np.isnan(close), np.nan, np.concatenate([close[:, :1], close[:, :-1]], axis=1))
    open_ = np.where(np.isnan(open_), close, open_)
    names = ("BTC-USD", "ETH-USD", "SOL-USD")[: len(close)]
    return Board(
        instruments=names,
        timeframe_ns=timeframe_ns,
        opened_at_ns=opened.astype(np.int64),
        open=open_,
        high=np.fmax(open_, close),
        low=np.fmin(open_, close),
        close=close,
        action=np.zeros(close.shape, dtype=np.int8),
        confidence=None,
        price_step=(STEP,) * len(close),
        lot=(LOT,) * len(close),
    )


class Ledger:
    """Books one fill after the other with average cost, in the plainest way."""

    def __init__(self, cash: float, instruments: int) -> None:
        self.cash = cash
        self.qty = [0.0] * instruments
        self.cost = [0.0] * instruments

    def book(self, done: Done) -> float:
        """Take a fill; return what it realised."""
        qty, held = done.side * done.lots * LOT, self.qty[done.instrument]
        realised = 0.0
        if held * qty >= 0:
            self.cost[done.instrument] += qty * done.price
        else:
            share = -qty / held
            released = self.cost[done.instrument] * share
            realised = -qty * done.price - released
            self.cost[done.instrument] -= released
        self.qty[done.instrument] = 0.0 if abs(held + qty) < LOT / 2 else held + qty
        self.cash -= qty * done.price + fee_of(done)
        return realised

    def worth(self, closes: Sequence[float]) -> float:
        """Value cash and everything held."""
        return self.cash + sum(qty * close for qty, close in zip(self.qty, closes, strict=True) if qty)


def fee_of(done: Done) -> float:
    """The fee of a fill: a tenth of a percent, unless it says another."""
    return done.lots * LOT * done.price * FEE if done.fee is None else done.fee


def outcome_of(board: Board, fills: Sequence[Done], payments: Sequence[Paid] = (), cash: float = CASH) -> Outcome:
    """Book fills and payments, bar by bar, and say what an engine would hand on."""
    ledger = Ledger(cash, len(board.instruments))
    orders, done, paid, equity = [], [], [], []
    closes = [0.0] * len(board.instruments)
    by_bar: dict[int, list[Done]] = {}
    for one in fills:
        by_bar.setdefault(one.bar, []).append(one)
    for bar in range(len(board.opened_at_ns)):
        opened = int(board.opened_at_ns[bar])
        for one in by_bar.get(bar, ()):
            effect = int(ledger.qty[one.instrument] * one.side < 0)
            realised = ledger.book(one)
            at_ns = opened + board.timeframe_ns if one.inside else opened
            planned = bar if one.inside or one.cause == FLIP else bar - 1
            planned_ns = at_ns if one.inside or one.cause == FLIP else opened
            if one.cause != LIQUIDATION:
                row = (
                    planned_ns,
                    planned,
                    one.instrument,
                    one.side,
                    effect,
                    one.cause,
                    0,
                    FILLED,
                    one.lots,
                    0,
                    one.lots,
                )
                orders.append(row)
            order = -1 if one.cause == LIQUIDATION else len(orders) - 1
            ticks = round(one.price / STEP)
            done.append((at_ns, bar, order, one.instrument, one.side, 0, one.lots, ticks, fee_of(one), realised))
        for payment in (payment for payment in payments if payment.bar == bar):
            ledger.cash += payment.amount
            paid.append((opened + payment.after_ns, bar, payment.instrument, payment.amount))
        closes = [
            float(new) if math.isfinite(new) else old for new, old in zip(board.close[:, bar], closes, strict=True)
        ]
        equity.append(ledger.worth(closes))
    curve = np.array(equity)
    peak = np.maximum.accumulate(np.maximum(curve, cash))
    return Outcome(
        orders=np.array(orders, dtype=ORDER),
        fills=np.array(done, dtype=FILL),
        refusals=np.zeros(0, dtype=REFUSAL),
        funding=np.array(paid, dtype=PAYMENT),
        equity=curve,
        drawdown_max=float((1.0 - curve / peak).max()),
    )
