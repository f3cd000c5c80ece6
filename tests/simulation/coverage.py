"""What really happened over a batch of seeds: a run in which nothing went wrong proves nothing."""

from collections import Counter
from collections.abc import Iterable

from quarterdeck.simulator import FaultKind

UNKNOWN_ENDS = ("filled", "open", "cancelled", "not placed")

FAULTS = tuple(f"fault: {kind.value.replace('_', ' ')}" for kind in FaultKind)

ORDERS = (
    "partial fill",
    "fill before ack",
    "fill after cancel",
    "fill after a venue's own end",
    *(f"unknown → {end}" for end in UNKNOWN_ENDS),
    "living order lost from sight",
    "declared gone by a person",
    "declared gone without looking",
    "duplicate-id reply",
    "late reply",
    "read failed",
    "refused: validity over",
    "refused for its rate",
    "withdrawn",
    "rejected",
    "cancel ambiguous",
    "cancel refused",
    "cancelled",
    "inferred fill",
    "inferred fill superseded",
    "overfilled",
    "dust exit",
    "external order adopted",
    "money of others seen",
)

PROCESSES = (
    "crash",
    "crash before commit",
    "crash after commit",
    "crash between commit and send",
    "crash between send and answer",
    "crash during recovery",
    "torn journal tail",
    "disk error",
    "recovered planned",
    "recovered open",
    "recovered partially_filled",
    "recovered unknown",
    "recovered with a cancel under way",
    "recovered from a snapshot",
    "snapshot",
    "software changed",
    "stopped in good order",
    "SIGTERM in the middle of a send",
    "planned handover",
    "paused while an order waited for its turn",
    "lease lost while paused",
    "lease lost between send and ack",
    "paused owner could not append",
    "paused owner could not sign",
    "lease stopped a signature",
    "successor waited for the lease",
    "successor got the lease when it was over",
    "several bots",
    "strategy raised",
    "strategy answered nonsense",
    "signals told twice",
)

PEOPLE = (
    "kill",
    "kill in a burst",
    "kill between reserve and send",
    "418 during kill",
    "venue found empty after a kill",
    "killed at rest",
    "resumed",
    "halted",
    "paused by hand",
    "request asked twice",
    "settings changed",
    "started under changed settings",
    "account emptied under a waiting order",
    "deposit booked",
    "withdrawal booked",
)

MARKETS = (
    "clock stepped",
    "stop loss or target",
    "stop placed",
    "covered at rest",
    "exit that waited for its goods",
    "across midnight",
    "day boundary inside a burst",
    "minute without a mark",
    "no price at midnight",
    "day closed",
    "listing changed",
    "listing frozen",
    "marked off the peg",
    "watermark raised",
    "rebased",
    "a hold ran out",
    *(f"held by {cause}" for cause in ("operator", "kill", "reconcile", "takeover", "G2", "G5", "G6", "drawdown_max")),
    *(f"refused by G{number}" for number in range(1, 11)),
    *(f"refused by E{number}" for number in range(1, 14)),
    *(f"alert {change}: {kind}" for change in ("raised", "cleared") for kind in ("discovery", "check:peg")),
)

SOMETIMES = (*FAULTS, *ORDERS, *PROCESSES, *PEOPLE, *MARKETS)


class Coverage:
    """Counts of what happened."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def hit(self, what: str, times: int = 1) -> None:
        """Count one thing."""
        self.counts[what] += times

    def add(self, counts: "Counter[str]") -> None:
        """Add the counts of another world."""
        self.counts.update(counts)

    def missing(self, wanted: Iterable[str] = SOMETIMES) -> list[str]:
        """Name what should have happened and never did."""
        return [what for what in wanted if not self.counts[what]]
