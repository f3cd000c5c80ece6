"""Why a bot may not do everything: holds by cause, and the control level that follows from all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from quarterdeck.domain import Control, ControlChanged, Fact, Hold
from quarterdeck.engine.state import State

LIMITS_OF_LOSS: Final = ("G5", "G6", "drawdown_max")
"""Holds that time lifts, or an operator who rebases; a plain resume does not."""

TAKEOVER: Final = "takeover"
"""The hold of a session that took over from one which did not let go. Only time lifts it, not a person."""

_TIGHTNESS: Final = {level: place for place, level in enumerate(Control)}


def strength(hold: Hold) -> tuple[int, bool, int]:
    """Rank a hold: the tighter level first, then what lasts longer, and without an end before all."""
    return _TIGHTNESS[hold.level], hold.until_ns == 0, hold.until_ns


def tightest(holds: Iterable[Hold]) -> Hold | None:
    """Give the hold that decides, None where nothing holds the bot."""
    return max(holds, key=strength, default=None)


def changed(state: State, at_ns: int, holds: Iterable[Hold], reason: str, who: str) -> ControlChanged:
    """Say what a bot under these holds may do; the reason given is told where nothing holds it any more."""
    kept = tuple(holds)
    deciding = tightest(kept)
    return ControlChanged(
        at_ns=at_ns,
        control=deciding.level if deciding else Control.RUNNING,
        reason=deciding.reason if deciding else reason,
        who=who,
        paused_until_ns=deciding.until_ns if deciding and deciding.level is Control.PAUSED else 0,
        kill_raised=state.kill_raised,
        holds=kept,
    )


def lets_protect(state: State) -> bool:
    """Tell whether the settings let protection stand while the bot is halted; without settings nothing does."""
    return state.settings is not None and state.settings.guardrails.protect_when_halted


def forbids_protection(state: State) -> bool:
    """
    Tell whether not even protection may plan an order: after a kill never, in a halt unless the settings let it.

    The last hop signs nothing once the kill switch rose, whoever asks.
    """
    if state.kill_raised or state.settings is None:
        return True
    return state.control is Control.HALTED and not lets_protect(state)


def held(state: State, at_ns: int, hold: Hold, who: str) -> ControlChanged:
    """Put a hold on the bot, in the place of one of the same cause."""
    others = [known for known in state.holds.values() if known.cause != hold.cause]
    return changed(state, at_ns, [*others, hold], hold.reason, who)


def expire(state: State, at_ns: int) -> Iterator[Fact]:
    """Lift the holds whose time has come."""
    kept = [hold for hold in state.holds.values() if not 0 < hold.until_ns <= at_ns]
    if len(kept) < len(state.holds):
        over = ", ".join(hold.cause for hold in state.holds.values() if hold not in kept)
        yield changed(state, at_ns, kept, f"the time of {over} is over", "engine")


def expires_ns(state: State, never_ns: int) -> int:
    """Say when the next hold is lifted."""
    return min([hold.until_ns for hold in state.holds.values() if hold.until_ns], default=never_ns)
