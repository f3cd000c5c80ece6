"""What really happened over a batch of seeds: a run in which nothing went wrong proves nothing."""

from collections import Counter
from collections.abc import Iterable

SOMETIMES = (
    "request lost",
    "reply lost",
    "late reply",
    "send left late",
    "refused: validity over",
    "news dropped",
    "news delayed",
    "news repeated",
    "venue out of reach",
    "read failed",
    "partial fill",
    "fill before ack",
    "fill after cancel",
    "fill after a venue's own end",
    "unknown → filled",
    "unknown → open",
    "unknown → cancelled",
    "unknown → not placed",
    "withdrawn",
    "rejected",
    "cancel ambiguous",
    "cancel refused",
    "cancelled",
    "inferred fill",
    "inferred fill superseded",
    "crash",
    "crash before commit",
    "crash after commit",
    "crash between commit and send",
    "crash between send and answer",
    "crash during recovery",
    "recovered planned",
    "recovered open",
    "recovered partially_filled",
    "recovered unknown",
    "recovered with a cancel under way",
    "stopped in good order",
    "lease lost while paused",
    "lease lost between send and ack",
    "paused owner could not append",
    "paused owner could not sign",
    "lease stopped a signature",
    "successor waited for the lease",
    "kill",
    "kill stopped a signature",
    "resumed",
    "halted",
    "paused by hand",
    "request asked twice",
    "clock stepped",
    "stop loss or target",
    "across midnight",
    "snapshot",
    "recovered from a snapshot",
    "software changed",
    "settings changed",
    "started under changed settings",
    "deposit booked",
    "withdrawal booked",
    "money of others seen",
    "listing: gone",
    "listing: halted",
    "listing: dearer",
    "listing: minimum",
    "listing: nothing",
    "listing changed",
    "listing frozen",
    "clock of a venue off",
    "minute without a mark",
    "no price at midnight",
    "day closed",
    "marked off the peg",
    "watermark raised",
    "rebased",
    "a hold ran out",
    *(f"held by {cause}" for cause in ("operator", "kill", "reconcile", "G2", "G5", "G6", "drawdown_max")),
    *(f"refused by G{number}" for number in range(1, 11)),
    *(f"refused by E{number}" for number in range(1, 11)),
    *(f"alert {change}: {kind}" for change in ("raised", "cleared") for kind in ("discovery", "check:peg")),
)


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
