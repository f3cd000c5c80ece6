"""The auditor's own rules of stop orders: what one must be, and that a position never has two."""

import math
from collections.abc import Iterable
from fractions import Fraction

from quarterdeck.domain import BotSettings, Effect, Listing, OrderKind, OrderPlanned, Side, Source
from tests.engine.audited_books import ALIVE, AuditedBooks, Watched
from tests.engine.breach import require


def is_stop(fact: OrderPlanned) -> bool:
    """Whether an order waits at its venue for a trigger."""
    return fact.order_kind is OrderKind.STOP


def check_stop(fact: OrderPlanned, rules: BotSettings, books: AuditedBooks, cost: float) -> None:
    """
    Hold a planned stop order against its position. `cost` is the position's average cost as the fills gave it.

    Raises:
        Breach: With the name of the first rule that it breaks.
    """
    require("stop", is_stop(fact) == (fact.trigger_ticks is not None), "a stop order has a trigger, no other has one")
    if fact.trigger_ticks is None:
        return
    venue = next(one for one in rules.venues if one.name == fact.venue)
    require("stop", venue.stops, f"{fact.venue} takes no stop orders")
    kind = (fact.source, fact.effect, fact.side, fact.limit_ticks)
    require("stop", kind == (Source.PROTECTION, Effect.REDUCE, Side.SELL, None), f"a stop order that is {kind}")
    others = living_stops(books, fact.venue, fact.instrument)
    require("I8", not others, f"a second stop order beside {[one.plan.client_id for one in others]}")
    share = rules.risk.stop_loss
    require("stop", share is not None, "nobody wishes a stop")
    level, trigger = cost * (1.0 - (share or 0.0)), fact.trigger_ticks * float(fact.tick)
    above = trigger - level
    require("stop", -1e-6 * level <= above <= float(fact.tick) * (1 + 1e-6), f"awakes at {trigger}, {level} is meant")
    same = math.isclose(fact.reference_price, trigger, rel_tol=1e-12)
    require("stop", same, f"judged at {fact.reference_price} instead of its trigger")
    _check_covers_all(fact, books, rules.listings)


def _check_covers_all(fact: OrderPlanned, books: AuditedBooks, listings: Iterable[Listing]) -> None:
    """It is over all that is held and not being sold; where fees are taken in coin, a few lots stay to pay them."""
    selling = sum(
        order.open_lots
        for order in books.orders.values()
        if (order.plan.venue, order.plan.instrument, order.plan.side) == (fact.venue, fact.instrument, Side.SELL)
    )
    held = books.quantity(fact.venue, fact.instrument) / Fraction(fact.lot)
    told = f"over {fact.qty_lots} lots of {float(held)}, of which {selling} are being sold"
    require("I21", fact.qty_lots + selling <= held, told)
    base = next(one.base for one in listings if (one.venue, one.instrument) == (fact.venue, fact.instrument))
    lacks = (fact.venue, base) in books.lacked  # what is not on the account needs no cover
    require("stop", lacks or fact.qty_lots + selling >= int(held) / 1.02 - 1, told)


def living_stops(books: AuditedBooks, venue: str, instrument: str) -> list[Watched]:
    """The stop orders of a position that have not ended."""
    return [
        order
        for order in books.orders.values()
        if is_stop(order.plan)
        and order.state in ALIVE
        and (order.plan.venue, order.plan.instrument) == (venue, instrument)
    ]


def is_trade(order: Watched) -> bool:
    """Whether an order counts as a trade: a stop order only once it has traded."""
    return not is_stop(order.plan) or order.first_fill_at_ns > 0
