"""
The backtest written out: what happens at each instant of the timeline, one thing after the other.

A signal on the close of a bar is sized and judged at that close, and executes at the next open. This is the
specification in code; it shares nothing with what it is compared to but the settings.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from quarterdeck.backtest import BacktestSettings, Board
from tests.parity.reference.desk import Desk, Signal
from tests.parity.reference.grid import EXACT, FEE_STEP, ZERO, exact
from tests.parity.reference.levels import reached_in
from tests.parity.reference.losses import Losses
from tests.parity.reference.records import LIQUIDATION, TAKE_PROFIT, Paid, Result, Traded
from tests.parity.reference.settings import Settings, instruments_of, settings_of
from tests.parity.reference.venue import Venue
from tests.parity.reference.wallet import Wallet


def run_reference(board: Board, settings: BacktestSettings) -> Result:
    """Run a backtest, slowly. Prices of the board are NaN, and actions 0, where an instrument has no bar."""
    with localcontext(EXACT):
        return _Backtest(board, settings_of(board, settings)).run()


class _Backtest:
    def __init__(self, board: Board, settings: Settings) -> None:
        self._board = board
        self._settings = settings
        self._instruments = instruments_of(board)
        self._result = Result()
        self._wallet = Wallet(settings.cash, self._instruments, settings.leverage)
        self._losses = Losses(float(settings.cash), settings.limits, settings.risk.drawdown_max)
        self._venue = Venue(settings, self._wallet, self._result)
        self._desk = Desk(settings, self._wallet, self._losses, self._venue, self._result)
        self._closed_at_ns: dict[int, int] = {}
        self._next_mark_ns = 0
        self._payments = self._payments_due()

    def run(self) -> Result:
        opened_at_ns = [int(at_ns) for at_ns in self._board.opened_at_ns]
        for place, opened_ns in enumerate(opened_at_ns):
            self._venue.bar = place
            bars = [one for one in self._instruments if not math.isnan(self._board.open[one.place, place])]
            if place == 0:
                self._mark(opened_ns)
            self._pass_time(opened_ns)
            self._open(bars, place, opened_ns)
            closed_ns = opened_ns + self._settings.timeframe_ns
            self._pass_time(closed_ns - 1)
            self._inside(bars, place, closed_ns)
            self._close(bars, place, closed_ns)
        return self._result

    # --- time alone -------------------------------------------------------------------------------------------------

    def _pass_time(self, until_ns: int) -> None:
        """Let everything happen that is due by an instant: the bot's own first, then funding."""
        while True:
            overdue = [order.planned_at_ns + self._settings.timeout_ns for order in self._wallet.alive]
            if not self._settings.timeout_ns:
                overdue = []
            payment_ns = self._payments[0][0] if self._payments else math.inf
            next_ns = min([self._next_mark_ns, *overdue, payment_ns])
            if next_ns > until_ns:
                self._venue.at_ns = until_ns
                self._losses.lift(until_ns)
                return
            self._venue.at_ns = int(next_ns)
            if self._next_mark_ns == next_ns:
                self._mark(self._next_mark_ns)
            self._desk.act_on_time()
            while self._payments and self._payments[0][0] == next_ns:
                self._pay_funding(self._payments.pop(0))

    def _mark(self, at_ns: int) -> None:
        """Mark everything to market; where something held has no price of the last two bars, equity is not known."""
        equity = float(self._wallet.cash)
        for position in self._wallet.positions:
            place = position.instrument.place
            position.mark = None
            if not position.lots:
                continue
            if at_ns - self._closed_at_ns.get(place, 0) <= self._settings.price_age_ns_max:
                position.mark = self._venue.heard[place]
                equity += float(position.worth(position.mark))
            else:
                equity = math.nan
        self._losses.mark(at_ns, equity)
        self._next_mark_ns = at_ns + self._settings.mark_every_ns
        if not math.isnan(equity):
            for position in self._wallet.positions:
                if position.mark is not None:
                    before = position.mark if position.best_mark is None else position.best_mark
                    position.best_mark = position.sign * max(position.sign * before, position.sign * position.mark)

    def _payments_due(self) -> list[tuple[int, int, Decimal]]:
        """List the settlements of funding: when, of which instrument, at which rate."""
        due = []
        for instrument in self._instruments:
            rates = self._settings.funding.get(instrument.name)
            if rates is not None and instrument.is_perpetual:
                for at_ns, rate in zip(rates.at_ns, rates.rate, strict=True):
                    due.append((int(at_ns), instrument.place, exact(float(rate))))
        return sorted(due)

    def _pay_funding(self, payment: tuple[int, int, Decimal]) -> None:
        """Let longs pay shorts a share of what a position is worth at the last price; shorts longs below zero."""
        at_ns, place, rate = payment
        position = self._wallet.positions[place]
        if not position.lots:
            return
        instrument = position.instrument
        worth = position.qty * instrument.price(max(1, round(self._venue.heard[place] / float(instrument.tick))))
        amount = (-worth * rate).quantize(FEE_STEP, rounding=ROUND_HALF_EVEN)
        short_of = max(ZERO, -amount - max(self._wallet.free_at_venue, ZERO))
        from_margin = min(position.margin, short_of)  # where cash is short, the margin of the position pays
        position.margin -= from_margin
        amount += short_of - from_margin  # and what even that does not cover is the exchange's
        self._wallet.cash += amount
        self._result.funding.append(Paid(at_ns, self._venue.bar, place, amount))

    # --- one bar ----------------------------------------------------------------------------------------------------

    def _open(self, bars: list[Traded], place: int, at_ns: int) -> None:
        self._venue.at_ns = at_ns
        for instrument in bars:
            self._venue.open(instrument, float(self._board.open[instrument.place, place]))
        self._desk.hear()
        self._desk.open_of_bar()

    def _inside(self, bars: list[Traded], place: int, at_ns: int) -> None:
        """
        Let bars pass: limit orders that were traded through, then the levels of what is held now.

        Nobody knows if a bar was at a target before it filled an entry inside: then only stops and liquidation count.
        """
        self._venue.at_ns = at_ns
        for instrument in bars:
            low = float(self._board.low[instrument.place, place])
            high = float(self._board.high[instrument.place, place])
            opened = float(self._board.open[instrument.place, place])
            filled = self._venue.pass_range(instrument, low, high)
            self._desk.hear()
            sign = self._wallet.positions[instrument.place].sign
            for level in reached_in(self._desk.levels(instrument), low, high, sign):
                if filled and level.cause == TAKE_PROFIT:
                    continue
                if level.cause not in {one.cause for one in self._desk.levels(instrument)}:
                    continue  # it went with what another one closed
                met = level.met_at(opened)
                self._venue.heard[instrument.place] = met
                if level.cause == LIQUIDATION:
                    self._venue.liquidate(instrument, met)
                    self._desk.hear()
                else:
                    self._desk.reach(instrument, level)

    def _close(self, bars: list[Traded], place: int, at_ns: int) -> None:
        board = self._board
        for instrument in bars:
            self._venue.heard[instrument.place] = float(board.close[instrument.place, place])
            self._closed_at_ns[instrument.place] = at_ns
        if at_ns >= self._next_mark_ns:
            self._mark(at_ns)
        signals = []
        for instrument in bars:
            action = int(board.action[instrument.place, place])
            if action:
                confidence = 1.0 if board.confidence is None else float(board.confidence[instrument.place, place])
                signals.append(Signal(instrument, action, confidence))
        self._desk.close_of_bar(signals)
        worths = [one.worth(self._venue.heard[one.instrument.place]) for one in self._wallet.positions if one.lots]
        self._result.equity.append(float(self._wallet.cash + sum(worths)))
