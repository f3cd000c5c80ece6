"""Sessions and control levels: starting, stopping, pausing, killing, resuming. Halts survive restarts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    CancelAsked,
    CapitalDeclared,
    ClockHeld,
    ClockStepped,
    CommandAnswered,
    ConfigError,
    Control,
    ControlAsked,
    ControlChanged,
    Effect,
    Evidence,
    Fact,
    Intent,
    OrderState,
    Released,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Side,
    Source,
    Started,
    Stopping,
    ensure,
)
from quarterdeck.engine.intents import least_qty, pursue, sellable_lots
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.reports import move, request_cancel
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED

NOTICED: Final = "the kill file was raised"
CLOCK_STEP_NS_MAX: Final = SECOND_NS // 2
CLOCK_STEADY_NS: Final = 60 * SECOND_NS
PAUSE_NS: Final = 15 * MINUTE_NS
LEVEL_OF: Final = {
    "pause": Control.PAUSED,
    "reduce": Control.REDUCING,
    "halt": Control.HALTED,
    "kill": Control.HALTED,
    "resume": Control.RUNNING,
}


def start(state: State, started: Started, at_ns: int) -> Iterator[Fact]:
    """
    Open a session. A first start, a normal start and one after a crash walk the same path.

    Every order that was planned and has no answer becomes unknown: it may have been sent, and is never sent again.
    """
    is_first = state.epoch == 0
    _ensure_handled(state, started.settings)
    if started.settings != state.settings:
        yield SettingsAdopted(at_ns=at_ns, settings=started.settings)
    yield SessionOpened(at_ns=at_ns, session=started.session, epoch=started.epoch, software=started.software)
    if is_first:
        cash = {venue.name: dict(venue.cash) for venue in started.settings.venues}
        yield CapitalDeclared(at_ns=at_ns, cash=cash, equity=float(started.settings.capital))
    for order in state.live_orders():
        if order.state is OrderState.PLANNED:
            yield from move(state, order, Evidence.RECOVERED, at_ns, reason="a new session found no answer to the send")
    if started.kill_epoch > state.kill_epoch and not state.kill_raised:
        yield from _kill(state, at_ns, NOTICED, "kill file")


def _ensure_handled(state: State, settings: BotSettings) -> None:
    """Refuse settings without a pair or venue on which something is still held or working: nobody could close it."""
    listed = {(one.venue, one.instrument) for one in settings.listings if one.instrument in settings.pairs}
    kept = {place for place in listed if place[0] in {venue.name for venue in settings.venues}}
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            grid = state.grids[venue][instrument]
            if (venue, instrument) not in kept and position.qty >= least_qty(grid):
                what = f"{position.qty} {grid.listing.base} of {instrument} on {venue} is still held"
                raise ConfigError(f"{what}; put the pair and the venue back into the settings, and sell it first")
    grids = {(one.venue, one.instrument): (one.lot, one.tick) for one in settings.listings}
    for order in state.live_orders():
        place = (order.venue, order.instrument)
        what = f"order {order.client_id} for {order.instrument} on {order.venue} is not settled"
        if place not in kept:
            raise ConfigError(f"{what}; put the pair and the venue back into the settings until it is")
        if grids[place] != (order.lot, order.tick):
            raise ConfigError(f"{what}; put its lot {order.lot} and tick {order.tick} back until it is")


def stop(state: State, stopping: Stopping, at_ns: int) -> Iterator[Fact]:
    """Stop deciding, and cancel what is working if the settings say so."""
    if state.stopping:
        return
    yield SessionClosed(at_ns=at_ns, reason=stopping.reason, released=False)
    if settings_of(state).cancel_on_shutdown:
        for order in state.live_orders():
            yield from request_cancel(order, at_ns, "the bot is stopping")


def release(state: State, _released: Released, at_ns: int) -> Iterator[Fact]:
    """Give the bot up after draining."""
    ensure(state.stopping, "a bot is released only after it was asked to stop")
    if not state.released:
        yield SessionClosed(at_ns=at_ns, reason="released", released=True)


def take_control(state: State, asked: ControlAsked, now: Moment) -> Iterator[Fact]:
    """Carry out an operator's command once for each key, and answer it durably."""
    if asked.key in state.answers:
        return
    at_ns = now.at_ns
    if asked.command == "flatten":
        yield from _flatten(state, asked, now)
    elif asked.command not in LEVEL_OF:
        known = ", ".join(sorted([*LEVEL_OF, "flatten"]))
        yield CommandAnswered(
            at_ns=at_ns, key=asked.key, outcome=f"refused: no command {asked.command!r}; there are {known}"
        )
        return
    elif asked.command == "kill":
        # The file may be noticed before its operator is heard: the reason is worth a fact of its own then.
        if not state.kill_raised or state.control_reason == NOTICED:
            yield from _kill(state, at_ns, asked.reason or "kill", asked.who)
    elif asked.command == "resume" and asked.kill_epoch < state.kill_epoch:
        known = f"this bot knows of epoch {state.kill_epoch} already"
        outcome = f"refused: the kill file says {asked.kill_epoch}, and {known}; raise the kill switch, then resume"
        yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=outcome)
        return
    elif asked.command == "resume":
        yield ControlChanged(
            at_ns=at_ns,
            control=Control.RUNNING,
            reason=asked.reason,
            who=asked.who,
            kill_epoch=asked.kill_epoch,
            window_emptied=True,
            differences_accepted=True,
        )
    else:
        yield from _lower(state, asked, at_ns)
    yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=f"done: {asked.command}")


def _lower(state: State, asked: ControlAsked, at_ns: int) -> Iterator[Fact]:
    """Tighten the level. Only a resume loosens one: a pause must not lift a halt."""
    level = LEVEL_OF[asked.command]
    order = list(Control)
    if order.index(level) <= order.index(state.control):
        return
    yield ControlChanged(
        at_ns=at_ns,
        control=level,
        reason=asked.reason or asked.command,
        who=asked.who,
        paused_until_ns=at_ns + PAUSE_NS if level is Control.PAUSED else 0,
        kill_raised=state.kill_raised,
    )
    if level is Control.HALTED:
        for live in state.live_orders():
            yield from request_cancel(live, at_ns, "the bot was halted")


def _kill(state: State, at_ns: int, reason: str, who: str) -> Iterator[Fact]:
    yield ControlChanged(at_ns=at_ns, control=Control.HALTED, reason=reason, who=who, kill_raised=True)
    for order in state.live_orders():
        yield from request_cancel(order, at_ns, "kill")


def _flatten(state: State, asked: ControlAsked, now: Moment) -> Iterator[Fact]:
    """Close every position, through the same door as any exit."""
    for instrument in settings_of(state).pairs:
        holds = any(
            instrument in grids and sellable_lots(state, grids[instrument]) > 0 for grids in state.grids.values()
        )
        if holds:
            intent = Intent(
                id=f"{settings_of(state).bot}:flatten:{asked.key}:{instrument}",
                source=Source.MANUAL,
                who=asked.who,
                effect=Effect.REDUCE,
                side=Side.SELL,
                instrument=instrument,
                asked=Decimal(0),
                asked_unit="position",
                cause="flatten",
            )
            yield from pursue(state, now, intent)


def cancel_one(state: State, asked: CancelAsked, at_ns: int) -> Iterator[Fact]:
    """Cancel one order at an operator's wish, once for each key."""
    if asked.key in state.answers:
        return
    order = state.orders.get(asked.client_id)
    if order is None:
        outcome = f"refused: no order {asked.client_id}"
    elif order.state in ENDED:
        outcome = f"refused: order {asked.client_id} has ended as {order.state.value}"
    else:
        yield from request_cancel(order, at_ns, f"asked by {asked.who}")
        outcome = f"done: cancel of {asked.client_id} requested"
    yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=outcome)


def hold_clock(state: State, stepped: ClockStepped, at_ns: int) -> Iterator[Fact]:
    """Open nothing for a minute after the wall clock jumped; time itself never runs backwards in here."""
    if abs(stepped.step_ns) <= CLOCK_STEP_NS_MAX:
        return
    ensure(state.equity_open is not None, "the clock is watched from the first session on")
    yield ClockHeld(at_ns=at_ns, step_ns=stepped.step_ns, steady_at_ns=at_ns + CLOCK_STEADY_NS)
