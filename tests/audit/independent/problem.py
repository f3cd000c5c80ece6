"""What the auditor says when the journal and the rules disagree."""

from __future__ import annotations

from msgspec import Struct


class Problem(Struct, frozen=True):
    """
    One disagreement: in which row, about which rule, and what the journal and the auditor say.

    `rule` is G1…G10, E1…E13, or the name of another check: chain, books, grid, marks, day, control, verdict.
    """

    seq: int
    rule: str
    what: str
    theirs: float | str | None = None
    ours: float | str | None = None

    def __str__(self) -> str:
        numbers = "" if self.theirs is None and self.ours is None else f" (journal {self.theirs}, auditor {self.ours})"
        return f"row {self.seq}: {self.rule}: {self.what}{numbers}"
