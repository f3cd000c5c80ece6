"""A whole run: the same tape gives the same journal, in one go or in two, fast or paced."""

from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import Control, FillBooked, InputError, IntentFormed, OrderPlanned, Side, Source
from quarterdeck.journal import steady_ns
from quarterdeck.system import (
    RunOptions,
    TapeClock,
    is_running,
    read_status,
    recover,
    run_bot,
    verify_journal,
    verify_replay,
)
from tests.drill.stage import BOT, CHURN
from tests.system.replaying import facts_of, local, orders_of, played


def test_the_same_tape_gives_the_same_journal_in_two_workspaces(tmp_path: Path) -> None:
    with local(tmp_path / "a") as first, local(tmp_path / "b") as second:
        one, other = played(first), played(second)
    assert one.orders.planned > 50
    assert one.state_hash == other.state_hash
    assert one.journal_head == other.journal_head
    assert one.order_list_hash == other.order_list_hash


def test_a_run_in_two_halves_plans_the_orders_of_one_run(tmp_path: Path) -> None:
    with local(tmp_path / "a") as whole, local(tmp_path / "b") as halves:
        played(whole, keeps=True)
        first = played(halves, cycles=61, keeps=True)
        second = played(halves, keeps=True)
        assert (first.session, second.session) == (f"{BOT}-1", f"{BOT}-2")
        one, two = orders_of(whole), orders_of(halves)
        assert len(two) > 50
        assert [plan_of(order) for order in one] == [plan_of(order) for order in two]
        assert recover(whole.folder.journal).state.positions == recover(halves.folder.journal).state.positions
        assert verify_replay(halves.folder.journal).ok


def plan_of(order: OrderPlanned) -> tuple[object, ...]:
    return (order.at_ns, order.client_id, order.intent_id, order.venue, order.qty_lots, order.reference_price)


class LeapingClock(TapeClock):
    """A paced clock that leaps to where it is waited for, once everybody has had a turn: no load makes it late."""

    def __init__(self, start_ns: int, speed: float | None) -> None:
        self._passed_ns = 0
        self._waited_for_ns = 0
        super().__init__(start_ns, speed, lambda: self._passed_ns)

    def steady_ns(self) -> int:
        return steady_ns()

    def wait_s(self, at_ns: int) -> float:
        if at_ns != self._waited_for_ns:
            self._waited_for_ns = at_ns
            return 0.002
        self._passed_ns += int(super().wait_s(at_ns) * 1e9) + 1
        return 0.0


@pytest.mark.parametrize("speed", [1.0, 60.0, 100_000.0])
def test_a_paced_run_plans_the_orders_of_a_run_at_full_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    with local(tmp_path / "a", bars=60) as fast, local(tmp_path / "b", bars=60) as paced:
        played(fast)
        monkeypatch.setattr("quarterdeck.system.wire.TapeClock", LeapingClock)
        played(paced, speed=speed)
        one, two = orders_of(fast), orders_of(paced)
        assert len(one) > 20
        assert [order.intent_id for order in one] == [order.intent_id for order in two]
        assert [order.qty_lots for order in one] == [order.qty_lots for order in two]
        assert [order.venue for order in one] == [order.venue for order in two]


def test_a_finished_run_is_verified_and_has_nothing_open(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        assert summary.exit_code == 0
        assert summary.orders.unknown == 0
        assert verify_journal(stage.folder.journal).ok
        replayed = verify_replay(stage.folder.journal)
        assert replayed.ok, replayed.problems
        assert replayed.state_hash == summary.state_hash
        status = read_status(stage.workspace, BOT)
        assert (status.open_orders, status.unknown_orders, status.owner) == ([], [], None)
        assert not stage.folder.pid.exists()


def test_cash_and_holdings_are_those_of_the_venues(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        spent = sum((order.fee for order in facts_of(stage) if isinstance(order, FillBooked)), start=0)
        assert summary.fees["USD"] == spent
        state = recover(stage.folder.journal).state
        assert not state.unexplained
        assert summary.cash == state.cash


RISE_THEN_FALL = """\
timestamp,open,high,low,close,volume
{0},100,100,100,100,1
{1},100,100,100,100,1
{2},100,100,100,100,1
{3},100,101,{low},{low},1
{4},{low},{low},{low},{low},1
{5},{low},{low},{low},{low},1
"""


@pytest.mark.parametrize(
    ("bar", "cause", "price"),
    [
        ("100,100.5,97,99", "stop_loss", 98.0),  # through the level inside the bar: at the level
        ("96,100.5,95,99", "stop_loss", 96.0),  # opened beyond it: at the open
        ("100,104,99.5,103", "take_profit", 103.0),
        ("105,106,104.5,105", "take_profit", 105.0),
        ("100,104,97,100", "stop_loss", 98.0),  # both touched: the stop first
    ],
)
def test_a_protective_exit_trades_at_its_level_or_at_the_open_beyond_it(
    tmp_path: Path, bar: str, cause: str, price: float
) -> None:
    always_long = CHURN.replace("beat % 2 == 0, 1, -1", "candles.close > 0, 1, 0")
    with local(tmp_path, strategy=always_long, levels=("0.02", "0.03")) as stage:
        flat = "100,100,100,100"
        rows = [flat, flat, flat, flat, bar, "100,100,100,100"]
        begin_ms = 1_600_000_020_000
        for source in stage.tapes:
            lines = [f"{begin_ms + 60_000 * number},{row},1" for number, row in enumerate(rows)]
            source.path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
        # One venue, no spread and no fee, so that the cost is 100 sharp.
        config = stage.config
        alpha = msgspec.structs.replace(config.exchanges[0], spread_bps=0.0)
        config = msgspec.structs.replace(config, exchanges=(alpha,), capital=sum(alpha.balances.values()))
        run_bot(stage.workspace, config, RunOptions(replay=stage.tapes, speed=None))
        facts = facts_of(stage)
        exits = [fact.intent for fact in facts if isinstance(fact, IntentFormed) and fact.intent.side is Side.SELL]
        assert [(one.source, one.who, one.instrument) for one in exits] == [
            (Source.PROTECTION, cause, "BTC-USD"),
            (Source.PROTECTION, cause, "ETH-USD"),
        ]
        sold = {float(fact.price) for fact in facts if isinstance(fact, FillBooked) and fact.side is Side.SELL}
        assert sold == {price}
        assert recover(stage.folder.journal).state.control is Control.RUNNING


def test_a_session_that_never_began_leaves_no_owner_behind(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        nothing = tmp_path / "nothing.csv"
        nothing.write_text("timestamp,open,high,low,close,volume\n")
        sources = tuple(msgspec.structs.replace(tape, path=nothing) for tape in stage.tapes)
        with pytest.raises(InputError):
            run_bot(stage.workspace, stage.config, RunOptions(replay=sources, speed=None))
        assert not is_running(stage.workspace, stage.config.name)
