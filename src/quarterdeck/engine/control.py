"""Sessions and control levels: starting, stopping, pausing, killing, resuming. Halts survive restarts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    ZERO,
    AlertRaised,
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
    Hold,
    Intent,
    OrderState,
    Released,
    ResolveAsked,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Side,
    Source,
    Started,
    StateUpgraded,
    Stopping,
    ensure,
)
from quarterdeck.engine.accounts import forget_doubts
from quarterdeck.engine.changes import left_without_care
from quarterdeck.engine.cover import protected_by, review_all
from quarterdeck.engine.exposure import FLATTEN, grids_of, sellable_lots
from quarterdeck.engine.flips import end_flips
from quarterdeck.engine.holds import LIMITS_OF_LOSS, TAKEOVER, changed, held, lets_protect, strength
from quarterdeck.engine.intents import pursue
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.reports import move, request_cancel
from quarterdeck.engine.state import State, state_hash
from quarterdeck.orders import ENDED

MILLISECOND_NS: Final = SECOND_NS // 1_000
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

    Raises:
        ConfigError: If the settings lack a pair or venue on which something is still held or working.
    """
    is_first, was_released = state.epoch == 0, state.released
    unhandled = left_without_care(state, started.settings)
    if unhandled:
        raise ConfigError(unhandled)
    if not is_first and started.software != state.software:
        yield StateUpgraded(
            at_ns=at_ns,
            software_before=state.software,
            software=started.software,
            before_hash=started.recorded_hash,
            state_hash=state_hash(state),
        )
    if started.settings != state.settings:
        yield SettingsAdopted(at_ns=at_ns, settings=started.settings)
    yield SessionOpened(at_ns=at_ns, session=started.session, epoch=started.epoch, software=started.software)
    if is_first:
        yield _capital(started.settings, at_ns)
    elif not was_released:
        yield _taken_over(state, at_ns)
    yield from end_flips(state, at_ns, "a new session began before it could open")
    for order in state.live_orders():
        if order.state is OrderState.PLANNED:
            yield from move(state, order, Evidence.RECOVERED, at_ns, reason="a new session found no answer to the send")
    yield from forget_doubts(state, at_ns)
    yield from review_all(state, at_ns)
    if started.kill_epoch > state.kill_epoch and not state.kill_raised:
        yield from _kill(state, at_ns, NOTICED, "kill file")


def _capital(settings: BotSettings, at_ns: int) -> CapitalDeclared:
    """Say what the bot begins with. Whatever else an account holds is not its own, and is never sold."""
    return CapitalDeclared(
        at_ns=at_ns,
        cash={venue.name: dict(venue.cash) for venue in settings.venues},
        equity=float(settings.capital),
        holdings=tuple(holding for venue in settings.venues for holding in venue.holdings),
    )


def _taken_over(state: State, at_ns: int) -> ControlChanged:
    """Open nothing as long as a request that the owner before signed with its last breath may still be honoured."""
    settings = settings_of(state)
    validity_ns = max([venue.validity_ns for venue in settings.venues], default=0)
    until_ns = at_ns + validity_ns + int(settings.guardrails.clock_skew_max_ms * MILLISECOND_NS)
    earlier = state.holds.get(TAKEOVER)
    if earlier is not None:
        until_ns = max(until_ns, earlier.until_ns)
    reason = "the session before was not released; what it sent last may still arrive"
    return held(state, at_ns, Hold(TAKEOVER, Control.REDUCING, reason, until_ns), "engine")


def stop(state: State, stopping: Stopping, at_ns: int) -> Iterator[Fact]:
    """
    Stop deciding, and cancel what is working if the settings say so.

    What protects a position at its venue stays there: a process that is gone leaves nothing naked.
    """
    if state.stopping:
        return
    yield SessionClosed(at_ns=at_ns, reason=stopping.reason, released=False)
    if settings_of(state).cancel_on_shutdown:
        for order in state.live_orders():
            if not (order.is_protective and state.position(order.venue, order.instrument).qty > ZERO):
                yield from request_cancel(order, at_ns, "the bot is stopping")


def release(state: State, _released: Released, at_ns: int) -> Iterator[Fact]:
    """Give the bot up after draining."""
    ensure(state.stopping, "a bot is released only after it was asked to stop")
    if not state.released:
        yield SessionClosed(at_ns=at_ns, reason="released", released=True)


def take_control(state: State, asked: ControlAsked, now: Moment) -> Iterator[Fact]:
    """Carry out an operator's command once for each key, and answer it durably."""
    if state.is_answered(asked.key):
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
        yield _resumed(state, asked, at_ns)
        outcome = "done: resume"
        if state.holds:
            why = "; ".join(f"{hold.cause}: {hold.reason}" for hold in state.holds.values())
            hint = " (resume --rebase lifts loss limits)" if any(c in state.holds for c in LIMITS_OF_LOSS) else ""
            outcome = f"done: resume, but still {state.control.value}: {why}{hint}"
        yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=outcome)
        return
    else:
        yield from _lower(state, asked, at_ns)
    yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=f"done: {asked.command}")


def _resumed(state: State, asked: ControlAsked, at_ns: int) -> ControlChanged:
    """
    Lift what a person may lift: every hold but those of time and of the loss limits, and the latter too with `rebase`.

    The person has looked: differences of balances are accepted, and counts of rejections and executions begin anew.
    """
    firm = (TAKEOVER,) if asked.rebase else (TAKEOVER, *LIMITS_OF_LOSS)
    kept = [hold for hold in state.holds.values() if hold.cause in firm]
    return replace(
        changed(state, at_ns, kept, asked.reason, asked.who),
        kill_epoch=asked.kill_epoch,
        kill_raised=False,
        window_emptied=True,
        differences_accepted=True,
        rebased=asked.rebase,
    )


def _lower(state: State, asked: ControlAsked, at_ns: int) -> Iterator[Fact]:
    """Tighten the level. Only a resume loosens one: a pause must not lift a halt."""
    level = LEVEL_OF[asked.command]
    until_ns = at_ns + PAUSE_NS if level is Control.PAUSED else 0
    hold, own = Hold("operator", level, asked.reason or asked.command, until_ns), state.holds.get("operator")
    if own is not None and strength(own) >= strength(hold):
        return
    yield held(state, at_ns, hold, asked.who)
    if level is Control.HALTED:
        yield from _cancel_all(state, at_ns, "the bot was halted")


def _kill(state: State, at_ns: int, reason: str, who: str) -> Iterator[Fact]:
    yield replace(held(state, at_ns, Hold("kill", Control.HALTED, reason), who), kill_raised=True)
    stays = lets_protect(state)
    naked = [
        f"{position.qty} {instrument} on {venue}"
        for venue, positions in state.positions.items()
        for instrument, position in positions.items()
        if position.qty and not (stays and protected_by(state, venue, instrument) == "venue")
    ]
    if naked:
        text = f"{reason}: halted, and nothing protects {', '.join(naked)}; flatten or watch them"
        yield AlertRaised(at_ns=at_ns, code="kill_switch", text=text, severity="critical")
    yield from _cancel_all(state, at_ns, "kill")


def _cancel_all(state: State, at_ns: int, reason: str) -> Iterator[Fact]:
    """Cancel everything that lives; what protects positions at their venues stays where the settings say so."""
    stays = lets_protect(state)
    for order in state.live_orders():
        if not (stays and order.is_protective):
            yield from request_cancel(order, at_ns, reason)


def _flatten(state: State, asked: ControlAsked, now: Moment) -> Iterator[Fact]:
    """Close every position, through the same door as any exit: what is long is sold, what is short bought back."""
    for instrument in settings_of(state).pairs:
        for side in (Side.SELL, Side.BUY):
            grids = grids_of(state, instrument)
            if any(sellable_lots(state, grid, over_resting=True, side=side) > 0 for grid in grids):
                yield from pursue(state, now, _flattening(state, asked, instrument, side))


def _flattening(state: State, asked: ControlAsked, instrument: str, side: Side) -> Intent:
    intent_id = f"{settings_of(state).bot}:flatten:{asked.key}:{instrument}"
    return Intent(
        id=intent_id if side is Side.SELL else f"{intent_id}:buy",
        source=Source.MANUAL,
        who=asked.who,
        effect=Effect.REDUCE,
        side=side,
        instrument=instrument,
        asked=Decimal(0),
        asked_unit="position",
        cause=FLATTEN,
    )


def cancel_one(state: State, asked: CancelAsked, at_ns: int) -> Iterator[Fact]:
    """Cancel one order at an operator's wish, once for each key."""
    if state.is_answered(asked.key):
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


def resolve_one(state: State, asked: ResolveAsked, at_ns: int) -> Iterator[Fact]:
    """Take a person's word, once for each key, that an unknown order lives no more; trades are told all the same."""
    if state.is_answered(asked.key):
        return
    order = state.orders.get(asked.client_id)
    if order is None:
        outcome = f"refused: no order {asked.client_id}"
    elif order.state is not OrderState.UNKNOWN:
        outcome = f"refused: order {asked.client_id} is {order.state.value}; only an unknown one can be resolved"
    else:
        why = f"{asked.who} says that it lives no more" + (f": {asked.reason}" if asked.reason else "")
        yield from move(state, order, Evidence.DECLARED_GONE, at_ns, reason=why)
        outcome = f"done: order {asked.client_id} counts as {order.state.value}"
    yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=outcome)


def hold_clock(state: State, stepped: ClockStepped, at_ns: int) -> Iterator[Fact]:
    """Open nothing for a minute after the wall clock jumped; time itself never runs backwards in here."""
    if abs(stepped.step_ns) <= CLOCK_STEP_NS_MAX:
        return
    ensure(state.equity_open is not None, "the clock is watched from the first session on")
    yield ClockHeld(at_ns=at_ns, step_ns=stepped.step_ns, steady_at_ns=at_ns + CLOCK_STEADY_NS)
