"""What follows a decision at once: cancels, orders sent, and exits that waited for a cancel."""

from __future__ import annotations

from quarterdeck.backtest.kernel.compile import called
from quarterdeck.backtest.kernel.desk import slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import Wish
from quarterdeck.backtest.kernel.exits import close_position
from quarterdeck.backtest.kernel.openings import open_position
from quarterdeck.backtest.kernel.records import Desk
from quarterdeck.backtest.kernel.venue import cancel, place_order
from quarterdeck.backtest.kernel.words import CANCELLED, FLIP, OPENING, REDUCING


@called
def act(desk: Desk, now_ns: int, tradable: bool) -> None:  # noqa: FBT001
    """Cancel what is to leave, then send what was planned, in the order of planning."""
    place = 0
    while place < wallet_of(desk).live:
        if work_of(desk, place).is_leaving:
            cancel(desk, place, CANCELLED)
        else:
            place += 1
    place = 0
    while place < wallet_of(desk).live:
        if work_of(desk, place).is_placed or place_order(desk, place, now_ns, tradable):
            place += 1


@called
def act_and_resume(desk: Desk, now_ns: int, tradable: bool) -> None:  # noqa: FBT001
    """Act, then bring up again the exits that waited for it."""
    act(desk, now_ns, tradable)
    for instrument in range(desk.slots):
        slot = slot_of(desk, instrument)
        if slot.waits:
            wish = Wish(instrument, slot.waits_sign, REDUCING, slot.waits - 1)
            slot.waits = 0
            close_position(desk, wish, now_ns, True)  # noqa: FBT003
            act(desk, now_ns, tradable)


@called
def close_or_wait(desk: Desk, wish: Wish, now_ns: int) -> None:
    """Close a position; where it meets an entry of ours that is being cancelled, wait for that."""
    if close_position(desk, wish, now_ns, False):  # noqa: FBT003
        slot = slot_of(desk, wish.instrument)
        slot.waits = wish.cause + 1
        slot.waits_sign = wish.sign


@called
def flip_on(desk: Desk, now_ns: int) -> None:
    """Open the other side of every instrument whose position was closed for that, all of them at once."""
    wallet = wallet_of(desk)
    if not wallet.flips:
        return
    for instrument in range(desk.slots):
        slot = slot_of(desk, instrument)
        if slot.flips and not has_work(desk, instrument):
            wish = Wish(instrument, slot.flips, OPENING, FLIP)
            slot.flips = 0
            wallet.flips -= 1
            if not slot.lots:
                open_position(desk, wish, now_ns, slot.flips_order)
    act(desk, now_ns, True)  # noqa: FBT003


@called
def end_flips(desk: Desk) -> None:
    """Give up every flip that is awaited: what it was to close did not go by the next bar."""
    for instrument in range(desk.slots):
        slot_of(desk, instrument).flips = 0
    wallet_of(desk).flips = 0


@called
def has_work(desk: Desk, instrument: int) -> bool:
    """Tell whether orders on an instrument may still fill."""
    for place in range(wallet_of(desk).live):  # noqa: SIM110 - numba compiles no generator
        if work_of(desk, place).instrument == instrument:
            return True
    return False
