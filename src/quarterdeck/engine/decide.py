"""
The decisions. `decide` reads a state and an input and says what happens; it changes nothing itself.

It yields facts one by one and expects each to be applied before the next is drawn, so that what it reserves for one
order binds the next. `step` does just that; everything that runs the engine goes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from quarterdeck.domain import (
    AccountReported,
    CancelAsked,
    ClockStepped,
    ControlAsked,
    CycleDue,
    Fact,
    FillReported,
    Input,
    IntentAsked,
    OrderReported,
    Released,
    Started,
    Stopping,
    TriggerFired,
    Woke,
)
from quarterdeck.engine.apply import apply
from quarterdeck.engine.control import cancel_one, hold_clock, release, start, stop, take_control
from quarterdeck.engine.cycle import fire_trigger, run_cycle, take_request
from quarterdeck.engine.fills import take_fill
from quarterdeck.engine.moment import Moment
from quarterdeck.engine.reports import take_account, take_report
from quarterdeck.engine.state import State
from quarterdeck.engine.timekeeping import advance, due

READS_MARKET: Final = frozenset({CycleDue, Woke, TriggerFired, IntentAsked, ControlAsked})
"""The kinds of input that carry surroundings, which the loop attaches when the input enters `decide`."""


def decide(state: State, news: Input) -> Iterator[Fact]:
    """
    Say what an input brings about.

    Args:
        state: The state; it is read, never written. Each fact must be applied to it before the next is drawn.
        news: The input. Its time may lie before the state's: then the state's counts, for time never runs back.

    Yields:
        Facts, none where the input changes nothing.
    """
    at_ns = max(news.at_ns, state.at_ns)
    kind = type(news)
    if kind in READS_MARKET:
        now = Moment(at_ns, news.surroundings)  # type: ignore[union-attr]  # these five kinds carry surroundings
        if at_ns >= due(state):
            yield from advance(state, now)
        yield from _WITH_MARKET[kind](state, news, now)
        return
    yield from _PLAIN[kind](state, news, at_ns)


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


def _woke(_state: State, _news: Woke, _now: Moment) -> Iterator[Fact]:
    """Time alone has passed; `advance` has said what that brings about."""
    yield from ()


# One handler for each kind of input; a test holds these two tables equal to the union `Input`.
_WITH_MARKET: Final[dict[type[Any], Callable[[State, Any, Moment], Iterator[Fact]]]] = {
    CycleDue: run_cycle,
    Woke: _woke,
    TriggerFired: fire_trigger,
    IntentAsked: take_request,
    ControlAsked: take_control,
}
_PLAIN: Final[dict[type[Any], Callable[[State, Any, int], Iterator[Fact]]]] = {
    Started: start,
    Stopping: stop,
    Released: release,
    CancelAsked: cancel_one,
    OrderReported: take_report,
    FillReported: take_fill,
    AccountReported: take_account,
    ClockStepped: hold_clock,
}
