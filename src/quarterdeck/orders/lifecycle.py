"""
The life of an order as one table: state and evidence give the next state, the act it allows and the alert it raises.

The table is data. The engine executes it, the docs render it, and the simulation proves that its rows are reached.
What is set aside for an order follows from the state it moves to (`orders.reserve_of`), and so does the act of
recovery (`RECOVERY`): a new session treats an order by its state alone.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Final

from msgspec import Struct

from quarterdeck.domain import Bug, CancelState, Evidence, OrderState
from quarterdeck.orders.order import ENDED, Order


@unique
class Next(StrEnum):
    """Where a row leads: to one definite state, to the same one, or to the one that the booked quantity gives."""

    SAME = "same"
    WORKING = "open or partially_filled, by booked quantity"
    BY_FILL = "partially_filled or filled, by booked quantity"
    GONE = "cancelled where it had lived, else not_placed"
    BACK = "open or partially_filled where its end was only concluded, else same"
    FILLED_IF_COMPLETE = "same, or filled when complete"


@unique
class Act(StrEnum):
    """What may be done at the venue about an order."""

    NONE = "nothing"
    SEND_ONCE = "send, once, by this process only"
    QUERY = "query by client id"
    PULL_FILLS = "pull fills"
    CANCEL = "send the cancel"
    CANCEL_AGAIN = "send the cancel again"


@unique
class Alert(StrEnum):
    """Why a person should look."""

    NONE = ""
    CAME_BACK = "an order that had ended turned out to live"
    OVERFILLED = "the venue filled more than was ordered"
    CONTRADICTED = "evidence contradicts what the venue said before"


class Row(Struct, frozen=True):
    """One row of the table."""

    next: OrderState | Next
    act: Act = Act.NONE
    alert: Alert = Alert.NONE


_S: Final = OrderState
_E: Final = Evidence
_SAME: Final = Row(Next.SAME)

_CANCEL_ROWS: Final = {
    _E.CANCEL_REQUESTED: Row(Next.SAME, Act.CANCEL),
    _E.CANCEL_ACCEPTED: Row(Next.SAME, Act.QUERY),
    _E.CANCEL_REFUSED: Row(Next.SAME, Act.QUERY),
    _E.CANCEL_AMBIGUOUS: Row(Next.SAME, Act.CANCEL_AGAIN),
}
_NOT_SEEN_YET: Final = {
    _E.ACKNOWLEDGED: Row(Next.WORKING),
    _E.REJECTED: Row(_S.REJECTED),
    _E.CANCELLED: Row(_S.CANCELLED),
    _E.EXPIRED: Row(_S.EXPIRED),
    _E.FILLED: Row(Next.WORKING, Act.PULL_FILLS),
    _E.AMBIGUOUS: Row(_S.UNKNOWN, Act.QUERY),
    _E.ABSENT: Row(Next.SAME, Act.QUERY),
    _E.LOST: Row(Next.SAME, Act.QUERY),
    _E.ABSENCE_PROVEN: Row(Next.GONE, Act.PULL_FILLS),
    _E.DECLARED_GONE: Row(Next.GONE, Act.PULL_FILLS),
    _E.WITHDRAWN: Row(_S.WITHDRAWN),
    _E.RECOVERED: Row(_S.UNKNOWN, Act.QUERY),
    _E.FILL: Row(Next.BY_FILL),
    **_CANCEL_ROWS,
}
_PLANNED: Final = {**_NOT_SEEN_YET, _E.DECLARED_GONE: _SAME}  # a person speaks of what was asked for, and is unknown
_WORKING: Final = {
    _E.ACKNOWLEDGED: _SAME,
    _E.REJECTED: Row(_S.REJECTED),
    _E.CANCELLED: Row(_S.CANCELLED),
    _E.EXPIRED: Row(_S.EXPIRED),
    _E.FILLED: Row(Next.SAME, Act.PULL_FILLS),
    _E.AMBIGUOUS: _SAME,
    _E.ABSENT: Row(Next.SAME, Act.QUERY),
    _E.LOST: Row(_S.UNKNOWN, Act.QUERY),
    _E.ABSENCE_PROVEN: Row(Next.SAME, Act.QUERY, Alert.CONTRADICTED),
    _E.DECLARED_GONE: _SAME,
    _E.WITHDRAWN: Row(Next.SAME, Act.QUERY, Alert.CONTRADICTED),
    _E.RECOVERED: Row(Next.SAME, Act.QUERY),
    _E.FILL: Row(Next.BY_FILL),
    **_CANCEL_ROWS,
}
_LIVED_AND_ENDED: Final = {
    **dict.fromkeys(_E, _SAME),
    _E.FILLED: Row(Next.SAME, Act.PULL_FILLS),
    _E.FILL: Row(Next.FILLED_IF_COMPLETE),
}
_CANCELLED: Final = {**_LIVED_AND_ENDED, _E.ACKNOWLEDGED: Row(Next.BACK, Act.QUERY, Alert.CAME_BACK)}
_NEVER_LIVED: Final = {
    **dict.fromkeys(_E, _SAME),
    _E.ACKNOWLEDGED: Row(Next.WORKING, Act.QUERY, Alert.CAME_BACK),
    _E.CANCELLED: Row(_S.CANCELLED, Act.PULL_FILLS),
    _E.EXPIRED: Row(_S.EXPIRED, Act.PULL_FILLS),
    _E.FILLED: Row(Next.WORKING, Act.PULL_FILLS, Alert.CAME_BACK),
    _E.FILL: Row(Next.BY_FILL, Act.QUERY, Alert.CAME_BACK),
}

TABLE: Final[dict[OrderState, dict[Evidence, Row]]] = {
    _S.PLANNED: _PLANNED,
    _S.UNKNOWN: _NOT_SEEN_YET,
    _S.OPEN: _WORKING,
    _S.PARTIALLY_FILLED: {**_WORKING, _E.REJECTED: Row(_S.CANCELLED)},
    _S.FILLED: {**_LIVED_AND_ENDED, _E.FILL: Row(Next.SAME, Act.NONE, Alert.OVERFILLED)},
    _S.CANCELLED: _CANCELLED,
    _S.EXPIRED: _LIVED_AND_ENDED,
    _S.REJECTED: _NEVER_LIVED,
    _S.NOT_PLACED: _NEVER_LIVED,
    _S.WITHDRAWN: _NEVER_LIVED,
}

ALLOWED: Final[dict[OrderState, Act]] = {
    _S.PLANNED: Act.SEND_ONCE,
    _S.OPEN: Act.CANCEL,
    _S.PARTIALLY_FILLED: Act.CANCEL,
    _S.UNKNOWN: Act.QUERY,
    **dict.fromkeys(sorted(ENDED), Act.NONE),
}
"""What may be done about an order in a state besides reading; a cancel may be sent to any order that is alive."""

RECOVERY: Final[dict[OrderState, Act]] = {
    _S.PLANNED: Act.QUERY,
    _S.OPEN: Act.QUERY,
    _S.PARTIALLY_FILLED: Act.QUERY,
    _S.UNKNOWN: Act.QUERY,
    **dict.fromkeys(sorted(ENDED), Act.PULL_FILLS),
}
"""What a new session does about an order in a state. Never a send: a create is sent by the process that planned it."""

_CANCEL_AFTER: Final = {
    _E.CANCEL_REQUESTED: CancelState.REQUESTED,
    _E.CANCEL_ACCEPTED: CancelState.ACCEPTED,
    _E.CANCEL_REFUSED: CancelState.NONE,
    _E.CANCEL_AMBIGUOUS: CancelState.UNKNOWN,
}


class Step(Struct, frozen=True, gc=False):
    """The outcome of one row for one order."""

    state: OrderState
    cancel: CancelState
    act: Act
    alert: Alert


def step(order: Order, evidence: Evidence, booked_lots: int) -> Step:
    """
    Move an order along the table.

    Args:
        order: The order as it is.
        evidence: What was learned.
        booked_lots: Booked quantity after this evidence; only a fill changes it.
    """
    row = TABLE[order.state][evidence]
    state = _resolve(row.next, order, booked_lots)
    cancel = order.cancel if state not in ENDED else CancelState.NONE
    if state not in ENDED and evidence in _CANCEL_AFTER:
        cancel = _CANCEL_AFTER[evidence]
    alert = row.alert if row.alert is not Alert.OVERFILLED or booked_lots > order.qty_lots else Alert.NONE
    if row.next is Next.BACK and state is order.state:
        alert = Alert.NONE
    if evidence is _E.FILL and booked_lots > order.qty_lots:
        alert = Alert.OVERFILLED
    return Step(state, cancel, row.act, alert)


def _resolve(target: OrderState | Next, order: Order, booked_lots: int) -> OrderState:
    if isinstance(target, OrderState):
        return target
    if target is Next.SAME:
        return order.state
    if target is Next.FILLED_IF_COMPLETE:
        return _S.FILLED if booked_lots >= order.qty_lots else order.state
    if target is Next.GONE:
        return _S.CANCELLED if order.lived or order.reported_lots > 0 or booked_lots > 0 else _S.NOT_PLACED
    if target is Next.BACK and not order.presumed:
        return order.state
    if booked_lots >= order.qty_lots:
        return _S.FILLED
    if booked_lots > 0:
        return _S.PARTIALLY_FILLED
    if target is Next.BY_FILL:
        raise Bug(f"order {order.client_id}: a fill left nothing booked")
    return _S.OPEN


def allows(before: OrderState, evidence: Evidence, after: OrderState) -> bool:
    """Tell whether the table can lead from one state to another on this evidence; the auditor of transitions."""
    target = TABLE[before][evidence].next
    if isinstance(target, OrderState):
        return after is target
    if target is Next.SAME:
        return after is before
    if target is Next.FILLED_IF_COMPLETE:
        return after in (before, _S.FILLED)
    if target is Next.BY_FILL:
        return after in (_S.PARTIALLY_FILLED, _S.FILLED)
    if target is Next.GONE:
        return after in (_S.CANCELLED, _S.NOT_PLACED)
    if target is Next.BACK:
        return after in (before, _S.OPEN, _S.PARTIALLY_FILLED)
    return after in (_S.OPEN, _S.PARTIALLY_FILLED, _S.FILLED)
