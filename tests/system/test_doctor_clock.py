from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import SECOND_NS
from quarterdeck.system import ClockReading, TimeService
from quarterdeck.system.doctor_clock import doubts, read_clocks

NOW_NS = 1_900_000_000 * SECOND_NS
WELL = ClockReading(NOW_NS, 5 * SECOND_NS, NOW_NS, NOW_NS - 5 * SECOND_NS, TimeService(True, 0))


def texts(reading: ClockReading, *, certain: bool = True, written: int = 0, journaled: int = 0) -> list[str]:
    files = {"run/x": written} if written else {}
    journals = {"demo": journaled} if journaled else {}
    return [doubt.text for doubt in doubts(reading, files, journals) if doubt.is_certain is certain]


def test_clocks_that_agree_leave_no_doubt() -> None:
    assert texts(WELL, written=NOW_NS, journaled=NOW_NS) == []
    assert texts(WELL, certain=False, written=NOW_NS, journaled=NOW_NS) == []


@pytest.mark.parametrize(("off_s", "word"), [(30, "ahead of"), (-30, "behind")])
def test_a_clock_that_the_kernel_does_not_share_is_off(off_s: int, word: str) -> None:
    reading = msgspec.structs.replace(WELL, kernel_ns=NOW_NS - off_s * SECOND_NS)
    assert texts(reading) == [f"this program's clock is 30.0 s {word} the kernel's"]


def test_a_file_of_the_future_proves_that_the_clock_was_set_back() -> None:
    later_ns = NOW_NS + 3 * SECOND_NS
    assert texts(WELL, written=later_ns) == ["run/x was written 3.0 s ahead of the clock: it was set back since"]


def test_a_time_service_that_finds_the_clock_off_is_believed() -> None:
    reading = msgspec.structs.replace(WELL, service=TimeService(True, -700_000_000))
    assert texts(reading) == ["the time service finds the clock 0.7 s behind true time"]


def test_what_proves_nothing_is_only_a_risk() -> None:
    """A market may be ahead of time, nobody may keep the clock, and somebody may have set it."""
    reading = msgspec.structs.replace(WELL, service=TimeService(False, 0), booted_ns=NOW_NS)
    assert texts(reading, journaled=NOW_NS + 60 * SECOND_NS) == []
    assert texts(reading, certain=False, journaled=NOW_NS + 60 * SECOND_NS) == [
        "the journal of demo ends 60.0 s ahead of the clock",
        "the clock is 5.0 s behind the boot clock",
        "no time service keeps the clock right",
    ]
    silent = msgspec.structs.replace(WELL, service=None, kernel_ns=None, booted_ns=None)
    told = ["this system does not tell whether a time service keeps the clock right"]
    assert (texts(silent), texts(silent, certain=False)) == ([], told)


def test_the_clocks_of_this_machine_can_be_read(tmp_path: Path) -> None:
    reading = read_clocks(tmp_path)
    assert texts(reading) == []
    assert reading.kernel_ns is not None
    assert list(tmp_path.iterdir()) == []
    assert read_clocks(tmp_path / "absent").kernel_ns is None
