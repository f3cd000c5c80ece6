"""What the doctor found, in front of a person or of a program."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.tables import pairs_table
from quarterdeck.config import Workspace
from quarterdeck.system import Diagnosis, Finding, examine

EXIT_PROBLEMS: Final = 2
MARKS: Final = {"problem": ("✗", "bold red"), "risk": ("!", "yellow")}


def doctor_shown(workspace: Workspace, *, as_json: bool) -> int:
    """
    Look a workspace over and show what was found.

    Returns:
        The exit code.
    """
    found = examine(workspace)
    if as_json:
        write_json(found)
    else:
        print_diagnosis(make_console(), workspace, found)
    return 0 if found.ok else EXIT_PROBLEMS


def print_diagnosis(console: Console, workspace: Workspace, found: Diagnosis) -> None:
    """Print what was checked, then problems, then risks."""
    console.print(f"{workspace.root}", style="bold", soft_wrap=True)
    bad = {finding.check for finding in found.problems}
    rows = [(one.check, Text("✗ ", "red") if one.check in bad else Text("✓ ", "green")) for one in found.checked]
    says = {one.check: one.says for one in found.checked}
    console.print(pairs_table("", [(check, mark.append(says[check], "default")) for check, mark in rows]))
    for finding in (*found.problems, *found.risks):
        console.print()
        _print_finding(console, finding)
    console.print()
    problems, risks = len(found.problems), len(found.risks)
    told = (
        f"{problems} {'problem' if problems == 1 else 'problems'}, {risks} {'risk' if risks == 1 else 'risks'} to know"
    )
    console.print(told if problems else f"no problem, {told.partition(', ')[2]}", style="red" if problems else "green")


def _print_finding(console: Console, finding: Finding) -> None:
    mark, style = MARKS[finding.severity]
    console.print(Text.assemble((f"{mark} ", style), (finding.place, "bold")), soft_wrap=True)
    console.print(Padding(Text.assemble(f"{finding.problem}; ", (finding.advice, "dim")), (0, 0, 0, 2)))
