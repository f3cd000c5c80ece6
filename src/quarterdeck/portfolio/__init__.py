"""Positions, cash, fees, profit and loss: exact books, and what they are worth at given marks. Pure."""

from quarterdeck.portfolio.books import BookedFill, Books, FillToBook, book_fill
from quarterdeck.portfolio.equity import marked_equity
from quarterdeck.portfolio.position import FLAT, Position, Trade, average_cost, book, correct

__all__ = [
    "FLAT",
    "BookedFill",
    "Books",
    "FillToBook",
    "Position",
    "Trade",
    "average_cost",
    "book",
    "book_fill",
    "correct",
    "marked_equity",
]
