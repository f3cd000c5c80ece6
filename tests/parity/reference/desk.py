"""
Decisions: what a signal, a level or the end of a flip's first leg asks for, how large it may be, and if it may go.

A decision is made whole before any of it is carried out: orders of one close see each other as living, and what is to
be cancelled lives until the last of them was decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.parity.reference.grid import ZERO, in_favour, lots_within, margin_at_most
from tests.parity.reference.history import History
from tests.parity.reference.levels import Level, is_dust, levels_of
from tests.parity.reference.losses import Losses
from tests.parity.reference.records import (
    BUY,
    FILLED,
    FLIP,
    LIMIT,
    MARKET,
    OPENING,
    REDUCING,
    SIGNAL,
    Order,
    Refused,
    Result,
    Traded,
)
from tests.parity.reference.rules import Judge, Question
from tests.parity.reference.settings import Settings
from tests.parity.reference.venue import Venue
from tests.parity.reference.wallet import Wallet


@dataclass(frozen=True)
class Wish:
    """What is wanted: to open, or to close the whole of what is held, for a cause; `flips`: then open the other way."""

    instrument: Traded
    side: int
    effect: int
    cause: int
    trade: str
    flips: bool = False


@dataclass(frozen=True)
class Signal:
    """What a strategy said on the close of a bar."""

    instrument: Traded
    side: int
    confidence: float


class Desk:
    """Decides for one bot."""

    def __init__(self, settings: Settings, wallet: Wallet, losses: Losses, venue: Venue, result: Result) -> None:
        self._settings = settings
        self._wallet = wallet
        self._losses = losses
        self._venue = venue
        self._result = result
        self._history = History()
        self._judge = Judge(settings, wallet, losses, self._history, venue.heard)
        self._acts: list[Order] = []
        self._deferred: list[Wish] = []
        self._flips: list[Wish] = []

    # --- what happens -----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Ask for the cancel of every order that waited for as long as it may."""
        timeout_ns = self._settings.timeout_ns
        for order in self._wallet.alive:
            if timeout_ns and self._venue.at_ns >= order.planned_at_ns + timeout_ns:
                self._ask_cancel(order)

    def close_of_bar(self, signals: Sequence[Signal]) -> None:
        """Work through the signals of a close: exits before entries, instruments in their order."""
        self.wake()
        self._flips = []  # what did not fill until now ends its flip
        wishes = [wish for wish in map(self._wish_of, signals) if wish is not None]
        for wish in sorted(wishes, key=lambda wish: (wish.effect == OPENING, wish.instrument.place)):
            self._pursue(wish)
        self._act(is_tradable=False)

    def reach(self, instrument: Traded, level: Level) -> None:
        """Close a position whose level was reached; the market is where the level was met, and trades."""
        side = -self._wallet.positions[instrument.place].sign
        trade = f"{instrument.name} {self._venue.at_ns} {level.cause} {len(self._history.orders)}"
        self._pursue(Wish(instrument, side, REDUCING, level.cause, trade))
        self._act(is_tradable=True)

    def open_of_bar(self) -> None:
        """Open the other way wherever the first leg of a flip has closed everything, at the price of this open."""
        flips, self._flips = self._flips, []
        for wish in flips:
            if self._wallet.alive_of(wish.instrument):
                self._flips.append(wish)
            elif not self._wallet.positions[wish.instrument.place].lots:
                self._pursue(replace(wish, effect=OPENING, cause=FLIP, flips=False))
        self._act(is_tradable=True)

    def act_on_time(self) -> None:
        """Let time alone pass."""
        self.wake()
        self._act(is_tradable=False)

    def hear(self) -> None:
        """Learn of the orders that ended."""
        for order, words in self._venue.take_news():
            self._history.hear_end(order, words)
            if order.effect == REDUCING and order.state != FILLED:
                self._flips = [flip for flip in self._flips if flip.trade != order.trade]

    def levels(self, instrument: Traded) -> list[Level]:
        """List the protective levels of what is held of an instrument now."""
        return levels_of(self._wallet.positions[instrument.place], self._settings, self._closable_lots(instrument))

    # --- from a signal to a wish ------------------------------------------------------------------------------------

    def _wish_of(self, signal: Signal) -> Wish | None:
        """Compare what is wanted with what is held, working and being closed; None where there is nothing to do."""
        instrument, side = signal.instrument, signal.side
        if not signal.confidence >= self._settings.sizing.confidence_min:
            return None
        trade = f"{instrument.name} {self._venue.at_ns} {side}"
        may_open = side == BUY or (instrument.is_perpetual and self._settings.risk.short)
        held, alive = self._wallet.positions[instrument.place], self._wallet.alive_of(instrument)
        opposed = any(order.effect == OPENING and order.side == -side for order in alive)
        if (held.sign == -side and self._closable_lots(instrument) > 0) or opposed:
            return Wish(instrument, side, REDUCING, SIGNAL, trade, flips=may_open and instrument.is_perpetual)
        if not may_open or held.sign == -side or any(order.effect == REDUCING for order in alive):
            return None
        entries = 0 if not held.lots or is_dust(held, self._settings) else max(held.entries, 1)
        entries += sum(order.effect == OPENING for order in alive)
        return Wish(instrument, side, OPENING, SIGNAL, trade) if entries < self._settings.sizing.entries_max else None

    # --- from a wish to an order ------------------------------------------------------------------------------------

    def _pursue(self, wish: Wish) -> None:
        """Size, judge and plan; an exit also takes back whatever would still open something."""
        question = self._draft(wish)
        if wish.effect == REDUCING:
            for order in self._wallet.alive_of(wish.instrument):
                if order.effect == OPENING:
                    self._ask_cancel(order)
        if question is None:
            self._refuse(wish, set())
            return
        failed = self._judge.refusing(question)
        resting = [order for order in self._acts if order.cancelling and order.kind == LIMIT]
        if failed == {"E10"} and wish.effect == REDUCING and any(o.instrument is wish.instrument for o in resting):
            self._deferred.append(wish)  # what it would trade against is being taken back: then it goes
            self._await_flip(wish)
        elif failed:
            self._refuse(wish, failed)
        else:
            self._plan(wish, question)

    def _plan(self, wish: Wish, question: Question) -> None:
        order = question.order
        if wish.effect == OPENING:
            order.reserve = question.need
        self._result.orders.append(order)
        self._wallet.alive.append(order)
        self._history.plan(order)
        self._acts.append(order)
        self._await_flip(wish)

    def _await_flip(self, wish: Wish) -> None:
        if wish.flips and wish not in self._flips:
            self._flips.append(wish)

    def _refuse(self, wish: Wish, failed: set[str]) -> None:
        self._result.refusals.append(
            Refused(
                at_ns=self._venue.at_ns,
                bar=self._venue.bar,
                instrument=wish.instrument.place,
                side=wish.side,
                effect=wish.effect,
                cause=wish.cause,
                failed=frozenset(failed),
            )
        )

    def _draft(self, wish: Wish) -> Question | None:
        """Size an intent; None where it asks for less than one lot, or there is nothing to close."""
        return self._draft_closing(wish) if wish.effect == REDUCING else self._draft_opening(wish)

    def _draft_closing(self, wish: Wish) -> Question | None:
        """Close everything that is not being closed already, at the market; E3 cuts it."""
        instrument = wish.instrument
        last = self._venue.heard[instrument.place]
        lots, qty_max = self._closable_lots(instrument), self._judge.qty_max(instrument, last)
        if lots <= 0:
            return None
        lot = float(instrument.lot)
        if lots * lot > qty_max:
            lots = max(lots_within(qty_max, lot), 1)
        price = last * (1.0 + wish.side * self._settings.slippage)
        return self._question(wish, lots, price, 0, ZERO, qty_max)

    def _draft_opening(self, wish: Wish) -> Question | None:
        """Ask for what the settings say, clipped by G4, G7 and what can be paid; one lot at least, to be judged."""
        instrument, orders = wish.instrument, self._settings.orders
        tick, lot = float(instrument.tick), float(instrument.lot)
        last = self._venue.heard[instrument.place]
        ticks, price = 0, last * (1.0 + wish.side * self._settings.slippage)
        if orders.entry == "limit":
            ticks = in_favour(last * (1.0 - wish.side * orders.entry_offset), tick, wish.side)
            if ticks <= 0:
                return None
            price = ticks * tick
        wanted = lots_within(self._asked_qty(price), lot)
        if wanted == 0:
            return None
        lots = min(wanted, self._clipped_lots(wish, price, self._asked_qty(price), wanted))
        per_lot = self._need_per_lot(instrument, price, is_limit=orders.entry == "limit")
        free = self._wallet.free
        lots = min(lots, int(free // per_lot) if free > ZERO else 0)
        return self._question(wish, max(lots, 1), price, ticks, per_lot, self._judge.qty_max(instrument, last))

    def _asked_qty(self, price: float) -> float:
        """Say how much one entry asks for, in base units; nothing while equity is not known and it is a share of it."""
        sizing, equity = self._settings.sizing, self._losses.equity
        if sizing.kind == "base":
            return float(sizing.value)
        if sizing.kind == "quote":
            return float(sizing.value) / price
        return 0.0 if math.isnan(equity) else round(float(sizing.value) * equity, 8) / price

    def _clipped_lots(self, wish: Wish, price: float, asked: float, wanted: int) -> int:
        """Give the lots that G4 and G7 leave; while equity is not known nothing is clipped, and the rules refuse."""
        judge, instrument = self._judge, wish.instrument
        value_max, lot = judge.value_max, float(instrument.lot)
        if math.isnan(value_max):
            return wanted
        by_value = value_max / price
        by_share = math.inf
        if not judge.is_at_par(instrument):
            held = wish.side * judge.held_worst(instrument, wish.side)
            by_share = judge.share_max * self._losses.equity / price - held
        if asked <= by_value and asked <= by_share:
            return wanted
        return min(lots_within(by_value, lot), lots_within(by_share, lot) if math.isfinite(by_share) else wanted)

    def _need_per_lot(self, instrument: Traded, price: float, *, is_limit: bool) -> Decimal:
        """Say what a lot costs at worst: a market order with headroom on the price, a limit with the dearer fee."""
        headroom = 1.0 if is_limit else 1.0 + self._settings.limits.headroom_share
        tick = float(instrument.tick)
        ticks = math.ceil(price * headroom / tick - 1e-9)
        worth = instrument.lot * instrument.price(ticks)
        stake = margin_at_most(worth, self._wallet.leverage) if instrument.is_perpetual else worth
        fee = self._settings.fee_taker
        return stake + worth * (max(fee, self._settings.fee_maker) if is_limit else fee)

    def _question(self, wish: Wish, lots: int, price: float, ticks: int, per_lot: Decimal, qty_max: float) -> Question:
        order = Order(
            number=len(self._result.orders),
            instrument=wish.instrument,
            side=wish.side,
            effect=wish.effect,
            cause=wish.cause,
            kind=LIMIT if ticks else MARKET,
            lots=lots,
            limit_ticks=ticks,
            price=price,
            planned_at_ns=self._venue.at_ns,
            bar=self._venue.bar,
            trade=wish.trade,
        )
        last = self._venue.heard[wish.instrument.place]
        free = self._wallet.free
        return Question(order, last, self._venue.at_ns, per_lot * lots, free, self._judge.value_max, qty_max)

    def _closable_lots(self, instrument: Traded) -> int:
        """Count the lots that are held and that no living order closes."""
        closing = sum(order.lots for order in self._wallet.alive_of(instrument) if order.effect == REDUCING)
        return abs(self._wallet.positions[instrument.place].lots) - closing

    # --- carrying out -----------------------------------------------------------------------------------------------

    def _ask_cancel(self, order: Order) -> None:
        if not order.cancelling:
            order.cancelling = True
            self._acts.append(order)

    def _act(self, *, is_tradable: bool) -> None:
        """Carry out what was decided, in that order; then let exits go that waited for a cancel."""
        while self._acts or self._deferred:
            acts, self._acts = self._acts, []
            for order in acts:
                if order.cancelling and order.is_alive:
                    self._venue.cancel(order)
                elif not order.cancelling:
                    self._venue.place(order, is_tradable=is_tradable)
            self.hear()
            deferred, self._deferred = self._deferred, []
            for wish in deferred:
                self._pursue(wish)
