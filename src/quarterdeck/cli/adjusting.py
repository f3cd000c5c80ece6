"""Settings and thresholds, in front of a person or of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import confirm, operator
from quarterdeck.cli.status_view import used_words
from quarterdeck.cli.tables import new_table, short_time
from quarterdeck.config import Setting, Workspace, checked_name
from quarterdeck.domain import ConfigError
from quarterdeck.guardrails import RULES, Rule
from quarterdeck.system import (
    Adjustment,
    GuardrailUse,
    bots_that_ran,
    carry_out,
    plan_change,
    read_settings,
    read_status,
    settings_history,
)

WAIT_S: Final = 5.0
GUARDRAILS: Final = "guardrails."
# Limits of a bot's own that a rule takes into account besides its own.
BESIDE: Final = {"G6": ("risk.drawdown_max",), "G7": ("risk.position_max",)}
LATER: Final = "it takes the change up when it next starts"


class Ask(Struct, frozen=True):
    """How a change is asked for: why, whether a person is asked first, and who reads the answer."""

    reason: str
    yes: bool
    as_json: bool


def bot_and_verb(words: Sequence[str], verbs: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """
    Split words into a bot, a verb that stands before or after it, and the rest; no verb is an empty one.

    Example:
        >>> bot_and_verb(["demo", "add", "SOL-USD"], ["add"]), bot_and_verb(["add", "demo", "SOL-USD"], ["add"])
        (('demo', 'add', ('SOL-USD',)), ('demo', 'add', ('SOL-USD',)))
    """
    if len(words) > 1 and words[0] in verbs and words[1] not in verbs:
        return checked_name(words[1]), words[0], tuple(words[2:])
    verb = words[1] if len(words) > 1 else ""
    if verb and verb not in verbs:
        raise ConfigError(f"{verb!r}: write one of: {', '.join(verbs)}")
    return checked_name(words[0]), verb, tuple(words[2:])


def pairs_of_words(words: Sequence[str]) -> dict[str, str | None]:
    """
    Read `PATH=VALUE` words, or one path and its value.

    Raises:
        ConfigError: If they have another form.

    Example:
        >>> pairs_of_words(["risk.stop_loss=0.05"]) == pairs_of_words(["risk.stop_loss", "0.05"])
        True
    """
    if len(words) == 2 and "=" not in words[0]:  # noqa: PLR2004 - a path and its value
        return {words[0]: words[1]}
    changes: dict[str, str | None] = {}
    for word in words:
        path, equals, value = word.partition("=")
        if not (path and equals and value):
            raise ConfigError(f"{word!r}: write PATH=VALUE, like guardrails.cooldown_s=90")
        changes[path] = value
    return changes


def settings_shown(workspace: Workspace, bot: str, paths: tuple[str, ...], *, as_json: bool) -> None:
    """
    Show settings, all or some.

    Raises:
        ConfigError: If the file has problems, or a path is none.
    """
    found = read_settings(workspace, checked_name(bot))
    for path in paths:
        if not any(_is_below(setting, path) for setting in found):
            raise ConfigError(f"there is no setting {path!r}; 'quarterdeck settings get {bot}' lists them")
    shown = [setting for setting in found if not paths or any(_is_below(setting, path) for path in paths)]
    if as_json:
        write_json({"items": shown, "next": None})
        return
    table = new_table(bot, "setting", "set to", "default", "from")
    for setting in shown:
        table.add_row(setting.path, _value_words(setting), _default_words(setting), setting.origin)
    make_console().print(table)


def change_shown(workspace: Workspace, bot: str, wanted: Mapping[str, str | None], ask: Ask) -> None:
    """
    Work a change out, ask where it loosens a limit, have it done, and show what came of it.

    Raises:
        ConfigError: If a path or value is wrong.
        NotAllowed: If it was not confirmed, or the bot said no.
    """
    plan = plan_change(workspace, checked_name(bot), wanted)
    console = make_console()
    if not ask.as_json:
        _print_plan(console, plan)
    if plan.loosens:
        confirm(f"This loosens {', '.join(plan.loosens)} of {bot}. Go on?", yes=ask.yes)
    outcome = carry_out(workspace, plan, ask.reason, operator(), WAIT_S).in_words(LATER)
    if ask.as_json:
        write_json({"bot": bot, "changes": plan.changes, "loosens": plan.loosens, "outcome": outcome})
    else:
        console.print(f"{bot}: {outcome}", soft_wrap=True)


def guardrails_shown(workspace: Workspace, words: Sequence[str], ask: Ask) -> None:
    """
    Show a bot's limits, or change some.

    Raises:
        ConfigError: If a word is wrong.
    """
    bot, verb, rest = bot_and_verb(words, ["set"])
    if verb:
        named = {path if "." in path else f"{GUARDRAILS}{path}": value for path, value in pairs_of_words(rest).items()}
        if not named:
            raise ConfigError("guardrails set: say what, like cooldown_s=90")
        change_shown(workspace, bot, named, ask)
        return
    found = {setting.path: setting for setting in read_settings(workspace, bot) if _is_limit(setting.path)}
    uses = read_status(workspace, bot).guardrails if bot in bots_that_ran(workspace) else []
    if ask.as_json:
        write_json({"items": [*found.values()], "uses": uses, "next": None})
    else:
        _print_limits(make_console(), bot, found, {use.id: use for use in reversed(uses)})


def history_shown(workspace: Workspace, bot: str, *, as_json: bool) -> None:
    """
    Show every change of a bot's settings.

    Raises:
        ConfigError: If it never ran.
    """
    entries = settings_history(workspace, checked_name(bot))
    if as_json:
        write_json({"items": entries, "next": None})
        return
    table = new_table(bot, "at (UTC)", "by", "text")
    for entry in entries:
        changes = [f"{one.path} {one.before or 'not set'} → {one.after or 'as the file says'}" for one in entry.changes]
        text = "; ".join(changes) or "with a start: the file and earlier changes"
        table.add_row(short_time(entry.at), entry.who or "–", f"{text}{f' ({entry.reason})' if entry.reason else ''}")
    make_console().print(table if entries else "no settings yet")


def _is_limit(path: str) -> bool:
    return path.startswith(GUARDRAILS) or any(path in paths for paths in BESIDE.values())


def _paths_of(rule: Rule) -> list[str]:
    """Give the settings of a rule by their paths."""
    own = [key if "." in key else f"{GUARDRAILS}{key}" for key in rule.keys]
    return [*own, *BESIDE.get(rule.id, ())]


def _is_below(setting: Setting, path: str) -> bool:
    return setting.path == path or setting.path.startswith((f"{path}.", f"{path}["))


def _value_words(setting: Setting) -> Text:
    return Text(setting.value, "" if setting.value == setting.default else "bold")


def _default_words(setting: Setting) -> Text:
    """Give the default where it is another one."""
    is_other = setting.origin != "default" and setting.value != setting.default
    return Text(setting.default if is_other else "", "dim")


def _print_plan(console: Console, plan: Adjustment) -> None:
    for change in plan.changes:
        after = f"{change.after or 'not set'}{' (as the file says)' if change.is_reset else ''}"
        mark = Text("  loosens", "yellow") if change.path in plan.loosens else Text("")
        console.print(Text.assemble((change.path, "bold"), f"  {change.before or 'not set'} → {after}", mark))


def _print_limits(console: Console, bot: str, found: Mapping[str, Setting], uses: Mapping[str, GuardrailUse]) -> None:
    table = new_table(f"{bot}: limits", "rule", "setting", "set to", "default", "from", "used", right=("used",))
    left = dict(found)
    for rule in RULES:
        used = used_words(uses[rule.id]) if rule.id in uses else ""
        keys = [left.pop(path) for path in _paths_of(rule) if path in left]
        if not keys:
            table.add_row(rule.id, Text(rule.name, "dim"), "", "", "", used)
        for nth, setting in enumerate(keys):
            _add_limit(table, "" if nth else rule.id, setting, "" if nth else used)
    for setting in left.values():
        _add_limit(table, "", setting, "")
    console.print(table)


def _add_limit(table: Table, rule: str, setting: Setting, used: str) -> None:
    name = setting.path.removeprefix(GUARDRAILS)
    table.add_row(rule, name, _value_words(setting), _default_words(setting), setting.origin, used)
