"""Which rows of the life-cycle table were really asked for, whether or not a fact came of it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from quarterdeck.domain import Evidence, OrderState
from quarterdeck.orders import ENDED, TABLE, Row, step
from tests.simulation.coverage import Coverage

Place = tuple[OrderState, Evidence]
STEP = step.__code__


class Counted(dict[Evidence, Row]):
    """The rows of one state; each by which an order is moved is counted, what is only read for its act is not."""

    def __init__(self, state: OrderState, rows: Mapping[Evidence, Row], coverage: Coverage) -> None:
        super().__init__(rows)
        self._names = {evidence: row_name(state, evidence) for evidence in rows}
        self._counts = coverage.counts

    def __getitem__(self, evidence: Evidence) -> Row:
        """Give a row, and count it if it is `step` that asks."""
        if sys._getframe(1).f_code is STEP:  # noqa: SLF001 - who asks is all that tells a move from a look
            self._counts[self._names[evidence]] += 1
        return super().__getitem__(evidence)


@contextmanager
def counting_rows(coverage: Coverage) -> Iterator[None]:
    """Count every row that the engine looks up while this lasts."""
    counted = {state: Counted(state, rows, coverage) for state, rows in TABLE.items()}
    with patch.dict(TABLE, counted):
        yield


def row_name(state: OrderState, evidence: Evidence) -> str:
    """Name a row as coverage counts it."""
    return f"row {state.value} × {evidence.value}"


def every_row() -> list[Place]:
    """List the table, row by row."""
    return [(state, evidence) for state, rows in TABLE.items() for evidence in rows]


def reachable_rows() -> list[str]:
    """Name the rows that something outside can bring about."""
    return [row_name(*place) for place in every_row() if place not in UNREACHABLE]


def _but(*states: OrderState) -> tuple[OrderState, ...]:
    return tuple(state for state in OrderState if state not in states)


S, E = OrderState, Evidence
WORKING = (S.OPEN, S.PARTIALLY_FILLED)
TOLD_BY_VENUES = (E.ACKNOWLEDGED, E.REJECTED, E.CANCELLED, E.EXPIRED, E.FILLED, E.FILL)
ANSWERS_TO_CANCELS = (E.CANCEL_ACCEPTED, E.CANCEL_REFUSED, E.CANCEL_AMBIGUOUS)

# Why no input leads to some rows, though the table has an answer for each. First come what the engine concludes by
# itself, and from which states; then what only a venue could tell that contradicts itself.
REASONS: tuple[tuple[str, tuple[OrderState, ...], tuple[Evidence, ...]], ...] = (
    ("a start takes up planned orders alone", _but(S.PLANNED), (E.RECOVERED,)),
    ("a cancel is asked for only while an order lives", tuple(sorted(ENDED)), (E.CANCEL_REQUESTED,)),
    ("negative answers about what ended prove nothing", tuple(sorted(ENDED)), (E.ABSENT,)),
    ("only what a venue once showed can be lost from sight", _but(*WORKING), (E.LOST,)),
    ("absence is proven of unknown orders alone", _but(S.UNKNOWN), (E.ABSENCE_PROVEN,)),
    ("a person resolves unknown orders alone", _but(S.UNKNOWN), (E.DECLARED_GONE,)),
    ("nobody asks after an order while the answer to its send is awaited", (S.PLANNED,), (E.ABSENT,)),
    (
        "a cancel of ours leaves after the answer to the send, or after that was given up",
        (S.PLANNED,),
        ANSWERS_TO_CANCELS,
    ),
    ("a cancel that its venue accepted is what ended the order", (S.FILLED, S.EXPIRED), (E.CANCEL_ACCEPTED,)),
    (
        "what was never signed is not known to any venue, and nobody waits for its answer",
        (S.WITHDRAWN,),
        (*TOLD_BY_VENUES, E.AMBIGUOUS, E.WITHDRAWN, *ANSWERS_TO_CANCELS),
    ),
    ("what a venue shows was signed", (*WORKING, S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED), (E.WITHDRAWN,)),
    ("the proof of absence begins after the last instant at which it may be signed", (S.NOT_PLACED,), (E.WITHDRAWN,)),
    (
        "what a venue rejected, at once or when it should have traded, did nothing before that and ends no other way",
        (S.REJECTED,),
        (E.CANCELLED, E.EXPIRED, E.FILLED, E.FILL, E.CANCEL_ACCEPTED),
    ),
    ("what traded, or ended by itself, was not rejected", (S.PARTIALLY_FILLED, S.FILLED, S.EXPIRED), (E.REJECTED,)),
    ("what filled completely did not end otherwise", (S.FILLED,), (E.CANCELLED, E.EXPIRED)),
    ("what its venue ended was not ended by us, nor did it fill completely", (S.EXPIRED,), (E.CANCELLED, E.FILLED)),
)

UNREACHABLE: dict[Place, str] = {
    (state, evidence): why for why, states, given in REASONS for state in states for evidence in given
}
