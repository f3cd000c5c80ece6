"""
Searching venues for working orders of ours, and cancelling them: what a kill does, and what a dying bot does.

Our mark is the prefix of the client id. What carries it is ours, whether or not the journal knows it; what does not is
left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from quarterdeck.domain import Control, OrderSeen, QuarterdeckError, RateLimited
from quarterdeck.engine import State, lets_protect
from quarterdeck.orders import ENDED, Order, client_prefix
from quarterdeck.ports import CancelRequest, Venue

LAST_SWEEP_S: Final = 20.0
LAST_SWEEP_PAUSE_S: Final = 0.5


def to_sweep(state: State, listed: tuple[OrderSeen, ...]) -> list[OrderSeen]:
    """Choose from the orders that a killed venue lists those to cancel: ours, but for those that protect and may."""
    if state.settings is None:
        return []
    prefix = client_prefix(state.settings.bot)
    return [seen for seen in listed if seen.client_id.startswith(prefix) and not _may_protect(state, seen.client_id)]


def _may_protect(state: State, client_id: str) -> bool:
    """Tell whether an order is a stop order of ours that stays during a halt."""
    order = state.orders.get(client_id)
    return order is not None and order.state not in ENDED and order.is_protective and lets_protect(state)


async def sweep_without_journal(venues: Mapping[str, Venue], state: State) -> None:
    """
    Cancel what lives although the journal failed: cancels are the one act that needs no journal.

    Nothing is sent but cancels and the questions what works, and nothing is remembered; the next session asks the
    venues how the orders stand. A stop order that covers a position stays, unless a halt forbids it: nobody is left to
    watch over the position. Gives up after a while, for a dead bot helps nobody.
    """
    try:
        async with asyncio.timeout(LAST_SWEEP_S):
            await asyncio.gather(*(_sweep_one(venue, state) for venue in venues.values()))
    except TimeoutError:
        return


async def _sweep_one(venue: Venue, state: State) -> None:
    """Cancel what we know of at a venue, then what it still lists, until it lists nothing of ours that should go."""
    for order in state.live_orders():
        if order.venue == venue.name and order.state not in ENDED and not _stays(state, order):
            await _cancel(venue, CancelRequest(order.client_id, venue.name, order.instrument))
    while True:
        try:
            listed = (await venue.account()).orders
        except RateLimited as error:  # asking on would only lengthen it
            await asyncio.sleep(max(error.retry_after_ns / 1e9, LAST_SWEEP_PAUSE_S))
            continue
        except QuarterdeckError:  # it may be what failed; the others are cancelled all the same
            await asyncio.sleep(LAST_SWEEP_PAUSE_S)
            continue
        left = [seen for seen in to_sweep(state, listed) if not _stays(state, state.orders.get(seen.client_id))]
        if not left:
            return
        for seen in left:
            await _cancel(venue, CancelRequest(seen.client_id, venue.name, seen.instrument))
        await asyncio.sleep(LAST_SWEEP_PAUSE_S)


def _stays(state: State, order: Order | None) -> bool:
    """Tell whether an order may outlive the process that watched over it."""
    return order is not None and order.is_protective and state.control is not Control.HALTED


async def _cancel(venue: Venue, request: CancelRequest) -> None:
    try:
        report = await venue.cancel(request)
    except QuarterdeckError:
        return
    if report.retry_after_ns:
        await asyncio.sleep(report.retry_after_ns / 1e9)
