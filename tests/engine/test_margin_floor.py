"""Perpetuals, booked by the engine and by the model of an exchange: random lives end in the very same figures."""

import random
from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    Effect,
    FillBooked,
    FlipEnded,
    FundingBooked,
    IntentRefused,
    LiquidationBooked,
    OrderKind,
    OrderPlanned,
    OrderSettings,
    Side,
    SizingSettings,
)
from quarterdeck.engine import State, apply, decode_state, encode_state, state_hash, step
from tests.engine.margin_floor import ACCOUNT, OTHER, PERP, Floor, on_margin

STEPS = 50


def settings_of(rng: random.Random) -> Floor:
    sizes = (
        SizingSettings("quote", Decimal(1_000)),
        SizingSettings("equity_share", Decimal("0.9")),
        SizingSettings("equity_share", Decimal("2.5"), entries_max=3),
        SizingSettings("base", Decimal("0.0301"), entries_max=2),
    )
    settings = on_margin(
        cash=rng.choice(["10000", "1000", "333.33"]),
        leverage=rng.choice([1, 2, 3, 7, 20]),
        sizing=rng.choice(sizes),
        orders=rng.choice([OrderSettings(), OrderSettings("limit", rng.choice([0.0, 0.002]))]),
    )
    short = rng.random() < 0.85
    return Floor(msgspec.structs.replace(settings, risk=msgspec.structs.replace(settings.risk, short=short)))


def live(floor: Floor, rng: random.Random) -> None:
    """Do one of the things that may happen."""
    name = rng.choice([PERP, PERP, OTHER])
    match rng.choice(["signal", "signal", "signal", "price", "fund", "ask", "cancel", "pass"]):
        case "signal":
            floor.later(61)
            floor.signal(rng.choice(["BUY", "SELL"]), name)
        case "price":
            move = rng.choice([0.5, 0.75, 0.9, 0.97, 0.999, 1.001, 1.03, 1.1, 1.3, 1.9])
            floor.prices[name] = min(max(round(floor.prices[name] * move, 2), 50.0), 200_000.0)
        case "fund":
            floor.tell(floor.exchange.fund(name, Decimal(rng.choice(["0.001", "-0.002", "0.05", "0.2"])), floor.at_ns))
        case "ask":
            side, effect = rng.choice(list(Side)), rng.choice(list(Effect))
            limit = rng.choice([None, None, round(floor.prices[name] * rng.choice([0.99, 1.01]), 2)])
            facts = floor.ask(
                f"k-{len(floor.taken)}",
                side,
                instrument=name,
                effect=effect,
                qty=rng.choice([None, Decimal("0.0073"), Decimal("0.5")]) if effect is Effect.REDUCE else None,
                notional=Decimal(rng.choice([40, 900])) if effect is Effect.OPEN else None,
                order_kind=OrderKind.MARKET if limit is None else OrderKind.LIMIT,
                limit=None if limit is None else Decimal(str(limit)),
            )
            floor.take_and_act(facts)
        case "cancel":
            _, events = floor.exchange.cancel_all(ACCOUNT, "", floor.at_ns)
            floor.tell(events)
        case _:
            floor.later(rng.choice([1.0, 60.0, 700.0]))
    floor.pass_to(rng.choice([1.0, 60.0]))
    floor.check()


def follow(floor: Floor) -> Counter[str]:
    """Fold what was written down, decide every input again, and count what happened."""
    seen: Counter[str] = Counter()
    folded = State()
    for news, facts in floor.taken:
        assert step(decode_state(encode_state(folded)), news) == facts
        for fact in facts:
            apply(folded, fact)
            seen[type(fact).__name__] += 1
            if isinstance(fact, OrderPlanned):
                seen[f"{fact.effect.value} {fact.side.value}"] += 1
            elif isinstance(fact, FlipEnded):
                seen["flipped" if not fact.reason else "flip ended"] += 1
            elif isinstance(fact, IntentRefused):
                seen.update(f"refused by {rule}" for rule in fact.failed)
    assert state_hash(folded) == state_hash(floor.state)
    return seen


def lived(seeds: range) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        rng = random.Random(seed)
        floor = settings_of(rng)
        for _ in range(STEPS):
            try:
                live(floor, rng)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error
        seen += follow(floor) if seed % 4 == 0 else Counter()
    return seen


def test_random_lives_on_margin_end_in_the_figures_of_the_exchange() -> None:
    seen = lived(range(60))
    for kind in (FillBooked, FundingBooked, LiquidationBooked):
        assert seen[kind.__name__] > 3, kind
    for what in ("open buy", "open sell", "reduce buy", "reduce sell", "flipped", "refused by G10"):
        assert seen[what] > 5, what


@pytest.mark.slow
def test_many_random_lives_on_margin_end_in_the_figures_of_the_exchange() -> None:
    assert lived(range(1_000, 1_600))["flipped"] > 100


def test_what_was_never_filled_leaves_nothing_locked() -> None:
    floor = Floor(on_margin(orders=OrderSettings("limit", 0.01)))
    floor.signal("SELL")
    (order,) = floor.state.live_orders()
    assert order.state.value == "open"
    assert order.limit_ticks == 3_030_000
    assert floor.state.free("a", "USD") < 10_000
    floor.pass_to(700.0)
    assert order.state.value == "cancelled"
    assert floor.state.free("a", "USD") == 10_000
    floor.check()
