"""The signals of a close: exits before entries, each in the order of the instruments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.kernel.acting import act_and_resume, close_or_wait, end_flips, flip_on
from quarterdeck.backtest.kernel.compile import called, entry, inlined
from quarterdeck.backtest.kernel.desk import fetch_number, sign_at, slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import NOBODY, Wish
from quarterdeck.backtest.kernel.exits import closable_lots, is_dust
from quarterdeck.backtest.kernel.openings import open_position
from quarterdeck.backtest.kernel.records import Desk
from quarterdeck.backtest.kernel.words import BUY, OPENING, REDUCING, SIGNAL
from quarterdeck.guardrails import is_sure


@called
def run_cycle(desk: Desk, place: int, now_ns: int) -> None:
    """Work through what the strategy says on the bars that just closed."""
    wallet = wallet_of(desk)
    if wallet.flips:
        end_flips(desk)
    for instrument in range(desk.slots):
        cell = instrument * desk.bars + place
        sign = sign_at(desk.action_at, cell)
        slot_of(desk, instrument).enters = 0
        if sign:
            fetch_number(desk.open_at, cell + 1)  # what an order of this close needs next
        if sign and may_close(desk, instrument, sign):
            close_or_wait(desk, Wish(instrument, sign, REDUCING, SIGNAL), now_ns)
        elif sign and _may_open(desk, instrument, sign) and may_enter(desk, instrument):
            slot_of(desk, instrument).enters = sign
    for instrument in range(desk.slots):
        sign = slot_of(desk, instrument).enters
        if sign:
            open_position(desk, Wish(instrument, sign, OPENING, SIGNAL), now_ns, NOBODY)
    act_and_resume(desk, now_ns, False)  # noqa: FBT003
    if wallet.flips:
        flip_on(desk, now_ns)


@inlined
def _may_open(desk: Desk, instrument: int, sign: int) -> bool:
    """Tell whether a signal may open on its side: a sale only on perpetuals, where the bot may be short."""
    return sign == BUY or (slot_of(desk, instrument).is_perpetual and wallet_of(desk).allows_short) != 0


@called
def may_close(desk: Desk, instrument: int, sign: int) -> bool:
    """Tell whether a signal has anything to close, or an entry on its way that should not arrive."""
    slot = slot_of(desk, instrument)
    if sign == BUY and not slot.is_perpetual:
        return False
    if closable_lots(desk, instrument, sign) > 0:
        return True
    for place in range(wallet_of(desk).live):
        work = work_of(desk, place)
        if work.instrument == instrument and work.effect == OPENING and work.sign != sign:
            return True
    return False


@called
def may_enter(desk: Desk, instrument: int) -> bool:
    """Tell whether the target differs from what is held or on its way; dust takes no slot."""
    wallet, slot = wallet_of(desk), slot_of(desk, instrument)
    entries = 0
    if slot.lots and not is_dust(wallet, slot):
        entries += max(slot.entries, 1)
    for place in range(wallet.live):
        work = work_of(desk, place)
        if work.instrument == instrument:
            if work.effect == REDUCING:
                return False
            entries += 1
    return entries < wallet.entries_max


@entry
def drop_unsure(actions: NDArray[np.int8], confidence: NDArray[np.float64], confidence_min: float) -> None:
    """Put 0 in place of actions that are not sure enough; arrays of one shape, the actions are changed."""
    for place in range(actions.size):
        if not is_sure(confidence[place], confidence_min):
            actions[place] = 0
