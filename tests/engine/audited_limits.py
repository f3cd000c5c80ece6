"""The auditor's own limits of one order, from the table of the design: what may be planned, in the worst case."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    Control,
    Effect,
    GuardrailSettings,
    Listing,
    OrderKind,
    OrderPlanned,
    OrderState,
    Side,
    Source,
)
from tests.engine.audited_books import ALIVE, AuditedBooks, Watched
from tests.engine.audited_holds import AuditedHolds
from tests.engine.audited_losses import AuditedLosses
from tests.engine.audited_market import Market, whole
from tests.engine.audited_stops import is_stop, is_trade
from tests.engine.breach import require

SLACK = 1e-9
EVERY_RULE = (1 << 22) - 1
GRANT_BIT = 1 << 22


@dataclass(frozen=True)
class View:
    """All that a limit may look at."""

    market: Market
    books: AuditedBooks
    losses: AuditedLosses
    holds: AuditedHolds
    listings: Mapping[tuple[str, str], Listing]
    trades: Mapping[str, tuple[str, ...]]
    rejected: Mapping[tuple[str, str], int]
    executions: int
    unread: frozenset[str]
    steady_at_ns: int

    @property
    def limits(self) -> GuardrailSettings:
        """The thresholds that bind now."""
        return self.market.rules.guardrails


def check_order(view: View, fact: OrderPlanned) -> None:
    """
    Hold one planned order against every limit.

    Raises:
        Breach: With the name of the first rule that it breaks.
    """
    listing = view.listings[fact.venue, fact.instrument]
    mask = EVERY_RULE | (GRANT_BIT if view.limits.fleet_grant else 0)
    told, bare = fact.verdicts, fact.effect is Effect.OPEN
    require("verdicts", told.failed == 0, "an order was planned though a guardrail refused it")
    require("verdicts", told.evaluated | told.exempt == mask, "a guardrail was not asked")
    require("verdicts", len(told.values) == len(told.limits) == told.evaluated.bit_count(), "a number is missing")
    require("verdicts", not (bare and told.exempt), "an opening order was exempted")
    require("G3", listing.tradable, f"{fact.instrument} is not traded on {fact.venue}")
    bound = fact.effect is Effect.OPEN or view.limits.strict_exits
    if bound:
        _check_pair(view, fact)
        _check_losses(view, fact)
        _check_asset(view, fact, listing)
        _check_breakers(view, fact)
    _check_rate(view, fact)
    if not is_stop(fact):  # it is judged at its trigger, covers whatever is held, and is no trade before it awakes
        if bound:
            _check_pace(view, fact)
            _check_working(view, fact)
        _check_price_of(view, fact)
        _check_quantity(view, fact)
        _check_alike(view, fact)
        _check_crossing(view, fact)
    if bound:
        _check_account(view, fact)
        _check_grant(view, fact)


def worth_of(fact: OrderPlanned) -> float:
    """What an order is worth in base currency at the price it was judged at."""
    return float(Fraction(fact.lot) * fact.qty_lots) * fact.reference_price * fact.rate


def equity_at(view: View, fact: OrderPlanned) -> float:
    """The equity that limits go by: that of the last minute's mark."""
    losses = view.losses
    known = losses.equity is not None and fact.at_ns - losses.minute_ns < 2 * view.market.rules.mark_every_ns
    require("G4", known, "opened without a fresh mark")
    return losses.equity or 0.0


def value_max(view: View, equity: float) -> float:
    """What one order may be worth."""
    return min(view.limits.order_value_max_quote, view.limits.order_value_max_share * equity)


def _check_pair(view: View, fact: OrderPlanned) -> None:
    rules, pair = view.market.rules, view.listings[fact.venue, fact.instrument].pair_id
    listed = pair in rules.pairs and (rules.approved is None or pair in rules.approved)
    require("G3", listed, f"{pair} is not on the list")
    require("G2", view.holds.control is Control.RUNNING, f"opened while {view.holds.control}")


def _check_losses(view: View, fact: OrderPlanned) -> None:
    limits, losses, risk = view.limits, view.losses, view.market.rules.risk
    equity, worth = equity_at(view, fact), worth_of(fact)
    require("G4", 0 < worth <= value_max(view, equity) * (1 + 2 * SLACK), f"worth {worth} of {value_max(view, equity)}")
    require("G5", losses.daily_loss() < limits.daily_loss_max, f"lost {losses.daily_loss()} today")
    require("G6", losses.fall(limits.drawdown_window_days)[0] < limits.drawdown_max, "opened below the drawdown limit")
    ever = risk.drawdown_max is None or losses.fall_ever() < risk.drawdown_max
    require("G6", ever, "opened below risk.drawdown_max")


def _check_asset(view: View, fact: OrderPlanned, listing: Listing) -> None:
    limits, rules = view.limits, view.market.rules
    off_peg = listing.quote in limits.stablecoins and fact.rate != 1.0
    require("G7", not off_peg, f"bought with {listing.quote}, which is worth {fact.rate}")
    own = view.market.rate(listing.base) if listing.base in limits.stablecoins else None
    if own == 1.0:
        return
    held = sum(
        float(amount) for place, amount in view.books.holdings().items() if view.listings[place].base == listing.base
    )
    side = fact.side if fact.effect is Effect.OPEN else Side.BUY if fact.side is Side.SELL else Side.SELL
    coming = [o for o in view.books.orders.values() if o.plan.side is side and o.listing.base == listing.base]
    qty = held * side.sign + sum(float(o.open_lots * Fraction(o.plan.lot)) for o in coming)
    qty = abs(qty + float(fact.qty_lots * Fraction(fact.lot)) * (1 if fact.effect is Effect.OPEN else -1))
    share_max = min(limits.concentration_max, rules.risk.position_max or math.inf)
    share = qty * fact.reference_price * fact.rate / equity_at(view, fact)
    require("G7", share <= share_max + 2 * SLACK, f"{share:.4f} of equity in {listing.base}")


def _check_pace(view: View, fact: OrderPlanned) -> None:
    limits, pair = view.limits, view.listings[fact.venue, fact.instrument].pair_id
    within = 1
    for intent_id, client_ids in view.trades.items():
        orders = [(view.books.orders | view.books.retired)[client_id] for client_id in client_ids]
        own = intent_id in (fact.intent_id, fact.flips) or bool(orders[0].plan.flips)
        if own or all(order.gave_back and not order.parts for order in orders):
            continue
        if not is_trade(orders[0]):
            continue
        since_ns = fact.at_ns - orders[0].counted_at_ns
        within += since_ns < limits.trades_window_min * MINUTE_NS
        same = orders[0].listing.pair_id == pair
        cold = since_ns >= limits.cooldown_s * SECOND_NS - 2
        require("G8", cold or not same, f"{since_ns / SECOND_NS} s after the trade of {intent_id}")
    require("G9", within <= limits.trades_max, f"{within} trades in {limits.trades_window_min} minutes")


def _check_breakers(view: View, fact: OrderPlanned) -> None:
    limits = view.limits
    place = (fact.venue, fact.instrument)
    require("E9", view.rejected.get(place, 0) < limits.rejects_max, f"opened after {view.rejected.get(place)} rejects")
    counted = limits.executions_max is None or view.executions < limits.executions_max
    require("E9", counted, f"execution {view.executions + 1} without a person")


def _check_rate(view: View, fact: OrderPlanned) -> None:
    price, listing = fact.reference_price, view.listings[fact.venue, fact.instrument]
    require("E1", 0 < price < math.inf and 0 < fact.rate < math.inf, f"judged at {price} x {fact.rate}")
    own = view.market.rate(listing.quote)
    if own is None and fact.effect is not Effect.OPEN:  # an exit goes by the last worth that was known
        own = view.market.remembered.get(listing.quote, 1.0)
    require("rates", own is not None and abs(own - fact.rate) <= SLACK * fact.rate, f"rate {fact.rate}, not {own}")


def _check_price_of(view: View, fact: OrderPlanned) -> None:
    limits, listing = view.limits, view.listings[fact.venue, fact.instrument]
    price, opening = fact.reference_price, fact.effect is Effect.OPEN
    if opening:
        _check_market(view, fact)
    reference = view.market.reference(listing.pair_id, dict(view.listings), opening=opening)
    away = abs(price * fact.rate / reference - 1.0)
    collar = limits.collar_max if opening or limits.strict_exits else limits.collar_exit_max
    require("E1", away <= collar + 2 * SLACK, f"{price} is {away:.4f} off {reference}")
    quote = view.market.book(fact.venue, fact.instrument)
    levels = () if quote is None else quote.asks if fact.side is Side.BUY else quote.bids
    if fact.order_kind is OrderKind.MARKET and levels and 0 < levels[0][0] < math.inf:
        walk = abs(price / levels[0][0] - 1.0)
        walk_max = limits.book_walk_max if opening or limits.strict_exits else limits.collar_exit_max
        require("E1", walk <= walk_max + 2 * SLACK, f"walks {walk:.4f} into the book")


def _check_market(view: View, fact: OrderPlanned) -> None:
    quote = view.market.book(fact.venue, fact.instrument)
    known = quote is not None and view.market.young(quote, view.market.price_age_s)
    require("E2", known, f"no fresh price of {fact.instrument} on {fact.venue}")
    require("E2", quote is not None and whole(quote), f"the book of {fact.instrument} on {fact.venue} is none")


def _check_quantity(view: View, fact: OrderPlanned) -> None:
    """E3 binds exits as well; where equity is not known its limit cannot be told, and exits pass."""
    limits, pair = view.limits, view.listings[fact.venue, fact.instrument].pair_id
    losses = view.losses
    known = losses.equity is not None and fact.at_ns - losses.minute_ns < 2 * view.market.rules.mark_every_ns
    qty_max = limits.qty_max.get(pair, math.inf)
    if pair not in limits.qty_max and known:
        reference = view.market.reference(pair, dict(view.listings), opening=fact.effect is Effect.OPEN)
        qty_max = limits.qty_value_multiple * value_max(view, losses.equity or 0.0) / reference
    qty = float(fact.qty_lots * Fraction(fact.lot))
    require("E3", qty <= qty_max * (1 + 2 * SLACK), f"{qty} units of {qty_max}")


def _alive(view: View) -> list[Watched]:
    return [order for order in view.books.orders.values() if order.state in ALIVE]


def _waiting(view: View) -> list[Watched]:
    """Orders that wait to be executed; a stop order rests, and counts to nothing."""
    return [order for order in _alive(view) if not is_stop(order.plan)]


def _check_working(view: View, fact: OrderPlanned) -> None:
    limits, pair = view.limits, view.listings[fact.venue, fact.instrument].pair_id
    alive = _waiting(view)
    of_pair = [order for order in alive if order.listing.pair_id == pair]
    require("E4", len(alive) + 1 <= limits.open_orders_max, f"{len(alive) + 1} open orders")
    require("E4", len(of_pair) + 1 <= limits.open_orders_pair_max, f"{len(of_pair) + 1} open orders of {pair}")
    waits = worth_of(fact)
    for order in alive:
        left = float(order.open_lots * Fraction(order.plan.lot))
        waits += left * order.plan.reference_price * order.plan.rate
    share = waits / equity_at(view, fact)
    require("E5", share <= limits.unexecuted_max + 2 * SLACK, f"{share:.4f} of equity waits")


def _check_alike(view: View, fact: OrderPlanned) -> None:
    since_ns = fact.at_ns - int(view.limits.duplicate_window_s * SECOND_NS)
    pair = view.listings[fact.venue, fact.instrument].pair_id
    for order in view.books.orders.values():
        plan = order.plan
        if is_stop(plan):
            continue
        recent = plan.at_ns > since_ns and plan.intent_id not in (fact.intent_id, fact.flips)
        same = (order.listing.pair_id, plan.side, plan.source) == (pair, fact.side, fact.source)
        if recent and same and plan.qty_lots * plan.lot == fact.qty_lots * fact.lot:
            require("E6", _limit_of(plan) != _limit_of(fact), f"as order {plan.client_id} a moment ago")


def _limit_of(fact: OrderPlanned) -> Fraction | None:
    return None if fact.limit_ticks is None else fact.limit_ticks * Fraction(fact.tick)


def _check_crossing(view: View, fact: OrderPlanned) -> None:
    price = float(_limit_of(fact) or fact.reference_price)
    for order in _alive(view):
        plan, resting = order.plan, _limit_of(order.plan)
        if resting is None or plan.side is fact.side or (plan.venue, plan.instrument) != (fact.venue, fact.instrument):
            continue
        crosses = price >= float(resting) if fact.side is Side.BUY else price <= float(resting)
        require("E10", not crosses, f"meets our own order {plan.client_id}")


def _check_account(view: View, fact: OrderPlanned) -> None:
    limits, market = view.limits, view.market
    pair = view.listings[fact.venue, fact.instrument].pair_id
    require("E7", fact.venue not in view.unread, f"{fact.venue} was not read in this session")
    lost = [o for o in _alive(view) if o.state is OrderState.UNKNOWN and o.plan.venue == fact.venue]
    require("E7", all(o.listing.pair_id != pair for o in lost), f"an order of {pair} on {fact.venue} is unknown")
    skews = {skew.venue: abs(skew.ms) for skew in market.shown.skews}
    compared = skews.get(fact.venue, math.nan) <= limits.clock_skew_max_ms
    require("E8", compared, f"the clock of {fact.venue} is off by {skews.get(fact.venue)} ms")
    require("E8", fact.at_ns >= view.steady_at_ns, "opened before the clock was steady")
    if not view.listings[fact.venue, fact.instrument].is_perpetual:
        return
    read = [one for one in market.shown.margins if (one.venue, one.instrument) == (fact.venue, fact.instrument)]
    require("E11", bool(read), "leverage was not read back")
    risk = market.rules.risk
    if fact.effect is not Effect.OPEN:
        return
    require("E11", 0 < read[0].leverage <= min(limits.leverage_max, risk.leverage_max), f"leverage {read[0].leverage}")
    require("E11", read[0].mode == limits.margin_mode, f"margin is {read[0].mode}")
    stops = [stop for stop in (risk.stop_loss, risk.trailing_stop) if stop is not None]
    if limits.liquidation_multiple_min == 0 and not stops:
        return
    told = read[0].maintenance
    liquidated_at = _liquidated_at(view, fact, told) if 0 < told < 1 else math.nan
    away = (fact.reference_price - liquidated_at) * fact.side.sign / fact.reference_price
    needed = min(stops, default=math.inf) * limits.liquidation_multiple_min * (1 - SLACK)
    require("E12", liquidated_at == 0 or away >= needed, f"liquidated at {liquidated_at}")


def _liquidated_at(view: View, fact: OrderPlanned, maintenance: float) -> float:
    """Where a position goes by force once the order is in it: its margin and its loss are then its maintenance."""
    place, sign = (fact.venue, fact.instrument), fact.side.sign
    held = max(view.books.quantity(*place) * sign, Fraction(0))
    cost = abs(view.books.margined.cost(place)) if held else Fraction(0)
    margin = view.books.margined.margins.get(place, Fraction(0)) if held else Fraction(0)
    qty = fact.qty_lots * Fraction(fact.lot)
    notional = qty * Fraction(fact.reference_price)
    cost, margin, qty = cost + notional, margin + notional / max(fact.leverage, 1), held + qty
    # margin + sign * (qty * price - cost) = maintenance * qty * price, solved for the price
    price = (sign * cost - margin) / (qty * (sign - Fraction(maintenance)))
    return max(float(price), 0.0)


def _check_grant(view: View, fact: OrderPlanned) -> None:
    if not view.limits.fleet_grant:
        return
    grant = view.market.shown.grant
    require("E13", grant is not None, "no grant of the fleet")
    if grant is not None:
        age_s = (fact.at_ns - grant.at_ns) / SECOND_NS
        require("E13", abs(age_s) <= view.limits.grant_valid_s, f"a grant {age_s} s old")
        require("E13", worth_of(fact) <= grant.exposure_max * (1 + SLACK), "more than was granted")


def is_own(source: Source) -> bool:
    """Whether no person asked for an order."""
    return source in (Source.STRATEGY, Source.MODEL, Source.PROTECTION)
