"""A whole run: the same tape gives the same journal, in one go or in two, fast or paced."""

from decimal import Decimal
from pathlib import Path
from threading import Event

import msgspec
import pytest

from quarterdeck.domain import (
    Control,
    CycleDue,
    Effect,
    Fact,
    FillBooked,
    InputError,
    IntentFormed,
    OrderPlanned,
    SessionOpened,
    SettingChange,
    SettingsAsked,
    Side,
    Skew,
    Source,
    TriggerFired,
)
from quarterdeck.journal import Inbox, SqliteReader, decode_body, steady_ns
from quarterdeck.system import (
    Recovered,
    RunOptions,
    TapeClock,
    is_running,
    read_status,
    recover,
    run_bot,
    verify_journal,
    verify_replay,
)
from quarterdeck.system.lag import LagWatch
from tests.drill.stage import BOT, Stage
from tests.system.replaying import ALWAYS_LONG, facts_of, local, orders_of, played


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
    with local(tmp_path, strategy=ALWAYS_LONG) as stage:
        flat = "100,100,100,100"
        facts = play_rows(stage, [flat, flat, flat, flat, bar, flat], stop_loss=0.02, take_profit=0.03)
        assert protective_exits(facts) == ([("BTC-USD", cause), ("ETH-USD", cause)], {price})
        assert recover(stage.folder.journal).state.control is Control.RUNNING


def play_rows(stage: Stage, rows: list[str], **risk: float) -> list[Fact]:
    """Play the same bars (open, high, low, close) for both pairs on one venue without a spread, and read the facts."""
    begin_ms = 1_600_000_020_000
    for source in stage.tapes:
        lines = [f"{begin_ms + 60_000 * number},{row},1" for number, row in enumerate(rows)]
        source.path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    # One venue, no spread, so that the cost is the open sharp.
    alpha = msgspec.structs.replace(stage.config.exchanges[0], spread_bps=0.0)
    config = msgspec.structs.replace(
        stage.config,
        exchanges=(alpha,),
        capital=sum(alpha.balances.values()),
        risk=msgspec.structs.replace(stage.config.risk, **risk),
    )
    run_bot(stage.workspace, config, RunOptions(replay=stage.tapes, speed=None))
    return facts_of(stage)


def protective_exits(facts: list[Fact]) -> tuple[list[tuple[str, str]], set[float]]:
    """Say which levels closed which pair, and at what prices."""
    causes = [
        (fact.intent.instrument, fact.intent.who)
        for fact in facts
        if isinstance(fact, IntentFormed) and fact.intent.source is Source.PROTECTION
    ]
    return causes, {float(fact.price) for fact in facts if isinstance(fact, FillBooked) and fact.side is Side.SELL}


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ("109,110,107,108", 107.8),  # 2 % below the highest mark of 110: at the level
        ("105,106,104,105", 105.0),  # opened beyond it: at the open
        ("109,120,107,108", 107.8),  # a high inside a bar is no mark, and nobody knows if it came first
        ("109,110,90,95", 107.8),  # through both stops: the nearer one first, and then there is nothing left to sell
    ],
)
def test_a_trailing_stop_follows_the_marks_and_trades_at_its_level(tmp_path: Path, bar: str, price: float) -> None:
    """D-11: in a market of bars the watermark rises with the marks, never inside a bar."""
    flat, risen = "100,100,100,100", "100,110,100,110"
    with local(tmp_path, strategy=ALWAYS_LONG) as stage:
        rows = [flat, flat, flat, flat, risen, "110,110,109,110", bar, "100,100,100,100"]
        facts = play_rows(stage, rows, trailing_stop=0.02, stop_loss=0.03)
        with SqliteReader(stage.folder.journal) as reader:
            fired = [news for row in reader.rows() if isinstance(news := decode_body(row.body)[0], TriggerFired)]
    assert protective_exits(facts) == ([("BTC-USD", "trailing_stop"), ("ETH-USD", "trailing_stop")], {price})
    assert {news.cause for news in fired} == {"trailing_stop"}


def test_the_clock_of_a_venue_in_process_is_ours(tmp_path: Path) -> None:
    """E8 reads the skew of every venue, and fails closed where nobody compared clocks."""
    with local(tmp_path, bars=20) as stage:
        played(stage)
        with SqliteReader(stage.folder.journal) as reader:
            cycles = [news for row in reader.rows() if isinstance(news := decode_body(row.body)[0], CycleDue)]
    assert cycles
    assert all(news.surroundings.skews == (Skew("alpha", 0.0), Skew("beta", 0.0)) for news in cycles)


def test_settings_changed_at_run_time_are_those_of_the_next_session(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        asked = SettingsAsked(
            at_ns=1,
            key="smaller",
            who="test",
            settings=stage.config.engine_settings(1),
            changes=(SettingChange("sizing.value", "200", "80"),),
        )
        inbox = Inbox(stage.folder.inbox)
        inbox.put(asked.key, "settings", msgspec.msgpack.encode(asked), 1)
        inbox.close()
        played(stage, cycles=30)
        assert recover(stage.folder.journal).state.changes == {"sizing.value": "80"}
        before = len(facts_of(stage))
        played(stage, cycles=30)
        later = facts_of(stage)[before:]
    started = [fact for fact in later if isinstance(fact, SessionOpened)]
    asked_amounts = {
        fact.intent.asked for fact in later if isinstance(fact, IntentFormed) and fact.intent.effect is Effect.OPEN
    }
    assert (len(started), asked_amounts) == (1, {Decimal(80)})


@pytest.mark.parametrize(("late_s", "buys"), [(1, True), (11, False)])
def test_what_is_worked_through_too_late_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_s: int, buys: bool
) -> None:
    """R64: a loop that was starved does not buy at the prices of another time; it may still sell."""

    class Starved(LeapingClock):
        def wait_s(self, at_ns: int) -> float:
            wait_s = super().wait_s(at_ns)
            if wait_s == 0.0:
                self._passed_ns += late_s * 10**9
            return wait_s

    monkeypatch.setattr("quarterdeck.system.wire.TapeClock", Starved)
    with local(tmp_path, bars=30) as stage:
        played(stage, speed=1.0)
        assert (len(orders_of(stage)) > 0) is buys
        assert ('"late"' in stage.folder.log.read_text()) is not buys


def test_a_loop_that_was_held_up_opens_nothing_on_that_bar_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R64: whatever held it up also held up prices, cancels and the kill switch."""

    class HeldUp(LagWatch):
        def worst_s(self) -> float:
            return 2.5

    monkeypatch.setattr("quarterdeck.system.wire.TapeClock", LeapingClock)
    monkeypatch.setattr("quarterdeck.system.wire.LagWatch", HeldUp)
    with local(tmp_path, bars=30) as stage:
        played(stage, speed=60.0)
        assert orders_of(stage) == []
        said = stage.folder.log.read_text()
        assert "the event loop was held up for 2.5 s; look for what takes the processor" in said
        assert "the event loop was held up for 2.5 s; no BUY of" in said


def test_a_low_disk_leaves_only_exits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R28: before the disk is full, while there is room to write down the way out."""
    monkeypatch.setattr("quarterdeck.system.wire.TapeClock", LeapingClock)
    monkeypatch.setattr("quarterdeck.system.rounds.FREE_BYTES_MIN", 1 << 62)
    with local(tmp_path, bars=20) as stage:
        summary = played(stage, speed=60.0)
        assert (summary.control, summary.orders.planned) == (Control.REDUCING, 0)
        assert summary.refusals.keys() == {"G2"}
        assert "make room" in stage.folder.log.read_text()


def test_a_session_that_never_began_leaves_no_owner_behind(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        nothing = tmp_path / "nothing.csv"
        nothing.write_text("timestamp,open,high,low,close,volume\n")
        sources = tuple(msgspec.structs.replace(tape, path=nothing) for tape in stage.tapes)
        with pytest.raises(InputError):
            run_bot(stage.workspace, stage.config, RunOptions(replay=sources, speed=None))
        assert not is_running(stage.workspace, stage.config.name)


def test_the_lease_is_renewed_while_a_long_journal_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lengthy(path: Path) -> Recovered:
        Event().wait(2.2)
        return recover(path)

    monkeypatch.setattr("quarterdeck.system.run.recover", lengthy)
    with local(tmp_path, bars=5) as stage:
        summary = run_bot(stage.workspace, stage.config, RunOptions(replay=stage.tapes, speed=None, lease_s=1.5))
        assert (summary.cycles, summary.exit_code) == (5, 0)
