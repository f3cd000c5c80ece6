"""Every fault of a recording has one answer: the run equals that on the cleaned file."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest

from quarterdeck.domain import ConfigError
from quarterdeck.system import RunOptions, RunSummary, run_bot
from tests.drill.stage import BEGIN_NS, MINUTE_NS
from tests.system.replaying import local, played

BARS = 90
Lines = list[str]


def without(*numbers: int) -> Callable[[Lines], Lines]:
    """Take bars out: a missing bar is no price."""
    return lambda lines: [line for number, line in enumerate(lines) if number not in numbers]


def priced(place: int, value: str) -> Callable[[Lines], Lines]:
    """Put an impossible price into two bars."""

    def spoil(lines: Lines) -> Lines:
        spoiled = list(lines)
        for number in (20, 41):
            cells = spoiled[number].split(",")
            cells[place] = value
            spoiled[number] = ",".join(cells)
        return spoiled

    return spoil


def shuffled(lines: Lines) -> Lines:
    return Random(3).sample(lines, len(lines))


def repeated(lines: Lines) -> Lines:
    return [line for line in lines for _ in range(2)]


def revised(lines: Lines) -> Lines:
    """Write a bar first with another close; the later row counts."""
    cells = lines[30].split(",")
    return [*lines[:30], ",".join([*cells[:4], cells[1], cells[5]]), *lines[30:]]


def same(lines: Lines) -> Lines:
    return lines


FAULTS: dict[str, tuple[Callable[[Lines], Lines], Callable[[Lines], Lines]]] = {
    **{
        f"{word} {name}": (priced(place, value), without(20, 41))
        for name, place in (("open", 1), ("high", 2), ("low", 3), ("close", 4))
        for word, value in (("NaN", "nan"), ("no", ""), ("infinite", "inf"), ("zero", "0"), ("negative", "-100"))
    },
    "unsorted": (shuffled, same),
    "duplicated": (repeated, same),
    "revised": (revised, same),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_on_a_faulty_file_equals_the_run_on_the_cleaned_one(tmp_path: Path, fault: str) -> None:
    """R45: rows are sorted, repeated ones dropped, and a price of zero or none is no price."""
    spoil, clean = FAULTS[fault]
    faulty = run_on(tmp_path / "faulty", spoil)
    cleaned = run_on(tmp_path / "clean", clean)
    assert cleaned.orders.planned > 20
    assert (faulty.state_hash, faulty.journal_head) == (cleaned.state_hash, cleaned.journal_head)


def run_on(root: Path, change: Callable[[Lines], Lines]) -> RunSummary:
    with local(root, bars=BARS) as stage:
        for source in stage.tapes:
            header, *lines = source.path.read_text().splitlines()
            source.path.write_text("\n".join([header, *change(lines)]) + "\n")
        return played(stage)


def test_a_bar_that_is_not_closed_at_the_end_of_the_run_is_not_traded_on(tmp_path: Path) -> None:
    """R43, S9."""
    to_ns = BEGIN_NS + 60 * MINUTE_NS
    with local(tmp_path / "whole", bars=60) as whole, local(tmp_path / "cut", bars=90) as cut:
        full = played(whole)
        options = RunOptions(replay=cut.tapes, speed=None, to_ns=to_ns + MINUTE_NS // 2)
        half = run_bot(cut.workspace, cut.config, options)
    assert (half.cycles, half.state_hash) == (full.cycles, full.state_hash)


def test_a_missing_bar_brings_no_cycle_for_its_pair_and_no_price(tmp_path: Path) -> None:
    """S9, R47: a gap is no price, for one pair as for all."""
    summary = run_on(tmp_path, without(*range(20, 40)))
    assert summary.cycles == BARS - 20


def test_a_tape_of_an_earlier_time_is_refused(tmp_path: Path) -> None:
    with local(tmp_path, bars=60) as stage:
        played(stage)
        before = [source.path.read_text() for source in stage.tapes]
        for source, text in zip(stage.tapes, before, strict=True):
            source.path.write_text("\n".join(text.splitlines()[:31]) + "\n")
        with pytest.raises(ConfigError, match="time never runs back"):
            played(stage)


def test_a_tape_of_another_pair_or_venue_is_refused(tmp_path: Path) -> None:
    with local(tmp_path, bars=30) as stage:
        for changes in ({"venue": "gamma"}, {"instrument": "LTC-USD"}):
            tapes = (*stage.tapes, msgspec.structs.replace(stage.tapes[0], **changes))
            with pytest.raises(ConfigError, match="drill"):
                run_bot(stage.workspace, stage.config, RunOptions(replay=tapes, speed=None))
        with pytest.raises(ConfigError, match="nothing to replay for ETH-USD"):
            run_bot(stage.workspace, stage.config, RunOptions(replay=stage.tapes[:1], speed=None))
