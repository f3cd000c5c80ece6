"""Audit an exported journal: `quarterdeck journal export BOT | python -m tests.audit.independent [--json]`."""

from __future__ import annotations

import sys

import msgspec

from tests.audit.independent.auditor import Auditor


def main() -> int:
    """Read lines from standard input; print every disagreement; 0 where there is none."""
    auditor = Auditor().take_all(sys.stdin.buffer)
    if "--json" in sys.argv[1:]:
        sys.stdout.write(msgspec.json.encode(auditor.report()).decode() + "\n")
        return 1 if auditor.problems else 0
    for problem in auditor.problems:
        sys.stdout.write(f"{problem}\n")
    counts = f"{auditor.rows} rows, {auditor.marks} marks, {auditor.days} days, {auditor.judged} orders judged"
    sys.stdout.write(f"{counts}: {len(auditor.problems)} problems\n")
    return 1 if auditor.problems else 0


if __name__ == "__main__":
    sys.exit(main())
