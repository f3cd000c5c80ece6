"""Choosing the venue of an order by policy, and by what it would truly cost or bring there. Pure."""

from quarterdeck.routing.best_price import Candidate, Route, best_price, offered
from quarterdeck.routing.exits import exit_order, exit_price, exit_quotes
from quarterdeck.routing.policy import venue_for

__all__ = ["Candidate", "Route", "best_price", "exit_order", "exit_price", "exit_quotes", "offered", "venue_for"]
