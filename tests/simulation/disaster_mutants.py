"""Bugs of kill, stops, ownership, disks and rates, put in on purpose."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from unittest.mock import patch

from quarterdeck.domain import Fact, NotOwner
from quarterdeck.engine import Grid, Moment, Naked, State, SweepVenue
from quarterdeck.engine.cover import Stop
from quarterdeck.engine.protection import _wait_for_venue
from quarterdeck.journal import Lease
from quarterdeck.journal.lease import taken
from quarterdeck.system import Hands

Patch = AbstractContextManager[object]
MOMENTS = 3


def place_a_second_stop() -> Patch:
    """Stops that rest are not seen."""
    return patch("quarterdeck.engine.cover.stops_resting", lambda *_: [])


def leave_positions_naked() -> Patch:
    """Nobody places stops, nor sells what has none."""

    def wait(state: State, now: Moment, grid: Grid, naked: Naked, _stop: Stop) -> Iterator[Fact]:
        yield from _wait_for_venue(state, now, grid, naked)

    return patch("quarterdeck.engine.protection._place_or_sell", wait)


def search_no_venue_after_a_kill() -> Patch:
    """A kill cancels what the journal knows, and looks no further."""

    async def nothing(_self: Hands, _act: SweepVenue) -> None:
        return

    return patch.object(Hands, "_sweep", nothing)


def let_a_lease_last_for_ever() -> Patch:
    """A lease that ran out counts as held."""

    def kept(current: Lease | None, claim: Lease, now_ns: int, *, gone_epoch: int | None = None) -> Lease:
        if current is not None and not current.released and gone_epoch is None:
            raise NotOwner("it is owned")
        return taken(current, claim, now_ns, gone_epoch=gone_epoch)

    return patch("quarterdeck.journal.sqlite.taken", kept)


OF_DISASTERS: dict[str, Callable[[], Patch]] = {
    made.__name__: made
    for made in (
        place_a_second_stop,
        leave_positions_naked,
        search_no_venue_after_a_kill,
        let_a_lease_last_for_ever,
    )
}
