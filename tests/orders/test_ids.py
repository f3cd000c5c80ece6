"""Ids that follow from what they name."""

import re

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.orders import CLIENT_ID_LENGTH, PREFIX_LENGTH, client_id, client_prefix, inferred_trade_id


@given(st.text(), st.text(), st.integers(min_value=0, max_value=50))
def test_a_client_id_has_18_plain_characters_and_starts_with_the_prefix(bot: str, intent: str, child: int) -> None:
    prefix = client_prefix(bot)
    made = client_id(prefix, intent, child)
    assert re.fullmatch(r"[a-z][a-z0-9]{17}", made)
    assert made.startswith(prefix)
    assert (len(made), len(prefix)) == (CLIENT_ID_LENGTH, PREFIX_LENGTH) == (18, 5)
    assert made == client_id(client_prefix(bot), intent, child)


def test_two_hundred_thousand_ids_do_not_collide() -> None:
    prefix = client_prefix("bot")
    made = {client_id(prefix, f"bot:BTC-USD:{number}:BUY", child) for number in range(100_000) for child in (0, 1)}
    assert len(made) == 200_000


def test_ids_stay_what_they_are_across_versions() -> None:
    """A new version that named orders anew would not find the old ones at the venue."""
    assert client_prefix("b") == "o5hgz"
    assert client_id("o5hgz", "b:BTC-USD:1700000040000000000:SELL", 0) == "o5hgza2oqm2ghqrfwo"
    assert inferred_trade_id("o5hgza2oqm2ghqrfwo", 0, 5) == inferred_trade_id("o5hgza2oqm2ghqrfwo", 0, 5)


def test_an_intent_and_its_child_are_kept_apart() -> None:
    assert client_id("abcde", "x1", 0) != client_id("abcde", "x", 10)
    assert client_id("abcde", "x", 1) != client_id("abcde", "x", 11)


@given(st.text(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_same_inference_has_the_same_name_and_another_has_not(order: str, booked: int, reported: int) -> None:
    made = inferred_trade_id(order, booked, reported)
    assert made == inferred_trade_id(order, booked, reported)
    assert made != inferred_trade_id(order, booked, reported + 1)
    assert made != inferred_trade_id(order, booked + 1, reported)
