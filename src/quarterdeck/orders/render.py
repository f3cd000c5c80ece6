"""The life-cycle table as a page of the docs, so that the page cannot differ from what runs."""

from __future__ import annotations

from quarterdeck.domain import Evidence, OrderState
from quarterdeck.orders.lifecycle import ALLOWED, RECOVERY, TABLE, Next
from quarterdeck.orders.order import ENDED

_HEAD = """# The life of an order, as a table

Generated from `quarterdeck.orders.TABLE` by `python tools/render_docs.py`; a test fails when the two differ.

`planned` means *may have been sent*. While an order is alive its whole remainder stays reserved; once it has ended,
only what a venue reported and we have not booked yet. A new session sends no order again, whatever its state.
"""


def render_table() -> str:
    """Write the table, state by state, as Markdown."""
    parts = [_HEAD]
    for state in OrderState:
        reserve = "what is reported and not yet booked" if state in ENDED else "the whole remainder"
        parts.append(
            f"\n## {state.value}\n\nReserved: {reserve}. Allowed: {ALLOWED[state].value}. "
            f"After a crash: {RECOVERY[state].value}.\n\n"
            "| evidence | next state | fact | act | alert |\n|---|---|---|---|---|"
        )
        parts.extend(_line(state, evidence) for evidence in Evidence)
    return "\n".join(parts) + "\n"


def _line(state: OrderState, evidence: Evidence) -> str:
    row = TABLE[state][evidence]
    fact = "FillBooked" if evidence is Evidence.FILL else "OrderMoved"
    if evidence is Evidence.CANCEL_REQUESTED:
        fact = "CancelRequested"
    if row.next is Next.SAME and state in ENDED:
        fact = f"{fact}, only if it says more" if evidence is not Evidence.CANCEL_REQUESTED else "none"
    return f"| {evidence.value} | {row.next.value} | {fact} | {row.act.value} | {row.alert.value} |"
