"""Plans drawn by a seed: each kind of fault is absent from most plans, so that each is met alone and in company."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from msgspec import Struct

from quarterdeck.simulator.plan import TRAITS, Call, Fault, FaultKind, FaultPlan

_K: Final = FaultKind

# By chance, once per message: the chance that a plan has it, the highest share, and the sizes to choose from.
_OFTEN: Final[dict[FaultKind, tuple[float, float, tuple[float, ...]]]] = {
    _K.LOSE_REQUEST: (0.5, 0.15, ()),
    _K.LOSE_REPLY: (0.5, 0.15, ()),
    _K.LATE_REPLY: (0.5, 0.15, (3.0, 6.0, 40.0)),
    _K.STALL_SEND: (0.4, 0.1, (0.1, 1.0, 6.0)),
    _K.ERROR_BEFORE: (0.25, 0.1, ()),
    _K.ERROR_AFTER: (0.25, 0.1, ()),
    _K.TOO_MANY: (0.15, 0.04, (0.5, 3.0)),
    _K.BAN: (0.1, 0.004, (10.0, 40.0)),
    _K.ERROR_BODY: (0.15, 0.05, ()),
    _K.GARBLE: (0.25, 0.08, ()),
    _K.REPEAT_REQUEST: (0.25, 0.15, ()),
    _K.REPEAT_REPLY: (0.25, 0.15, (0.5, 5.0, 40.0)),
    _K.DELAY_NEWS: (0.5, 0.6, (1.0, 8.0)),
    _K.DROP_NEWS: (0.5, 0.4, ()),
    _K.REPEAT_NEWS: (0.4, 0.4, (1.0, 8.0)),
    _K.HIDE_ORDER: (0.2, 0.01, (0.5, 2.0)),
    _K.STALE_ORDERS: (0.2, 0.3, ()),
    _K.HOLES: (0.15, 0.2, ()),
    _K.FILL_RACE: (0.4, 0.5, ()),
    _K.VENUE_CANCEL: (0.25, 0.02, ()),
    _K.CLOSED_BOOK: (0.4, 0.4, ()),
}

# With dates: how often at most in one plan, for how many seconds, and the sizes to choose from.
_DATED: Final[dict[FaultKind, tuple[int, tuple[float, float], tuple[float, ...]]]] = {
    _K.OUTAGE: (3, (1.0, 90.0), ()),
    _K.MAINTENANCE: (1, (5.0, 120.0), ()),
    _K.STALL_NEWS: (1, (3.0, 60.0), ()),
    _K.MUTE_NEWS: (1, (5.0, 300.0), ()),
    _K.REPLAY_NEWS: (2, (0.0, 0.0), (5.0, 40.0)),
    _K.THIN_BOOK: (1, (30.0, 300.0), (0.02, 0.2)),
    _K.OVERFILL: (1, (0.0, 0.0), (1.0, 7.0)),
    _K.FEES: (1, (30.0, 500.0), (2.0,)),
    _K.FEE_ASSET: (1, (30.0, 500.0), ()),
    _K.MINIMUMS: (1, (30.0, 500.0), (4.0, 14.0)),
    _K.SKEW: (1, (60.0, 400.0), (-0.7, 0.3, 0.7, 3.0)),
    _K.STALE_BOOK: (1, (5.0, 120.0), ()),
    _K.CROSSED_BOOK: (1, (1.0, 60.0), ()),
    _K.EMPTY_BOOK: (1, (5.0, 120.0), ()),
    _K.ZERO_PRICE: (1, (1.0, 60.0), ()),
    _K.ONE_SIDED: (1, (5.0, 120.0), ()),
    _K.WICK: (1, (5.0, 5.0), (-0.5, -0.05, 0.05, 0.5)),
    _K.DELIST: (1, (30.0, 500.0), ()),
    _K.HALT: (1, (30.0, 500.0), ()),
    _K.EMPTY_LISTINGS: (1, (30.0, 500.0), ()),
    _K.MANUAL_ORDER: (3, (0.0, 0.0), (-90.0, 60.0, 200.0)),
    _K.MANUAL_TRADE: (2, (0.0, 0.0), (-50.0, 50.0, 150.0)),
    _K.DEPOSIT: (1, (0.0, 0.0), (3.5, 70.0)),
    _K.WITHDRAW: (1, (0.0, 0.0), (3.5, 70.0)),
    _K.LIQUIDATE: (2, (0.0, 0.0), (-0.4, 0.4)),
    _K.FUNDING_SPIKE: (3, (0.0, 0.0), (-0.01, 0.01)),
    _K.FOREIGN_LOAD: (1, (20.0, 200.0), (1.0, 4.0)),
}

_SHARE_OF_PLANS: Final = 0.3


class Draw(Struct, frozen=True):
    """
    What a plan is drawn for.

    It lasts `seconds`; `instruments` are the venue's, `assets` those that people bring and take away. Some faults fit
    only some venues: creates are repeated only where `keeps_ids` (elsewhere a second copy would be a second order,
    which venues refuse by its signature), and readings lag by no more than the venue's own bound, `lag_s`. Kinds in
    `without` are left out.
    """

    seconds: float
    instruments: tuple[str, ...]
    assets: tuple[str, ...] = ()
    keeps_ids: bool = True
    lag_s: float = 0.0
    latency_s: tuple[float, ...] = (0.01, 0.1, 0.6)
    without: frozenset[FaultKind] = frozenset()


def draw_plan(rng: Random, draw: Draw) -> FaultPlan:
    """Draw what goes wrong at one venue; equal seeds give equal plans."""
    faults = [*_often(rng, draw), *_dated(rng, draw)]
    kept = [fault for fault in faults if fault.kind not in draw.without]
    return FaultPlan(tuple(sorted(kept, key=lambda fault: fault.from_s)), rng.choice(draw.latency_s))


def _often(rng: Random, draw: Draw) -> Iterator[Fault]:
    """Draw the faults that strike by chance, all the time or, in some plans, for a while."""
    for kind, (chance, share_max, sizes) in _OFTEN.items():
        is_there, share = rng.random() < chance, rng.uniform(0.0, share_max)
        size = rng.choice(sizes) if sizes else 0.0
        from_s, until_s = _while(rng, draw) if rng.random() < _SHARE_OF_PLANS else (0.0, None)
        calls: tuple[Call, ...] = ()
        if kind is _K.REPEAT_REQUEST and not draw.keeps_ids:
            calls = tuple(call for call in Call if call is not Call.SUBMIT)
        if kind is _K.STALE_ORDERS:
            size = draw.lag_s
            is_there = is_there and draw.lag_s > 0.0
        if is_there:
            yield Fault(kind, from_s, until_s, share, calls, size)


def _dated(rng: Random, draw: Draw) -> Iterator[Fault]:
    for kind, (times_max, (shortest_s, longest_s), sizes) in _DATED.items():
        named = _named(kind, draw)
        if rng.random() >= _SHARE_OF_PLANS or (TRAITS[kind].what and not named):
            continue
        for _ in range(rng.randrange(1, times_max + 1)):
            from_s = rng.uniform(0.0, draw.seconds)
            until_s = from_s + rng.uniform(shortest_s, longest_s)
            size = rng.choice(sizes) if sizes else 0.0
            what = rng.choice(named) if named else ""
            yield Fault(kind, from_s, until_s if longest_s else None, size=size, what=what)


def _named(kind: FaultKind, draw: Draw) -> tuple[str, ...]:
    """List what a kind may be about."""
    if kind in (_K.LIQUIDATE, _K.FUNDING_SPIKE):
        return tuple(one for one in draw.instruments if ":" in one)
    return {"instrument": draw.instruments, "asset": draw.assets}.get(TRAITS[kind].what, ())


def _while(rng: Random, draw: Draw) -> tuple[float, float]:
    from_s = rng.uniform(0.0, draw.seconds)
    return from_s, from_s + rng.uniform(10.0, 300.0)
