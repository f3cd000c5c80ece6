"""What is not settled, and what is being done about it: orders, balances, protection, exits that wait, a kill."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import MINUTE_NS, ZERO, CancelState, Control, OrderState, Side, add, multiply, subtract
from quarterdeck.engine import State, is_weighable, place_of, protected_by, shown_by_ns, stops_resting
from quarterdeck.orders import ENDED, Order
from quarterdeck.system.instants import iso
from quarterdeck.system.tally import HeldPosition, held_positions

PERSON_AFTER_NS: Final = MINUTE_NS
ONLY_RUNNING: Final = "only while the bot runs: no stop order rests at the venue"
Since = Mapping[tuple[str, str], int]
"""(venue, asset) → when a difference was first seen, in nanoseconds UTC."""


class UnknownOrder(Struct, frozen=True):
    """
    An order whose outcome is not known, what is being done about it, and what it holds up.

    Denials count from `proof_after_at` on, `denials_needed` of them settle it; None where denials never do.
    """

    client_id: str
    since_at: str
    doing: str
    venue: str
    instrument: str
    side: str
    qty: Decimal
    blocks: str
    denials: int
    denials_needed: int | None
    proof_after_at: str | None
    last_answer: str


class Difference(Struct, frozen=True):
    """
    What an account holds beyond the bot's books, or lacks, and no trade explains.

    `expected` and `actual` are totals of the account, `amount` is the difference; `since_at` None if it was not found.
    """

    venue: str
    asset: str
    amount: Decimal
    expected: Decimal
    actual: Decimal
    since_at: str | None


class OtherOrder(Struct, frozen=True):
    """A working order on one of the bot's accounts that is not the bot's; it is left alone."""

    venue: str
    client_id: str
    venue_order_id: str
    instrument: str
    side: str
    qty: Decimal | None
    filled: Decimal | None


class Protection(Struct, frozen=True):
    """
    Who would sell a position when its price falls: a stop order at the `venue`, the `bot` while it runs, or `nobody`.

    `trigger` is the price of the stop order. A position that should have one at its venue and has none is naked since
    `naked_since_at`: `tries` attempts were made, the next comes at `next_try_at`.
    """

    venue: str
    instrument: str
    qty: Decimal
    by: str
    reason: str
    client_id: str = ""
    trigger: Decimal | None = None
    naked_since_at: str | None = None
    tries: int = 0
    next_try_at: str | None = None


class Unprotected(Struct, frozen=True):
    """What is held while no stop would sell it, and why none would."""

    reason: str
    positions: tuple[HeldPosition, ...]


class WaitingExit(Struct, frozen=True):
    """An exit that goes on once the stop orders that hold its goods are cancelled."""

    intent_id: str
    instrument: str
    venue: str | None
    cause: str
    since_at: str
    waits_for: tuple[str, ...]


class KillTold(Struct, frozen=True):
    """How far a raised kill switch got: which venues are proven to hold no order of ours, which are not yet."""

    verified: tuple[str, ...]
    unverified: tuple[str, ...]


def unknown_of(state: State, order: Order) -> UnknownOrder:
    """Say what is done about an order whose outcome is not known."""
    needed, after_ns = _proof_of(state, order)
    return UnknownOrder(
        client_id=order.client_id,
        since_at=iso(order.unknown_since_ns) or "",
        doing=doing_of(state, order),
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.value,
        qty=multiply(order.lot, Decimal(order.qty_lots)),
        blocks=f"nothing is opened in {order.instrument} on {order.venue} until this is known",
        denials=order.absences,
        denials_needed=needed,
        proof_after_at=iso(after_ns) if needed is not None else None,
        last_answer=order.reason,
    )


def _proof_of(state: State, order: Order) -> tuple[int | None, int]:
    """Give how many denials settle an order, None where they never do, and from when on they count."""
    venue = state.venues.get(order.venue)
    if state.settings is None or venue is None:
        return 0, 0
    return (state.settings.absences_min if venue.proves_absence else None), shown_by_ns(state, order)


def doing_of(state: State, order: Order) -> str:
    """Say what is being done about an order that is not settled; empty for one that is."""
    if order.state is OrderState.UNKNOWN:
        return _asking(state, order)
    if order.state in ENDED:
        behind = order.reported_lots - order.booked_lots
        return f"{behind} reported lots have no trade yet: trades are pulled" if behind > 0 else ""
    if order.cancel is not CancelState.NONE:
        words = {
            "requested": "is being sent",
            "unknown": "may have got lost and is sent again",
            "accepted": "was taken",
        }
        told = words.get(order.cancel.value, f"was {order.cancel.value}; the venue is asked how the order stands")
        return f"its cancel {told}" + (f" ({order.cancel_reason})" if order.cancel_reason else "")
    if order.state is OrderState.PLANNED:
        return f"no answer yet; it may have been sent until {_clock(order.send_by_ns)}"
    timeout_ns = state.settings.order_timeout_ns if state.settings is not None else 0
    if order.is_protective:
        return f"it rests at {order.venue} to protect the position"
    if timeout_ns:
        return f"it works at {order.venue}; what is left is cancelled at {_clock(order.planned_at_ns + timeout_ns)}"
    return f"it works at {order.venue}"


def _asking(state: State, order: Order) -> str:
    needed, after_ns = _proof_of(state, order)
    parts = [f"asking {order.venue} by client id"]
    if needed is None:
        parts.append("its denials prove nothing: only the order itself, a trade or a person ends this")
    else:
        counted = f"{order.absences} of {needed} conclusive denials so far"
        waits = state.at_ns <= after_ns
        parts.append(f"denials count from {_clock(after_ns)} on; {counted}" if waits else counted)
        parts += _doubts(state, order)
    if order.cancel in (CancelState.REQUESTED, CancelState.UNKNOWN):
        parts.append("its cancel is being sent too")
    if order.reason:
        parts.append(f"last heard: {order.reason}")
    if state.at_ns - order.unknown_since_ns >= PERSON_AFTER_NS:
        parts.append("a person who sees at the venue that it does not work may resolve it")
    return "; ".join(parts)


def _doubts(state: State, order: Order) -> list[str]:
    """Say why the account does not let denials end an order; nothing where it does, or was not read late enough yet."""
    moved = [f"{amount:+f} {asset}" for asset, amount in state.doubts.get(order.venue, {}).items() if amount]
    if not is_weighable(order):
        return ["some of it filled and has no trade yet, so denials do not end it"]
    return [f"the account moved by {', '.join(moved)}, so denials do not end it"] if moved else []


def _clock(at_ns: int) -> str:
    return f"{(iso(at_ns) or '')[11:19]} UTC"


def differences_of(state: State, since: Since | None = None) -> list[Difference]:
    """List what accounts hold that no trade explains."""
    found = []
    for venue, assets in state.unexplained.items():
        for asset, amount in assets.items():
            if amount:
                actual = _account_total(state, venue, asset)
                since_at = iso((since or {}).get((venue, asset), 0))
                found.append(Difference(venue, asset, amount, subtract(actual, amount), actual, since_at))
    return found


def _account_total(state: State, venue: str, asset: str) -> Decimal:
    """Give what an account held of an asset when it was last compared, moved on by our trades since."""
    total = add(state.baselines.get(venue, {}).get(asset, ZERO), state.cash.get(venue, {}).get(asset, ZERO))
    for instrument, position in state.positions.get(venue, {}).items():
        listing = state.grids[venue][instrument].listing
        if asset == (listing.instrument if listing.is_perpetual else listing.base):  # a contract is no coin
            total = add(total, position.qty)
    return total


def others_of(state: State) -> list[OtherOrder]:
    """List the working orders of others on the bot's accounts."""
    return [
        OtherOrder(
            venue=venue,
            client_id=seen.client_id,
            venue_order_id=seen.venue_order_id,
            instrument=seen.instrument,
            side=seen.side.value,
            qty=_in_base(state, venue, seen.instrument, seen.lots),
            filled=_in_base(state, venue, seen.instrument, seen.filled_lots),
        )
        for venue, orders in state.others.items()
        for seen in orders
    ]


def _in_base(state: State, venue: str, instrument: str, lots: int) -> Decimal | None:
    """Give a quantity in base units; None for an instrument whose grid the bot does not know."""
    grid = state.grids.get(venue, {}).get(instrument)
    return None if grid is None else multiply(grid.listing.lot, Decimal(lots))


def protections_of(state: State, control: Control, *, is_running: bool) -> list[Protection]:
    """Say of every position who protects it, as far as stops go."""
    return [_protection(state, held, _why_bot_rests(state, control, is_running=is_running)) for held in _held(state)]


def _held(state: State) -> tuple[HeldPosition, ...]:
    return tuple(held_positions(state)) if state.settings is not None else ()


def _protection(state: State, held: HeldPosition, bot_rests: str) -> Protection:
    stop = next(iter(stops_resting(state, held.venue, held.instrument)), None)
    by, reason, trigger = ("nobody", bot_rests, None) if bot_rests else ("bot", ONLY_RUNNING, None)
    if stop is not None and stop.trigger_ticks is not None:
        trigger = multiply(stop.tick, Decimal(stop.trigger_ticks))
        if protected_by(state, held.venue, held.instrument) == "venue":
            by, reason = "venue", f"stop order {stop.client_id} rests at {held.venue}"
        else:
            reason = f"{reason}; stop order {stop.client_id} is {stop.state.value}: {doing_of(state, stop)}"
    naked = state.naked.get(place_of(held.venue, held.instrument))
    return Protection(
        venue=held.venue,
        instrument=held.instrument,
        qty=held.qty,
        by=by,
        reason=reason,
        client_id="" if stop is None else stop.client_id,
        trigger=trigger,
        naked_since_at=iso(naked.since_ns) if naked is not None else None,
        tries=naked.tries if naked is not None else 0,
        next_try_at=iso(naked.next_ns) if naked is not None else None,
    )


def _why_bot_rests(state: State, control: Control, *, is_running: bool) -> str:
    """Say why the bot itself would not sell a falling position; empty where it would."""
    settings = state.settings
    if settings is None or not is_running:
        return "the bot is not running"
    if state.kill_raised:
        return "the kill switch is raised, and nothing is signed"
    if control is Control.HALTED and not settings.guardrails.protect_when_halted:
        return "the bot is halted, and guardrails.protect_when_halted is false"
    if settings.risk.stop_loss is None and settings.risk.trailing_stop is None:
        return "no stop is set in risk"
    return ""


def unprotected_of(state: State, control: Control, *, is_running: bool) -> Unprotected | None:
    """Say what no stop would sell, and why; None where nothing is held, or stops work."""
    reason = _why_bot_rests(state, control, is_running=is_running)
    bare = tuple(one for one in _held(state) if protected_by(state, one.venue, one.instrument) != "venue")
    return Unprotected(reason, bare) if reason and bare else None


def waiting_exits_of(state: State) -> list[WaitingExit]:
    """List the exits that wait for stop orders to be cancelled."""
    return [
        WaitingExit(
            intent_id=intent_id,
            instrument=waiting.intent.instrument,
            venue=waiting.venue,
            cause=waiting.intent.cause or waiting.intent.source.value,
            since_at=iso(waiting.since_ns) or "",
            waits_for=tuple(
                order.client_id
                for order in state.live_orders()
                if order.is_protective and order.state not in ENDED and order.side is Side.SELL
                if order.pair == waiting.intent.instrument and waiting.venue in (None, order.venue)
            ),
        )
        for intent_id, waiting in state.deferred.items()
    ]


def kill_of(state: State) -> KillTold | None:
    """Say how far a kill got; None while the switch is not raised."""
    if not state.kill_raised:
        return None
    verified = tuple(venue for venue in state.venues if venue not in state.unswept)
    return KillTold(verified, tuple(state.unswept))
