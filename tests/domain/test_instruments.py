"""Canonical ids and listings."""

from decimal import Decimal
from typing import Any

import pytest

from quarterdeck.domain import InputError, instrument_from
from tests.engine.driving import listing_of


@pytest.mark.parametrize("text", ["BTC-USD", "BTC-USDT:USDT", "1INCH-USD"])
def test_a_canonical_id_reads_back_as_itself(text: str) -> None:
    assert instrument_from(text).id == text


@pytest.mark.parametrize(
    "text", ["", "BTC", "BTC/USD", "btc-usd", "BTC-", "-USD", "BTC-USD:", "BTC-USD-EUR", "B C-USD"]
)
def test_what_is_no_id_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="write it like BTC-USD"):
        instrument_from(text)


@pytest.mark.parametrize(
    "broken",
    [
        {"tick": Decimal(0)},
        {"lot": Decimal("-0.1")},
        {"lots_min": 0},
        {"lots_min": 10, "lots_max": 9},
        {"notional_min": Decimal(-1)},
        {"fee_taker": Decimal(1)},
        {"fee_taker": Decimal("-0.001")},
        {"fee_maker": Decimal(-1)},
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="listing a BTC-USD"):
        listing_of(**broken)
