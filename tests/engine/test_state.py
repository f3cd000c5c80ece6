"""The state as bytes."""

import msgspec
import pytest

from quarterdeck.domain import IntegrityError
from quarterdeck.engine import STATE_VERSION, State, decode_state, encode_state, state_hash
from tests.engine.driving import BTC, Bot


def test_a_state_reads_back_as_the_same_bytes() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).sell()
    bot.control("kill")
    body = encode_state(bot.state)
    again = decode_state(body)
    assert encode_state(again) == body
    assert state_hash(again) == state_hash(bot.state)
    assert again.position("a", BTC) == bot.state.position("a", BTC)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xc1", b"not a state", msgspec.msgpack.encode({"version": "x"})])
def test_bytes_that_are_no_state_are_refused(body: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not hold a state"):
        decode_state(body)


@pytest.mark.parametrize("version", [STATE_VERSION - 1, STATE_VERSION + 1])
def test_a_state_of_another_version_is_refused(version: int) -> None:
    body = encode_state(State(version=version))
    with pytest.raises(IntegrityError, match=f"reads version {STATE_VERSION}"):
        decode_state(body)


def test_any_difference_changes_the_hash() -> None:
    bot = Bot()
    before = state_hash(bot.state)
    bot.state.cash["a"]["USD"] += 1
    assert state_hash(bot.state) != before
