"""The whole way of a decision, a line a step: prices, opinion, intent, size, route, guardrails, order, fill, books."""

from __future__ import annotations

import math
from collections.abc import Iterator

from quarterdeck.cli.output import money, price, quantity
from quarterdeck.cli.story import Told, told, verdict_numbers, why_this_venue
from quarterdeck.cli.times import clock_time
from quarterdeck.domain import (
    Action,
    CycleDue,
    CycleRan,
    Effect,
    FillBooked,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderPlanned,
    Quote,
    Verdicts,
    instrument_from,
)
from quarterdeck.engine import State
from quarterdeck.guardrails import Verdict, unpack
from quarterdeck.system import Happening

_CLOCK = slice(11, 16)


def lines_of(happening: Happening) -> Iterator[Told]:
    """Tell everything that one input brought about, and end with the books where they changed."""
    news, state = happening.news, happening.state
    if isinstance(news, CycleDue) and news.surroundings.quotes:
        yield Told(news.at_ns, "prices", prices_line(news.surroundings.quotes), "dim")
    for fact in happening.facts:
        if isinstance(fact, CycleRan):
            opinions = ", ".join(f"{pair} {action.value}" for pair, action in fact.actions.items())
            bar = clock_time(fact.bar_ns)[_CLOCK]
            is_hold = all(action is Action.HOLD for action in fact.actions.values())
            yield Told(fact.at_ns, "signals", f"{opinions} (bar of {bar})", "dim" if is_hold else "bold")
        elif isinstance(fact, IntentFormed):
            yield Told(fact.at_ns, "intent", intent_line(fact.intent), "bold")
        elif isinstance(fact, OrderPlanned):
            yield from _steps_of(fact, state)
        elif isinstance(fact, IntentRefused) and fact.verdicts is not None:
            yield Told(fact.at_ns, "checked", verdicts_line(fact.verdicts), "yellow")
        line = told(fact, state)
        if line is not None:
            yield line
    if any(isinstance(fact, FillBooked) for fact in happening.facts):
        yield Told(news.at_ns, "books", f"{books_line(state)}; journal row {happening.seq:,}", "dim")


def prices_line(quotes: tuple[Quote, ...]) -> str:
    """Write the last price of every pair on every venue."""
    pairs: dict[str, list[str]] = {}
    for quote in quotes:
        pairs.setdefault(quote.instrument, []).append(f"{quote.venue} {price(quote.last)}")
    return " · ".join(f"{pair} {', '.join(venues)}" for pair, venues in pairs.items())


def intent_line(intent: Intent) -> str:
    """Say what is wanted, and why."""
    pair = instrument_from(intent.instrument)
    if intent.effect is Effect.REDUCE:
        wanted = f"close {intent.instrument}"
    else:
        unit = pair.quote if intent.asked_unit == "quote" else pair.base
        wanted = f"open {intent.instrument} with {quantity(intent.asked)} {unit}"
    because = intent.cause or (f"{intent.who} said {intent.action.value}" if intent.action else intent.who)
    return f"{wanted}, because {because}"


def verdicts_line(verdicts: Verdicts) -> str:
    """Write every guardrail's verdict, with the numbers that it compared."""
    return ", ".join(_verdict_words(verdict) for verdict in unpack(verdicts))


def _verdict_words(verdict: Verdict) -> str:
    if not verdict.passed:
        return f"{verdict.id} REFUSES: {verdict_numbers(verdict)}"
    words = f"{verdict.id} lets exits pass" if verdict.exempt else f"{verdict.id} passes"
    value, limit = verdict.value, verdict.limit
    if value is None or limit is None or not math.isfinite(value) or value == limit:
        return words
    return f"{words} ({value:,.5g} against {limit:,.5g})"


def books_line(state: State) -> str:
    """Write what the bot holds."""
    cash = " ".join(
        f"{money(amount)} {asset} on {venue}," for venue, held in state.cash.items() for asset, amount in held.items()
    )
    positions = [
        f"{quantity(position.qty)} {instrument} on {venue}"
        for venue, held in state.positions.items()
        for instrument, position in held.items()
        if position.qty
    ]
    fees = ", ".join(f"{money(amount, 4)} {asset}" for asset, amount in state.fees.items()) or "none"
    return f"{cash} {', '.join(positions) or 'no position'}; fees {fees}"


def _steps_of(fact: OrderPlanned, state: State) -> Iterator[Told]:
    qty = float(state.grids[fact.venue][fact.instrument].lot) * fact.qty_lots
    pair = instrument_from(fact.instrument)
    rule = {"position": "what is held", "quote": "the amount asked for"}.get(fact.sized_by, fact.sized_by)
    worth = f"{money(qty * fact.reference_price)} {pair.quote}"
    yield Told(fact.at_ns, "sized", f"{quantity(round(qty, 8))} {pair.base}, worth {worth}, by {rule}")
    yield Told(fact.at_ns, "routed", why_this_venue(fact))
    yield Told(fact.at_ns, "checked", verdicts_line(fact.verdicts))
