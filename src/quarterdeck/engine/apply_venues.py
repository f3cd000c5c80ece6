"""The fold of what venues show: accounts, trades pulled, orders of others, strays, and venues that a kill emptied."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import (
    ZERO,
    AccountReconciled,
    AccountWeighed,
    BalanceDiffered,
    KillVerified,
    OthersSeen,
    StrayFound,
    TradesPulled,
    add,
    subtract,
)
from quarterdeck.engine.state import State

STRAYS_KEPT_MAX: Final = 1_000


def account_reconciled(state: State, fact: AccountReconciled) -> None:
    """Open an account's venue again: this session compared it."""
    state.reconciling.pop(fact.venue, None)


def account_weighed(state: State, fact: AccountWeighed) -> None:
    """Remember what an account held beyond every explanation."""
    state.weighed_venue_ns[fact.venue] = fact.venue_at_ns
    state.doubts[fact.venue] = dict(fact.doubts)


def balance_differed(state: State, fact: BalanceDiffered) -> None:
    """Take the venue's word for what an account holds beside the bot's own."""
    state.baselines.setdefault(fact.venue, {})[fact.asset] = fact.baseline
    state.doubts.get(fact.venue, {}).pop(fact.asset, None)
    if not fact.explained:
        unexplained = state.unexplained.setdefault(fact.venue, {})
        unexplained[fact.asset] = add(unexplained.get(fact.asset, ZERO), subtract(fact.actual, fact.expected))


def stray_found(state: State, fact: StrayFound) -> None:
    """Remember what nobody here knows, so that it is told once; only the newest, for memory is bounded."""
    state.strays[fact.key] = fact.what
    while len(state.strays) > STRAYS_KEPT_MAX:
        del state.strays[next(iter(state.strays))]
    if fact.cursor > state.cursors.get(fact.venue, 0):
        state.cursors[fact.venue] = fact.cursor


def trades_pulled(state: State, fact: TradesPulled) -> None:
    """Begin the next pull where this one ended."""
    state.cursors[fact.venue] = fact.cursor


def others_seen(state: State, fact: OthersSeen) -> None:
    """Note working orders of others."""
    if fact.orders:
        state.others[fact.venue] = fact.orders
    else:
        state.others.pop(fact.venue, None)


def kill_verified(state: State, fact: KillVerified) -> None:
    """Take a venue off the list of those that a kill must still prove empty."""
    state.unswept.pop(fact.venue, None)
