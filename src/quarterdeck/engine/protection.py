"""
Placing the stop orders that cover positions, selling what cannot be covered, and exits that waited for a cancel.

Entry and stop order are one plan in two steps: the stop is planned at the first `Woke` after a fill, for what filled. A
position has at most one living stop order, so one that fits no more is cancelled before another is planned, and nothing
is planned while one is unknown: it may live.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    SECOND_NS,
    ZERO,
    AlertRaised,
    Control,
    Effect,
    Fact,
    Intent,
    IntentRefused,
    OrderKind,
    ProtectionTried,
    Side,
    Source,
    multiply,
)
from quarterdeck.engine.cover import Cover, Stop, cover_of, is_being_saved, is_leaving, naked_key, review, waiting_for
from quarterdeck.engine.holds import forbids_protection
from quarterdeck.engine.intents import gives_up_ns, leaving_entries, place_stop, pursue, resting_over, resume_exit
from quarterdeck.engine.moment import NEVER_NS, Moment, settings_of
from quarterdeck.engine.offers import Offer, exits_of
from quarterdeck.engine.reports import request_cancel
from quarterdeck.engine.state import Deferred, Grid, Naked, State
from quarterdeck.orders import ENDED, NEVER_LIVED

RETRY_DOUBLINGS_MAX: Final = 4
RETRY_MAX_NS: Final = SECOND_NS << RETRY_DOUBLINGS_MAX
"""The longest pause of the ladder: 16 seconds."""
_SILENCE_SHARE: Final = 8


def protection_due(state: State) -> int:
    """Say when cover is to be tried for again, or a deferred exit may go on; `NEVER_NS` where neither waits."""
    instant = NEVER_NS
    for place, naked in state.naked.items():
        instant = min(instant, _cover_due(state, _grid_at(state, place), naked))
    for deferred in state.deferred.values():
        instant = min(instant, _exit_due(state, deferred))
    return instant


def protect(state: State, now: Moment) -> Iterator[Fact]:
    """Let exits go on that waited, then try for the cover that is due."""
    for deferred in list(state.deferred.values()):
        if now.at_ns >= _exit_due(state, deferred):
            yield from _go_on(state, now, deferred)
    for place, naked in list(state.naked.items()):
        grid = _grid_at(state, place)
        if now.at_ns >= _cover_due(state, grid, naked):
            yield from _cover(state, now, grid, naked)


def _grid_at(state: State, place: str) -> Grid:
    venue, _, instrument = place.partition(" ")
    return state.grids[venue][instrument]


def _may_act(state: State, venue: str, source: Source = Source.PROTECTION) -> bool:
    """Tell whether an order may be planned on a venue: its account is compared, the bot neither stops nor is halted."""
    return not (state.stopping or venue in state.reconciling or _is_halted_for(state, source))


def _is_halted_for(state: State, source: Source) -> bool:
    return forbids_protection(state) if source is Source.PROTECTION else state.control is Control.HALTED


# --- exits that wait --------------------------------------------------------------------------------------------------


def _exit_due(state: State, deferred: Deferred) -> int:
    """Say when a deferred exit may go on: once what held its goods has ended, or the bot was halted."""
    intent, venue = deferred.intent, deferred.venue
    if state.stopping:
        return NEVER_NS  # a later session goes on with it
    if _is_halted_for(state, intent.source):
        return deferred.since_ns
    venues = {name for name, _ in state.listed.get(intent.instrument, ()) if venue in (None, name)}
    if venues & set(state.reconciling):
        return NEVER_NS
    if any(map(is_leaving, resting_over(state, intent, venue))) or leaving_entries(state, intent, venue):
        return gives_up_ns(state, deferred)
    return deferred.since_ns


def _go_on(state: State, now: Moment, deferred: Deferred) -> Iterator[Fact]:
    intent = deferred.intent
    if _is_halted_for(state, intent.source):
        yield IntentRefused(
            at_ns=now.at_ns,
            intent_id=intent.id,
            instrument=intent.instrument,
            stage="intent",
            reason="the bot was halted while the exit waited for another order to be cancelled; resume, then ask again",
        )
        return
    yield from resume_exit(state, now, deferred)


# --- stop orders ------------------------------------------------------------------------------------------------------


def _cover_due(state: State, grid: Grid, naked: Naked) -> int:
    """Say when something is to be done about a position without its stop order; a halted bot does nothing."""
    listing = grid.listing
    if not _may_act(state, listing.venue):
        return naked.next_ns if naked.tries else NEVER_NS  # to count its time anew once the bot may act
    cover = cover_of(state, grid)
    if cover.unfit:
        return naked.next_ns
    if not cover.is_amiss:
        return NEVER_NS if is_being_saved(state, listing.venue, listing.instrument, cover) else naked.next_ns
    if _is_waiting(state, grid):
        return NEVER_NS
    if not cover.living:
        return naked.next_ns
    return NEVER_NS if naked_key(listing.venue, listing.instrument) in state.alerts else _deadline_ns(state, naked)


def _deadline_ns(state: State, naked: Naked) -> int:
    return naked.since_ns + settings_of(state).naked_ns_max


def _cover(state: State, now: Moment, grid: Grid, naked: Naked) -> Iterator[Fact]:
    """Take the next step towards one living stop order that fits, or towards no position."""
    listing = grid.listing
    if not _may_act(state, listing.venue):
        yield _tried(now, grid, Naked(now.at_ns, 0, now.at_ns))
        return
    cover = cover_of(state, grid)
    if not cover.is_amiss:
        yield from review(state, listing.venue, listing.instrument, now.at_ns)
    elif cover.unfit:
        for order in cover.unfit:
            yield from request_cancel(order, now.at_ns, "it does not fit its position")
        yield _tried(now, grid, Naked(naked.since_ns if naked.tries else now.at_ns, max(naked.tries, 1), now.at_ns))
    elif cover.living:
        yield from _tell(state, now, grid, f"order {cover.living[0].client_id} is {cover.living[0].state.value}")
    elif cover.stop is not None:
        yield from _place_or_sell(state, now, grid, naked, cover.stop)


def _place_or_sell(state: State, now: Moment, grid: Grid, naked: Naked, stop: Stop) -> Iterator[Fact]:
    """Place the stop order; sell at the market where the price is beyond it already, or it could not be placed."""
    listing, offer = grid.listing, _offer_at(state, now, grid)
    if offer is None:
        yield from _wait_for_venue(state, now, grid, naked)
        return
    since_ns = naked.since_ns if naked.tries else now.at_ns  # its time counts from when something could be done
    deadline_ns = since_ns + settings_of(state).naked_ns_max
    is_late, tries = now.at_ns >= deadline_ns, naked.tries + 1
    next_ns = now.at_ns + _pause_ns(naked.tries)
    yield _tried(now, grid, Naked(since_ns, tries, next_ns if is_late else min(next_ns, deadline_ns)))
    trigger = stop.trigger_ticks * grid.tick
    is_beyond = offer.quote.last <= trigger
    left: Stop | None = stop
    if is_beyond or (is_late and not _was_sold_in_part(state, grid, naked)):
        cause = f"stop_loss at {offer.quote.last}" if is_beyond else "no stop order could be placed"
        if is_late:
            yield from _tell(state, now, grid, "it is sold at the market")
        who = "stop_loss" if is_beyond else "uncovered"
        yield from pursue(state, now, _intent(state, now, grid, who, cause), venue=listing.venue)
        left = None if _is_waiting(state, grid) else _still_lacking(cover_of(state, grid))
    if left is None:
        yield from review(state, listing.venue, listing.instrument, now.at_ns)
    elif not is_beyond:
        at = multiply(listing.tick, Decimal(left.trigger_ticks))
        yield from place_stop(
            state, now, _intent(state, now, grid, "cover", f"stop at {at}", OrderKind.STOP), offer, left
        )


def _was_sold_in_part(state: State, grid: Grid, naked: Naked) -> bool:
    """
    Tell whether the try before this one was a sale that its venue took, though its book did not take all of it.

    Such a venue trades again: what is left gets its stop order, if it takes one, before more is sold into a thin book.
    """
    listing = grid.listing
    tried_ns = naked.next_ns - _pause_ns(naked.tries - 1)
    for order in reversed(state.orders.values()):
        if order.planned_at_ns < tried_ns:
            return False
        is_here = order.venue == listing.venue and order.instrument == listing.instrument
        if is_here and order.source is Source.PROTECTION and order.trigger_ticks is None:
            return order.state in ENDED and order.state not in NEVER_LIVED
    return False


def _pause_ns(tries: int) -> int:
    return SECOND_NS << min(max(tries, 0), RETRY_DOUBLINGS_MAX)


def _is_waiting(state: State, grid: Grid) -> bool:
    listing = grid.listing
    return bool(state.deferred) and waiting_for(state, listing.pair_id, listing.venue) is not None


def _still_lacking(cover: Cover) -> Stop | None:
    return cover.stop if cover.is_amiss and not cover.living else None


def _offer_at(state: State, now: Moment, grid: Grid) -> Offer | None:
    """Give the book of a listing at its venue; None where the venue does not answer, or trades it no more."""
    if not grid.listing.tradable:
        return None
    offers = exits_of(state, now, settings_of(state), grid.listing.pair_id)
    return next((offer for offer in offers if offer.grid is grid), None)


def _wait_for_venue(state: State, now: Moment, grid: Grid, naked: Naked) -> Iterator[Fact]:
    """Let the time without cover stand still while nothing can be done about it, but tell when it is long."""
    waited_ns = now.at_ns - naked.since_ns
    if waited_ns >= settings_of(state).naked_ns_max:
        yield from _tell(state, now, grid, f"{grid.listing.venue} shows no price to act on")
    next_ns = now.at_ns + min(max(waited_ns // _SILENCE_SHARE, SECOND_NS), RETRY_MAX_NS)
    yield _tried(now, grid, Naked(naked.since_ns, 0, next_ns))


def _tell(state: State, now: Moment, grid: Grid, what: str) -> Iterator[Fact]:
    """Tell a person, once, that a position is without its stop order for too long."""
    listing = grid.listing
    key = naked_key(listing.venue, listing.instrument)
    if key not in state.alerts:
        text = f"{listing.instrument} on {listing.venue} is without its stop order for too long: {what}"
        yield AlertRaised(at_ns=now.at_ns, code="naked", text=text, severity="critical", key=key)


def _tried(now: Moment, grid: Grid, naked: Naked) -> ProtectionTried:
    return ProtectionTried(
        at_ns=now.at_ns,
        venue=grid.listing.venue,
        instrument=grid.listing.instrument,
        since_ns=naked.since_ns,
        tries=naked.tries,
        next_ns=naked.next_ns,
    )


def _intent(
    state: State, now: Moment, grid: Grid, who: str, cause: str, order_kind: OrderKind = OrderKind.MARKET
) -> Intent:
    listing = grid.listing
    # The count of all orders tells two apart while a clock stands still.
    bot, known = settings_of(state).bot, state.retired_orders + len(state.orders)
    return Intent(
        id=f"{bot}:{listing.instrument}:{listing.venue}:{now.at_ns}:{known}:cover:{who}",
        source=Source.PROTECTION,
        who=who,
        effect=Effect.REDUCE,
        side=Side.SELL,
        instrument=listing.pair_id,
        listing=listing.instrument,
        asked=ZERO,
        asked_unit="position",
        order_kind=order_kind,
        cause=cause,
    )
