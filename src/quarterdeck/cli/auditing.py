"""Checking journals in front of a person or of a program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import typer
from msgspec import Struct, structs

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import workspace_at
from quarterdeck.config import Workspace
from quarterdeck.domain import ConfigError
from quarterdeck.system import export_journal, read_events, replay_journal, verify_journal

EXIT_INTEGRITY: Final = 5
SCAN_ITEMS: Final = 10_000


class EventPage(Struct, frozen=True):
    """One page of events; `next` is the cursor of the page that follows, None at the end."""

    items: tuple[dict[str, object], ...]
    next: str | None


def events_of(
    workspace: Workspace, bot: str, kinds: frozenset[str], limit: int, cursor: str | None = None
) -> EventPage:
    """
    Read a page of a bot's events, all or of some types.

    Raises:
        ConfigError: If the bot never ran, or limit or cursor are wrong.
    """
    if not kinds:
        page = read_events(workspace, bot, since_ns=0, limit=limit, cursor=cursor)
        return EventPage(page.items, page.next)
    found: list[dict[str, object]] = []
    while True:
        page = read_events(workspace, bot, since_ns=0, limit=SCAN_ITEMS, cursor=cursor)
        found += [item for item in page.items if item["type"] in kinds]
        cursor = page.next
        if len(found) > limit:
            return EventPage(tuple(found[:limit]), str(found[limit - 1]["id"]))
        if cursor is None:
            return EventPage(tuple(found), None)


def journal_of(bot: str | None, file: Path | None, workspace: Path | None) -> Path:
    """
    Find a journal by its bot or as a file.

    Raises:
        ConfigError: If neither or both are named, or there is none.
    """
    if (bot is None) == (file is None):
        raise ConfigError("name a bot of the workspace, or a journal with --file; one of them")
    path = workspace_at(workspace).bot_folder(bot).journal if bot is not None else file or Path()
    if not path.is_file():
        raise ConfigError(f"{path}: there is no journal; a bot writes one when it first runs")
    return path


def verify_shown(path: Path, *, as_json: bool) -> int:
    """
    Verify a journal's chain and show the result.

    Returns:
        The exit code.
    """
    report = verify_journal(path)
    if as_json:
        write_json({"ok": report.ok, **structs.asdict(report)})
    elif report.ok:
        make_console().print(f"{path}: {report.rows:,} rows, every one in its place; head {report.head_hash}")
    _tell_problems([f"{problem.what}; {problem.todo}" for problem in report.problems])
    return 0 if report.ok else EXIT_INTEGRITY


def export_shown(path: Path, out: Path | None) -> None:
    """
    Export a journal to a file or to stdout.

    Raises:
        ConfigError: If the file is there already, or cannot be written.
    """
    if out is None:
        export_journal(path, sys.stdout.buffer)
        return
    try:
        with out.open("xb") as target:
            rows = export_journal(path, target)
    except FileExistsError as error:
        raise ConfigError(f"--out {out}: is there already; choose another name") from error
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}") from error
    typer.echo(f"{rows:,} rows written to {out}", err=True)


def replay_shown(workspace: Workspace, bot: str, *, verify: bool, as_json: bool) -> int:
    """
    Replay a bot's journal and show whether it agrees with itself.

    Returns:
        The exit code.

    Raises:
        ConfigError: If `--verify` is missing or the bot has no journal.
    """
    if not verify:
        raise ConfigError("replay: add --verify; for a bot over recorded candles use 'quarterdeck run --replay'")
    journal_of(bot, None, workspace.root)
    report = replay_journal(workspace, bot)
    if as_json:
        write_json(report)
    elif report.ok:
        console = make_console()
        console.print(f"{bot}: {report.rows:,} rows, {report.facts:,} facts, {report.snapshots:,} snapshots agree")
        console.print(f"state {report.state_hash}")
    _tell_problems(list(report.problems))
    return 0 if report.ok else EXIT_INTEGRITY


def _tell_problems(problems: list[str]) -> None:
    for problem in problems:
        typer.echo(f"problem: {problem}", err=True)
