"""Time and order of a drive: what happens when, told by the journal of a run."""

from itertools import pairwise
from pathlib import Path

import pytest

from quarterdeck.domain import ConfigError, CycleDue, FillReported, Input, OrderReported, Woke
from quarterdeck.journal import SqliteReader, decode_body
from quarterdeck.system import RunOptions, open_market, run_bot
from tests.drill.stage import BEGIN_NS, MINUTE_NS, Stage
from tests.system.replaying import facts_of, local, played

SYNTHETIC_NS = 1_770_000_000 * 10**9  # a full minute of February 2026; the made-up market begins in that year


def news_of(stage: Stage) -> list[Input]:
    with SqliteReader(stage.folder.journal) as reader:
        return [decode_body(row.body)[0] for row in reader.rows()]


def cut(stage: Stage, pair: str, *numbers: int) -> None:
    """Take bars out of the recording of one pair."""
    (source,) = (tape for tape in stage.tapes if tape.instrument == pair)
    header, *lines = source.path.read_text().splitlines()
    kept = [line for number, line in enumerate(lines) if number not in numbers]
    source.path.write_text("\n".join([header, *kept]) + "\n")


def test_a_cycle_falls_due_at_each_close_and_time_never_goes_back(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        played(stage)
        news, facts = news_of(stage), facts_of(stage)
    cycles = [one for one in news if isinstance(one, CycleDue)]
    assert [one.bar_ns for one in cycles] == [BEGIN_NS + number * MINUTE_NS for number in range(40)]
    assert all(one.at_ns == one.bar_ns + MINUTE_NS for one in cycles)
    assert all(one.at_ns <= other.at_ns for one, other in pairwise(facts))


def test_an_order_of_one_close_fills_at_the_open_that_follows(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        played(stage)
        news = news_of(stage)
    placed = {one.client_id: one.at_ns for one in reversed(news) if isinstance(one, OrderReported)}
    fills = [one for one in news if isinstance(one, FillReported)]
    assert fills
    assert all(one.at_ns == placed[one.client_id] for one in fills)


def test_a_pair_whose_bar_is_missing_has_no_say_in_that_cycle(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        cut(stage, "ETH-USD", 20, 21)
        played(stage)
        cycles = {one.bar_ns: one for one in news_of(stage) if isinstance(one, CycleDue)}
    for number, pairs in ((19, {"BTC-USD", "ETH-USD"}), (20, {"BTC-USD"}), (21, {"BTC-USD"})):
        said = {signal.instrument for signal in cycles[BEGIN_NS + number * MINUTE_NS].signals}
        assert said == pairs


def test_the_minutes_of_a_gap_are_marked_without_a_cycle(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        for pair in ("BTC-USD", "ETH-USD"):
            cut(stage, pair, *range(20, 30))
        summary = played(stage)
        news = news_of(stage)
    assert summary.cycles == 30
    gap = range(BEGIN_NS + 21 * MINUTE_NS, BEGIN_NS + 30 * MINUTE_NS, MINUTE_NS)
    woke = {one.at_ns for one in news if isinstance(one, Woke)}
    assert woke >= set(gap)


@pytest.mark.parametrize("cycles", [1, 7])
def test_it_ends_after_so_many_cycles(tmp_path: Path, cycles: int) -> None:
    with local(tmp_path, bars=40) as stage:
        assert played(stage, cycles=cycles).cycles == cycles
        assert played(stage, cycles=cycles).cycles == cycles


def test_the_end_of_the_period_is_the_end_of_the_run(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        options = RunOptions(
            replay=stage.tapes, speed=None, from_ns=BEGIN_NS + 5 * MINUTE_NS, to_ns=BEGIN_NS + 15 * MINUTE_NS
        )
        summary = run_bot(stage.workspace, stage.config, options)
    assert (summary.cycles, summary.from_at) == (10, "2020-09-13T12:32:00.000000Z")


def test_a_synthetic_market_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    heads = []
    for name in ("a", "b"):
        with local(tmp_path / name) as stage:
            options = RunOptions(speed=None, from_ns=SYNTHETIC_NS, cycles=50)
            heads.append(run_bot(stage.workspace, stage.config, options).journal_head)
    assert heads[0] == heads[1]


def test_a_synthetic_market_before_its_beginning_is_refused(tmp_path: Path) -> None:
    with local(tmp_path) as stage, pytest.raises(ConfigError, match="begins on 2026-01-01"):
        run_bot(stage.workspace, stage.config, RunOptions(speed=None, from_ns=BEGIN_NS, cycles=5))


def test_a_market_of_today_is_joined_in_the_middle_of_its_bar(tmp_path: Path) -> None:
    """So that bars close, and cycles fall due, when true minutes end."""
    with local(tmp_path) as stage:
        now_ns = SYNTHETIC_NS + 17 * 10**9
        market = open_market(stage.config, RunOptions(), now_ns, -1)
        assert market.start_ns == now_ns
        assert next(market.batches).open_ns == SYNTHETIC_NS
        later = open_market(stage.config, RunOptions(), now_ns, SYNTHETIC_NS + 10 * MINUTE_NS)
        assert later.start_ns == SYNTHETIC_NS + 11 * MINUTE_NS
