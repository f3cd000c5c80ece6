"""The market as the exchange sees it: the latest quotes, and what our own orders already took out of them."""

from __future__ import annotations

import math

from quarterdeck.domain import GRID_SLACK, Quote, Side
from quarterdeck.exchange.grid import Ladder, Level, ladder_from, take
from quarterdeck.exchange.state import Book, ExchangeState, VenueOrder
from quarterdeck.fills import nearest_ticks


class Market:
    """The books of all instruments. A quote is put on the grid only when somebody asks for its levels."""

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._ladders: dict[str, Ladder] = {}

    def accept(self, quote: Quote, *, tradable: bool) -> bool:
        """
        Take a quote over, fresh depth included.

        Returns: False where it is older than the one that is known, or the same.
        """
        book = self._state.books.get(quote.instrument)
        if book is None:
            self._state.books[quote.instrument] = Book(quote=quote, tradable=tradable)
        else:
            if quote.at_ns < book.quote.at_ns or (book.tradable is tradable and quote == book.quote):
                return False
            book.quote, book.tradable = quote, tradable
            book.bids_taken_lots = book.asks_taken_lots = 0
        self._ladders.pop(quote.instrument, None)
        return True

    def forget_grid(self, instrument: str) -> None:
        """Put the latest quote of an instrument on its grid anew: the listing changed."""
        self._ladders.pop(instrument, None)

    def is_tradable(self, instrument: str) -> bool:
        """Tell whether orders may execute against the latest quote."""
        book = self._state.books.get(instrument)
        return book is not None and book.tradable

    def offers(self, order: VenueOrder, *, beyond: bool = False) -> list[Level]:
        """
        List what the latest quote offers to an order, up to its remainder and not worse than its limit.

        `beyond`: only what is better than its limit.
        """
        book = self._state.books.get(order.instrument)
        if book is None:
            return []
        ladder, limit_ticks, sign = self._ladder(order.instrument, book), order.limit_ticks, order.side.sign
        if beyond and limit_ticks is not None:
            limit_ticks -= sign
        if sign > 0:
            return take(ladder.asks, book.asks_taken_lots, order.left_lots, limit_ticks, sign)
        return take(ladder.bids, book.bids_taken_lots, order.left_lots, limit_ticks, sign)

    def consume(self, order: VenueOrder, lots: int) -> None:
        """Remember that so much is gone from the side that the order takes from, until the next quote."""
        book = self._state.books[order.instrument]
        if order.side is Side.BUY:
            book.asks_taken_lots += lots
        else:
            book.bids_taken_lots += lots

    def best_ticks(self, instrument: str, side: Side) -> int | None:
        """Tell the best price that an order of this side could trade at; None where there is none."""
        book = self._state.books.get(instrument)
        if book is None:
            return None
        ladder = self._ladder(instrument, book)
        levels = ladder.asks if side is Side.BUY else ladder.bids
        return levels[0][0] if levels else None

    def mark_ticks(self, instrument: str) -> int | None:
        """Tell the price that an instrument is marked at, on its grid; None where there is none."""
        book = self._state.books.get(instrument)
        if book is None or not (book.quote.last > 0.0 and math.isfinite(book.quote.last)):
            return None
        return nearest_ticks(book.quote.last, float(self._state.setup.listings[instrument].tick))

    def touches(self, order: VenueOrder) -> bool:
        """Tell whether the latest quote is at or beyond the trigger of a stop order."""
        book = self._state.books.get(order.instrument)
        return book is not None and self.reaches(order, book.quote.last, book.quote.last)

    def reaches(self, order: VenueOrder, low: float, high: float) -> bool:
        """
        Tell whether a market that traded from low to high triggers a stop order: at its trigger, or beyond.

        Args: the order; lowest and highest price in quote per base. What is no price triggers nothing.
        """
        if order.trigger_ticks is None or not (0.0 < low <= high and math.isfinite(high)):
            return False
        tick = float(self._state.setup.listings[order.instrument].tick)
        if order.side is Side.SELL:
            return low / tick <= order.trigger_ticks + GRID_SLACK
        return high / tick >= order.trigger_ticks - GRID_SLACK

    def _ladder(self, instrument: str, book: Book) -> Ladder:
        ladder = self._ladders.get(instrument)
        if ladder is None:
            setup = self._state.setup
            ladder = ladder_from(book.quote, setup.listings[instrument], setup.personality.depth_share)
            self._ladders[instrument] = ladder
        return ladder


def priority(order: VenueOrder) -> tuple[int, int, int, int]:
    """Sort key of working orders: those without a limit first, then each side by price, then by time."""
    if order.limit_ticks is None:
        return (0, 0, 0, order.number)
    return (1, order.side.sign, -order.side.sign * order.limit_ticks, order.number)
