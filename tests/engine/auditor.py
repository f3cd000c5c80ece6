"""
A second pair of eyes: it reads inputs and facts alone, and works out for itself whether they may be so.

It shares no rule with the engine, only the words of `domain`: graph, limits, proofs and books are written here anew,
in exact fractions. Where it disagrees it raises `Breach` with the name of the rule.
"""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from quarterdeck.domain import (
    SECOND_NS,
    AccountReconciled,
    AccountReported,
    BalanceDiffered,
    BotSettings,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockHeld,
    Control,
    ControlAsked,
    ControlChanged,
    DayClosed,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    FillReported,
    FlipAwaited,
    FlipEnded,
    FundingBooked,
    FundsBooked,
    Input,
    Intent,
    IntentFormed,
    LiquidationBooked,
    Listing,
    ListingsAdopted,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrderReported,
    OrdersRetired,
    OrderState,
    PositionLiquidated,
    ResolveAsked,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    Side,
    Source,
    WatermarkRaised,
)
from tests.engine.audited_books import ALIVE, AuditedBooks, Watched
from tests.engine.audited_holds import AuditedHolds
from tests.engine.audited_limits import View, check_order, is_own
from tests.engine.audited_losses import AuditedLosses
from tests.engine.audited_market import Market, shown_by
from tests.engine.audited_stops import check_stop, is_stop
from tests.engine.breach import Breach, require

SLACK = Fraction(1, 10**9)
TAKEN_IN = frozenset({Evidence.FILLED, Evidence.CANCELLED, Evidence.EXPIRED})
"""What a venue says only of an order that it took for good; one that is acknowledged may still be rejected."""
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
    S.CANCELLED: frozenset({S.FILLED, S.OPEN, S.PARTIALLY_FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: CAME_BACK,
    S.NOT_PLACED: CAME_BACK,
    S.WITHDRAWN: CAME_BACK,
}
PROOF: dict[OrderState, frozenset[Evidence]] = {
    S.FILLED: frozenset({E.FILL}),
    S.PARTIALLY_FILLED: frozenset({E.FILL, E.ACKNOWLEDGED, E.FILLED}),
    S.CANCELLED: frozenset({E.CANCELLED, E.REJECTED, E.ABSENCE_PROVEN, E.DECLARED_GONE}),
    S.REJECTED: frozenset({E.REJECTED}),
    S.EXPIRED: frozenset({E.EXPIRED}),
    S.NOT_PLACED: frozenset({E.ABSENCE_PROVEN, E.DECLARED_GONE}),
    S.WITHDRAWN: frozenset({E.WITHDRAWN}),
    S.UNKNOWN: frozenset({E.AMBIGUOUS, E.RECOVERED, E.LOST}),
    S.OPEN: frozenset({E.ACKNOWLEDGED, E.FILLED}),
}


class Auditor:
    """Takes every input with its facts, in order; raises `Breach` at the first that breaks a rule."""

    def __init__(self) -> None:
        self.books = AuditedBooks()
        self.holds = AuditedHolds()
        self.losses = AuditedLosses(self.books, self.holds)
        self.settings: BotSettings | None = None
        self.listings: dict[tuple[str, str], Listing] = {}
        self.at_ns = 0
        self.intents: dict[str, Intent] = {}
        self.trades: dict[str, tuple[str, ...]] = {}
        self.booked_trades: set[tuple[str, str]] = set()
        self.kill_raised = False
        self.kill_epoch = 0
        self.steady_at_ns = 0
        self.closed = True
        self.epoch = 0
        self.unread: set[str] = set()
        self.rejected: dict[tuple[str, str], int] = {}
        self.rejected_for: dict[tuple[str, str], str] = {}
        self.executions = 0
        self.flips: dict[str, str] = {}
        self.may_open: set[str] = set()
        self.funding_ids: set[tuple[str, str]] = set()
        self.costs: dict[tuple[str, str], Fraction] = {}
        self.unexplained: set[tuple[str, str]] = set()
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
            AccountReconciled: self._read,
            ListingsAdopted: self._listed,
            FundsBooked: self._funded,
            FundingBooked: self._paid,
            DayClosed: self._day_closed,
            WatermarkRaised: self._raised,
            LiquidationBooked: self._liquidated,
            FlipAwaited: self._flip_awaited,
            FlipEnded: self._flip_ended,
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
        self.holds.settle()
        if isinstance(news, AccountReported) and any(
            isinstance(fact, OrderPlanned | CancelRequested) for fact in facts
        ):
            raise Breach("I22", "a reconciliation asked for something to be sent")
        if self._killed_now:
            stays = self._rules.guardrails.protect_when_halted
            left = [
                client_id
                for client_id, order in self.books.orders.items()
                if order.state in ALIVE and not order.cancel_wanted and not (stays and is_stop(order.plan))
            ]
            require("kill", not left, f"orders {left} are alive after a kill, and no cancel was asked for")

    # --- what the facts say about the frame ---------------------------------------------------------------------------

    def _opened(self, fact: SessionOpened) -> None:
        require("I5", fact.epoch > self.epoch, f"epoch {fact.epoch} after {self.epoch}")
        self.epoch, self.closed = fact.epoch, False
        self.unread = {venue.name for venue in self._rules.venues}

    def _closed(self, _fact: SessionClosed) -> None:
        self.closed = True

    def _adopted(self, fact: SettingsAdopted) -> None:
        if fact.who and self.settings is not None:
            kept = (self.settings.bot, self.settings.capital, self.settings.venues, self.settings.pairs)
            told = (fact.settings.bot, fact.settings.capital, fact.settings.venues, fact.settings.pairs)
            require("settings", kept == told, "what needs a start was changed while the bot runs")
        else:  # what venues list is learned from them, or at a start; a changed threshold says nothing about it
            self.listings |= {(one.venue, one.instrument): one for one in fact.settings.listings}
        self.settings = fact.settings

    def _capital(self, fact: CapitalDeclared) -> None:
        self.losses.declare(fact)
        self.costs |= {(one.venue, one.instrument): Fraction(one.cost) for one in fact.holdings}

    def _marked(self, fact: MarksTaken) -> None:
        self.losses.mark(fact, self._market, self.listings)

    def _held(self, fact: ClockHeld) -> None:
        self.steady_at_ns = fact.steady_at_ns

    def _controlled(self, fact: ControlChanged) -> None:
        self.holds.change(fact, self._news)
        if fact.kill_epoch is not None:
            self.kill_epoch = fact.kill_epoch
        self._killed_now |= fact.kill_raised and not self.kill_raised
        lowered = self.kill_raised and not fact.kill_raised
        resumed = isinstance(self._news, ControlAsked) and self._news.command == "resume"
        require("halt", resumed or not lowered, "the kill switch was lowered by something else than a resume")
        self.kill_raised = fact.kill_raised
        if fact.window_emptied:
            self.losses.forget_window()
        if fact.differences_accepted:
            require("halt", resumed, "differences were accepted though nobody looked")
            self.unexplained.clear()
            self.rejected.clear()
            self.executions = 0
        if fact.rebased:
            self.losses.rebase()

    def _read(self, fact: AccountReconciled) -> None:
        own = isinstance(self._news, AccountReported) and self._news.venue == fact.venue
        require("E7", own, f"{fact.venue} counts as read though nobody read it")
        self.unread.discard(fact.venue)

    def _listed(self, fact: ListingsAdopted) -> None:
        for listing in fact.listings:
            before = self.listings[listing.venue, listing.instrument]
            moved = any(
                order.is_unsettled and order.plan.instrument == listing.instrument
                for order in self.books.orders.values()
                if order.plan.venue == listing.venue
            )
            same = (before.lot, before.tick) == (listing.lot, listing.tick)
            require("listings", same or not moved, f"a new grid of {listing.instrument} while orders are unsettled")
            require("listings", before.pair_id == listing.pair_id, f"{listing.instrument} counts as another pair")
            self.listings[listing.venue, listing.instrument] = listing

    def _funded(self, fact: FundsBooked) -> None:
        require("funds", fact.amount != 0 and bool(fact.who), "funds without an amount, or by nobody")
        self.losses.fund(fact, self._market, self.listings)
        if fact.baseline_after < 0:
            self.books.lacked.add((fact.venue, fact.asset))
        if not fact.unexplained_after:
            self.unexplained.discard((fact.venue, fact.asset))

    def _paid(self, fact: FundingBooked) -> None:
        key = (fact.venue, fact.funding_id)
        require("funding", key not in self.funding_ids, f"funding {fact.funding_id} was booked twice")
        self.funding_ids.add(key)
        self.losses.pay_funding(fact)

    def _liquidated(self, fact: LiquidationBooked) -> None:
        news, key = self._news, (fact.venue, fact.trade_id)
        told = isinstance(news, PositionLiquidated) and (news.venue, news.trade_id, news.price) == (*key, fact.price)
        require("liquidation", told, "a position was closed by force though no venue said so")
        require("I17", key not in self.booked_trades, f"trade {fact.trade_id} was booked twice")
        self.booked_trades.add(key)
        place = (fact.venue, fact.instrument)
        self.books.margined.close_by_force(fact)
        self.books.margined.forgive(place, self.books.spent(*place))
        self.losses.follow_force(fact)
        self.costs[place] = Fraction(fact.cost_after)
        for asset, amount in fact.cash_after.items():
            own = self.books.cash(fact.venue, asset)
            require("conservation", Fraction(amount) == own, f"cash {amount}, the books say {float(own)}")

    def _flip_awaited(self, fact: FlipAwaited) -> None:
        pair = fact.signal.instrument
        require("flip", pair not in self.flips, f"two flips of {pair}")
        closing = self.intents.get(fact.intent_id)
        is_exit = closing is not None and closing.effect is Effect.REDUCE and closing.instrument == pair
        require("flip", is_exit, f"{fact.intent_id} closes nothing of {pair}")
        self.flips[pair] = fact.intent_id

    def _flip_ended(self, fact: FlipEnded) -> None:
        require("flip", self.flips.pop(fact.pair, "") == fact.intent_id, f"a flip of {fact.pair} ended that was none")
        if not fact.reason:
            self.may_open.add(fact.intent_id)

    def _check_flip(self, intent: Intent) -> None:
        """The other side is opened once for each flip, after nothing is left of the first and nothing moves."""
        if not intent.flips:
            return
        require("flip", intent.flips in self.may_open, f"{intent.id} opens though {intent.flips} is not over")
        self.may_open.discard(intent.flips)
        closing = self.intents[intent.flips]
        require("flip", closing.side is intent.side and closing.instrument == intent.instrument, "another pair or side")
        for order in self.books.orders.values():
            if order.listing.pair_id == intent.instrument:
                require("flip", not order.is_unsettled, f"{intent.id} opens while {order.plan.client_id} lives")

    def _day_closed(self, fact: DayClosed) -> None:
        base = self._rules.base_currency
        used = {asset for _, asset in self.books.money()} | {self.listings[p].quote for p in self.books.holdings()}
        self.losses.close_day(fact, used <= {base})

    def _raised(self, fact: WatermarkRaised) -> None:
        self.losses.raise_mark(fact)

    def _differed(self, fact: BalanceDiffered) -> None:
        if not fact.explained:
            self.unexplained.add((fact.venue, fact.asset))
        if fact.baseline < 0:
            self.books.lacked.add((fact.venue, fact.asset))

    def _formed(self, fact: IntentFormed) -> None:
        self._check_flip(fact.intent)
        self.intents[fact.intent.id] = fact.intent

    # --- orders -------------------------------------------------------------------------------------------------------

    def _planned(self, fact: OrderPlanned) -> None:
        listing = self.listings[fact.venue, fact.instrument]
        self._check_origin(fact, listing)
        self._check_levels(fact)
        require("grid", (fact.lot, fact.tick) == (listing.lot, listing.tick), "planned on another grid than listed")
        held = self.books.quantity(fact.venue, fact.instrument)
        spent = self.costs.get((fact.venue, fact.instrument), Fraction(0))
        check_stop(fact, self._rules, self.books, float(spent / held) if held else 0.0)
        check_order(self._view, fact)
        if fact.effect is Effect.OPEN:
            self._check_entry_is_due(fact, listing)
        self._check_balance(fact, listing)
        self.books.orders[fact.client_id] = Watched(fact, listing)
        self.trades[fact.intent_id] = (*self.trades.get(fact.intent_id, ()), fact.client_id)
        self.executions += is_own(fact.source) and not is_stop(fact)

    def _check_origin(self, fact: OrderPlanned, listing: Listing) -> None:
        orders = self.books.orders | self.books.retired
        require("I1", fact.client_id not in orders, f"order {fact.client_id} was planned twice")
        require("I1", CLIENT_ID.fullmatch(fact.client_id) is not None, f"client id {fact.client_id!r}")
        siblings = [orders[client_id].plan for client_id in self.trades.get(fact.intent_id, ())]
        apart = all((o.venue, o.instrument) != (fact.venue, fact.instrument) for o in siblings)
        require("I1", apart, "two orders for one intent in one place")
        require("I1", not (siblings and fact.effect is Effect.OPEN), "two openings for one intent")
        intent = self.intents.get(fact.intent_id)
        require("intent", intent is not None, f"order {fact.client_id} has no earlier intent")
        if intent is not None:
            same = (intent.side, intent.effect, intent.instrument) == (fact.side, fact.effect, listing.pair_id)
            require("intent", same, f"order {fact.client_id} is not what its intent wanted")
        require("I2", not self.closed, "an order was planned after the session closed")
        require("last hop", fact.kill_epoch == self.kill_epoch, "an order under another kill epoch")
        within_ns = self._rules.send_within_ns
        require("last hop", 0 < fact.send_by_ns - fact.at_ns <= within_ns, "an order may be sent for too long")

    def _check_levels(self, fact: OrderPlanned) -> None:
        rules = self._rules.guardrails
        exits = fact.effect is Effect.REDUCE and not rules.strict_exits
        protective = exits and fact.source is Source.PROTECTION and rules.protect_when_halted
        require("G1", protective or not self.kill_raised, "planned while the kill switch is on")
        if exits:
            require("G2", protective or self.holds.control is not Control.HALTED, "an exit while halted")

    def _check_entry_is_due(self, fact: OrderPlanned, listing: Listing) -> None:
        if fact.source not in (Source.STRATEGY, Source.MODEL) or self._rules.sizing.entries_max != 1:
            return
        for order in self.books.orders.values():
            waits = order.is_unsettled and order.listing.pair_id == listing.pair_id
            waits = waits and (not is_stop(order.plan) or order.reported > 0)
            require("entries", not waits, f"entered while order {order.plan.client_id} may still fill")
        for (venue, instrument), other in self.listings.items():
            if other.pair_id == listing.pair_id:
                held = self.books.quantity(venue, instrument)
                held = abs(held) if other.is_perpetual else held
                sellable = held >= Fraction(other.lot) * other.lots_min and self._worth_selling(other, held)
                require("entries", not sellable, f"entered though {venue} holds")

    def _worth_selling(self, listing: Listing, held: Fraction) -> bool:
        """Whether a holding is above the venue's least worth, by far enough not to hang on the price of a moment."""
        price = self._market.valued_by(listing.venue, listing.instrument)
        if price is None:
            price = self.losses.prices.get((listing.venue, listing.instrument), math.inf)
        return float(held) * price > 1.2 * float(listing.notional_min)

    def _check_balance(self, fact: OrderPlanned, listing: Listing) -> None:
        require("G10", listing.lots_min <= fact.qty_lots <= listing.lots_max, f"{fact.qty_lots} lots")
        price = Fraction(fact.reference_price)
        notional = Fraction(listing.lot) * fact.qty_lots * price
        may_be_small = listing.is_perpetual and fact.effect is Effect.REDUCE
        enough = may_be_small or notional >= Fraction(listing.notional_min) * (1 - 2 * SLACK)
        require("G10", enough, "below the venue's minimum")
        within = listing.notional_max is None or notional <= Fraction(listing.notional_max) * (1 + 2 * SLACK)
        require("G10", within, "above the venue's maximum")
        need = Fraction(fact.reserve_per_lot) * fact.qty_lots
        if listing.is_perpetual:
            self._check_margin(fact, listing, notional)
            return
        if fact.side is Side.SELL:
            sold = sum(
                o.open_lots
                for o in self.books.orders.values()
                if (o.plan.venue, o.plan.instrument, o.plan.side) == (fact.venue, fact.instrument, Side.SELL)
            )
            held = self.books.quantity(fact.venue, fact.instrument) - Fraction(listing.lot) * sold
            require("G10", need == Fraction(listing.lot) * fact.qty_lots, "an exit must set aside what it sells")
            require("G10", need <= held * (1 + SLACK), f"sells {float(need)} of {float(held)}")
            return
        headroom = 1 + Fraction(0 if fact.limit_ticks is not None else self._rules.guardrails.headroom_share)
        least = notional * headroom * (1 + Fraction(listing.fee_taker)) * (1 - 2 * SLACK)
        require("G10", need >= least, "the worst case is not set aside")
        free = self.books.cash(fact.venue, listing.quote) - self.books.reserved(fact.venue, listing.quote)
        require("G10", need <= free * (1 + SLACK), f"needs {float(need)} of {float(free)}")

    def _check_margin(self, fact: OrderPlanned, listing: Listing, notional: Fraction) -> None:
        """On a perpetual an exit closes no more than is held, and an entry has its margin and its fee set aside."""
        need, place = Fraction(fact.reserve_per_lot) * fact.qty_lots, (fact.venue, fact.instrument)
        held = self.books.quantity(*place) * (1 if fact.side is Side.SELL else -1)
        if fact.effect is Effect.REDUCE:
            closing = [
                order.open_lots
                for order in self.books.orders.values()
                if (order.plan.venue, order.plan.instrument, order.plan.side) == (*place, fact.side)
            ]
            left = held - Fraction(listing.lot) * sum(closing)
            require("G10", need == 0, "an exit from a perpetual sets nothing aside")
            require("G10", Fraction(listing.lot) * fact.qty_lots <= left, f"closes more than {float(left)}")
            return
        require("short", fact.side is Side.BUY or self._rules.risk.short, "sold short though the bot may not be short")
        require("short", held < Fraction(listing.lot) * listing.lots_min, "opens against what is held the other way")
        require("E11", fact.leverage >= 1, f"leverage {fact.leverage}")
        headroom = 1 + Fraction(0 if fact.limit_ticks is not None else self._rules.guardrails.headroom_share)
        share = Fraction(1, max(fact.leverage, 1)) + Fraction(listing.fee_taker)
        require("G10", need >= notional * headroom * share * (1 - 2 * SLACK), "the worst case is not set aside")
        free = self.books.cash(fact.venue, listing.quote) - self.books.reserved(fact.venue, listing.quote)
        free -= self.books.margined.locked(fact.venue, listing.quote)
        require("G10", need <= free * (1 + SLACK), f"needs {float(need)} of {float(free)}")

    def _moved(self, fact: OrderMoved) -> None:
        order = self.books.orders[fact.client_id]
        self._check_step(order, fact.evidence, fact.state)
        self._count_rejections(order, fact)
        require("reported", fact.reported_lots >= order.reported, f"{fact.client_id}: reported went down")
        if fact.state is not order.state:
            self._check_conclusion(order, fact)
        ends = fact.state in ENDINGS and order.state in ALIVE
        order.state, order.reported = fact.state, fact.reported_lots
        order.cancel_wanted = fact.cancel is not CancelState.NONE
        if ends and not order.parts and not order.reported:
            order.gave_back = True
        require("reserve", Fraction(fact.reserve) == order.reserved, f"{fact.client_id} keeps {fact.reserve}")

    def _count_rejections(self, order: Watched, fact: OrderMoved) -> None:
        place = (order.plan.venue, order.plan.instrument)
        if fact.evidence is E.REJECTED:
            same = self.rejected_for.get(place) == fact.reason
            self.rejected[place] = self.rejected.get(place, 0) + 1 if same else 1
            self.rejected_for[place] = fact.reason
        elif fact.evidence in TAKEN_IN:
            self.rejected.pop(place, None)

    def _check_step(self, order: Watched, evidence: Evidence, after: OrderState) -> None:
        if after is order.state:
            return
        require("graph", after in GRAPH[order.state], f"{order.plan.client_id}: {order.state} → {after}")
        require("I6", evidence in PROOF[after], f"{order.plan.client_id}: {after} on {evidence}")

    def _check_conclusion(self, order: Watched, fact: OrderMoved) -> None:
        """Hold what the engine concluded by itself against what it may conclude that from."""
        name = order.plan.client_id
        if fact.evidence is E.ABSENCE_PROVEN:
            self._check_absence(order)
        elif fact.evidence is E.DECLARED_GONE:
            told = isinstance(self._news, ResolveAsked) and self._news.client_id == name
            require("I6", told and order.state is S.UNKNOWN, f"{name} was declared gone by nobody who may")
        elif fact.evidence is E.LOST:
            self._check_spacing(order, "lost")
            order.absent_at_ns.clear()
        elif order.state is S.CANCELLED:
            require("graph", order.concluded, f"{name} came back though its venue had said that it ended")
        order.concluded = fact.evidence in (E.ABSENCE_PROVEN, E.DECLARED_GONE)

    def _check_spacing(self, order: Watched, what: str) -> None:
        spaced: list[int] = []
        for at_ns in order.absent_at_ns:
            if not spaced or at_ns - spaced[-1] >= SPACING_NS:
                spaced.append(at_ns)
        enough = len(spaced) >= max(3, self._rules.absences_min)
        require("not placed", enough, f"{order.plan.client_id} is called {what} after {len(spaced)} absences")

    def _check_absence(self, order: Watched) -> None:
        self._check_spacing(order, "not placed")
        venue = next(one for one in self._rules.venues if one.name == order.plan.venue)
        require("not placed", venue.proves_absence, f"{order.plan.client_id}: its venue proves no absence")
        require(
            "not placed",
            all(venue != order.plan.venue for venue, _ in self.unexplained),
            "called not placed over an odd balance",
        )
        read_ns = self.weighed_ns.get(order.plan.venue, 0)
        require("not placed", read_ns > self._arrived_by_ns(order), "called not placed before the account was read")

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
        self.losses.follow(fact)
        self.rejected.pop((fact.venue, fact.instrument), None)
        self._check_step(order, E.FILL, fact.state)
        self.books.book(order, fact)
        if is_stop(order.plan) and not order.first_fill_at_ns:
            order.first_fill_at_ns = fact.at_ns
            self.executions += 1
        order.state = fact.state
        require("reported", fact.reported_lots_after >= max(order.reported, order.booked), "reported went down")
        order.reported = fact.reported_lots_after
        self.books.compare(order, fact)
        self.costs[fact.venue, fact.instrument] = Fraction(fact.cost_after)
        require("fills", (order.state is S.FILLED) == (order.booked >= order.plan.qty_lots), f"is {order.state}")
        require("reserve", Fraction(fact.reserve_after) == order.reserved, f"keeps {fact.reserve_after}")

    def _check_trade(self, order: Watched, fact: FillBooked) -> None:
        plan = order.plan
        same = (plan.venue, plan.instrument, plan.side) == (fact.venue, fact.instrument, fact.side)
        require("fills", same, f"a fill of {fact.client_id} is not of its order")
        key = (fact.venue, fact.trade_id)
        require("I17", key not in self.booked_trades, f"trade {fact.trade_id} was booked twice")
        self.booked_trades.add(key)
        if fact.inferred:
            within = 0 < fact.lots <= order.reported - order.booked
            require("fills", within, f"{fact.lots} lots inferred of {order.reported} reported, {order.booked} booked")
            return
        news = self._news
        require("fills", isinstance(news, FillReported), "a trade was booked that nobody reported")
        if isinstance(news, FillReported):
            told = (news.trade_id, news.lots, news.price, news.fee, news.fee_asset)
            booked = (fact.trade_id, fact.lots, fact.price, fact.fee, fact.fee_asset)
            require("fills", told == booked, f"told {told}, booked {booked}")

    def _cancelled(self, fact: CancelRequested) -> None:
        order = self.books.orders[fact.client_id]
        require("cancel", order.state in ALIVE, f"a cancel of {fact.client_id}, which is {order.state}")
        order.cancel_wanted = True

    def _retired(self, fact: OrdersRetired) -> None:
        for client_id in fact.client_ids:
            require("retire", not self.books.orders[client_id].is_unsettled, f"{client_id} was forgotten alive")
            self.books.retire(client_id)

    @property
    def _market(self) -> Market:
        return Market(self.at_ns, shown_by(self._news), self._rules, self.losses.off_peg)

    @property
    def _view(self) -> View:
        return View(
            market=self._market,
            books=self.books,
            losses=self.losses,
            holds=self.holds,
            listings=self.listings,
            trades=self.trades,
            rejected=self.rejected,
            executions=self.executions,
            unread=frozenset(self.unread),
            steady_at_ns=self.steady_at_ns,
        )

    @property
    def _rules(self) -> BotSettings:
        if self.settings is None:
            raise Breach("start", "something was decided before any settings")
        return self.settings
