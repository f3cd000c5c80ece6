"""`state.json`: a copy of the state for outside readers, written beside the journal and never read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from quarterdeck.domain import Action, CycleRan, Fact
from quarterdeck.engine import State
from quarterdeck.market import MarketView
from quarterdeck.system.clocks import TapeClock
from quarterdeck.system.status import VenueStatus, export_state, venue_status

EVERY_NS: Final = 1_000_000_000

Banned = Callable[[], Mapping[str, int]]
"""Venue → the instant in the bot's time before which it listens to nothing."""


def _none_banned() -> Mapping[str, int]:
    return {}


class StateFile:
    """Writes the file whole, at most once a second of true time; a failure to write it never stops the bot."""

    def __init__(self, path: Path, view: MarketView, clock: TapeClock, banned: Banned = _none_banned) -> None:
        """
        Begin.

        Args: the file; the market; the bot's clock; what tells until when which venues listen to nothing.
        """
        self._path = path
        self._banned = banned
        self._view = view
        self._clock = clock
        self._written_ns = 0
        self._last_signal: dict[str, Action] = {}

    def note(self, state: State, facts: Sequence[Fact] = ()) -> None:
        """Remember what the strategy said, and write the file if it is old."""
        for fact in facts:
            if isinstance(fact, CycleRan):
                self._last_signal |= fact.actions
        steady_ns = self._clock.steady_ns()
        if steady_ns - self._written_ns >= EVERY_NS:
            self._written_ns = steady_ns
            self.write(state)

    def write(self, state: State) -> None:
        """Write the file now."""
        venues: list[VenueStatus] = venue_status(state, self._view, self._clock.now_ns(), self._banned())
        body = msgspec.json.format(msgspec.json.encode(export_state(state, venues, self._last_signal)))
        aside = self._path.with_suffix(".json.new")
        try:
            aside.write_bytes(body)
            aside.replace(self._path)
        except OSError:
            return  # a copy for readers: the journal is what counts, and it fails on its own if the disk does
