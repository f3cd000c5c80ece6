"""
A second pair of eyes: it reads inputs and facts alone, and works out for itself whether they may be so.

It shares no rule with the engine, only the words of `domain`: graph, limits, proofs and books are written here anew,
in exact fractions. Where it disagrees it raises `Breach` with the name of the rule.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AccountReported,
    BalanceDiffered,
    BotSettings,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockHeld,
    Control,
    ControlChanged,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    FillReported,
    Input,
    Intent,
    IntentFormed,
    Listing,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrderReported,
    OrdersRetired,
    OrderState,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Side,
    Source,
)
from tests.engine.audited_books import ALIVE, AuditedBooks, Watched
from tests.engine.breach import Breach

SLACK = Fraction(1, 10**9)
SPACING_NS = SECOND_NS
CLIENT_ID = re.compile(r"[a-z][a-z0-9]{17}")

S, E = OrderState, Evidence
CAME_BACK = frozenset({S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.EXPIRED})
ENDINGS = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED, S.NOT_PLACED, S.WITHDRAWN})
GRAPH: dict[OrderState, frozenset[OrderState]] = {
    S.PLANNED: ENDINGS | {S.OPEN, S.PARTIALLY_FILLED, S.UNKNOWN},
    S.UNKNOWN: ENDINGS | {S.OPEN, S.PARTIALLY_FILLED},
    S.OPEN: frozenset({S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED, S.UNKNOWN}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELLED, S.EXPIRED, S.UNKNOWN}),
    S.FILLED: frozenset(),
    S.CANCELLED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: CAME_BACK,
    S.NOT_PLACED: CAME_BACK,
    S.WITHDRAWN: CAME_BACK,
}
PROOF: dict[OrderState, frozenset[Evidence]] = {
    S.FILLED: frozenset({E.FILL}),
    S.PARTIALLY_FILLED: frozenset({E.FILL, E.ACKNOWLEDGED, E.FILLED}),
    S.CANCELLED: frozenset({E.CANCELLED, E.REJECTED}),
    S.REJECTED: frozenset({E.REJECTED}),
    S.EXPIRED: frozenset({E.EXPIRED}),
    S.NOT_PLACED: frozenset({E.ABSENCE_PROVEN}),
    S.WITHDRAWN: frozenset({E.WITHDRAWN}),
    S.UNKNOWN: frozenset({E.AMBIGUOUS, E.RECOVERED}),
    S.OPEN: frozenset({E.ACKNOWLEDGED, E.FILLED}),
}


class Auditor:
    """Takes every input with its facts, in order; raises `Breach` at the first that breaks a rule."""

    def __init__(self) -> None:
        self.books = AuditedBooks()
        self.settings: BotSettings | None = None
        self.listings: dict[tuple[str, str], Listing] = {}
        self.at_ns = 0
        self.intents: dict[str, Intent] = {}
        self.trades: dict[str, tuple[str, ...]] = {}
        self.booked_trades: set[tuple[str, str]] = set()
        self.control = Control.RUNNING
        self.kill_raised = False
        self.kill_epoch = 0
        self.steady_at_ns = 0
        self.closed = True
        self.epoch = 0
        self.equity: float | None = None
        self.minute_ns = 0
        self.unexplained: set[str] = set()
        self.weighed_ns: dict[str, int] = {}
        self.counted = 0
        self._news: Input | None = None
        self._killed_now = False
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            SessionOpened: self._opened,
            SessionClosed: self._closed,
            SettingsAdopted: self._adopted,
            CapitalDeclared: self._capital,
            MarksTaken: self._marked,
            ClockHeld: self._held,
            ControlChanged: self._controlled,
            BalanceDiffered: self._differed,
            IntentFormed: self._formed,
            OrderPlanned: self._planned,
            OrderMoved: self._moved,
            FillBooked: self._filled,
            CancelRequested: self._cancelled,
            OrdersRetired: self._retired,
        }

    def take(self, news: Input, facts: Sequence[Fact]) -> None:
        """
        Look at one input and the facts that it brought about.

        Raises:
            Breach: With the name of the first rule that is broken.
        """
        self._news = news
        self._killed_now = False
        self._remember_absence(news)
        if isinstance(news, AccountReported):
            self.weighed_ns[news.venue] = max(self.weighed_ns.get(news.venue, 0), news.venue_at_ns)
        for fact in facts:
            if fact.at_ns < self.at_ns:
                raise Breach("time", f"{type(fact).__name__} at {fact.at_ns} after {self.at_ns}")
            self.at_ns = fact.at_ns
            handler = self._handlers.get(type(fact))
            if handler is not None:
                handler(fact)
            self.counted += 1
        if isinstance(news, AccountReported) and any(
            isinstance(fact, OrderPlanned | CancelRequested) for fact in facts
        ):
            raise Breach("I22", "a reconciliation asked for something to be sent")
        if self._killed_now:
            left = [c for c, order in self.books.orders.items() if order.state in ALIVE and not order.cancel_wanted]
            _require("kill", not left, f"orders {left} are alive after a kill, and no cancel was asked for")

    # --- what the facts say about the frame ---------------------------------------------------------------------------

    def _opened(self, fact: SessionOpened) -> None:
        _require("I5", fact.epoch > self.epoch, f"epoch {fact.epoch} after {self.epoch}")
        self.epoch, self.closed = fact.epoch, False

    def _closed(self, _fact: SessionClosed) -> None:
        self.closed = True

    def _adopted(self, fact: SettingsAdopted) -> None:
        self.settings = fact.settings
        self.listings |= {(one.venue, one.instrument): one for one in fact.settings.listings}

    def _capital(self, fact: CapitalDeclared) -> None:
        for venue, cash in fact.cash.items():
            for asset, amount in cash.items():
                self.books.start[venue, asset] = Fraction(amount)
        self.equity = fact.equity

    def _marked(self, fact: MarksTaken) -> None:
        _require("marks", fact.minute_ns % MINUTE_NS == 0, "a mark off the minute")
        _require("marks", fact.minute_ns > self.minute_ns, "two marks in one minute")
        self.equity, self.minute_ns = fact.equity, fact.minute_ns

    def _held(self, fact: ClockHeld) -> None:
        self.steady_at_ns = fact.steady_at_ns

    def _controlled(self, fact: ControlChanged) -> None:
        if self.control is Control.HALTED and fact.control is not Control.HALTED:
            _require("halt", fact.window_emptied, "a halt was lifted by something else than a resume")
        if fact.kill_epoch is not None:
            self.kill_epoch = fact.kill_epoch
        self._killed_now |= fact.kill_raised and not self.kill_raised
        self.control, self.kill_raised = fact.control, fact.kill_raised
        if fact.window_emptied and fact.control is Control.RUNNING:
            self.unexplained.clear()

    def _differed(self, fact: BalanceDiffered) -> None:
        if not fact.explained:
            self.unexplained.add(fact.venue)

    def _formed(self, fact: IntentFormed) -> None:
        self.intents[fact.intent.id] = fact.intent

    # --- orders -------------------------------------------------------------------------------------------------------

    def _planned(self, fact: OrderPlanned) -> None:
        listing = self.listings[fact.venue, fact.instrument]
        self._check_origin(fact)
        self._check_levels(fact)
        if fact.effect is Effect.OPEN:
            self._check_value(fact, listing)
            self._check_cooldown(fact)
            self._check_entry_is_due(fact)
        self._check_balance(fact, listing)
        self.books.orders[fact.client_id] = Watched(fact, listing)
        self.trades[fact.intent_id] = (*self.trades.get(fact.intent_id, ()), fact.client_id)

    def _check_origin(self, fact: OrderPlanned) -> None:
        orders = self.books.orders | self.books.retired
        _require("I1", fact.client_id not in orders, f"order {fact.client_id} was planned twice")
        _require("I1", CLIENT_ID.fullmatch(fact.client_id) is not None, f"client id {fact.client_id!r}")
        siblings = [orders[client_id].plan for client_id in self.trades.get(fact.intent_id, ())]
        _require("I1", all(o.venue != fact.venue for o in siblings), "two orders for one intent on one venue")
        _require("I1", not (siblings and fact.effect is Effect.OPEN), "two openings for one intent")
        intent = self.intents.get(fact.intent_id)
        _require("intent", intent is not None, f"order {fact.client_id} has no earlier intent")
        if intent is not None:
            same = (intent.side, intent.effect, intent.instrument) == (fact.side, fact.effect, fact.instrument)
            _require("intent", same, f"order {fact.client_id} is not what its intent wanted")
        _require("I2", not self.closed, "an order was planned after the session closed")
        _require("last hop", fact.kill_epoch == self.kill_epoch, "an order under another kill epoch")
        within_ns = self._rules.send_within_ns
        _require("last hop", 0 < fact.send_by_ns - fact.at_ns <= within_ns, "an order may be sent for too long")
        _require("verdicts", fact.verdicts.failed == 0, "an order was planned though a guardrail refused it")

    def _check_levels(self, fact: OrderPlanned) -> None:
        rules = self._rules.guardrails
        exits = fact.effect is Effect.REDUCE and not rules.strict_exits
        protective = exits and fact.source is Source.PROTECTION and rules.protect_when_halted
        _require("G1", protective or not self.kill_raised, "planned while the kill switch is on")
        if exits:
            _require("G2", protective or self.control is not Control.HALTED, "an exit while halted")
        else:
            _require("G2", self.control is Control.RUNNING, f"opened while {self.control}")
            _require("G2", fact.at_ns >= self.steady_at_ns, "opened before the clock was steady")

    def _check_value(self, fact: OrderPlanned, listing: Listing) -> None:
        rules = self._rules.guardrails
        known = self.equity is not None and fact.at_ns - self.minute_ns < 2 * MINUTE_NS
        _require("G4", known, "opened without a fresh mark")
        notional = Fraction(listing.lot) * fact.qty_lots * Fraction(fact.reference_price)
        share = Fraction(rules.order_value_max_share) * Fraction(self.equity or 0.0)
        value_max = min(Fraction(rules.order_value_max_quote), share)
        _require("G4", 0 < notional <= value_max * (1 + 2 * SLACK), f"worth {float(notional)} of {float(value_max)}")

    def _check_cooldown(self, fact: OrderPlanned) -> None:
        for intent_id, client_ids in self.trades.items():
            orders = [(self.books.orders | self.books.retired)[client_id] for client_id in client_ids]
            if intent_id == fact.intent_id or orders[0].plan.instrument != fact.instrument:
                continue
            if all(order.gave_back for order in orders):
                continue
            since_ns = fact.at_ns - orders[0].plan.at_ns
            least_ns = self._rules.guardrails.cooldown_s * SECOND_NS
            _require("G8", since_ns >= least_ns - 2, f"{since_ns / SECOND_NS} s after the trade of {intent_id}")

    def _check_entry_is_due(self, fact: OrderPlanned) -> None:
        if fact.source not in (Source.STRATEGY, Source.MODEL) or self._rules.sizing.entries_max != 1:
            return
        for order in self.books.orders.values():
            waits = order.is_unsettled and order.plan.instrument == fact.instrument
            _require("entries", not waits, f"entered while order {order.plan.client_id} may still fill")
        for (venue, instrument), listing in self.listings.items():
            if instrument == fact.instrument:
                held = self.books.quantity(venue, instrument)
                _require("entries", held < Fraction(listing.lot) * listing.lots_min, f"entered though {venue} holds")

    def _check_balance(self, fact: OrderPlanned, listing: Listing) -> None:
        _require("G10", listing.lots_min <= fact.qty_lots <= listing.lots_max, f"{fact.qty_lots} lots")
        price = Fraction(fact.reference_price)
        notional = Fraction(listing.lot) * fact.qty_lots * price
        _require("G10", notional >= Fraction(listing.notional_min) * (1 - 2 * SLACK), "below the venue's minimum")
        need = Fraction(fact.reserve_per_lot) * fact.qty_lots
        if fact.side is Side.SELL:
            sold = sum(
                o.open_lots
                for o in self.books.orders.values()
                if (o.plan.venue, o.plan.instrument, o.plan.side) == (fact.venue, fact.instrument, Side.SELL)
            )
            held = self.books.quantity(fact.venue, fact.instrument) - Fraction(listing.lot) * sold
            _require("G10", need == Fraction(listing.lot) * fact.qty_lots, "an exit must set aside what it sells")
            _require("G10", need <= held * (1 + SLACK), f"sells {float(need)} of {float(held)}")
            return
        headroom = 1 + Fraction(0 if fact.limit_ticks is not None else self._rules.guardrails.headroom_share)
        least = notional * headroom * (1 + Fraction(listing.fee_taker)) * (1 - 2 * SLACK)
        _require("G10", need >= least, "the worst case is not set aside")
        free = self.books.cash(fact.venue, listing.quote) - self.books.reserved(fact.venue, listing.quote)
        _require("G10", need <= free * (1 + SLACK), f"needs {float(need)} of {float(free)}")

    def _moved(self, fact: OrderMoved) -> None:
        order = self.books.orders[fact.client_id]
        self._check_step(order, fact.evidence, fact.state)
        _require("reported", fact.reported_lots >= order.reported, f"{fact.client_id}: reported went down")
        if fact.state is S.NOT_PLACED and order.state is not S.NOT_PLACED:
            self._check_absence(order)
        ends = fact.state in ENDINGS and order.state in ALIVE
        order.state, order.reported = fact.state, fact.reported_lots
        order.cancel_wanted = fact.cancel is not CancelState.NONE
        if ends and not order.parts and not order.reported:
            order.gave_back = True
        _require("reserve", Fraction(fact.reserve) == order.reserved, f"{fact.client_id} keeps {fact.reserve}")

    def _check_step(self, order: Watched, evidence: Evidence, after: OrderState) -> None:
        if after is order.state:
            return
        _require("graph", after in GRAPH[order.state], f"{order.plan.client_id}: {order.state} → {after}")
        _require("I6", evidence in PROOF[after], f"{order.plan.client_id}: {after} on {evidence}")

    def _check_absence(self, order: Watched) -> None:
        times = order.absent_at_ns
        spaced: list[int] = []
        for at_ns in times:
            if not spaced or at_ns - spaced[-1] >= SPACING_NS:
                spaced.append(at_ns)
        enough = len(spaced) >= max(3, self._rules.absences_min)
        _require("not placed", enough, f"{order.plan.client_id} is called not placed after {len(spaced)} absences")
        _require("not placed", order.plan.venue not in self.unexplained, "called not placed over an odd balance")
        read_ns = self.weighed_ns.get(order.plan.venue, 0)
        _require("not placed", read_ns > self._arrived_by_ns(order), "called not placed before the account was read")

    def _remember_absence(self, news: Input) -> None:
        if not isinstance(news, OrderReported) or news.evidence not in (E.ABSENT, E.ABSENCE_PROVEN):
            return
        order = self.books.orders.get(news.client_id)
        if order is None or order.plan.venue != news.venue:
            return
        if news.venue_at_ns > self._arrived_by_ns(order):
            order.absent_at_ns.append(max(news.at_ns, self.at_ns))

    def _arrived_by_ns(self, order: Watched) -> int:
        venue = next(one for one in self._rules.venues if one.name == order.plan.venue)
        return order.plan.send_by_ns + venue.validity_ns + venue.lag_ns

    def _filled(self, fact: FillBooked) -> None:
        order = self.books.orders[fact.client_id]
        self._check_trade(order, fact)
        self._check_step(order, E.FILL, fact.state)
        self.books.book(order, fact)
        order.state = fact.state
        _require("reported", fact.reported_lots_after >= max(order.reported, order.booked), "reported went down")
        order.reported = fact.reported_lots_after
        self.books.compare(order, fact)
        _require("fills", (order.state is S.FILLED) == (order.booked >= order.plan.qty_lots), f"is {order.state}")
        _require("reserve", Fraction(fact.reserve_after) == order.reserved, f"keeps {fact.reserve_after}")

    def _check_trade(self, order: Watched, fact: FillBooked) -> None:
        plan = order.plan
        same = (plan.venue, plan.instrument, plan.side) == (fact.venue, fact.instrument, fact.side)
        _require("fills", same, f"a fill of {fact.client_id} is not of its order")
        key = (fact.venue, fact.trade_id)
        _require("I17", key not in self.booked_trades, f"trade {fact.trade_id} was booked twice")
        self.booked_trades.add(key)
        if fact.inferred:
            within = 0 < fact.lots <= order.reported - order.booked
            _require("fills", within, f"{fact.lots} lots inferred of {order.reported} reported, {order.booked} booked")
            return
        news = self._news
        _require("fills", isinstance(news, FillReported), "a trade was booked that nobody reported")
        if isinstance(news, FillReported):
            told = (news.trade_id, news.lots, news.price, news.fee, news.fee_asset)
            booked = (fact.trade_id, fact.lots, fact.price, fact.fee, fact.fee_asset)
            _require("fills", told == booked, f"told {told}, booked {booked}")

    def _cancelled(self, fact: CancelRequested) -> None:
        order = self.books.orders[fact.client_id]
        _require("cancel", order.state in ALIVE, f"a cancel of {fact.client_id}, which is {order.state}")
        order.cancel_wanted = True

    def _retired(self, fact: OrdersRetired) -> None:
        for client_id in fact.client_ids:
            _require("retire", not self.books.orders[client_id].is_unsettled, f"{client_id} was forgotten alive")
            self.books.retire(client_id)

    @property
    def _rules(self) -> BotSettings:
        if self.settings is None:
            raise Breach("start", "something was decided before any settings")
        return self.settings


def _require(rule: str, holds: bool, what: str) -> None:
    if not holds:
        raise Breach(rule, what)
