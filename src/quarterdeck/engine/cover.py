"""
Whether positions are covered by a stop order at their venue, as far as the venue takes any and one is wished.

A position is covered by exactly one stop order that its venue has taken, over all that is held there and not being sold
by another order, at the fixed stop below the average cost. Nothing here plans or cancels; it notes what is amiss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    ZERO,
    AlertCleared,
    BotSettings,
    CancelState,
    Fact,
    Intent,
    OrderState,
    ProtectionSettled,
    ProtectionTried,
    Source,
    ticks_toward,
)
from quarterdeck.engine.exposure import is_dust, sellable_lots, stops_resting
from quarterdeck.engine.holds import forbids_protection
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import Grid, State, place_of
from quarterdeck.guardrails import SLACK
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import average_cost

TRIGGER_DRIFT_MAX: Final = 0.001
GATHER_NS: Final = SECOND_NS
"""How long a stop order that covers a part waits to be replaced, so that fills in quick succession need but one."""
_TAKEN: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
_SELLING: Final = -1


class Stop(Struct, frozen=True, gc=False):
    """
    The stop order that a position should have: over so many lots, awaking at a price in whole ticks.

    `is_placeable`: the venue would take it, and it is worth selling. What is too small or too large for the venue, the
    bot watches itself.
    """

    lots: int
    trigger_ticks: int
    is_placeable: bool


class Cover(Struct, frozen=True, gc=False):
    """
    How a position stands to its stop order.

    `kept` is the living stop order that fits, `unfit` are those to be cancelled that nobody asked to be yet, `living`
    are all that have not ended.
    """

    stop: Stop | None
    living: tuple[Order, ...]
    kept: Order | None
    unfit: tuple[Order, ...]

    @property
    def is_amiss(self) -> bool:
        """Whether something is to be placed or cancelled."""
        lacks = self.stop is not None and self.stop.is_placeable and self.kept is None
        return lacks or bool(self.unfit)


def is_wished(settings: BotSettings, state: State, venue: str) -> bool:
    """Tell whether positions on a venue should be covered by stop orders there."""
    known = state.venues.get(venue)
    return settings.risk.stop_loss is not None and known is not None and known.stops


def stop_wished(state: State, grid: Grid) -> Stop | None:
    """
    Give the stop order that a position should have; None where nothing is to be covered.

    It covers whatever no other order is selling; over positions in perpetuals the bot watches itself. The trigger is
    rounded up, towards the market, so that a position loses no more than was said.
    """
    settings, listing = settings_of(state), grid.listing
    share = settings.risk.stop_loss
    if share is None or grid.is_perpetual or not is_wished(settings, state, listing.venue):
        return None
    position = state.position(listing.venue, listing.instrument)
    lots = sellable_lots(state, grid) if position.qty > ZERO else 0
    if lots <= 0:
        return None
    ticks = ticks_toward(average_cost(position) * (1.0 - share), grid.tick, _SELLING)
    return Stop(lots, ticks, ticks > 0 and takes(grid, lots, ticks) and not is_dust(state, grid, position))


def takes(grid: Grid, lots: int, trigger_ticks: int) -> bool:
    """Tell whether a venue would take a stop order, by its bounds of quantity and of worth at the trigger."""
    listing = grid.listing
    worth = lots * grid.lot * trigger_ticks * grid.tick
    fits_worth = grid.notional_min * (1.0 - SLACK) <= worth <= grid.notional_max * (1.0 + SLACK)
    return listing.lots_min <= lots <= listing.lots_max and fits_worth


def cover_of(state: State, grid: Grid) -> Cover:
    """Work out how a position stands to its stop order."""
    stop = stop_wished(state, grid)
    living = tuple(stops_resting(state, grid.listing.venue, grid.listing.instrument))
    kept = next((order for order in living if _fits(order, stop)), None)
    unfit = tuple(
        [order for order in living if order is not kept and not is_leaving(order) and not _waits(order, stop)]
    )
    return Cover(stop, living, kept, unfit)


def _fits(order: Order, stop: Stop | None) -> bool:
    """Tell whether a stop order covers its position; one that awoke is selling already, and is let go on."""
    if order.state not in _TAKEN or order.cancel is not CancelState.NONE:
        return False
    return order.reported_lots > 0 or _is_as_wished(order, stop)


def _waits(order: Order, stop: Stop | None) -> bool:
    """Tell whether an order is to be waited for: its answer is on its way, or it is unknown and as wished."""
    if order.state is OrderState.PLANNED:
        return True
    return order.state is OrderState.UNKNOWN and _is_as_wished(order, stop)


def _is_as_wished(order: Order, stop: Stop | None) -> bool:
    if stop is None or stop.trigger_ticks <= 0 or order.trigger_ticks is None:
        return False
    drift = abs(order.trigger_ticks / stop.trigger_ticks - 1.0)
    return order.unbooked_lots == stop.lots and drift <= TRIGGER_DRIFT_MAX


def is_leaving(order: Order) -> bool:
    """Tell whether the cancel of an order is wanted already; what was once wanted stays wanted."""
    return order.cancel is not CancelState.NONE or bool(order.cancel_reason)


def is_covered(state: State, grid: Grid) -> bool:
    """Tell whether a stop order at the venue protects a position, so that the bot need not watch its fixed stop."""
    if not state.live:
        return False
    listing = grid.listing
    if not stops_resting(state, listing.venue, listing.instrument):
        return False
    return cover_of(state, grid).kept is not None


def protected_by(state: State, venue: str, instrument: str) -> str:
    """
    Say who protects a position: a stop order at the `venue`, the `bot` by what it watches, or nobody (empty).

    A halted bot watches nothing, unless its settings let protection go on; a killed one never.
    """
    settings = state.settings
    grid, qty = state.grids.get(venue, {}).get(instrument), state.position(venue, instrument).qty
    if settings is None or grid is None or (qty == ZERO if grid.is_perpetual else qty <= ZERO):
        return ""
    if is_covered(state, grid):
        return "venue"
    has_stop = settings.risk.stop_loss is not None or settings.risk.trailing_stop is not None
    return "bot" if has_stop and not forbids_protection(state) else ""


def waiting_for(state: State, pair: str, venue: str | None) -> Intent | None:
    """Give the exit of a pair that waits for stop orders of a venue to be cancelled; `venue` None is any of them."""
    for deferred in state.deferred.values():
        same_place = venue is None or deferred.venue in (None, venue)
        if deferred.intent.instrument == pair and same_place:
            return deferred.intent
    return None


def is_being_saved(state: State, venue: str, instrument: str, cover: Cover) -> bool:
    """
    Tell whether an exit of protection's own is on its way in place of a stop order.

    It may yet be rejected: until it is not, nothing is settled, and the tries before it count.
    """
    return cover.kept is None and any(
        order.source is Source.PROTECTION
        and order.trigger_ticks is None
        and order.state not in ENDED
        and order.venue == venue
        and order.instrument == instrument
        for order in state.live_orders()
    )


def naked_key(venue: str, instrument: str) -> str:
    """Name the alert that stands while a position is without its stop order for too long."""
    return f"naked:{place_of(venue, instrument)}"


def review(state: State, venue: str, instrument: str, at_ns: int) -> Iterable[Fact]:
    """Note that a position lost its cover, or has it again; no fact where nothing changed."""
    if not state.naked and not is_wished(settings_of(state), state, venue):
        return ()
    return _review(state, venue, instrument, at_ns)


def review_marked(state: State, at_ns: int) -> Iterable[Fact]:
    """Look at every position anew after a mark, where stop orders are wished at all: prices make dust, and end it."""
    settings = settings_of(state)
    if settings.risk.stop_loss is None or not any(venue.stops for venue in settings.venues):
        return ()
    return review_all(state, at_ns)


def review_all(state: State, at_ns: int) -> Iterator[Fact]:
    """Look at every position and every stop order anew, as when settings or venues changed or a session began."""
    places = {(venue, instrument): True for venue, held in state.positions.items() for instrument in held}
    places |= {(order.venue, order.instrument): True for order in state.live_orders() if order.is_protective}
    for venue, instrument in places:
        yield from _review(state, venue, instrument, at_ns)


def _review(state: State, venue: str, instrument: str, at_ns: int) -> Iterator[Fact]:
    place = place_of(venue, instrument)
    naked, cover = state.naked.get(place), cover_of(state, state.grids[venue][instrument])
    if not cover.is_amiss:
        if naked is not None and not is_being_saved(state, venue, instrument, cover):
            yield ProtectionSettled(at_ns=at_ns, venue=venue, instrument=instrument)
            key = naked_key(venue, instrument)
            if key in state.alerts:
                yield AlertCleared(at_ns=at_ns, key=key, text=f"over: {state.alerts[key]}")
        return
    outgrown = any(order.state in _TAKEN and not is_leaving(order) for order in cover.living)
    # A venue that took a stop order in the meantime answers: what came on top of it is naked from now on only.
    if naked is None or (naked.tries and outgrown):
        next_ns = at_ns + GATHER_NS if outgrown else at_ns
        yield ProtectionTried(at_ns=at_ns, venue=venue, instrument=instrument, since_ns=at_ns, tries=0, next_ns=next_ns)
