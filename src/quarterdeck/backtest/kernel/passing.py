"""What the passing of time alone brings about between two prices: marks of missed steps, holds that end, time-outs."""

from __future__ import annotations

from typing import Final

from quarterdeck.backtest.kernel.acting import act
from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import wallet_of, work_of
from quarterdeck.backtest.kernel.marks import lift_holds, take_mark
from quarterdeck.backtest.kernel.records import Desk
from quarterdeck.backtest.kernel.venue import settle_funding

NEVER_NS: Final = 2**63 - 1


@called
def let_pass(desk: Desk, until_ns: int) -> None:
    """Let time pass up to an instant; what falls due happens at its own time."""
    wallet = wallet_of(desk)
    while True:
        at_ns = min(wallet.marked_at_ns + wallet.mark_every_ns, _times_out_ns(desk), wallet.payday_ns)
        if at_ns > until_ns:
            break
        advance(desk, at_ns)
        act(desk, at_ns, False)  # noqa: FBT003
        settle_funding(desk, at_ns)
    lift_holds(wallet, until_ns)


@inlined
def advance(desk: Desk, now_ns: int) -> None:
    """Bring everything up to an instant: holds that end, the mark if it is due, orders that waited too long."""
    wallet = wallet_of(desk)
    lift_holds(wallet, now_ns)
    if now_ns >= wallet.marked_at_ns + wallet.mark_every_ns:
        take_mark(desk, now_ns)
    if wallet.order_timeout_ns:
        for place in range(wallet.live):
            work = work_of(desk, place)
            if now_ns >= work.planned_at_ns + wallet.order_timeout_ns:
                work.is_leaving = 1


@called
def _times_out_ns(desk: Desk) -> int:
    """Say when the next order has waited too long."""
    wallet = wallet_of(desk)
    if not wallet.order_timeout_ns or not wallet.live:
        return NEVER_NS
    first_ns = NEVER_NS
    for place in range(wallet.live):
        first_ns = min(first_ns, work_of(desk, place).planned_at_ns + wallet.order_timeout_ns)
    return first_ns
