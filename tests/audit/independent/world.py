"""Everything a rule may look at, besides the order itself: the state of the bot as the auditor follows it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from statistics import median
from typing import Final

from msgspec import Struct, field

from tests.audit.independent.books import Books, Order
from tests.audit.independent.control import Levels
from tests.audit.independent.days import Day
from tests.audit.independent.figures import Figures
from tests.audit.independent.market import Market, is_price, is_sound, number
from tests.audit.independent.problem import Problem
from tests.audit.independent.records import (
    SECOND_NS,
    FillBooked,
    Intent,
    IntentRefused,
    Limits,
    Listing,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    Quote,
    Settings,
    Verdicts,
)

BOTS_OWN: Final = frozenset({"strategy", "model", "protection"})
RATE_CLOSE: Final = 1e-9
SIGNS_OF_LIFE: Final = frozenset({"filled", "cancelled", "expired"})
HORIZON_NS: Final = 24 * 3600 * SECOND_NS


class Case(Struct, frozen=True):
    """
    One order before the guardrails, planned or refused, with the listing and the quote it was judged on.

    `need` is what it sets aside where it was planned; of a refused one that is not known.
    """

    seq: int
    at_ns: int
    listing: Listing
    pair: str
    intent: Intent
    lots: int
    price: float
    rate: float
    verdicts: Verdicts
    planned: OrderPlanned | None
    quote: Quote | None

    @property
    def qty(self) -> float:
        return self.lots * float(self.listing.lot)

    @property
    def notional_quote(self) -> float:
        return self.qty * self.price

    @property
    def worth(self) -> float:
        """Worth in base currency at the routed price."""
        return self.notional_quote * self.rate

    @property
    def is_exit(self) -> bool:
        return self.intent.effect == "reduce"

    @property
    def counted_as(self) -> str:
        """The intent under which its trade is counted: both halves of a flip are one."""
        return self.intent.flips or self.intent.id

    @property
    def sign(self) -> int:
        """The direction of the position that it opens or reduces: +1 long, -1 short."""
        return 1 if (self.intent.side == "buy") is not self.is_exit else -1

    @property
    def is_limit(self) -> bool:
        return self.intent.order_kind == "limit"

    @property
    def is_stop(self) -> bool:
        return self.intent.order_kind == "stop"

    @property
    def limit_price(self) -> float | None:
        """The limit it carries, on the grid; a market order has none."""
        if not self.is_limit:
            return None
        if self.planned is not None and self.planned.limit_ticks is not None:
            return self.planned.limit_ticks * float(self.listing.tick)
        return self.price

    @property
    def last(self) -> float:
        return number(self.quote.last) if self.quote is not None else math.nan

    @property
    def best(self) -> float:
        """The best level of the side that it would take."""
        levels = () if self.quote is None else self.quote.asks if self.intent.side == "buy" else self.quote.bids
        return number(levels[0][0]) if levels else math.nan


class Counted(Struct):
    """A trade: one for each intent, counted from the plan of its first order."""

    pair: str
    at_ns: int
    orders: list[Order]

    @property
    def counts(self) -> bool:
        """A reject or an unfilled cancel gives it back, once none of its orders traded or still can."""
        return not all(order.ended_unfilled for order in self.orders)


class World(Struct):
    """The auditor's picture of the bot."""

    books: Books = field(default_factory=Books)
    figures: Figures = field(default_factory=Figures)
    levels: Levels = field(default_factory=Levels)
    settings: Settings | None = None
    market: Market | None = None
    intents: dict[str, Intent] = field(default_factory=dict)
    trades: dict[str, Counted] = field(default_factory=dict)
    planned: deque[Order] = field(default_factory=deque)
    reconciling: set[str] = field(default_factory=set)
    steady_at_ns: int = 0
    rejections: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    executions: int = 0
    stopped: bool = False
    fallen: frozenset[str] = frozenset()
    mark_rates: dict[str, float] = field(default_factory=dict)
    day: Day = field(default_factory=Day)
    answered: set[str] = field(default_factory=set)

    @property
    def limits(self) -> Limits:
        return self.bot.guardrails

    @property
    def bot(self) -> Settings:
        if self.settings is None:
            raise LookupError("the journal decides something before it says under which settings")
        return self.settings

    @property
    def view(self) -> Market:
        if self.market is None:
            raise LookupError("a decision before the first row")
        return self.market

    def equity(self, at_ns: int) -> float:
        return self.figures.equity_now(at_ns, self.bot.mark_every_ns)

    def leverage(self, listing: Listing) -> int:
        """What a perpetual is traded with: as its venue reads back, else as the bot was told."""
        reading = self.view.margin(listing.venue, listing.instrument)
        told = math.nan if reading is None else number(reading.leverage)
        return max(int(told if 1.0 <= told < math.inf else self.bot.risk.leverage_max), 1)

    def order_value_max(self, at_ns: int) -> float:
        """min(amount, share of equity); NaN while equity is not known."""
        limits, equity = self.limits, self.equity(at_ns)
        return min(limits.order_value_max_quote, limits.order_value_max_share * equity) if equity > 0 else math.nan

    def reference(self, pair: str, *, for_exit: bool) -> float:
        """
        The live reference of a pair in base currency: the middle of what its venues last traded at; NaN if none.

        To open, only books count that may be opened on; to get out, any price that an exit may be judged on.
        """
        lasts = []
        for (venue, instrument), listing in self.books.listings.items():
            quote = self.view.quote(venue, instrument) if listing.pair_id == pair else None
            rate = self.rate(listing.quote, for_exit=for_exit)
            if quote is not None and not math.isnan(rate) and self._is_live(quote, listing, for_exit=for_exit):
                lasts.append(number(quote.last) * rate)
        return median(lasts) if lasts else math.nan

    def rate(self, asset: str, *, for_exit: bool) -> float:
        """What an asset is worth; nobody is kept in a position as that is not known: the last that was must do then."""
        known = self.view.rate(asset)
        if known is None:
            return self.mark_rates.get(asset, 1.0) if for_exit else math.nan
        return known

    def _is_live(self, quote: Quote, listing: Listing, *, for_exit: bool) -> bool:
        age_s, age_max_s = self.view.age_s(quote), self.bot.price_age_ns_max / SECOND_NS
        if for_exit:
            return is_price(quote.last) and age_s <= max(age_max_s, self.limits.data_age_exit_max_s)
        return is_sound(quote) and listing.tradable and age_s <= age_max_s

    def alive(self, case: Case) -> list[list[Order]]:
        """
        The orders that have not ended, without and with the other children of the same intent; stop orders rest apart.

        Children of one exit are judged together, before any of them is planned.
        """
        living = [order for order in self.books.living.values() if order.is_living and not order.is_stop]
        others = [order for order in living if order.plan.intent_id != case.intent.id]
        return [living] if len(others) == len(living) else [others, living]

    def equity_at_market(self) -> float | None:
        """Value everything at the market of this input; None where something held has no price."""
        total = 0.0
        for (_, asset), amount in self.books.cash.items():
            rate = self.view.rate(asset) if amount else 0.0
            if rate is None:
                return None
            total += float(amount) * rate
        for (venue, instrument), held in self.books.held.items():
            if held.qty:
                price = self.view.mark(venue, instrument)
                rate = self.view.rate(self.books.listings[venue, instrument].quote)
                if price is None or rate is None:
                    return None
                cost = float(held.cost) if self.books.listings[venue, instrument].is_perpetual else 0.0
                total += (float(held.qty) * price - cost) * rate
        return total

    def check_rates(self, seq: int, fact: MarksTaken) -> list[Problem]:
        """Hold the rates that a mark states against our own."""
        stated = {rate.asset: number(rate.rate) for rate in fact.rates}
        money = {asset for (_, asset), amount in self.books.cash.items() if amount}
        problems = []
        for asset in sorted({*stated, *money}):
            ours, theirs = self.view.rate(asset), stated.get(asset, 1.0)
            if ours is not None and not abs(theirs - ours) <= RATE_CLOSE * ours:
                problems.append(Problem(seq, "rate", f"of {asset}", theirs, ours))
        return problems

    def coins_off_peg(self) -> frozenset[str]:
        """The stablecoins that are off their peg now, or were and have not been seen since."""
        dealt = {asset for _, asset in self.books.cash} | {one.quote for one in self.books.listings.values()}
        coins = dealt & set(self.limits.stablecoins)
        rates = {coin: self.view.rate(coin) for coin in coins}
        return frozenset(coin for coin in coins if (coin in self.fallen if rates[coin] is None else rates[coin] != 1.0))

    @property
    def is_at_par(self) -> bool:
        """Tell whether everything that the bot deals in counts one for one."""
        money = {asset for _, asset in self.books.cash} | {one.quote for one in self.books.listings.values()}
        return all(self.view.rate(asset) == 1.0 for asset in money)

    # --- what happens -------------------------------------------------------------------------------------------------

    def take_plan(self, fact: OrderPlanned) -> None:
        """Count a planned order at once, before anything is heard of it."""
        self.books.plan(fact)
        order = self.books.orders[fact.client_id]
        self.planned.append(order)
        if not order.is_stop:
            self._count(order, fact.at_ns)
        self._forget(fact.at_ns)

    def _count(self, order: Order, at_ns: int) -> None:
        trade = self.trades.setdefault(order.plan.flips or order.plan.intent_id, Counted(order.pair, at_ns, []))
        trade.orders.append(order)
        if order.plan.source in BOTS_OWN:
            self.executions += 1

    def _forget(self, at_ns: int) -> None:
        while self.planned and self.planned[0].plan.at_ns < at_ns - HORIZON_NS:
            self.planned.popleft()
        while self.trades and self.trades[first := next(iter(self.trades))].at_ns < at_ns - HORIZON_NS:
            del self.trades[first]

    def counted_since(self, since_ns: int, *, but: str) -> Iterator[Counted]:
        """List the trades that count, the last one first; `but` is the intent that is judged itself."""
        for intent_id, trade in reversed(self.trades.items()):
            if trade.at_ns < since_ns:
                return
            if intent_id != but and trade.counts:
                yield trade

    def planned_since(self, since_ns: int) -> Iterator[Order]:
        """List the orders that were planned since, the last one first."""
        for order in reversed(self.planned):
            if order.plan.at_ns < since_ns:
                return
            yield order

    def take_answer(self, fact: OrderMoved) -> None:
        """Count identical rejections in a row of one instrument on one venue; an order that was taken ends them."""
        order = self.books.orders[fact.client_id]
        place = (order.plan.venue, order.plan.instrument)
        if fact.evidence == "rejected":
            reason, count = self.rejections.get(place, ("", 0))
            self.rejections[place] = (fact.reason, count + 1 if reason == fact.reason else 1)
        elif fact.evidence in SIGNS_OF_LIFE:
            self.rejections.pop(place, None)

    def take_fill(self, fact: FillBooked) -> None:
        """
        A trade that was given back counts again from its first fill on, and so does a stop order that awoke.

        Rejections in a row end with any fill.
        """
        order = self.books.orders[fact.client_id]
        if order.is_stop and not order.booked:
            self._count(order, fact.at_ns)
        self.rejections.pop((fact.venue, fact.instrument), None)
        trade = self.trades.get(order.plan.intent_id)
        if trade is not None and not trade.counts:
            del self.trades[order.plan.intent_id]
            self.trades[order.plan.intent_id] = Counted(trade.pair, fact.at_ns, trade.orders)

    def look(self) -> None:
        """A person has looked: rejections and executions are counted anew."""
        self.rejections.clear()
        self.executions = 0


def cases_of(seq: int, fact: OrderPlanned | IntentRefused, world: World) -> list[Case]:
    """
    Put together what the rules look at.

    A refusal names the pair and the venue; where several instruments there count as that pair, each is a case, and one
    of them must be the one that was refused. None for a refusal that never came before the guardrails.
    """
    if isinstance(fact, OrderPlanned):
        listing = world.books.listings[fact.venue, fact.instrument]
        return [_case(seq, fact, listing, fact.verdicts, world)]
    if fact.verdicts is None or fact.qty is None:
        return []
    listed = [one for (venue, _), one in world.books.listings.items() if venue == fact.venue]
    meant = [one for one in listed if fact.instrument in (one.pair_id, one.instrument)]
    return [_case(seq, fact, listing, fact.verdicts, world) for listing in meant]


def _case(seq: int, fact: OrderPlanned | IntentRefused, listing: Listing, verdicts: Verdicts, world: World) -> Case:
    if isinstance(fact, OrderPlanned):
        lots, price, planned = fact.qty_lots, fact.reference_price, fact
    else:
        lots, price, planned = int(Decimal(fact.qty or 0) / listing.lot), fact.price, None
    intent = world.intents[fact.intent_id]
    rate = world.rate(listing.quote, for_exit=intent.effect == "reduce")
    return Case(
        seq=seq,
        at_ns=fact.at_ns,
        listing=listing,
        pair=listing.pair_id,
        intent=intent,
        lots=lots,
        price=price,
        rate=rate,
        verdicts=verdicts,
        planned=planned,
        quote=world.view.quote(listing.venue, listing.instrument),
    )
