"""Positions, cash, fees, profit and loss: exact books, what they are worth at given marks, each day's part. Pure."""

from quarterdeck.portfolio.books import BookedFill, Books, FillToBook, book_fill
from quarterdeck.portfolio.equity import marked_equity
from quarterdeck.portfolio.margined import MarginedTrade, book_on_margin, liquidated, margin_above, margin_for
from quarterdeck.portfolio.position import FLAT, Position, Trade, average_cost, book, correct
from quarterdeck.portfolio.totals import Bookkeeping, Sums, Totals, day_closed, next_day, sums_of, totals_of

__all__ = [
    "FLAT",
    "BookedFill",
    "Bookkeeping",
    "Books",
    "FillToBook",
    "MarginedTrade",
    "Position",
    "Sums",
    "Totals",
    "Trade",
    "average_cost",
    "book",
    "book_fill",
    "book_on_margin",
    "correct",
    "day_closed",
    "liquidated",
    "margin_above",
    "margin_for",
    "marked_equity",
    "next_day",
    "sums_of",
    "totals_of",
]
