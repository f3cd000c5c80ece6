"""Closing everything that a bot holds: an explicit order of a person, never what a kill does by itself."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import ControlAsked, NotAllowed
from quarterdeck.orders import ENDED
from quarterdeck.system.asking import POLL_S, ask, is_running, new_key
from quarterdeck.system.explain import REFUSED, Explanation, told_intent
from quarterdeck.system.journals import journal_of
from quarterdeck.system.recover import recover
from quarterdeck.system.tally import HeldPosition, held_positions

ENDED_NAMES: Final = frozenset(state.value for state in ENDED)


class Exit(Struct, frozen=True):
    """What became of one exit; `reason` says why it was refused, or why its order ended without filling."""

    pair: str
    venue: str
    client_id: str
    state: str
    qty: Decimal | None
    filled: Decimal
    reason: str


class FlattenOutcome(Struct, frozen=True):
    """What a flatten did. `left` is what the bot still holds."""

    bot: str
    outcome: str
    exits: tuple[Exit, ...]
    left: tuple[HeldPosition, ...]


def positions_of(workspace: Workspace, bot: str) -> list[HeldPosition]:
    """
    List what a bot holds.

    Raises:
        ConfigError: If it never ran.
    """
    return held_positions(recover(journal_of(workspace, bot)).state)


def flatten(workspace: Workspace, bot: str, reason: str, who: str, wait_s: float) -> FlattenOutcome:
    """
    Have a running bot sell everything that it holds, through the same door as every exit.

    Args:
        workspace: Where the bot lives.
        bot: Its name.
        reason: Why, for the journal.
        who: Who asks.
        wait_s: How long to wait for the answer, and as long again for the orders to end.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If it does not run now, or said no: a flatten must not happen at some later time.
    """
    journal = journal_of(workspace, bot)
    if not is_running(workspace, bot):
        raise NotAllowed(f"bot {bot!r} is not running, so nobody can sell; start it with 'quarterdeck run {bot}'")
    state = recover(journal).state
    pairs = dict.fromkeys(state.pair_of(held.venue, held.instrument) for held in held_positions(state))
    answer = ask(workspace, bot, ControlAsked(time.time_ns(), new_key("flatten"), "flatten", who, reason), wait_s)
    outcome = answer.in_words("nothing is sold")
    ids = [f"{bot}:flatten:{answer.key}:{pair}" for pair in pairs]
    told = _settled(workspace, bot, ids, wait_s if answer.outcome else 0.0)
    exits = tuple(one for explanation in told for one in _exits(explanation))
    return FlattenOutcome(bot, outcome, exits, tuple(positions_of(workspace, bot)))


def _settled(workspace: Workspace, bot: str, intent_ids: list[str], wait_s: float) -> list[Explanation]:
    """Wait until every order of the intents has ended."""
    journal, until_s = journal_of(workspace, bot), time.monotonic() + wait_s
    while True:
        found = [told_intent(bot, journal, intent_id) for intent_id in intent_ids]
        told = [explanation for explanation in found if explanation is not None]
        is_over = len(told) == len(intent_ids) and all(_has_ended(explanation) for explanation in told)
        if is_over or time.monotonic() >= until_s:
            return told
        time.sleep(POLL_S)


def _has_ended(told: Explanation) -> bool:
    if not told.orders:
        return told.decision == REFUSED
    return all(order.state in ENDED_NAMES for order in told.orders)


def _exits(told: Explanation) -> list[Exit]:
    pair = told.intent.instrument
    if not told.orders:
        return [Exit(pair, told.route.chosen, "", told.decision, told.size.qty, Decimal(0), told.reason)]
    return [
        Exit(pair, order.venue, order.client_id, order.state, order.qty, order.filled, order.states[-1].reason)
        for order in told.orders
    ]
