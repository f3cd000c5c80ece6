"""The facts of an event backtest as records: orders, fills, refusals, payments, and what was held after each bar."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.outcome import (
    CANCELLED,
    EXPIRED,
    FILL,
    FILLED,
    FLIP,
    LIMIT,
    LIQUIDATION,
    MAKER,
    MARKET,
    OPENING,
    ORDER,
    PAYMENT,
    REDUCING,
    REFUSAL,
    REJECTED,
    SIGNAL,
    STOP_LOSS,
    TAKE_PROFIT,
    TAKER,
    TRAILING_STOP,
    WORKING,
    Outcome,
)
from quarterdeck.domain import (
    ZERO,
    Bug,
    Effect,
    Fact,
    FillBooked,
    FundingBooked,
    Intent,
    IntentFormed,
    IntentRefused,
    LiquidationBooked,
    OrderMoved,
    OrderPlanned,
    OrderState,
    Side,
    Source,
)
from quarterdeck.guardrails import BITS

_CAUSES: Final = {"stop_loss": STOP_LOSS, "take_profit": TAKE_PROFIT, "trailing_stop": TRAILING_STOP}
_STATES: Final = {
    OrderState.FILLED: FILLED,
    OrderState.CANCELLED: CANCELLED,
    OrderState.WITHDRAWN: CANCELLED,
    OrderState.REJECTED: REJECTED,
    OrderState.EXPIRED: EXPIRED,
}
_SIGNS: Final = {Side.BUY: 1, Side.SELL: -1}
_EFFECTS: Final = {Effect.OPEN: OPENING, Effect.REDUCE: REDUCING}
_STATE, _FILLED_LOTS = ORDER.names.index("state"), ORDER.names.index("filled_lots")  # type: ignore[union-attr]


class Recorder:
    """Writes records of facts as they come. `bar` is the place of the timeline that is being worked through."""

    def __init__(self, board: Board, cash: Decimal) -> None:
        """Begin with this much of the quote asset and nothing else."""
        self.bar = 0
        self._board = board
        self._places = {name: place for place, name in enumerate(board.instruments)}
        self._orders: list[list[int]] = []
        self._fills: list[tuple[object, ...]] = []
        self._refusals: list[tuple[object, ...]] = []
        self._payments: list[tuple[object, ...]] = []
        self._numbers: dict[str, int] = {}
        self._causes: dict[str, int] = {}
        self._intent: Intent | None = None
        self._cash: list[tuple[int, float]] = [(-1, float(cash))]
        self._held: dict[int, list[tuple[int, float, float]]] = {}
        self._takes: dict[type[Any], Callable[[Any], None]] = {
            IntentFormed: self._formed,
            IntentRefused: self._refused,
            OrderPlanned: self._planned,
            OrderMoved: self._moved,
            FillBooked: self._filled,
            FundingBooked: self._paid,
            LiquidationBooked: self._liquidated,
        }

    def take(self, fact: Fact) -> None:
        """Record a fact, if it is one that leaves a record."""
        take = self._takes.get(type(fact))
        if take is not None:
            take(fact)

    def outcome(self) -> Outcome:
        """Put all records together."""
        equity = self._equity()
        tops = np.maximum.accumulate(np.concatenate(([self._cash[0][1]], equity)))[1:]
        fallen = 1.0 - equity / tops
        return Outcome(
            orders=_table(self._orders, ORDER),
            fills=_table(self._fills, FILL),
            refusals=_table(self._refusals, REFUSAL),
            funding=_table(self._payments, PAYMENT),
            equity=equity,
            drawdown_max=max(float(fallen.max(initial=0.0)), 0.0),
        )

    def _formed(self, fact: IntentFormed) -> None:
        self._intent = intent = fact.intent
        self._causes[intent.id] = _cause_of(intent)

    def _refused(self, fact: IntentRefused) -> None:
        intent = self._intent
        if intent is None or intent.id != fact.intent_id:
            raise Bug(f"intent {fact.intent_id} was refused before it was formed")
        failed = 0
        for rule in fact.failed:
            failed |= 1 << BITS[rule]
        side, effect = _SIGNS[intent.side], _EFFECTS[intent.effect]
        place = self._places[fact.instrument]
        self._refusals.append((fact.at_ns, self.bar, place, side, effect, self._causes[intent.id], failed))

    def _planned(self, fact: OrderPlanned) -> None:
        self._numbers[fact.client_id] = len(self._orders)
        limit_ticks = fact.limit_ticks
        self._orders.append(
            [
                fact.at_ns,
                self.bar,
                self._places[fact.instrument],
                _SIGNS[fact.side],
                _EFFECTS[fact.effect],
                self._causes[fact.intent_id],
                MARKET if limit_ticks is None else LIMIT,
                WORKING,
                fact.qty_lots,
                limit_ticks or 0,
                0,
            ]
        )

    def _moved(self, fact: OrderMoved) -> None:
        ended = _STATES.get(fact.state)
        if ended is not None:
            self._orders[self._numbers[fact.client_id]][_STATE] = ended

    def _filled(self, fact: FillBooked) -> None:
        number, place = self._numbers[fact.client_id], self._places[fact.instrument]
        order = self._orders[number]
        order[_FILLED_LOTS] = fact.booked_lots_after
        if fact.state is OrderState.FILLED:
            order[_STATE] = FILLED
        liquidity = MAKER if fact.liquidity == "maker" else TAKER
        ticks = round(float(fact.price) / self._board.price_step[place])
        money = (float(fact.fee), float(fact.realised))
        self._fills.append(
            (fact.at_ns, self.bar, number, place, _SIGNS[fact.side], liquidity, fact.lots, ticks, *money)
        )
        self._holds(place, fact.qty_after, fact.cost_after)
        for held in fact.cash_after:
            self._cash.append((self.bar, float(held.amount)))

    def _paid(self, fact: FundingBooked) -> None:
        place = self._places[fact.instrument]
        self._payments.append((fact.venue_at_ns, self.bar, place, float(fact.amount)))
        self._cash.append((self.bar, float(fact.cash_after)))

    def _liquidated(self, fact: LiquidationBooked) -> None:
        """Record what the exchange closed by force as an order of its own that filled at once."""
        place, side = self._places[fact.instrument], _SIGNS[fact.side]
        lots = int(fact.qty / Decimal(repr(self._board.lot[place])))
        ticks = round(float(fact.price) / self._board.price_step[place])
        number = len(self._orders)
        self._orders.append([fact.at_ns, self.bar, place, side, REDUCING, LIQUIDATION, MARKET, FILLED, lots, 0, lots])
        money = (float(fact.fee), float(fact.realised))
        self._fills.append((fact.at_ns, self.bar, number, place, side, TAKER, lots, ticks, *money))
        self._holds(place, fact.qty_after, fact.cost_after)
        self._cash += [(self.bar, float(amount)) for amount in fact.cash_after.values()]

    def _holds(self, place: int, qty: Decimal, cost: Decimal) -> None:
        is_perpetual = ":" in self._board.instruments[place]
        self._held.setdefault(place, []).append((self.bar, float(qty), float(cost if is_perpetual else ZERO)))

    def _equity(self) -> NDArray[np.float64]:
        """Value what was held after each bar at the last known closes."""
        bars = len(self._board.opened_at_ns)
        equity: NDArray[np.float64] = _stretched(np.array(self._cash, dtype=np.float64), bars)[0]
        for place, changes in self._held.items():
            qty, cost = _stretched(np.array([(-1, 0.0, 0.0), *changes], dtype=np.float64), bars)
            close = _filled_forward(self._board.close[place])
            equity += np.where(qty == 0.0, 0.0, qty * close) - cost
        return equity


def _cause_of(intent: Intent) -> int:
    if intent.source is Source.PROTECTION:
        return _CAUSES[intent.who]
    return FLIP if intent.flips else SIGNAL


def _table(rows: list[Any], kind: np.dtype[np.void]) -> NDArray[np.void]:
    table: NDArray[np.void] = np.array([tuple(row) for row in rows], dtype=kind)
    return table


def _stretched(changes: NDArray[np.float64], bars: int) -> NDArray[np.float64]:
    """Give for each bar the values (columns but the first) of the last change at or before it (first column)."""
    last = np.searchsorted(changes[:, 0], np.arange(bars), side="right") - 1
    values: NDArray[np.float64] = changes[last, 1:].T.copy()
    return values


def _filled_forward(close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the last known close where there is none."""
    known = ~np.isnan(close)
    if bool(known.all()):
        return close
    last = np.maximum.accumulate(np.where(known, np.arange(len(close)), 0))
    return np.asarray(close[last], dtype=np.float64)
