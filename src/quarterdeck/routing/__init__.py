"""Choosing the venue of an order by what it would truly cost there. Pure."""

from quarterdeck.routing.best_price import Candidate, Route, best_price, exit_price

__all__ = ["Candidate", "Route", "best_price", "exit_price"]
