"""R28 to R39, in skipping time: restarts, reconciliation, owners, ends. What needs processes is in `test_processes`."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck.domain import (
    Action,
    BalanceDiffered,
    CancelAsked,
    Control,
    ControlAsked,
    FillBooked,
    KillVerified,
    NotOwner,
    OrderKind,
    OrderPlanned,
    OrderState,
    RiskSettings,
    Side,
    StrayFound,
    TriggerFired,
)
from quarterdeck.engine import ReadAccount, watch
from quarterdeck.exchange import NewOrder
from quarterdeck.journal import Holder, JournalSettings, SqliteJournal
from quarterdeck.orders import client_id, client_prefix
from quarterdeck.ports import Entry, OrderRequest
from quarterdeck.system.rounds import Space
from tests.engine.driving import BTC, ETH
from tests.engine.scenes import wide
from tests.failures.network import ACCOUNT, LOST_REPLY, WELL, late_request
from tests.failures.stage import World, staged, usual_settings

PULLED_WITHIN_S = 32.0
COMPARED_WITHIN_S = 305.0
READS = {"query", "fills", "account", "listings"}


def resume(world: World) -> None:
    now_ns, epoch = world.bot.clock.now_ns(), world.kill.epoch()
    world.bot.offer(ControlAsked(now_ns, f"resume {now_ns}", "resume", "tester", "seen to", kill_epoch=epoch))
    world.pass_s(0.5)


def resting(world: World, venue: str = "a") -> set[str]:
    orders = world.sides[venue].exchange.state.orders.values()
    return {order.client_id for order in orders if order.is_working}


# --- R28 --------------------------------------------------------------------------------------------------------------


def test_r28_with_little_room_left_on_the_disk_only_exits_pass_until_a_person_made_some(tmp_path: Path) -> None:
    """Guards the look at the disk every minute: it goes down to exits while there is room to write them down."""
    with staged(tmp_path) as world:
        world.buy()
        world.space = Space(total=1 << 40, free=1 << 20)
        world.pass_s(62)
        assert world.state.control is Control.REDUCING
        assert [text for text in world.notes.complaints if text.startswith("disk: only 1 MiB")]
        assert not world.opens("more")
        world.ask("out", Side.SELL, pass_s=3.0)
        assert world.booked() == world.held() == Decimal(0)
        world.space = Space(total=1 << 40, free=1 << 39)
        world.pass_s(62)
        assert not world.opens("still")
        resume(world)
        assert world.opens("at last")


# --- R29, R30, R31 ----------------------------------------------------------------------------------------------------


def test_r29_orders_that_work_are_in_hand_after_a_restart_before_anything_is_opened(tmp_path: Path) -> None:
    """Guards recovery: the journal names every order, the venue is asked for each, accounts are read before trading."""
    with staged(tmp_path, usual_settings(cancel_on_shutdown=False)) as world:
        bid, far = world.bid(), world.bid("far", instrument=ETH, limit="1970", venue="b")
        world.stop()
        world.touch(BTC, 29_400.0)
        world.a.always("account", WELL._replace(answered_s=1.9))
        world.start(pass_s=1.0)
        assert world.order(bid.client_id).state is OrderState.FILLED, "it filled while nobody lived"
        assert world.order(far.client_id).state is OrderState.OPEN
        assert not world.opens("too soon")
        assert "E7" in world.why_not(), "the account was not read yet"
        world.a.calm()
        world.pass_s(4)
        assert world.opens("in time"), world.why_not()
        assert world.booked() == world.held()
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "no", "tester", far.client_id))
        world.pass_s(1)
        assert world.order(far.client_id).state is OrderState.CANCELLED
        assert far.client_id not in resting(world, "b")


@pytest.mark.parametrize("keeps", [True, False], ids=["planned", "unplanned"])
def test_r29_who_takes_over_without_a_handover_opens_nothing_until_the_other_can_send_no_more(
    tmp_path: Path, keeps: bool
) -> None:
    """Guards the waiting rule: what the one before signed may still be on its way; a handover leaves no gap."""
    with staged(tmp_path, usual_settings(cancel_on_shutdown=False)) as world:
        world.buy()
        world.pass_s(1)
        if keeps:
            world.stop()
        else:
            world.crash()
        world.start(pass_s=2.0)
        assert world.opens("soon", instrument=ETH) is keeps
        if not keeps:
            assert "takeover" in world.state.holds
            resume(world)
            assert not world.opens("resumed", instrument=ETH), "no person lifts what physics demands"
        world.ask("out", Side.SELL, pass_s=1.0)
        assert world.booked() == world.held() == Decimal(0), "exits pass"
        world.pass_s(6)
        assert world.opens("later", instrument=ETH)


def test_r29_an_order_with_our_mark_that_the_journal_does_not_know_is_told(tmp_path: Path) -> None:
    """Guards that every listed order is looked at: one of ours from a lost journal is a stray, and told once."""
    with staged(tmp_path) as world:
        stray = client_id(client_prefix("b"), "from a lost journal", 0)
        world.a.exchange.place(ACCOUNT, _order_of(stray), signed_at_ns=world.machine.now_ns(), at_ns=1)
        world.pass_s(2)
        world.restart()
        found = [fact for fact in world.facts() if isinstance(fact, StrayFound)]
        assert [(fact.what, fact.key) for fact in found] == [("order", f"a:{stray}")]
        assert "stray_order" in world.alerts()
        world.pass_s(COMPARED_WITHIN_S)
        assert world.alerts().count("stray_order") == 1
        world.a.exchange.cancel(ACCOUNT, stray, world.machine.now_ns())
        world.crash()
        stories = world.facts()
        assert stray not in {fact.client_id for fact in stories if isinstance(fact, OrderPlanned)}
        world.a.exchange.state.orders.clear()


def _order_of(name: str, side: Side = Side.BUY, qty: str = "0.01", limit: str | None = "29000") -> NewOrder:
    kind = OrderKind.MARKET if limit is None else OrderKind.LIMIT
    return NewOrder(name, BTC, side, kind, Decimal(qty), None if limit is None else Decimal(limit))


def test_r30_what_protects_a_position_is_there_again_after_a_restart_and_nothing_is_bought_anew(tmp_path: Path) -> None:
    """Guards that stops, targets and the highest price follow from the journal: they were lost on restart elsewhere."""
    risk = RiskSettings(stop_loss=0.05, take_profit=0.20, trailing_stop=0.08)
    with staged(tmp_path, usual_settings(risk=risk)) as world:
        world.cycle(BTC=Action.BUY)
        world.pass_s(62)
        world.price(BTC, 32_000.0)
        world.pass_s(62)
        levels = watch(world.state)
        assert {"stop_loss", "take_profit", "trailing_stop"} <= {level.cause for level in levels}
        assert world.state.watermarks["a"][BTC] >= 32_000.0
        world.snapshot_rows = 1
        for _ in range(2):
            world.restart(pass_s=2.0)
            assert watch(world.state) == levels
            world.cycle(BTC=Action.BUY)
        assert len(world.planned()) == 1
        world.price(BTC, 29_300.0)
        quote = world.bot.clock.now_ns()
        world.bot.offer(TriggerFired(quote, world.planned()[0].venue, BTC, "trailing_stop", 29_300.0))
        world.pass_s(35)
        assert [plan.side for plan in world.planned()] == [Side.BUY, Side.SELL]
        assert world.booked(venue=world.planned()[0].venue) == Decimal(0)


def test_r31_the_same_inference_has_the_same_id_in_every_session(tmp_path: Path) -> None:
    """Guards that the id of a synthetic fill is a hash of what it says: restarts made a new one each elsewhere."""
    ids: list[str] = []
    for name, crash_s in (("at once", None), ("after a crash", 0.5)):
        folder = tmp_path / name
        folder.mkdir()
        with staged(folder) as world:
            world.a.pushes = False
            world.a.always("fills", WELL._replace(says=lambda _fills: []))
            world.buy(qty="0.7", pass_s=crash_s or 5.0)
            if crash_s:
                assert not [fact for fact in world.facts() if isinstance(fact, FillBooked)]
                world.restart(pass_s=5.0)
            for _ in range(3):
                world.restart(pass_s=5.0)
            booked = [fact for fact in world.facts() if isinstance(fact, FillBooked)]
            assert len(booked) == 1
            assert booked[0].inferred
            assert world.booked() == Decimal("0.7")
            ids.append(booked[0].trade_id)
    assert ids[0] == ids[1]


# --- R32, R33, R34 ----------------------------------------------------------------------------------------------------


def test_r32_reconciliation_sends_nothing_and_twice_is_once(tmp_path: Path) -> None:
    """Guards that comparing only records, with an unknown order and with money that came and went."""
    with staged(tmp_path) as world:
        world.buy(instrument=ETH, qty="1")
        world.pass_s(1)
        world.a.next("submit", LOST_REPLY)
        world.bid()
        world.pass_s(3)
        world.a.exchange.deposit(ACCOUNT, "USD", Decimal(77))
        world.a.exchange.deposit(ACCOUNT, "ETH", Decimal(-1))
        before = len(world.a.got)
        told: list[int] = []
        for _ in range(4):
            for name in ("a", "b"):
                world.do(ReadAccount(name))
            world.pass_s(1)
            told.append(len([fact for fact in world.facts() if isinstance(fact, BalanceDiffered)]))
        assert {call for call, _ in world.a.got[before:]} <= READS
        assert told[0] == told[-1]
        assert world.alerts().count("balance_sync") == 1
        assert len(world.planned()) == 2


@pytest.mark.parametrize("amount", [Decimal("0.5"), Decimal("-0.005")])
def test_r33_a_difference_that_nothing_explains_stops_opening_and_is_told(tmp_path: Path, amount: Decimal) -> None:
    """Guards that the venue is right and somebody must look: the mismatch was logged and traded over elsewhere."""
    with staged(tmp_path, starts=False) as world:
        world.a.exchange.deposit(ACCOUNT, "BTC", Decimal(1))
        world.start()
        world.buy()
        world.pass_s(1)
        world.a.exchange.deposit(ACCOUNT, "BTC", amount)
        world.pass_s(COMPARED_WITHIN_S)
        assert "balance_sync" in world.alerts()
        assert world.state.control is Control.REDUCING
        assert not world.opens("here")
        assert not world.opens("or there", venue="b", instrument=ETH)
        world.restart(pass_s=8.0)
        assert not world.opens("nor after a restart")
        resume(world)
        assert world.opens("a person looked", instrument=ETH), world.why_not()


def test_r34_what_a_person_sold_by_hand_is_not_sold_again_and_not_tried_for_ever(tmp_path: Path) -> None:
    """Guards that an exit is of what is there: a person sold all of it at the venue, and the bot wants out as well."""
    with staged(tmp_path) as world:
        world.buy()
        world.pass_s(1)
        world.a.exchange.place(
            ACCOUNT, _order_of("by-hand", Side.SELL, limit=None), signed_at_ns=world.machine.now_ns(), at_ns=1
        )
        assert world.held() == Decimal(0)
        world.pass_s(COMPARED_WITHIN_S)
        assert world.state.control is Control.REDUCING
        for _ in range(12):
            world.cycle(BTC=Action.SELL)
            world.pass_s(61)
        assert world.a.count("submit") <= 1 + 3
        assert not [order for order in world.state.orders.values() if order.side is Side.SELL and order.booked_lots]
        assert world.held() == Decimal(0)


def test_r34_orders_of_others_on_the_account_are_neither_cancelled_nor_counted(tmp_path: Path) -> None:
    """Guards the prefix: an order without our mark is somebody's, whatever becomes of ours, a kill included."""
    with staged(tmp_path) as world:
        world.a.exchange.place(ACCOUNT, _order_of("by-hand"), signed_at_ns=world.machine.now_ns(), at_ns=1)
        world.bid()
        world.pass_s(COMPARED_WITHIN_S)
        assert world.state.control is Control.RUNNING, "money that an order of others locks is there all the same"
        assert [seen.client_id for seen in world.state.others["a"]] == ["by-hand"], "it is shown"
        world.kill_all()
        world.pass_s(30)
        world.restart(pass_s=30.0)
        assert resting(world) == {"by-hand"}


# --- R35, R36, R37, R39 -----------------------------------------------------------------------------------------------


def test_r35_who_lost_the_bot_can_neither_write_nor_sign(tmp_path: Path) -> None:
    """Guards lease and epoch, at the journal and at the last hop: the owner pauses past its lease, and wakes again."""
    with staged(tmp_path) as world:
        late = world.bot
        order = world.bid()
        with pytest.raises(NotOwner, match="owned by process 1"):
            _take(world, 2)
        world.running = None
        for task in late.tasks:
            task.cancel()
        world.pass_s(11)
        world.start(gone=False)
        assert world.bot.journal.lease.epoch == 2
        report = (
            asyncio.get_event_loop_policy()
            .get_event_loop()
            .run_until_complete(late.wires["a"].submit(_request(world, order.kill_epoch)))
        )
        assert report.reason == "the lease ends before the request would lose its validity"
        assert late.wires["a"].submitted[1:] == []
        with pytest.raises(NotOwner, match="process 2"):
            late.journal.append([Entry(1, "Woke", b"")])
        late.journal.close()
        assert world.state.epoch == 2
        assert world.order(order.client_id).state is OrderState.OPEN


def _take(world: World, pid: int) -> SqliteJournal:
    return SqliteJournal(
        world.path,
        "b",
        Holder(pid=pid, host="stage", boot_id="boot"),
        settings=JournalSettings(synchronous="OFF"),
        clock=world.machine.steady_ns,
    )


def _request(world: World, kill_epoch: int) -> OrderRequest:
    return OrderRequest(
        client_id="late",
        venue="a",
        instrument=BTC,
        side=Side.BUY,
        order_kind=OrderKind.MARKET,
        qty_lots=1_000_000,
        qty=Decimal("0.01"),
        limit=None,
        send_by_ns=world.machine.now_ns() + 10**12,
        kill_epoch=kill_epoch,
    )


def test_r36_a_kill_binds_an_order_that_was_decided_already(tmp_path: Path) -> None:
    """Guards the epoch at the last hop: the file is raised after the plan was committed, before the signature."""
    with staged(tmp_path) as world:
        world.a.before_signing = world.kill_all
        order = world.buy()
        assert world.bot.wires["a"].refusals
        assert world.bot.wires["a"].refusals[0].startswith("killed: the epoch rose")
        world.pass_s(1)
        assert world.order(order.client_id).state is OrderState.WITHDRAWN
        assert world.a.count("submit") == 0


@pytest.mark.parametrize("restarts", [False, True])
def test_r36_nothing_is_sent_after_a_kill_and_what_appears_is_cancelled(tmp_path: Path, restarts: bool) -> None:
    """Guards HALTED at every door, and cancel_unwanted: one create is under way when the switch is raised."""
    with staged(tmp_path) as world:
        rests = world.bid("rests", venue="b")
        world.a.pushes = False
        world.a.next("submit", late_request(4.0))
        late = world.bid(limit="29400", pass_s=1.0)
        world.kill_all()
        world.pass_s(0.5)
        assert world.state.control is Control.HALTED
        for _ in range(4):
            world.cycle(BTC=Action.BUY, ETH=Action.BUY)
            world.wish(f"by hand {world.machine.now_ns()}", instrument=ETH, qty=Decimal(1))
            if restarts:
                world.restart(pass_s=2.0)
            world.pass_s(2)
        world.pass_s(60)
        assert world.state.control is Control.HALTED
        assert {plan.client_id for plan in world.planned()} == {rests.client_id, late.client_id}
        assert {world.order(one.client_id).state for one in (rests, late)} == {OrderState.CANCELLED}
        assert resting(world) == resting(world, "b") == set()


def test_r36_a_kill_sweeps_what_carries_our_mark_until_the_venue_is_proven_empty(tmp_path: Path) -> None:
    """Guards the sweep: cancel, verify, repeat; an order of a lost journal is found, a create is under way."""
    with staged(tmp_path) as world:
        stray = client_id(client_prefix("b"), "from a lost journal", 0)
        world.a.exchange.place(ACCOUNT, _order_of(stray), signed_at_ns=world.machine.now_ns(), at_ns=1)
        world.a.exchange.place(ACCOUNT, _order_of("by-hand"), signed_at_ns=world.machine.now_ns(), at_ns=1)
        world.a.next("submit", late_request(4.5))
        world.a.next("cancel", LOST_REPLY)
        world.bid(pass_s=0.5)
        world.kill_all()
        world.pass_s(1)
        assert "a" in world.state.unswept
        world.pass_s(60)
        assert world.state.unswept == {}
        verified = [fact for fact in world.facts() if isinstance(fact, KillVerified)]
        assert sorted(fact.venue for fact in verified) == ["a", "b"]
        assert resting(world) == {"by-hand"}
        number = next(order.number for order in world.a.exchange.state.orders.values() if order.client_id == stray)
        del world.a.exchange.state.orders[number]


def test_r36_nothing_is_decided_once_the_bot_was_asked_to_stop(tmp_path: Path) -> None:
    """Guards the stopping state: wishes, opinions and stops that come during the end find a closed door."""
    with staged(tmp_path) as world:
        world.a.always("cancel", WELL._replace(answered_s=1.5))
        bid = world.bid()
        world.bot.errands.stop("SIGTERM")
        for number in range(5):
            now_ns = world.bot.clock.now_ns()
            world.cycle(BTC=Action.BUY, ETH=Action.BUY)
            world.wish(f"late {number}", instrument=ETH, qty=Decimal(1))
            world.bot.offer(TriggerFired(now_ns, "a", BTC, "stop_loss", 1.0))
            world.pass_s(0.1)
        world.stop()
        assert [plan.client_id for plan in world.planned()] == [bid.client_id]
        assert resting(world) == set()
        assert world.a.count("submit") == 1


@pytest.mark.parametrize("cancels", [True, False], ids=["cancel", "keep"])
def test_r37_a_stop_follows_the_policy_and_the_next_session_has_every_order_in_hand(
    tmp_path: Path, cancels: bool
) -> None:
    """Guards SIGTERM: a send that is under way counts as well, and what is kept is known to the next session."""
    with staged(tmp_path, usual_settings(cancel_on_shutdown=cancels)) as world:
        bid = world.bid()
        world.a.next("submit", late_request(3.0))
        late = world.bid("late", instrument=ETH, limit="1970")
        world.stop()
        world.pass_s(10)
        assert resting(world) == (set() if cancels else {bid.client_id, late.client_id})
        world.start(pass_s=5.0)
        states = {world.order(one.client_id).state for one in (bid, late)}
        assert states == {OrderState.CANCELLED if cancels else OrderState.OPEN}


def test_r37_a_venue_that_is_silent_does_not_hold_up_the_end_beyond_its_deadline(tmp_path: Path) -> None:
    """Guards the minute for draining: the order stays in the journal, and the next session cancels it."""
    with staged(tmp_path) as world:
        bid = world.bid()
        world.a.is_down = True
        world.stop(within_s=70.0)
        assert resting(world) == {bid.client_id}
        world.a.calm()
        world.start(pass_s=5.0)
        assert world.order(bid.client_id).state is OrderState.CANCELLED
        assert resting(world) == set()


@pytest.mark.parametrize(
    ("limits", "most"),
    [({"open_orders_max": 3}, 3), ({"concentration_max": 0.0012}, 3), ({"unexecuted_max": 0.0012}, 2)],
    ids=["orders", "share of an asset", "waiting"],
)
def test_r39_wishes_of_one_instant_each_see_what_those_before_them_took(
    tmp_path: Path, limits: dict[str, float], most: int
) -> None:
    """Guards check-and-reserve in one step: ten wishes wait in one batch, and all saw position zero elsewhere."""
    with staged(tmp_path, usual_settings(guardrails=wide(**limits))) as world:
        for number in range(10):
            world.wish(f"w{number}", qty=Decimal("0.03") + Decimal("0.0001") * number, pass_s=0.0)
        world.pass_s(3)
        worth = sum(plan.qty_lots * float(plan.lot) * plan.reference_price for plan in world.planned())
        assert len(world.planned()) == most
        assert worth <= 2_000_000 * min(limits.get("concentration_max", 1.0), limits.get("unexecuted_max", 1.0)) + 1.0
        assert world.booked() == world.held()
