"""
Bad data: what `quarterdeck.backtest` repairs gives the very result of the data repaired by hand, and is counted.

What has no repair is refused, with what to do about it. Neither engine of a backtest ever sees a bar that is not sound.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, Literal

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.backtest import BacktestResult, BacktestSettings
from quarterdeck.domain import ConfigError, GuardrailSettings, RiskSettings, SizingSettings
from quarterdeck.system import backtest
from tests.parity.by_hand import BEGIN_NS
from tests.parity.scripted import Scripted

BARS: Final = 240
MINUTE_MS: Final = 60_000
HEADER: Final = "timestamp,open,high,low,close,volume"
OPEN, HIGH, LOW, CLOSE, VOLUME = 1, 2, 3, 4, 5
STRATEGY: Final = Scripted(seed=5, buys=120, sells=120)
SETTINGS: Final = BacktestSettings(
    slippage_bps=2.0,
    sizing=SizingSettings(kind="quote", value=Decimal(1000), entries_max=2),
    guardrails=GuardrailSettings(order_value_max_quote=1000.0, order_value_max_share=0.1, unexecuted_max=0.5),
    risk=RiskSettings(stop_loss=0.004, take_profit=0.006),
    lot=1e-5,
)
ENGINES: Final[tuple[Literal["kernel", "event"], ...]] = ("event", "kernel")

Lines = list[str]
Change = Callable[[Lines], Lines]


def sound() -> Lines:
    """Write bars of a minute with prices of two decimals."""
    chance = np.random.default_rng(11)
    close = np.round(30_000.0 * np.exp(np.cumsum(chance.normal(0.0, 0.001, BARS))), 2)
    opened = np.concatenate(([30_000.0], close[:-1]))
    high = np.round(np.maximum(opened, close) + np.abs(chance.normal(0.0, 8.0, BARS)), 2)
    low = np.round(np.minimum(opened, close) - np.abs(chance.normal(0.0, 8.0, BARS)), 2)
    rows = zip(opened, high, low, close, strict=True)
    begin_ms = BEGIN_NS // 1_000_000
    return [
        ",".join([str(begin_ms + place * MINUTE_MS), *(f"{price:.2f}" for price in row), "1.5"])
        for place, row in enumerate(rows)
    ]


def without(*places: int) -> Change:
    return lambda lines: [line for place, line in enumerate(lines) if place not in places]


def put(cell: int, text: str, *places: int) -> Change:
    """Put a text into one cell of some lines."""

    def change(lines: Lines) -> Lines:
        spoiled = list(lines)
        for place in places:
            cells = spoiled[place].split(",")
            cells[cell] = text
            spoiled[place] = ",".join(cells)
        return spoiled

    return change


def crossed(lines: Lines) -> Lines:
    """Let the high and the low of two bars change places."""
    spoiled = list(lines)
    for place in (30, 31):
        cells = spoiled[place].split(",")
        cells[HIGH], cells[LOW] = cells[LOW], cells[HIGH]
        spoiled[place] = ",".join(cells)
    return spoiled


def revised(lines: Lines) -> Lines:
    """Write a bar first as it stood before the exchange corrected it."""
    return [*lines[:30], put(CLOSE, lines[30].split(",")[OPEN], 30)(lines)[30], *lines[30:]]


def unchanged(lines: Lines) -> Lines:
    return lines


REPAIRED: Final[dict[str, tuple[Change, Change, str]]] = {
    "gaps": (without(50, 51, 52, 120), without(50, 51, 52, 120), "4 bars are missing in 2 gaps, the longest 3 long"),
    "unsorted": (lambda lines: [*lines[100:], *lines[:100]], unchanged, "1 rows came out of order"),
    "shuffled": (lambda lines: Random(3).sample(lines, len(lines)), unchanged, "rows came out of order"),
    "duplicates": (lambda lines: [*lines, lines[7], lines[9]], unchanged, "2 rows stood there twice; one was dropped"),
    "two versions": (revised, unchanged, "1 bars came in two versions; the later one counts"),
    "zero prices": (put(LOW, "0", 30, 31), without(30, 31), "2 rows without a sound price"),
    "negative prices": (put(CLOSE, "-30000", 30), without(30), "1 rows without a sound price"),
    "no price": (put(OPEN, "", 30, 44), without(30, 44), "2 rows without a sound price"),
    "not a number": (put(HIGH, "nan", 30), without(30), "1 rows without a sound price"),
    "infinite": (put(HIGH, "inf", 30), without(30), "1 rows without a sound price"),
    "high below low": (crossed, without(30, 31), "2 rows without a sound price"),
    "close above high": (put(CLOSE, "99999.99", 30), without(30), "1 rows without a sound price"),
    "negative volume": (put(VOLUME, "-1", 40), unchanged, "1 rows have no usable volume; it counts as 0"),
}


def run_on(folder: Path, lines: Lines, engine: Literal["kernel", "event"] = "event") -> BacktestResult:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "BTC-USDT-1m.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return backtest(STRATEGY, path, settings=replace(SETTINGS, engine=engine))


def told(result: BacktestResult) -> str:
    return "\n".join(result.assumptions)


def shown(result: BacktestResult) -> tuple[str, str, str]:
    """Give what came out: the orders by their hash, the refusals, and the equity of each bar, exactly."""
    return result.order_list_hash, repr(list(result.refusals)), repr(result.equity.tolist())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", REPAIRED)
def test_a_fault_is_repaired_as_by_hand_and_counted(
    tmp_path: Path, fault: str, engine: Literal["kernel", "event"]
) -> None:
    spoil, repair, sentence = REPAIRED[fault]
    spoiled = run_on(tmp_path / "spoiled", spoil(sound()), engine)
    repaired = run_on(tmp_path / "repaired", repair(sound()), engine)
    assert len(repaired.orders["side"]) > 20
    assert shown(spoiled) == shown(repaired)
    assert sentence in told(spoiled)
    assert fault == "gaps" or sentence not in told(repaired)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_faults_at_once_are_all_repaired_and_counted(
    tmp_path: Path, engine: Literal["kernel", "event"]
) -> None:
    spoiled, repaired = sound(), sound()
    for fault in ("duplicates", "zero prices", "gaps", "negative volume", "shuffled"):
        spoiled = REPAIRED[fault][0](spoiled)
    for fault in ("gaps", "zero prices"):
        repaired = REPAIRED[fault][1](repaired)
    one, other = run_on(tmp_path / "spoiled", spoiled, engine), run_on(tmp_path / "repaired", repaired, engine)
    assert shown(one) == shown(other)
    for sentence in ("stood there twice", "without a sound price", "are missing", "no usable volume", "out of order"):
        assert sentence in told(one)


@pytest.mark.parametrize("engine", ENGINES)
def test_closes_between_two_steps_are_kept_and_counted_and_fills_lie_on_the_grid(
    tmp_path: Path, engine: Literal["kernel", "event"]
) -> None:
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("\n".join([HEADER, *sound()]) + "\n", encoding="utf-8")
    settings = replace(SETTINGS, engine=engine, price_steps={"BTC-USDT": 0.5})
    result = backtest(STRATEGY, path, settings=settings)
    off = sum(int(line.split(",")[CLOSE].replace(".", "")) % 50 != 0 for line in sound())
    assert off > 100
    assert f"{off} closes do not lie on the price step; they are kept as they are" in told(result)
    prices = result.fills["price"]
    assert len(prices) > 20
    assert np.array_equal(prices * 2, np.rint(prices * 2))


# --- what has no repair -----------------------------------------------------------------------------------------------


def stamped(change: Callable[[int], int]) -> Change:
    """Write other times."""

    def restamp(lines: Lines) -> Lines:
        return [",".join([str(change(int(line.split(",")[0]))), *line.split(",")[1:]]) for line in lines]

    return restamp


def two_timeframes(lines: Lines) -> Lines:
    """Write the second half as bars of two minutes."""
    return [*lines[:120], *lines[120::2]]


def hourly(offset_ms: int) -> Change:
    """Write bars of an hour, stamped by a clock that is not UTC."""
    begin_ms = BEGIN_NS // 1_000_000
    return stamped(lambda at_ms: begin_ms + (at_ms - begin_ms) * 60 + offset_ms)


REFUSED: Final[dict[str, tuple[Change, str]]] = {
    "mixed timeframes": (two_timeframes, "bars of several timeframes"),
    "seconds": (stamped(lambda at_ms: at_ms // 1000), "look like seconds; write whole milliseconds"),
    "microseconds": (stamped(lambda at_ms: at_ms * 1000), "write whole milliseconds"),
    "a zone of half hours": (hourly(-90 * MINUTE_MS), "does not open on the grid of 3600 s"),
    "one bar off the grid": (lambda lines: stamped(lambda at_ms: at_ms + 30_000)(lines[:1]) + lines[1:], "the grid"),
    "no bars": (lambda _lines: [], "bar"),
    "a single bar": (lambda lines: lines[:1], "one bar does not tell how long it is"),
    "only bars without a price": (put(LOW, "0", *range(BARS)), "no bar"),
    "words for numbers": (put(CLOSE, "unknown", 30), "unknown"),
    "a cell too few": (lambda lines: [*lines[:30], lines[30].rpartition(",")[0], *lines[31:]], "row 31"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_has_no_repair_is_refused_with_what_to_do(tmp_path: Path, fault: str) -> None:
    spoil, said = REFUSED[fault]
    with pytest.raises(ConfigError, match=said):
        run_on(tmp_path, spoil(sound()))


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("timestamp,open,high,low,close\n1700006400000,1,1,1,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no column volume"):
        backtest(STRATEGY, path, settings=SETTINGS)


def test_a_zone_of_whole_hours_moves_the_bars_and_is_told_as_utc(tmp_path: Path) -> None:
    """No program can see it in the data; that times are taken for UTC stands in the result."""
    result = run_on(tmp_path, stamped(lambda at_ms: at_ms + 60 * MINUTE_MS)(sound()))
    assert "times are UTC" in told(result)
