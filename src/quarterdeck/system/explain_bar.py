"""Why a bot did or did not trade on one bar: its opinion on every pair, and what became of each."""

from __future__ import annotations

from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import Action, CycleRan, IntentFormed
from quarterdeck.journal import cycle_row, decode_facts
from quarterdeck.ports import Row
from quarterdeck.system.explain import Explanation, told_intent
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of

NOT_RUN = "no cycle ran on this bar: the bot was not running, had worked through it before, or no candle closed"


class PairTold(Struct, frozen=True):
    """The opinion on one pair: HOLD, an intent with its way, or why an opinion to trade became none."""

    pair: str
    action: str
    skipped: str
    explanation: Explanation | None


class BarTold(Struct, frozen=True):
    """One bar. `bar_at` is when it opened, `at` when the bot worked through it; `ran` is false where it never did."""

    bot: str
    bar_at: str | None
    at: str | None
    ran: bool
    reason: str
    pairs: tuple[PairTold, ...]
    journal_seqs: tuple[int, ...]


def explain_bar(workspace: Workspace, bot: str, bar_ns: int, timeframe_ns: int, pair: str | None = None) -> BarTold:
    """
    Tell what a bot made of one bar.

    Args:
        workspace: Whose bot it is.
        bot: Its name.
        bar_ns: An instant within the bar, in nanoseconds UTC.
        timeframe_ns: The length of its bars.
        pair: The only pair of interest; None for all.

    Raises:
        ConfigError: If the bot never ran.
    """
    journal = journal_of(workspace, bot)
    opened_ns = bar_ns - bar_ns % timeframe_ns
    row = cycle_row(journal, opened_ns)
    ran = None if row is None else _cycle_in(row, opened_ns)
    if row is None or ran is None:
        return BarTold(bot, iso(opened_ns), None, ran=False, reason=NOT_RUN, pairs=(), journal_seqs=())
    intents = {
        fact.intent.instrument: fact.intent.id
        for fact in decode_facts(row.body)
        if isinstance(fact, IntentFormed) and fact.intent.bar_ns == opened_ns
    }
    pairs = tuple(
        PairTold(
            pair=name,
            action=action.value,
            skipped=ran.skipped.get(name, ""),
            explanation=told_intent(bot, journal, intents[name]) if name in intents else None,
        )
        for name, action in ran.actions.items()
        if pair in (None, name)
    )
    reason = "" if pairs else f"the strategy was not asked about {pair} on this bar"
    return BarTold(bot, iso(opened_ns), iso(ran.at_ns), ran=True, reason=reason, pairs=pairs, journal_seqs=(row.seq,))


def is_idle(told: PairTold) -> bool:
    """Tell whether there was nothing to do for a pair."""
    return told.action == Action.HOLD.value


def _cycle_in(row: Row, bar_ns: int) -> CycleRan | None:
    for fact in decode_facts(row.body):
        if isinstance(fact, CycleRan) and fact.bar_ns == bar_ns:
            return fact
    return None
