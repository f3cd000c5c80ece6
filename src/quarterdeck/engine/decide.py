"""
The decisions. `decide` reads a state and an input and says what happens; it changes nothing itself.

It yields facts one by one and expects each to be applied before the next is drawn, so that what it reserves for one
order binds the next. `step` does just that; everything that runs the engine goes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

from quarterdeck.domain import (
    AccountReported,
    CancelAsked,
    ClockStepped,
    ControlAsked,
    CycleDue,
    Fact,
    FillReported,
    FundingReported,
    FundsAsked,
    Input,
    IntentAsked,
    ListingsReported,
    OrderReported,
    PositionLiquidated,
    Released,
    ResolveAsked,
    SettingsAsked,
    Started,
    Stopping,
    TriggerFired,
    VenueSwept,
    Woke,
)
from quarterdeck.engine.accounts import take_account
from quarterdeck.engine.apply import apply
from quarterdeck.engine.changes import book_funding, book_funds, change_settings, take_listings
from quarterdeck.engine.control import cancel_one, hold_clock, release, resolve_one, start, stop, take_control
from quarterdeck.engine.cycle import fire_trigger, run_cycle, take_request
from quarterdeck.engine.fills import take_fill
from quarterdeck.engine.flips import flip_on
from quarterdeck.engine.liquidations import take_liquidation
from quarterdeck.engine.moment import Moment
from quarterdeck.engine.protection import protect
from quarterdeck.engine.reports import take_report
from quarterdeck.engine.state import State
from quarterdeck.engine.sweeping import take_sweep
from quarterdeck.engine.timekeeping import advance, due

READS_MARKET: Final = frozenset({CycleDue, Woke, TriggerFired, IntentAsked, ControlAsked, FundsAsked})
"""The kinds of input that carry surroundings, which the loop attaches when the input enters `decide`."""


def decide(state: State, news: Input) -> Iterator[Fact]:
    """
    Say what an input brings about.

    Args:
        state: The state; it is read, never written. Each fact must be applied to it before the next is drawn.
        news: The input. Its time may lie before the state's: then the state's counts, for time never runs back.

    Returns:
        An iterator over the facts, empty where the input changes nothing. It is handed through as the handler made it,
        for a generator around every fact would cost more than most decisions do.
    """
    at_ns = news.at_ns if news.at_ns > state.at_ns else state.at_ns  # noqa: FURB136 - a call of max costs seven times as much
    kind = type(news)
    handler = _WITH_MARKET.get(kind)
    if handler is None:
        return _PLAIN[kind](state, news, at_ns)
    now = Moment(at_ns, news.surroundings)  # type: ignore[union-attr]  # these six kinds carry surroundings
    handled = handler(state, news, now)
    if kind is TriggerFired or (kind is Woke and news.within_bar):  # type: ignore[union-attr]  # narrowed by kind
        return handled  # the mark of an instant is taken once all that happened up to it is known
    # A handler is a generator: it reads nothing before it is drawn from, and that is after time was brought up to now.
    return chain(advance(state, now), handled) if at_ns >= due(state) else handled


def step(state: State, news: Input) -> list[Fact]:
    """
    Decide an input and fold its facts, one by one.

    Returns:
        The facts, in order; empty where the input changed nothing, and then the state is untouched.
    """
    facts = []
    for fact in decide(state, news):
        apply(state, fact)
        facts.append(fact)
    return facts


def _woke(state: State, _news: Woke, now: Moment) -> Iterator[Fact]:
    """Time alone has passed: `advance` has said what that brings about; what waited for orders to end goes on."""
    if state.naked or state.deferred:
        yield from protect(state, now)
    if state.flips:
        yield from flip_on(state, now)


# One handler for each kind of input; a test holds these two tables equal to the union `Input`.
_WITH_MARKET: Final[dict[type[Any], Callable[[State, Any, Moment], Iterator[Fact]]]] = {
    CycleDue: run_cycle,
    Woke: _woke,
    TriggerFired: fire_trigger,
    IntentAsked: take_request,
    ControlAsked: take_control,
    FundsAsked: book_funds,
}
_PLAIN: Final[dict[type[Any], Callable[[State, Any, int], Iterator[Fact]]]] = {
    Started: start,
    Stopping: stop,
    Released: release,
    CancelAsked: cancel_one,
    ResolveAsked: resolve_one,
    OrderReported: take_report,
    FillReported: take_fill,
    AccountReported: take_account,
    VenueSwept: take_sweep,
    ClockStepped: hold_clock,
    SettingsAsked: change_settings,
    FundingReported: book_funding,
    ListingsReported: take_listings,
    PositionLiquidated: take_liquidation,
}
