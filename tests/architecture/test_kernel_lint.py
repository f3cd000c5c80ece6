"""The rule that the kernel compares whole numbers alone finds what is planted, and lets whole numbers be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.architecture.planting import DOMAIN_DOOR, plant
from tools.house import House
from tools.kernel import check_kernel

KERNEL: Final = "src/quarterdeck/backtest/kernel"
RECORDS: Final = "class Slot:\n    lots: int\n    price: float\n\n\nclass Mark:\n    value: float\n"
HEAD: Final = "from quarterdeck.domain import A\nSTOP = 3\nSLACK = 1e-9\n\n\n@inlined\n"
PURE: Final = (
    "@pure\ndef verdict(value: float) -> int:\n    return 0\n\n\n"
    "@pure\ndef share(value: float) -> float:\n    return 0.0\n"
)

FLOATS: Final = (
    "def f(slot: Slot) -> bool:\n    return slot.price > 0.0\n",
    "def f(slot: Slot) -> bool:\n    return slot.price == slot.price\n",
    "def f(price: float) -> float:\n    return max(price, 1)\n",
    "def f(price: float, lots: int) -> bool:\n    worth = price * lots\n    return worth <= 5\n",
    "def f(lots: int) -> bool:\n    half = lots / 2\n    return half < lots\n",
    "def f(lots: int, price: float) -> bool:\n    least = lots\n    least = price\n    return least < 1\n",
    "def f(lots: int) -> bool:\n    return lots * 1.0 < 2\n",
    "def f(lots: int) -> bool:\n    return lots > SLACK\n",
    "def f(lots: int) -> bool:\n    return share(1.0) < lots\n",
    "def f(numbers, lots: int) -> bool:\n    return numbers[0] < lots\n",
    "def f(slot: Slot) -> int:\n    return 1 if slot.price < 3 else 2\n",
)
WHOLE: Final = (
    "def f(slot: Slot) -> bool:\n    return slot.lots > 0\n",
    "def f(slot: Slot, now_ns: int) -> bool:\n    return now_ns - slot.lots <= 3 * STOP\n",
    "def f(lots: int) -> int:\n    return min(lots, abs(lots) + 1)\n",
    "def f(lots: int) -> bool:\n    count = 0\n    count += lots\n    return count == 3\n",
    "def f(value: float) -> bool:\n    return verdict(value) != 0\n",
    "def f(count: int) -> int:\n    first = STOP\n    for place in range(count):\n        first = min(first, place)\n",
    "def f(cause: int) -> bool:\n    return cause in (1, 2)\n",
)


def found(root: Path, function: str) -> list[str]:
    """Plant a compiled function in the kernel, and list what the rule says of it."""
    plant(
        root,
        {
            "src/quarterdeck/domain/__init__.py": DOMAIN_DOOR,
            "src/quarterdeck/domain/facts.py": f"A = 1\nB = 2\n\n\n{PURE}",
            f"{KERNEL}/__init__.py": '"""A room."""\n\n__all__ = []\n',
            f"{KERNEL}/records.py": RECORDS,
            f"{KERNEL}/bars.py": HEAD + function,
        },
    )
    return [str(finding) for finding in check_kernel(House(root))]


@pytest.mark.parametrize("function", FLOATS)
def test_a_comparison_of_floats_is_found(tmp_path: Path, function: str) -> None:
    assert ["the kernel compares no floats" in text for text in found(tmp_path, function)] == [True]


@pytest.mark.parametrize("function", WHOLE)
def test_a_comparison_of_whole_numbers_is_let_be(tmp_path: Path, function: str) -> None:
    assert found(tmp_path, function) == []


def test_a_threshold_is_found_even_where_settings_are_only_packed(tmp_path: Path) -> None:
    packing = "def f(limits, share):\n    return limits.share_max > share\n"
    assert len(found(tmp_path, f"def g() -> None:\n    pass\n\n\n{packing}")) == 1
