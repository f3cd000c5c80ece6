"""Decide changes nothing by itself, always says the same, and knows every word of the domain."""

from collections.abc import Iterator
from decimal import Decimal
from typing import get_args, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from quarterdeck.domain import (
    CancelAsked,
    ClockStepped,
    Evidence,
    Fact,
    Input,
    OrderReported,
    Released,
    Stopping,
    TriggerFired,
    Woke,
)
from quarterdeck.engine import apply, decide, decode_state, encode_state, state_hash, step
from quarterdeck.engine.apply import _FOLD
from quarterdeck.engine.decide import _PLAIN, _WITH_MARKET, READS_MARKET
from tests.engine.driving import BTC, Bot


def test_every_kind_of_input_has_a_handler_and_only_one() -> None:
    assert set(_WITH_MARKET) | set(_PLAIN) == set(get_args(Input))
    assert not set(_WITH_MARKET) & set(_PLAIN)
    assert set(READS_MARKET) == set(_WITH_MARKET)


def test_inputs_carry_surroundings_exactly_where_the_market_is_read() -> None:
    carrying = {kind for kind in get_args(Input) if "surroundings" in kind.__struct_fields__}
    assert carrying == set(_WITH_MARKET)


def test_every_kind_of_fact_is_folded() -> None:
    assert set(_FOLD) == set(get_args(Fact))


def kinds_within(kind: object) -> Iterator[type[Struct]]:
    """Every kind of struct that a type holds."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
        for field in get_type_hints(kind).values():
            yield from kinds_within(field)
    for part in get_args(kind):
        yield from kinds_within(part)


@pytest.mark.parametrize("union", [Fact, Input], ids=["facts", "inputs"])
def test_no_amount_is_a_default_of_what_is_journaled(union: object) -> None:
    """Defaults are left out when written, and an amount is known as the default by identity: equal would not do."""
    kinds = {kind for kind in kinds_within(union) if kind.__struct_config__.omit_defaults}
    with_amounts = [kind.__name__ for kind in kinds if any(isinstance(d, Decimal) for d in kind.__struct_defaults__)]
    assert with_amounts == []


@pytest.mark.parametrize(
    "news",
    [
        Woke(1),
        TriggerFired(1, "b", BTC, "stop_loss", 1.0),
        OrderReported(1, "a", "nobody", Evidence.ABSENT),
        ClockStepped(1, 1),
    ],
    ids=lambda news: type(news).__name__,
)
def test_an_input_that_changes_nothing_leaves_the_state_byte_for_byte(news: Input) -> None:
    bot = Bot()
    bot.bought()
    body = encode_state(bot.state)
    assert step(bot.state, news) == []
    assert encode_state(bot.state) == body


def test_drawing_a_decision_without_applying_it_leaves_the_state_alone() -> None:
    bot = Bot()
    bot.working()
    body = encode_state(bot.state)
    for news in (Stopping(bot.at_ns, "x"), CancelAsked(bot.at_ns, "k", "t", bot.only_order().client_id)):
        assert next(decide(bot.state, news), None) is not None
        assert encode_state(bot.state) == body


def test_the_same_inputs_give_the_same_facts_and_the_same_state() -> None:
    one, two = Bot(), Bot()
    for bot in (one, two):
        bot.bought()
        bot.later(61).sell()
        bot.control("kill")
        bot.take(Stopping(bot.at_ns, "x"))
        bot.take(Released(bot.at_ns))
    assert one.taken == two.taken
    assert state_hash(one.state) == state_hash(two.state)


def test_a_fold_may_go_on_from_a_snapshot_at_any_fact() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).sell()
    facts = [fact for _, told in bot.taken for fact in told]
    encoded = [msgspec.msgpack.encode(fact) for fact in facts]
    for cut in range(len(facts) + 1):
        state = Bot(started=False).state
        for body in encoded[:cut]:
            apply(state, msgspec.msgpack.decode(body, type=Fact))
        state = decode_state(encode_state(state))
        for body in encoded[cut:]:
            apply(state, msgspec.msgpack.decode(body, type=Fact))
        assert state_hash(state) == state_hash(bot.state)
