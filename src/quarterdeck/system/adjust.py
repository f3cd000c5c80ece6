"""
Changing what a running bot was told: thresholds, sizes, pairs, and whose money is whose.

A change is worked out against the bot's file as it is now and everything changed before, checked as a file would be,
and then asked for. A bot that does not run takes it up when it next starts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.config import BotConfig, Setting, Workspace, canonical_path, load_bot, looser_than, setting_values
from quarterdeck.domain import (
    BotSettings,
    ConfigError,
    FundsAsked,
    SettingChange,
    SettingsAdopted,
    SettingsAsked,
)
from quarterdeck.engine import State
from quarterdeck.journal import SqliteReader, decode_facts, events
from quarterdeck.system.asking import Answer, ask, new_key, waiting_settings
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.recover import recover

HISTORY_PAGE: Final = 1_000
SETTINGS_EVENTS: Final = frozenset({"config_changed", "pair_changed"})


class Change(Struct, frozen=True):
    """One setting, from what to what; `is_reset` where it goes back to what the file says."""

    path: str
    before: str
    after: str
    is_reset: bool


class Adjustment(Struct, frozen=True):
    """A change that was worked out and checked, and not yet asked for. `loosens` names the limits that it widens."""

    bot: str
    changes: tuple[Change, ...]
    loosens: tuple[str, ...]
    settings: BotSettings


class SettingsEntry(Struct, frozen=True):
    """One change in the history of a bot's settings; without a person, they came with a start."""

    seq: int
    at: str | None
    who: str
    reason: str
    changes: tuple[Change, ...]


def read_settings(workspace: Workspace, bot: str) -> list[Setting]:
    """
    List a bot's settings as they count now: the file's, under what was changed at run time and what waits to be.

    Raises:
        ConfigError: If the bot's file is missing or has problems.
    """
    path = _file_of(workspace, bot)
    return setting_values(load_bot(path, workspace, overrides=overrides_of(workspace, bot)))


def plan_change(workspace: Workspace, bot: str, wanted: Mapping[str, str | None]) -> Adjustment:
    """
    Work out a change of settings, and check it as a file would be checked.

    Args:
        workspace: Where the bot lives.
        bot: Its name.
        wanted: Path → value as a bot file would spell it; None goes back to what the file says.

    Raises:
        ConfigError: If the bot never ran, a path or value is wrong, or nothing would change.
    """
    state = recover(journal_of(workspace, bot)).state
    path, present = _file_of(workspace, bot), overrides_of(workspace, bot)
    spelled = _spelled_out(wanted, present)
    overrides = {key: value for key, value in (present | spelled).items() if value is not None}
    before = load_bot(path, workspace, overrides=present)
    after = load_bot(path, workspace, overrides=overrides)
    old, new = ({one.path: one.value for one in setting_values(config)} for config in (before, after))
    changes = tuple(
        Change(key, _value_at(old, key), _value_at(new, key), is_reset=value is None)
        for key, value in spelled.items()
        if _value_at(old, key) != _value_at(new, key) or (value is None and key in present)
    )
    if not changes:
        as_is = ", ".join(_as_it_is(key, value, old) for key, value in spelled.items())
        raise ConfigError(f"nothing would change: {as_is}")
    return Adjustment(bot, changes, tuple(looser_than(after, before)), _settings_of(after, state))


def carry_out(workspace: Workspace, plan: Adjustment, reason: str, who: str, wait_s: float) -> Answer:
    """Ask a bot for a change that was worked out; see `ask`."""
    asked = SettingsAsked(
        at_ns=time.time_ns(),
        key=new_key("settings"),
        who=who,
        settings=plan.settings,
        changes=tuple(SettingChange(one.path, one.before, "" if one.is_reset else one.after) for one in plan.changes),
        reason=reason,
    )
    return ask(workspace, plan.bot, asked, wait_s)


def renewed(path: Path, asked: SettingsAsked, state: State, earlier: Sequence[SettingsAsked]) -> SettingsAsked:
    """
    Work a change out again, on the bot's file as it is when the bot hears of it.

    Args: the bot's file; the change; the state; changes that the bot heard of before and has not adopted yet.
    Raises: ConfigError if it no longer fits the file.
    """
    overrides = dict(state.changes)
    for one in (*earlier, asked):
        overrides = _merged(overrides, one.changes)
    return replace(asked, settings=_settings_of(load_bot(path, overrides=overrides), state))


def pairs_with(workspace: Workspace, bot: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> str:
    """
    Write the list of pairs with some added or removed, as a bot file would.

    Raises:
        ConfigError: If a pair to be removed is not there.
    """
    config = load_bot(_file_of(workspace, bot), workspace, overrides=overrides_of(workspace, bot))
    present = config.pairs if config.approved is None else config.approved
    missing = [pair for pair in removed if pair not in present]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: not among the pairs of {bot!r}: {', '.join(present)}")
    kept = [pair for pair in present if pair not in removed]
    return f"[{', '.join(dict.fromkeys([*kept, *added]))}]"


def move_funds(workspace: Workspace, bot: str, funds: FundsAsked, wait_s: float) -> Answer:
    """Say that money at a venue became a bot's own, or is its own no more; see `ask`."""
    return ask(workspace, bot, funds, wait_s)


def funds_asked(venue: str, asset: str, amount: Decimal, reason: str, who: str) -> FundsAsked:
    """Make the request for `move_funds`; an amount below zero takes money away from the bot."""
    return FundsAsked(time.time_ns(), new_key("funds"), who, venue, asset, amount, reason)


def settings_history(workspace: Workspace, bot: str) -> list[SettingsEntry]:
    """
    List every change of a bot's settings, oldest first.

    Raises:
        ConfigError: If the bot never ran.
    """
    journal = journal_of(workspace, bot)
    seqs: list[int] = []
    cursor: str | None = None
    while True:
        page = events(journal, limit=HISTORY_PAGE, cursor=cursor)
        seqs += [int(str(item["id"]).partition("-")[0]) for item in page.items if item["type"] in SETTINGS_EVENTS]
        if page.next is None:
            return [entry for seq in dict.fromkeys(seqs) for entry in _entries_in(journal, seq)]
        cursor = page.next


def overrides_of(workspace: Workspace, bot: str) -> dict[str, str]:
    """Collect what was changed at run time, and what was asked for and not heard of yet."""
    journal = workspace.bot_folder(bot).journal
    if not journal.exists():
        return {}
    state = recover(journal).state
    overrides = dict(state.changes)
    for asked in waiting_settings(workspace, bot, state.answers):
        overrides = _merged(overrides, asked.changes)
    return overrides


def _entries_in(journal: Path, seq: int) -> list[SettingsEntry]:
    with SqliteReader(journal) as reader:
        return [
            SettingsEntry(seq, iso(fact.at_ns), fact.who, fact.reason, tuple(map(_change_of, fact.changes)))
            for row in reader.rows(after_seq=seq - 1, limit=1)
            for fact in decode_facts(row.body)
            if isinstance(fact, SettingsAdopted)
        ]


def _change_of(made: SettingChange) -> Change:
    return Change(made.path, made.before, made.after, is_reset=not made.after)


def _file_of(workspace: Workspace, bot: str) -> Path:
    path = workspace.bot_file(bot)
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file; without it the settings of {bot!r} cannot be changed")
    return path


def _spelled_out(wanted: Mapping[str, str | None], present: Mapping[str, str]) -> dict[str, str | None]:
    """Name every setting by its own name; who sets or resets a map means all that was changed within it."""
    spelled: dict[str, str | None] = {}
    for written, value in wanted.items():
        key = canonical_path(written)
        within = [path for path in present if path.startswith(f"{key}.")]
        for path in within:
            spelled.setdefault(path, None)
        if value is not None or key in present or not within:
            spelled[key] = value
    return spelled


def _value_at(values: Mapping[str, str], path: str) -> str:
    """Give the value of a setting, of a map as a file would spell it; empty where nothing is set."""
    if path in values:
        return values[path]
    below = {key.removeprefix(f"{path}."): value for key, value in values.items() if key.startswith(f"{path}.")}
    return "{" + ", ".join(f"{key}: {value}" for key, value in below.items()) + "}" if below else ""


def _as_it_is(path: str, wanted: str | None, values: Mapping[str, str]) -> str:
    if wanted is None:
        return f"{path} was not changed at run time"
    return f"{path} is {_value_at(values, path) or 'not set'}"


def _merged(overrides: dict[str, str], changes: tuple[SettingChange, ...]) -> dict[str, str]:
    for change in changes:
        overrides.pop(change.path, None)
        if change.after:
            overrides[change.path] = change.after
    return overrides


def _settings_of(config: BotConfig, state: State) -> BotSettings:
    """Say what the engine needs; what depends on how the bot runs stays as it is."""
    running = state.settings
    if running is None:
        raise ConfigError(f"bot {config.name!r} has never run; write the change into {config.path}")
    settings = config.engine_settings(running.price_age_ns_max)
    return replace(
        settings,
        send_within_ns=running.send_within_ns,
        mark_age_ns_max=running.mark_age_ns_max,
        order_timeout_ns=running.order_timeout_ns,
        naked_ns_max=running.naked_ns_max,
        mark_every_ns=running.mark_every_ns,
    )
