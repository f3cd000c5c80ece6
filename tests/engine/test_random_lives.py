"""Random lives of a bot under audit: whatever happens in whatever order, books, limits and replay agree."""

from collections import Counter

import pytest

from tests.engine.lives import Life

STEPS = 250
SEEDS = range(200)
# What must have happened in some life, else these lives prove nothing about it.
SOMETIMES = {
    "FillBooked cancelled",
    "FillBooked expired",
    "FillBooked filled",
    "FillBooked inferred",
    "FillBooked partially_filled",
    "FillBooked retiring",
    "BalanceDiffered",
    "CancelRequested",
    "ClockHeld",
    "ControlChanged",
    "IntentRefused",
    "MarksTaken",
    "OrderMoved cancelled",
    "OrderMoved expired",
    "OrderMoved not_placed",
    "OrderMoved open",
    "OrderMoved rejected",
    "OrderMoved unknown",
    "OrderMoved withdrawn",
    "OrdersRetired",
    "OthersSeen",
    "AccountWeighed",
    "KillVerified",
    "SessionOpened",
    "StrayFound",
    "AccountReconciled",
    "AlertCleared",
    "DayClosed",
    "FundingBooked",
    "FundsBooked",
    "ListingsAdopted",
    "SettingsAdopted",
    "WatermarkRaised",
    "exit refused",
}
REFUSING = [f"G{number}" for number in range(1, 11)] + [f"E{number}" for number in (*range(1, 11), 13)]


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_life_keeps_every_rule_and_replays_byte_for_byte(seed: int, seen: Counter[str]) -> None:
    """
    I9 to I14, I18, I21: signals, fills, marks, changed settings, deposits and outages in any order.

    The auditor works out anew every position, all cash, every mark and every limit, at the settings of that moment.
    """
    life = Life(seed)
    life.live(STEPS)
    seen.update(life.seen)


def test_the_lives_saw_everything_that_they_are_meant_to_try(seen: Counter[str]) -> None:
    if not seen:
        pytest.skip("runs after the lives")
    assert SOMETIMES - set(seen) == set()
    assert [rule for rule in REFUSING if not seen[f"refused by {rule}"]] == []
    assert seen["OrderPlanned"] > 5 * len(SEEDS)


@pytest.mark.slow
def test_many_more_lives_keep_every_rule() -> None:
    for seed in range(10_000, 11_000):
        Life(seed).live(STEPS)
