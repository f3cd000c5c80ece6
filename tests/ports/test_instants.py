from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.ports import iso

YEAR_9999_NS = 253_402_300_799 * 10**9


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_600_000_020_000_000_000, "2020-09-13T12:27:00.000000Z"),
        (1_600_000_020_123_456_999, "2020-09-13T12:27:00.123456Z"),
    ],
)
def test_an_instant_is_written_with_microseconds_and_z(at_ns: int, text: str) -> None:
    assert iso(at_ns) == text


@given(st.integers(0, YEAR_9999_NS))
def test_what_is_written_is_the_instant_to_the_microsecond(at_ns: int) -> None:
    """Floats would lose the last digits of an instant of today."""
    since = datetime.fromisoformat(iso(at_ns)) - datetime(1970, 1, 1, tzinfo=UTC)
    assert (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds == at_ns // 1_000


@given(st.lists(st.integers(0, YEAR_9999_NS), min_size=2))
def test_instants_sort_as_their_texts_do(instants: list[int]) -> None:
    whole = [at_ns // 1_000 for at_ns in instants]
    assert [iso(at_us * 1_000) for at_us in sorted(whole)] == sorted(iso(at_us * 1_000) for at_us in whole)
