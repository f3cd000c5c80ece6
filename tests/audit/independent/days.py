"""The profit and loss of a UTC day: that its parts add up to the last digit, and are what the books say."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from tests.audit.independent.books import EXACT, ZERO, Books, plus
from tests.audit.independent.problem import Problem
from tests.audit.independent.records import DayClosed

CLOSE = Decimal("1e-9")
EQUITY_CLOSE = 1e-9


class Day(Struct):
    """The running sums where the last closed day ended."""

    equity: Decimal | None = None
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    flows: Decimal = ZERO
    fills: int = 0
    day_ns: int = -1


def check_day(seq: int, fact: DayClosed, since: Day, books: Books, equity: float | None) -> list[Problem]:
    """
    Check one closed day.

    Args: the row, the fact, where the day before ended, the books, our own equity at this instant. The single sums are
        compared only while everything counts one for one, as `since` is in units of money.
    """
    problems = []
    parts = plus(fact.realised, fact.unrealised, -fact.fees, fact.funding, fact.flows, fact.revaluation)
    change = EXACT.subtract(fact.equity, fact.equity_open)
    if change != parts:
        problems.append(Problem(seq, "day", "the parts do not add up to the last digit", str(change), str(parts)))
    if since.equity is not None and fact.equity_open != since.equity:
        problems.append(Problem(seq, "day", "opens elsewhere than the day before closed", str(fact.equity_open)))
    if fact.day_ns <= since.day_ns:
        problems.append(Problem(seq, "day", "closed out of order", fact.day_ns, since.day_ns))
    if equity is None or not abs(float(fact.equity) - equity) <= EQUITY_CLOSE * max(1.0, abs(equity)):
        problems.append(Problem(seq, "day", "equity", float(fact.equity), equity))
    if fact.fills != books.fills - since.fills:
        problems.append(Problem(seq, "day", "fills", fact.fills, books.fills - since.fills))
    return problems


def sums_of(books: Books) -> tuple[Decimal, Decimal, Decimal]:
    """Sum what was realised, paid in fees out of cash, and received as funding, one for one."""
    realised = plus(*[held.realised for held in books.held.values()])
    return realised, plus(*books.fees.values()), plus(*books.funding.values())


def check_sums(seq: int, fact: DayClosed, since: Day, books: Books) -> list[Problem]:
    """Hold the day's sums against the books, where every asset counts one for one."""
    realised, fees, funding = sums_of(books)
    pairs = (
        ("realised", fact.realised, realised - since.realised),
        ("fees", fact.fees, fees - since.fees),
        ("funding", fact.funding, funding - since.funding),
    )
    problems = [
        Problem(seq, "day", name, str(theirs), str(ours)) for name, theirs, ours in pairs if abs(theirs - ours) > CLOSE
    ]
    if abs(fact.flows - (books.flows - since.flows)) > CLOSE:
        problems.append(Problem(seq, "day", "flows", str(fact.flows), str(books.flows - since.flows)))
    return problems


def closed(fact: DayClosed, books: Books) -> Day:
    """Remember where this day ended."""
    realised, fees, funding = sums_of(books)
    return Day(
        equity=fact.equity,
        realised=realised,
        fees=fees,
        funding=funding,
        flows=books.flows,
        fills=books.fills,
        day_ns=fact.day_ns,
    )
