"""
Looking a workspace over before money depends on it: everything wrong in one run, with its place and what to do.

A problem keeps a bot from starting, or from being trusted; a risk is something to know, and to decide about.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from quarterdeck.config import BotConfig, Ceilings, Problem, Workspace, looser_than, read_bot, read_ceilings, text_of
from quarterdeck.domain import ConfigError, GuardrailSettings, IntegrityError
from quarterdeck.journal import SqliteReader
from quarterdeck.system.doctor_clock import ClockReading, doubts, read_clocks
from quarterdeck.system.doctor_risks import Risk, risks_of
from quarterdeck.system.explain import bots_that_ran
from quarterdeck.system.recover import recover
from quarterdeck.system.status import list_bots, misnamed_files
from quarterdeck.system.unsettled import differences_of

FREE_BYTES_MIN: Final = 1 << 30
GIB: Final = 1 << 30

Severity = Literal["problem", "risk"]


class Finding(Struct, frozen=True):
    """One thing that was found: how bad, by which check, where, what, and what to do. `line` is None for no file."""

    severity: Severity
    check: str
    file: str
    line: int | None
    path: str
    problem: str
    advice: str

    @property
    def place(self) -> str:
        """Where it is, as `file:line: path`, as far as that applies."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.path) if part)


class Checked(Struct, frozen=True):
    """One check that was made, and what it saw."""

    check: str
    says: str


class Diagnosis(Struct, frozen=True):
    """What was found; `ok` tells that there is no problem."""

    ok: bool
    problems: tuple[Finding, ...]
    risks: tuple[Finding, ...]
    checked: tuple[Checked, ...]


def write_fault(folder: Path) -> str:
    """Say why a folder cannot be written; empty where it can. Root may write where nobody should, which is a fault."""
    try:
        if not folder.stat().st_mode & 0o222:
            return "nobody may write there"
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def free_bytes(folder: Path) -> int:
    """Say how much room is left where a folder lies."""
    return shutil.disk_usage(folder).free


class Machine(Struct, frozen=True):
    """What is asked of the machine; a test answers for it."""

    free_bytes: Callable[[Path], int] = free_bytes
    write_fault: Callable[[Path], str] = write_fault
    clocks: Callable[[Path], ClockReading] = read_clocks


class Read(Struct, frozen=True):
    """A bot's file as far as it could be read, and what is wrong with it."""

    bot: str
    config: BotConfig | None
    problems: tuple[Problem, ...]


def examine(workspace: Workspace, machine: Machine = Machine()) -> Diagnosis:  # noqa: B008 - frozen
    """
    Look a workspace over; nothing is changed, and nothing outside this machine is asked.

    Args: the workspace; the machine.
    """
    read = [_read(workspace, bot) for bot in list_bots(workspace)]
    findings = [
        *_files(workspace, read),
        *_loose(workspace, read),
        *_shared_keys(read),
        *_folders(workspace, machine),
        *_disk(workspace, machine),
        *_clock(workspace, machine),
        *_journals(workspace),
        *_risks(read),
    ]
    unique = list(dict.fromkeys(_relative(finding, workspace.root) for finding in findings))
    problems = tuple(finding for finding in unique if finding.severity == "problem")
    risks = tuple(finding for finding in unique if finding.severity == "risk")
    return Diagnosis(not problems, problems, risks, tuple(_checked(workspace, read, machine)))


def _read(workspace: Workspace, bot: str) -> Read:
    """Read a bot's file as its next start would: under what was changed at run time."""
    journal, changes = workspace.bot_folder(bot).journal, {}
    if journal.exists():
        try:
            changes = dict(recover(journal).state.changes)
        except (IntegrityError, ConfigError):
            changes = {}  # the journal is looked at by itself
    config, problems = read_bot(workspace.bot_file(bot), workspace, changes)
    return Read(bot, config, tuple(problems))


def _files(workspace: Workspace, read: list[Read]) -> Iterator[Finding]:
    _, fleet = read_ceilings(workspace.marker)
    for problem in [*fleet, *(problem for one in read for problem in one.problems)]:
        line = problem.line or None
        yield Finding("problem", "configuration", problem.file, line, problem.path, problem.problem, problem.advice)
    for path in misnamed_files(workspace):
        advice = "rename it; use 1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit"
        yield Finding("problem", "configuration", str(path), None, "", f"{path.stem!r} is not a name of a bot", advice)
    if not read:
        advice = "write one, or begin with 'quarterdeck init' in an empty folder"
        yield Finding("problem", "configuration", str(workspace.bots), None, "", "there is no bot", advice)


def _loose(workspace: Workspace, read: list[Read]) -> Iterator[Finding]:
    """Hold limits that the fleet says nothing of against the defaults of the house."""
    fleet, _ = read_ceilings(workspace.marker)
    default = GuardrailSettings()
    values = {name: getattr(default, name) for name in default.__struct_fields__ if name not in fleet.values}
    house = Ceilings("", values, {})
    for one in read:
        for path in looser_than(one.config, house) if one.config is not None else ():
            yield _looser(workspace, one, path, values)


def _looser(workspace: Workspace, one: Read, path: str, values: dict[str, object]) -> Finding:
    assert one.config is not None
    name = path.rpartition(".")[2]
    value = text_of(getattr(one.config.guardrails, name))
    problem = f"{value} is looser than the house default {text_of(values[name])}"
    advice = f"tighten it, or allow it to all bots: limits: {{{name}: {value}}} in {workspace.marker.name}"
    return _at(one, "limits", path, problem, advice)


def _shared_keys(read: list[Read]) -> Iterator[Finding]:
    """Find accounts that two bots would trade; each would take the other's trades for strange."""
    seen: dict[tuple[str, str], Read] = {}
    for one in read:
        for place, exchange in enumerate(one.config.exchanges if one.config is not None else ()):
            named = {"key": exchange.key, "socket": str(exchange.socket) if exchange.socket else ""}
            for word, value in named.items():
                first = seen.setdefault((f"{exchange.name} {word}", value), one) if value else one
                if first is not one:
                    path = f"exchanges[{place}].{word}"
                    problem = f"bot {first.bot} trades with the {word} {value} of {exchange.name} already"
                    yield _at(one, "keys", path, problem, "give every bot an account and key of its own")


def _at(one: Read, check: str, path: str, problem: str, advice: str) -> Finding:
    assert one.config is not None
    lines = one.config.lines
    return Finding("problem", check, str(one.config.path), _line_of(lines, path), path, problem, advice)


def _line_of(lines: dict[str, int], path: str) -> int:
    """Give the line of a setting, or of the nearest section around it."""
    while path and path not in lines:
        path = path.rpartition(".")[0] if "." in path else path.rpartition("[")[0]
    return lines.get(path, 1)


def _folders(workspace: Workspace, machine: Machine) -> Iterator[Finding]:
    for folder in _written(workspace):
        there = folder
        while not there.exists():
            there = there.parent
        fault = machine.write_fault(there)
        if fault:
            yield Finding(
                "problem", "folders", str(there), None, "", f"cannot be written: {fault}", "let this user write there"
            )


def _written(workspace: Workspace) -> list[Path]:
    """List the folders that running bots write."""
    bots = [workspace.bot_folder(bot) for bot in dict.fromkeys([*list_bots(workspace), *bots_that_ran(workspace)])]
    own = [folder for bot in bots for folder in (bot.root, bot.log.parent)]
    return [workspace.run, workspace.root / "archive", workspace.data, workspace.root / "reports", *own]


def _disk(workspace: Workspace, machine: Machine) -> Iterator[Finding]:
    place = workspace.run if workspace.run.exists() else workspace.root
    left = machine.free_bytes(place)
    if left < FREE_BYTES_MIN:
        problem = f"only {left / GIB:.2f} GiB are free, at least {FREE_BYTES_MIN / GIB:.0f} GiB should be"
        yield Finding("problem", "disk", str(place), None, "", problem, "free space: no journal, no order")


def _clock(workspace: Workspace, machine: Machine) -> Iterator[Finding]:
    place = workspace.run if workspace.run.exists() else workspace.root
    files = [path for path in workspace.run.rglob("*") if path.is_file()]
    written = {str(path.relative_to(workspace.root)): path.stat().st_mtime_ns for path in files}
    for doubt in doubts(machine.clocks(place), written, _journaled(workspace)):
        severity: Severity = "problem" if doubt.is_certain else "risk"
        yield Finding(severity, "clock", "", None, "clock", doubt.text, doubt.advice)


def _journaled(workspace: Workspace) -> dict[str, int]:
    """Read the instant of the last row of every journal that can be read."""
    found = {}
    for bot in bots_that_ran(workspace):
        try:
            with SqliteReader(workspace.bot_folder(bot).journal) as reader:
                head, _ = reader.head()
                for row in reader.rows(after_seq=max(head - 1, 0), limit=1):
                    found[bot] = row.at_ns
        except (IntegrityError, ConfigError):
            continue  # the journal is looked at by itself
    return found


def _journals(workspace: Workspace) -> Iterator[Finding]:
    for bot in bots_that_ran(workspace):
        journal = workspace.bot_folder(bot).journal
        try:
            state = recover(journal).state
        except (IntegrityError, ConfigError) as error:
            text = str(error).removeprefix(f"{journal}: ")
            yield Finding("problem", "journal", str(journal), None, "", text, f"'quarterdeck journal verify {bot}'")
            continue
        if state.kill_raised:
            advice = f"look, then 'quarterdeck resume {bot}'"
            yield Finding("risk", "journal", str(journal), None, "", "the bot is halted by the kill switch", advice)
        if state.unknown_orders():
            problem = f"{len(state.unknown_orders())} orders have an unknown outcome"
            yield Finding("risk", "journal", str(journal), None, "", problem, f"run {bot}: it asks the venues first")
        for one in differences_of(state):
            problem = f"{one.venue} holds {one.amount:+f} {one.asset} that no trade explains"
            advice = f"look at the account, then 'quarterdeck resume {bot}' or 'quarterdeck funds {bot}'"
            yield Finding("risk", "journal", str(journal), None, "", problem, advice)
        for place in state.naked:
            advice = f"see 'quarterdeck status {bot}'; run it, or place a stop at the venue by hand"
            yield Finding("risk", "journal", str(journal), None, "", f"{place} has no stop order at its venue", advice)


def _risks(read: Iterable[Read]) -> Iterator[Finding]:
    for one in read:
        found: Iterable[Risk] = risks_of(one.config) if one.config is not None else ()
        for risk in found:
            config = one.config
            assert config is not None
            line = _line_of(config.lines, risk.path)
            yield Finding("risk", "risks", str(config.path), line, risk.path, risk.problem, risk.advice)


def _checked(workspace: Workspace, read: list[Read], machine: Machine) -> Iterator[Checked]:
    place = workspace.run if workspace.run.exists() else workspace.root
    names = ", ".join(one.bot for one in read) or "none"
    yield Checked("configuration", f"{len(read)} {'bot' if len(read) == 1 else 'bots'}: {names}")
    yield Checked("folders", f"{len(_written(workspace))} that bots write")
    yield Checked("disk", f"{machine.free_bytes(place) / GIB:,.1f} GiB free")
    service = machine.clocks(place).service
    kept = "not kept by a time service" if service is None or not service.is_synchronised else "kept by a time service"
    yield Checked("clock", f"against kernel, files and boot clock; {kept}")
    yield Checked("journals", f"{len(bots_that_ran(workspace))} that can be folded into a state")


def _relative(finding: Finding, root: Path) -> Finding:
    """Name files as they lie in the workspace, which is shorter and the same on every machine."""
    path = Path(finding.file)
    if not finding.file or not path.is_absolute() or not path.is_relative_to(root):
        return finding
    shown = os.path.relpath(path, root)
    return Finding(finding.severity, finding.check, shown, finding.line, finding.path, finding.problem, finding.advice)
