"""
The event backtest: the engine that trades live and the exchange model under the paper venue, on recorded bars.

One bar after the other, in the order in which a replay plays it: time passes up to the open; orders of the bar before
meet the open; limit orders and protective levels inside the bar; then the close, with its mark and its signals. It is
the truth that the kernel has to repeat. Facts stay in memory, nothing waits for anything, and no clock is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import repeat
from typing import Final, NamedTuple

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.event_funding import Settlements
from quarterdeck.backtest.event_records import Recorder
from quarterdeck.backtest.event_venue import EventVenue
from quarterdeck.backtest.outcome import Outcome
from quarterdeck.backtest.plan import VENUE
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import (
    ZERO,
    AccountReported,
    Action,
    BotSettings,
    Bug,
    CancelRequested,
    CycleDue,
    Input,
    MarksTaken,
    OrderPlanned,
    SignalGiven,
    Started,
    TriggerFired,
    Woke,
    add,
    ensure,
    ticks_toward,
)
from quarterdeck.engine import RATCHET, State, apply, decide, due, liquidation_level, watch
from quarterdeck.market import Trigger, met_at, nearest_first, reached_in_bar

EQUITY_TOLERANCE: Final = 1e-9
WAKES_MAX: Final = 64
_CHUNK: Final = 4096
_ACTIONS: Final = {1: Action.BUY, -1: Action.SELL}
_SOFTWARE: Final = "backtest"


class EventBar(NamedTuple):
    """One bar of one instrument, by its place on the board, and what the strategy says on its close."""

    place: int
    open: float
    high: float
    low: float
    close: float
    action: int
    confidence: float


def run_event(board: Board, bot: BotSettings, settings: BacktestSettings) -> Outcome:
    """
    Run the engine over a board.

    Args:
        board: Bars and actions.
        bot: What the engine is told, as `bot_of` gives it for these settings and this board.
        settings: What the exchange charges, and what perpetuals pay.

    Raises:
        Bug: If the books of engine and exchange do not agree in the end.
    """
    run = EventRun(board, bot, settings)
    for bar, (open_ns, bars) in enumerate(batches(board)):
        run.play(bar, open_ns, bars)
    return run.end()


def batches(board: Board) -> Iterator[tuple[int, list[EventBar]]]:
    """Give the bars of each place of the timeline, instruments in canonical order."""
    places = range(len(board.instruments))
    for start in range(0, len(board.opened_at_ns), _CHUNK):
        part = slice(start, start + _CHUNK)
        opened = board.opened_at_ns[part].tolist()
        rows = [list(_bars(board, place, part)) for place in places]
        if len(rows) == 1:
            yield from ((open_ns, [bar]) for open_ns, bar in zip(opened, rows[0], strict=True))
            continue
        for open_ns, column in zip(opened, zip(*rows, strict=True), strict=True):
            yield open_ns, [bar for bar in column if bar.close == bar.close]


def _bars(board: Board, place: int, part: slice) -> Iterator[EventBar]:
    sure = board.confidence
    prices = (board.open, board.high, board.low, board.close)
    columns = [one[place, part].tolist() for one in (*prices, board.action)]
    confidence = repeat(1.0) if sure is None else sure[place, part].tolist()
    return map(EventBar, repeat(place), *columns, confidence)


class EventRun:
    """One event backtest under way."""

    def __init__(self, board: Board, bot: BotSettings, settings: BacktestSettings) -> None:
        self.state = State()
        self.recorder = Recorder(board, bot.capital)
        self._board = board
        self._bot = bot
        self.venue = EventVenue(bot, settings)
        self._timeframe_ns = board.timeframe_ns
        self._instruments = board.instruments
        self._perpetuals = frozenset(name for name in board.instruments if ":" in name)
        self._maintenance = settings.maintenance
        self._news: deque[Input] = deque()
        self._due_ns = self._next_ns = 0
        self._facts = 0
        self._levels: tuple[Trigger, ...] = ()
        self._levels_facts = -1
        risk = bot.risk
        is_protected = (risk.stop_loss, risk.take_profit, risk.trailing_stop) != (None, None, None)
        self._has_levels = is_protected or bool(self._perpetuals)
        begin_ns = int(board.opened_at_ns[0])
        self._settlements = Settlements(settings.funding, begin_ns)
        self._begin(begin_ns)

    def play(self, bar: int, open_ns: int, bars: list[EventBar]) -> None:
        """Work through the bars of one place of the timeline."""
        state, self.recorder.bar = self.state, bar
        if self._next_ns <= open_ns:
            self._pass(open_ns)
        if state.live or self._perpetuals:
            self._open(bars, open_ns)
        close_ns = open_ns + self._timeframe_ns
        if self._next_ns < close_ns:
            self._pass(close_ns - 1)
        if state.live or (self._has_levels and state.positions):
            for one in bars:
                self._inside(one, close_ns)
        self._close(bars, open_ns, close_ns)

    def end(self) -> Outcome:
        """Check that the books of both sides agree, and give the records."""
        self.venue.exchange.check()
        self._check_books()
        outcome = self.recorder.outcome()
        self._check_equity(float(outcome.equity[-1]))
        return outcome

    def _begin(self, at_ns: int) -> None:
        self._step(Started(at_ns, "backtest", 1, _SOFTWARE, self._bot, 0))
        self._step(AccountReported(at_ns, VENUE, self.venue.totals(), (), positions={}))
        ensure(not self.state.reconciling, "the account of a backtest differs from its books before anything happened")

    def _step(self, news: Input) -> None:
        """Decide one input; what it asks the exchange for is done at once, and the answers wait behind other news."""
        state, taken = self.state, self._facts
        asked: list[str] = []
        for fact in decide(state, news):
            apply(state, fact)
            self._facts += 1
            kind = type(fact)
            if kind is MarksTaken:
                continue  # most facts are marks, and leave no record
            self.recorder.take(fact)
            if kind is OrderPlanned or kind is CancelRequested:
                asked.append(fact.client_id)  # type: ignore[union-attr]  # narrowed by kind, which is faster here
        if self._facts != taken:
            self._due_ns = due(state)
            self._next_ns = min(self._due_ns, self._settlements.next_ns)
        for client_id in asked:
            order = state.orders[client_id]
            if order.cancel_reason:
                self._news += self.venue.cancel(client_id, news.at_ns)
            else:
                self._news += self.venue.place(order, news.at_ns)

    def _settle(self, at_ns: int, *, within_bar: bool = False) -> None:
        """Tell the engine everything that is news, and wake it for what that made due at once."""
        state, news = self.state, self._news
        for _ in range(WAKES_MAX):
            while news:
                self._step(news.popleft())
            if not ((state.naked or state.deferred or state.flips) and self._due_ns <= at_ns):
                return
            facts = self._facts
            self._step(Woke(at_ns, self.venue.surroundings(), within_bar))
            if self._facts == facts:
                return
        raise Bug("the engine is due again and again at one instant")

    def _pass(self, until_ns: int) -> None:
        """Let time pass up to an instant; what falls due happens at its own time, the engine's before payments."""
        settlements = self._settlements
        while self._next_ns <= until_ns:
            at_ns = max(self._next_ns, self.state.at_ns)
            if self._due_ns <= at_ns:
                before_ns = self._due_ns
                self._step(Woke(at_ns, self.venue.surroundings()))
                self._settle(at_ns)
                ensure(self._due_ns > before_ns, "waking the engine changed nothing")
            if settlements.next_ns <= at_ns:
                for settlement in settlements.take(at_ns):
                    self._news += self.venue.fund(settlement.instrument, settlement.rate, at_ns)
                self._settle(at_ns)
                self._next_ns = min(self._due_ns, settlements.next_ns)

    def _open(self, bars: list[EventBar], open_ns: int) -> None:
        """Let the orders that wait meet the open, at which perpetuals are valued from then on, too."""
        state = self.state
        shown = {order.instrument for order in state.live_orders()}
        shown.update(name for name in self._perpetuals if state.position(VENUE, name).qty)
        for bar in bars:
            name = self._instruments[bar.place]
            if name in shown:
                self._news += self.venue.show(name, bar.open, open_ns, tradable=True)
        if shown:
            self._settle(open_ns)

    def _inside(self, bar: EventBar, close_ns: int) -> None:
        """
        Fill limit orders that a bar traded through, then meet the levels that it reached, in their order.

        A target in the bar that filled an entry is passed over: nobody knows if the price was there before or after.
        """
        state, name = self.state, self._instruments[bar.place]
        fills = state.fills
        if state.live and any(order.limit_ticks is not None for order in state.live_orders()):
            self._news += self.venue.traded_through(name, bar.low, bar.high, close_ns)
            self._settle(close_ns, within_bar=True)
        was_entered = state.fills > fills
        levels = [
            one
            for one in self._watched()
            if one.instrument == name and not (was_entered and one.cause == "take_profit")
        ]
        if name in self._perpetuals:
            levels += self._by_force(name)
        met = [one for one in levels if reached_in_bar(one.price, bar.low, bar.high, one.falling)]
        for level in nearest_first(met):
            price = met_at(level.price, bar.open, level.falling)
            if level.cause == "liquidation":
                self._close_by_force(level, price, close_ns)
            elif self._stands(level):  # else it died with the position that another one closed
                self._news += self.venue.show(name, price, close_ns, tradable=True)
                self._step(TriggerFired(close_ns, VENUE, name, level.cause, price, self.venue.surroundings()))
            self._settle(close_ns, within_bar=True)

    def _by_force(self, instrument: str) -> list[Trigger]:
        """Say where the exchange closes a position in a perpetual by force; nothing where it never does."""
        level = liquidation_level(self.state, VENUE, instrument, self._maintenance)
        is_long = self.state.position(VENUE, instrument).qty > 0
        return [Trigger(VENUE, instrument, "liquidation", level, is_long)] if level > 0.0 else []

    def _close_by_force(self, level: Trigger, price: float, close_ns: int) -> None:
        """Let the exchange close a position at a price, on the grid against it, unless another level has."""
        if self.state.position(VENUE, level.instrument).qty:
            tick = self.state.grids[VENUE][level.instrument].tick
            ticks = max(ticks_toward(price, tick, 1 if level.falling else -1), 1)
            self._news += self.venue.close_by_force(level.instrument, ticks * tick, close_ns)

    def _stands(self, level: Trigger) -> bool:
        """Tell whether a level is watched still; an exit that a limit cut moves the average cost in its last digit."""
        return any(one.cause == level.cause and one.instrument == level.instrument for one in self._watched())

    def _watched(self) -> tuple[Trigger, ...]:
        """List the levels of what is held; marks, not prices within a bar, raise what a trailing stop follows."""
        if self._levels_facts != self._facts:
            self._levels = tuple([one for one in watch(self.state) if one.cause != RATCHET])
            self._levels_facts = self._facts
        return self._levels

    def _close(self, bars: list[EventBar], open_ns: int, close_ns: int) -> None:
        """Mark at the closes, then act on the signals."""
        venue, state, signals = self.venue, self.state, None
        for bar in bars:
            name = self._instruments[bar.place]
            venue.look(name, bar.close, close_ns)
            if bar.action:
                venue.show_close(name)
                signals = signals or []
                signals.append(SignalGiven(name, _ACTIONS[bar.action], bar.confidence))
            elif name in self._perpetuals and state.position(VENUE, name).qty:
                venue.show_close(name)  # the price at which it pays its funding until the next open
        if signals is not None or state.flips:
            self._step(CycleDue(close_ns, open_ns, tuple(signals or ()), venue.surroundings()))
        elif self._due_ns <= close_ns:
            self._step(Woke(close_ns, venue.surroundings()))
        if self._news:
            self._settle(close_ns)

    def _check_equity(self, equity: float) -> None:
        """Hold the worth of the last bar against what the engine marked there, if it knew every price."""
        state, end_ns = self.state, int(self._board.opened_at_ns[-1]) + self._timeframe_ns
        if state.equity is not None and state.minute_ns == end_ns:
            is_same = abs(state.equity - equity) <= EQUITY_TOLERANCE * max(abs(equity), 1.0)
            ensure(is_same, f"the records come to {equity}, the engine marked {state.equity}")

    def _check_books(self) -> None:
        """Hold the account of the exchange against the books of the engine, asset by asset."""
        state = self.state
        own = dict(state.cash.get(VENUE, {}))
        contracts: dict[str, Decimal] = {}
        for instrument, position in state.positions.get(VENUE, {}).items():
            base = state.grids[VENUE][instrument].listing.base
            if instrument not in self._perpetuals:
                own[base] = add(own.get(base, ZERO), position.qty)
            elif position.qty:
                contracts[instrument] = position.qty
        there = self.venue.totals()
        for asset in sorted(own.keys() | there.keys()):
            ours, theirs = own.get(asset, ZERO), there.get(asset, ZERO)
            ensure(ours == theirs, f"{asset}: the books say {ours}, the account holds {theirs}")
        positions = self.venue.positions()
        ensure(contracts == positions, f"the books say {contracts}, the account has {positions}")
