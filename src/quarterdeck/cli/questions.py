"""What a person asks of a journal, and the answer."""

from __future__ import annotations

from msgspec import Struct

from quarterdeck.cli.explaining import print_bar, print_explanation
from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import bot_in
from quarterdeck.cli.times import instant_ns
from quarterdeck.config import Workspace, checked_name, instrument_from_any
from quarterdeck.domain import ConfigError
from quarterdeck.system import bot_of, bots_that_ran, explain, explain_bar, only_bot

USAGE = "name one intent or order, or use --last, or --bar T"


class Question(Struct, frozen=True):
    """The words of an `explain` command line."""

    words: tuple[str, ...]
    bot: str | None
    last: bool
    bar: str | None
    pair: str | None


def explain_shown(workspace: Workspace, question: Question, *, as_json: bool) -> None:
    """
    Answer a question.

    Raises:
        ConfigError: If it is not clear what is asked, or the journal knows nothing of it.
    """
    bot, target = subject_of(workspace, question)
    if question.bar is not None:
        _bar_shown(workspace, bot or only_bot(workspace), question, as_json=as_json)
        return
    if target is not None:
        bot = bot or bot_of(workspace, target)
    told = explain(workspace, bot or only_bot(workspace), target)
    if as_json:
        write_json(told)
    else:
        print_explanation(make_console(), told)


def subject_of(workspace: Workspace, question: Question) -> tuple[str | None, str | None]:
    """
    Read the words: a bot and what is asked about, either of which may be left to be found out.

    Raises:
        ConfigError: If they do not go together.
    """
    words, seeks = list(question.words), question.last or question.bar is not None
    bot = question.bot
    if bot is None and words and (len(words) > 1 or seeks or words[0] in bots_that_ran(workspace)):
        bot = words.pop(0)
    target = words.pop(0) if words else None
    if words or seeks is (target is not None) or (question.last and question.bar is not None):
        raise ConfigError(f"explain: {USAGE}")
    return None if bot is None else checked_name(bot), target


def _bar_shown(workspace: Workspace, bot: str, question: Question, *, as_json: bool) -> None:
    at_ns = instant_ns(question.bar, "--bar")
    assert at_ns is not None
    config = bot_in(workspace, bot)
    known = [config.base_currency, *config.guardrails.stablecoins]
    pair = None if question.pair is None else instrument_from_any(question.pair, known).id
    told = explain_bar(workspace, bot, at_ns, config.timeframe_ns, pair)
    if as_json:
        write_json(told)
    else:
        print_bar(make_console(), told)
