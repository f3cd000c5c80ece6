"""A boxed venue: what a plan does to an exchange, its network and its account, in the time of a simulated world."""

import heapq
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from random import Random

import pytest

from quarterdeck.domain import SECOND_NS, Listing, OrderKind, OrderState, Quote, Side
from quarterdeck.exchange import (
    Event,
    Exchange,
    FundingPaid,
    Liquidated,
    NewOrder,
    OrderStatus,
    Personality,
    Trade,
)
from quarterdeck.simulator import (
    CALM,
    HAND,
    BoxedVenue,
    Call,
    Fault,
    FaultKind,
    FaultPlan,
    Trouble,
    Wires,
    with_holes,
)

US = "ours"
START_NS = 1_700_000_000 * SECOND_NS


class Timers:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now_s

    def later(self, delay_s: float, callback: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now_s + delay_s, next(self._numbers), callback))

    def pass_until(self, at_s: float) -> None:
        while self._due and self._due[0][0] <= at_s:
            self.now_s, _, callback = heapq.heappop(self._due)
            callback()
        self.now_s = at_s

    def now_ns(self) -> int:
        return START_NS + round(self.now_s * SECOND_NS)

    def steady_ns(self) -> int:
        return round(self.now_s * SECOND_NS)


class Stage:
    """One boxed exchange with an account, everything it tells, and the market at 100."""

    def __init__(self, *faults: Fault, personality: Personality | None = None, instrument: str = "BTC-USD") -> None:
        listing = Listing(
            "alfa",
            instrument,
            "BTC",
            "USD",
            Decimal("0.1"),
            Decimal("0.001"),
            1,
            10**6,
            Decimal(1),
            Decimal(0),
            Decimal(0),
        )
        self.instrument = instrument
        self.timers = Timers()
        self.told: list[Event] = []
        self.noted: list[FaultKind] = []
        self.moved: list[tuple[str, Decimal]] = []
        self.relistings = 0
        self.exchange = Exchange.opened("alfa", [listing], personality)
        self.exchange.deposit(US, "USD", Decimal(1_000))
        self.exchange.deposit(US, "BTC", Decimal(1))
        wires = Wires(
            timers=self.timers,
            rng=Random(3),
            tell=self._tell,
            note=self.noted.append,
            relisted=self._relisted,
            moved=lambda asset, amount: self.moved.append((asset, amount)),
        )
        plan = FaultPlan(faults, latency_s=0.0)
        self.box = BoxedVenue(self.exchange, US, self.timers, wires, plan)
        self.move(100.0)

    def _tell(self, events: Sequence[Event]) -> None:
        self.told += events

    def _relisted(self) -> None:
        self.relistings += 1

    def move(self, price: float) -> None:
        spread = ((price - 0.1, 50.0),), ((price + 0.1, 50.0),)
        self.box.quote(Quote("alfa", self.instrument, self.timers.now_ns(), price, *spread))

    def rest(self, client_id: str, limit: str = "90", qty: str = "0.1") -> None:
        """Rest a buy order of a customer."""
        order = NewOrder(client_id, "BTC-USD", Side.BUY, OrderKind.LIMIT, Decimal(qty), Decimal(limit))
        now_ns = self.timers.now_ns()
        self.exchange.place(US, order, signed_at_ns=now_ns, at_ns=now_ns)

    def state(self, client_id: str) -> OrderState:
        return next(one.state for one in self.exchange.state.orders.values() if one.client_id == client_id)

    @property
    def listing(self) -> Listing:
        return self.exchange.setup.listings["BTC-USD"]


def test_a_request_is_carried_and_answered_and_a_second_delivery_is_not_answered_again() -> None:
    stage = Stage(Fault(FaultKind.REPEAT_REQUEST))
    arrivals = count(1)
    answers: list[object] = []
    stage.box.carry(stage.box.fate(Call.QUERY), lambda: next(arrivals), answers.append)
    stage.timers.pass_until(1.0)
    assert (next(arrivals), answers) == (3, [1])


def test_what_the_front_turns_away_is_answered_and_never_arrives() -> None:
    stage = Stage(Fault(FaultKind.BAN, size=9.0))
    arrivals: list[int] = []
    answers: list[object] = []
    stage.box.carry(stage.box.fate(Call.SUBMIT), lambda: arrivals.append(1), answers.append)
    stage.timers.pass_until(1.0)
    assert arrivals == []
    assert answers == [Trouble(418, "banned", is_definite=True, retry_after_s=9.0)]


def test_a_spoilt_reply_stands_in_the_place_of_what_the_venue_did() -> None:
    stage = Stage(Fault(FaultKind.ERROR_AFTER))
    arrivals: list[int] = []
    answers: list[object] = []
    stage.box.carry(stage.box.fate(Call.SUBMIT), lambda: arrivals.append(1), answers.append)
    stage.timers.pass_until(1.0)
    assert arrivals == [1]
    assert answers == [Trouble(504, "gateway timeout")]


def test_an_outage_begins_and_ends_at_its_dates() -> None:
    stage = Stage(Fault(FaultKind.OUTAGE, 10.0, 20.0))
    seen = []
    for at_s in (9.0, 10.0, 19.0, 20.0):
        stage.timers.pass_until(at_s)
        seen.append(stage.box.is_down)
    assert seen == [False, True, True, False]


def test_listings_change_for_as_long_as_the_plan_says_and_are_told_each_time() -> None:
    stage = Stage(
        Fault(FaultKind.FEES, 5.0, 15.0, size=3.0, what="BTC-USD"),
        Fault(FaultKind.MINIMUMS, 10.0, 20.0, size=4.0, what="BTC-USD"),
        Fault(FaultKind.FEE_ASSET, 30.0, 40.0, what="BTC-USD"),
        Fault(FaultKind.HALT, 50.0, 60.0, what="BTC-USD"),
    )
    usual = stage.listing
    stage.timers.pass_until(12.0)
    assert (stage.listing.fee_taker, stage.listing.notional_min) == (usual.fee_taker * 3, usual.notional_min * 4)
    stage.timers.pass_until(35.0)
    assert stage.listing.fee_asset == "base"
    stage.timers.pass_until(55.0)
    assert not stage.listing.tradable
    stage.timers.pass_until(60.0)
    assert stage.listing == usual
    assert stage.relistings >= 6


def test_a_list_may_leave_out_one_instrument_or_all_of_them() -> None:
    stage = Stage(Fault(FaultKind.DELIST, 5.0, 10.0, what="BTC-USD"), Fault(FaultKind.EMPTY_LISTINGS, 20.0, 30.0))
    lengths = []
    for at_s in (0.0, 5.0, 10.0, 20.0, 30.0):
        stage.timers.pass_until(at_s)
        lengths.append(len(stage.box.listings()))
    assert lengths == [1, 0, 1, 0, 1]


def test_a_skewed_clock_is_ahead_until_the_skew_ends() -> None:
    stage = Stage(Fault(FaultKind.SKEW, 5.0, 10.0, size=-3.0))
    stage.timers.pass_until(6.0)
    assert stage.box.clock.now_ns() == stage.timers.now_ns() - 3 * SECOND_NS
    stage.timers.pass_until(10.0)
    assert stage.box.clock.now_ns() == stage.timers.now_ns()


def test_people_rest_and_fill_orders_by_hand_and_take_them_back_in_calm() -> None:
    stage = Stage(
        Fault(FaultKind.MANUAL_ORDER, 5.0, size=50.0, what="BTC-USD"),
        Fault(FaultKind.MANUAL_TRADE, 6.0, size=-20.0, what="BTC-USD"),
    )
    stage.timers.pass_until(7.0)
    assert all(event.client_id.startswith(HAND) for event in stage.told if isinstance(event, OrderStatus | Trade))
    assert [event.side for event in stage.told if isinstance(event, Trade)] == [Side.SELL]
    assert stage.state("hand-1") is OrderState.OPEN
    stage.box.change_plan(CALM)
    assert stage.state("hand-1") is OrderState.EXPIRED


def test_people_bring_money_and_take_it_away_as_far_as_it_is_free() -> None:
    stage = Stage(
        Fault(FaultKind.DEPOSIT, 1.0, size=25.0, what="USD"),
        Fault(FaultKind.WITHDRAW, 2.0, size=1_000.0, what="USD"),
        Fault(FaultKind.WITHDRAW, 3.0, size=1_000.0, what="USD"),
    )
    stage.timers.pass_until(5.0)
    assert stage.moved == [("USD", Decimal(25)), ("USD", Decimal(-1_000))]
    assert stage.exchange.balances(US)["USD"][0] == Decimal(25)


def test_a_venue_ends_orders_by_itself_and_fills_some_just_before_their_cancel() -> None:
    stage = Stage(Fault(FaultKind.VENUE_CANCEL, 0.0, 5.0), Fault(FaultKind.FILL_RACE, 10.0))
    stage.rest("a")
    stage.timers.pass_until(1.0)
    stage.box.sweep("BTC-USD", 100.0)
    assert stage.state("a") is OrderState.EXPIRED
    stage.timers.pass_until(10.0)
    stage.rest("b")
    stage.timers.pass_until(11.0)
    stage.box.before_cancel("b")
    assert stage.state("b") is OrderState.FILLED
    assert stage.told[-1] == stage.exchange.query(US, "b", stage.timers.now_ns())


def test_the_next_order_is_filled_beyond_its_quantity() -> None:
    stage = Stage(Fault(FaultKind.OVERFILL, 1.0, size=7.0))
    stage.timers.pass_until(2.0)
    stage.rest("a", limit="101", qty="0.1")
    assert stage.exchange.state.orders[1].filled_lots == 107


def test_an_order_can_be_hidden_from_queries_for_a_while() -> None:
    stage = Stage(Fault(FaultKind.HIDE_ORDER, 0.0, 5.0, size=2.0))
    stage.rest("a")
    stage.box.before_query("a")
    assert stage.exchange.query(US, "a", stage.box.clock.now_ns()) is None
    stage.timers.pass_until(6.0)
    stage.box.before_query("a")
    assert stage.exchange.query(US, "a", stage.box.clock.now_ns()) is not None


def test_an_order_is_hidden_once_while_it_is_new_and_once_when_it_has_rested_for_long() -> None:
    stage = Stage(Fault(FaultKind.HIDE_ORDER, size=2.0))
    stage.rest("a")
    found = []
    for at_s in (0.0, 3.0, 11.0, 14.0, 30.0):
        stage.timers.pass_until(at_s)
        stage.box.before_query("a")
        found.append(stage.exchange.query(US, "a", stage.box.clock.now_ns()) is not None)
    assert found == [False, True, False, True, True]


def test_a_stale_list_shows_what_ended_and_misses_what_is_new() -> None:
    stage = Stage(Fault(FaultKind.STALE_ORDERS, size=5.0))
    stage.rest("old")
    stage.timers.pass_until(10.0)
    stage.exchange.cancel(US, "old", stage.timers.now_ns())
    stage.rest("new")
    stage.timers.pass_until(11.0)
    stale = stage.box.stale_orders()
    assert stale is not None
    assert [order.client_id for order in stale] == ["old"]
    assert Stage().box.stale_orders() is None


def test_the_latest_messages_of_a_stream_are_told_once_more() -> None:
    stage = Stage(Fault(FaultKind.REPLAY_NEWS, 5.0, size=2.0))
    heard: list[str] = []
    for news in ("one", "two", "three"):
        stage.box.spread(news, heard.append)
    stage.timers.pass_until(6.0)
    assert heard == ["one", "two", "three", "two", "three"]


def test_somebody_else_uses_the_rate_limit_up() -> None:
    stage = Stage(Fault(FaultKind.FOREIGN_LOAD, 1.0, 4.0, size=2.0))
    stage.timers.pass_until(10.0)
    assert stage.noted.count(FaultKind.FOREIGN_LOAD) == 3


def test_a_price_that_jumps_or_a_book_that_is_empty_reaches_the_exchange() -> None:
    stage = Stage(Fault(FaultKind.LIQUIDATE, 1.0, size=-0.5, what="BTC-USD"))
    stage.timers.pass_until(2.0)
    assert stage.exchange.state.books["BTC-USD"].quote.last == 50.0


def test_a_leveraged_position_pays_funding_and_is_liquidated_when_the_price_jumps() -> None:
    perpetual = "BTC-USD:USD"
    stage = Stage(
        Fault(FaultKind.MANUAL_TRADE, 1.0, size=100.0, what=perpetual),
        Fault(FaultKind.FUNDING_SPIKE, 2.0, size=0.01, what=perpetual),
        Fault(FaultKind.LIQUIDATE, 3.0, size=-0.4, what=perpetual),
        instrument=perpetual,
    )
    stage.exchange.set_leverage(US, perpetual, 10, START_NS)
    stage.timers.pass_until(2.5)
    paid = [event for event in stage.told if isinstance(event, FundingPaid)]
    assert [event.amount < 0 for event in paid] == [True]
    stage.timers.pass_until(4.0)
    assert any(isinstance(event, Liquidated) for event in stage.told)
    assert stage.exchange.margin_of(US, perpetual).lots == 0


def test_a_decision_that_falls_due_at_the_venue_is_made_without_being_asked_for() -> None:
    stage = Stage(personality=Personality(acks="async", ack_lag_ns=2 * SECOND_NS))
    stage.rest("a")
    stage.box.wake()
    stage.timers.pass_until(1.0)
    assert stage.told == []
    stage.timers.pass_until(3.0)
    assert stage.state("a") is OrderState.OPEN
    assert stage.told


def test_a_new_plan_counts_from_its_beginning_and_forgets_the_dates_of_the_old_one() -> None:
    stage = Stage(Fault(FaultKind.OUTAGE, 10.0, 20.0), Fault(FaultKind.HALT, 12.0, 20.0, what="BTC-USD"))
    stage.timers.pass_until(5.0)
    stage.box.change_plan(FaultPlan((Fault(FaultKind.OUTAGE, 1.0, 2.0),)))
    stage.timers.pass_until(6.5)
    assert stage.box.is_down
    stage.timers.pass_until(12.5)
    assert not stage.box.is_down
    assert stage.listing.tradable


@pytest.mark.parametrize("seed", range(5))
def test_a_page_with_holes_keeps_its_last_trade(seed: int) -> None:
    page = with_holes(list(range(20)), Random(seed))
    assert page[-1] == 19
    assert 0 < len(page) < 20
