"""
A second judge: every guardrail once more, written anew, asked of every order that was planned and of every one refused.

It looks at an order as the auditor's own books, marks and holds stand before it, and compares rule for rule what it
finds with what the verdicts say. So a rule that is not asked any more shows even where another one refuses as well.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    Control,
    Effect,
    IntentRefused,
    MarginReading,
    OrderPlanned,
    OrderState,
    Side,
    Source,
)
from quarterdeck.guardrails import RULES
from tests.engine.audited_books import Watched
from tests.engine.audited_limits import is_own
from tests.engine.audited_market import whole
from tests.engine.breach import Breach
from tests.simulation.judged import Look, Remembering, is_protective, planned_as, refused_as

NEAR = 1e-6
Answer = bool | None


def compare(look: Look) -> None:
    """
    Hold what the guardrails said of an order against what they should have said.

    Raises:
        Breach: Named after the first rule that answered otherwise.
    """
    told = look.order.verdicts.failed | look.order.verdicts.exempt
    for rule in RULES:
        own = RULE_BY_ID[rule.id](look)
        said = bool(told >> rule.bit & 1)
        if own not in (None, said):  # not `require`: its message would be made for every rule of every order
            raise Breach(rule.id, f"of {look.order.intent_id} it said {said}, and should {own}: {look.order}")


def _above(value: float, limit: float) -> Answer:
    """Whether a number breaks a limit; not a number always does, and so near nobody can tell."""
    if not (math.isfinite(value) and not math.isnan(limit)):
        return True
    if abs(value - limit) <= NEAR * max(abs(value), abs(limit), NEAR):
        return None
    return value > limit


def _either(*answers: Answer) -> Answer:
    """Whether one of several grounds refuses."""
    if True in answers:
        return True
    return None if None in answers else False


def _kill(look: Look) -> Answer:
    return look.audit.kill_raised


def _level(look: Look) -> Answer:
    return look.audit.holds.control is not Control.RUNNING


def _pair(look: Look) -> Answer:
    approved, listing = look.market.rules.approved, look.order.listing
    return not (listing.tradable and (approved is None or listing.pair_id in approved))


def _value(look: Look) -> Answer:
    return _above(look.order.worth, look.value_max)


def _daily(look: Look) -> Answer:
    return _reached(look.audit.losses.daily_loss(), look.limits.daily_loss_max)


def _drawdown(look: Look) -> Answer:
    losses, ever_max = look.audit.losses, look.market.rules.risk.drawdown_max
    fallen = _reached(losses.fall(look.limits.drawdown_window_days)[0], look.limits.drawdown_max)
    return _either(fallen, False if ever_max is None else _reached(losses.fall_ever(), ever_max))


def _reached(value: float, limit: float) -> Answer:
    if abs(value - limit) <= NEAR * NEAR:
        return None
    return not value < limit


def _concentration(look: Look) -> Answer:
    order, listing, coins = look.order, look.order.listing, look.limits.stablecoins
    if not order.opening:
        return None  # what is sold is never too much of it
    if listing.quote in coins and order.rate != 1.0:
        return True
    if listing.base in coins:
        return None
    books = look.audit.books
    held = sum(amount for place, amount in books.holdings().items() if look.audit.listings[place].base == listing.base)
    coming = [one for one in books.orders.values() if one.plan.side is Side.BUY and one.listing.base == listing.base]
    qty = held + sum((one.open_lots * Fraction(one.plan.lot) for one in coming), Fraction(0)) + order.qty
    share_max = min(look.limits.concentration_max, look.market.rules.risk.position_max or math.inf)
    return _above(abs(float(qty)) * order.price * order.rate / look.equity, share_max)


def _counted(look: Look, since_ns: int) -> Iterator[tuple[int, str]]:
    """List when trades of other intents were made since an instant, and of which pair, the latest first."""
    books = look.audit.books
    for intent_id, client_ids in reversed(look.audit.trades.items()):
        orders = [books.orders.get(one) or books.retired[one] for one in client_ids]
        first = orders[0].plan
        if first.at_ns < since_ns:
            return
        is_back = all(order.gave_back and not order.parts for order in orders)
        if intent_id != look.order.intent_id and not is_back and not is_protective(first):
            yield first.at_ns, orders[0].listing.pair_id


def _awoken(look: Look, since_ns: int) -> list[tuple[int, str]]:
    """List when stops began to trade since an instant, and of which pair."""
    return [(at_ns, pair) for at_ns, pair in look.audit.awoken.values() if at_ns >= since_ns]


def _cooldown(look: Look) -> Answer:
    cooldown_ns = int(look.limits.cooldown_s * SECOND_NS)
    pair, now_ns = look.order.listing.pair_id, look.order.at_ns
    since_ns = now_ns - cooldown_ns - 2
    found = [*_counted(look, since_ns), *_awoken(look, since_ns)]
    trades = [at_ns for at_ns, other in found if other == pair]
    if not trades or cooldown_ns == 0 or look.order.protective:
        return False
    since_ns = now_ns - max(trades)
    return None if abs(since_ns - cooldown_ns) <= 2 else since_ns < cooldown_ns


def _rate(look: Look) -> Answer:
    window_ns = look.limits.trades_window_min * MINUTE_NS
    since_ns = look.order.at_ns - window_ns
    found = [*_counted(look, since_ns), *_awoken(look, since_ns)]
    within = sum(look.order.at_ns - at_ns < window_ns for at_ns, _ in found)
    return within + (not look.order.protective) > look.limits.trades_max


def _balance(look: Look) -> Answer:
    order, listing = look.order, look.order.listing
    lots = order.qty / Fraction(listing.lot)
    in_quote = float(order.qty) * order.price
    least = _above(float(listing.notional_min), in_quote)
    most = False if listing.notional_max is None else _above(in_quote, float(listing.notional_max))
    return _either(not listing.lots_min <= lots <= listing.lots_max, least, most, _uncovered(look, in_quote))


def _uncovered(look: Look, in_quote: float) -> Answer:
    order, listing, books = look.order, look.order.listing, look.audit.books
    place = (listing.venue, listing.instrument)
    if order.side is Side.SELL:
        of_place = (o for o in books.orders.values() if (o.plan.venue, o.plan.instrument) == place)
        over = not order.protective and _goes_over_resting(look)
        sold = sum(_leaving(one, over_resting=over) for one in of_place if one.plan.side is Side.SELL)
        return order.qty > books.quantity(*place) - Fraction(listing.lot) * sold
    headroom = 1.0 if order.limit is not None else 1.0 + look.limits.headroom_share
    free = float(books.cash(listing.venue, listing.quote) - books.reserved(listing.venue, listing.quote))
    need = in_quote * headroom * (1.0 + float(listing.fee_taker))
    one_tick = float(order.qty) * float(listing.tick) * 2.0  # the worst price is a whole tick
    return None if need <= free <= need + one_tick else _above(need, free)


def _goes_over_resting(look: Look) -> bool:
    """Whether limit orders that rest give way to this exit: to protection they do, and to a flatten."""
    return look.order.source is Source.PROTECTION or look.audit.intents[look.order.intent_id].cause == "flatten"


def _leaving(one: Watched, *, over_resting: bool) -> int:
    """Lots that an order may still sell; a stop gives way to every other exit, but for what it sold already."""
    gives_way = is_protective(one.plan) or (over_resting and one.plan.limit_ticks is not None)
    return max(one.reported - one.booked, 0) if gives_way else one.open_lots


def _collar(look: Look) -> Answer:
    order, limits, quote = look.order, look.limits, look.quote
    if order.protective:
        return None  # a stop is judged at its own trigger
    away = _above(abs(order.price * order.rate / look.reference - 1.0), _wider(look, limits.collar_max))
    if order.limit is not None or quote is None:
        return away
    levels = quote.asks if order.side is Side.BUY else quote.bids
    best = levels[0][0] if levels else quote.last
    walk = abs(order.price / best - 1.0) if best > 0.0 else 0.0
    return _either(away, _above(walk, _wider(look, limits.book_walk_max)))


def _wider(look: Look, limit: float) -> float:
    return limit if look.strict else look.limits.collar_exit_max


def _data(look: Look) -> Answer:
    quote = look.quote
    if quote is None:
        return None
    age_max_s = look.market.price_age_s
    if not look.strict:
        age_max_s = max(age_max_s, look.limits.data_age_exit_max_s)
    old = _above(abs(look.order.at_ns - quote.at_ns) / SECOND_NS, age_max_s)
    return _either(old, look.strict and not whole(quote))


def _quantity(look: Look) -> Answer:
    limits, pair = look.limits, look.order.listing.pair_id
    if look.order.protective:
        return None  # it covers all that is held, for a position has but one
    own_max = limits.qty_max.get(pair)
    qty_max = limits.qty_value_multiple * look.value_max / look.reference if own_max is None else own_max
    return _above(float(look.order.qty), qty_max)


def _working(look: Look) -> Answer:
    alive, own = list(look.alive()), 0 if look.order.protective else 1
    of_pair = sum(one.listing.pair_id == look.order.listing.pair_id for one in alive)
    return len(alive) + own > look.limits.open_orders_max or of_pair + own > look.limits.open_orders_pair_max


def _waiting(look: Look) -> Answer:
    waits = 0.0 if look.order.protective else look.order.worth
    for one in look.alive():
        waits += float(one.open_lots * Fraction(one.plan.lot)) * one.plan.reference_price * one.plan.rate
    return _above(waits / look.equity, look.limits.unexecuted_max)


def _alike(look: Look) -> Answer:
    order = look.order
    since_ns = order.at_ns - int(look.limits.duplicate_window_s * SECOND_NS)
    for one in reversed(look.audit.books.orders.values()):
        plan = one.plan
        if plan.at_ns <= since_ns:
            return False
        same = (one.listing.pair_id, plan.side, plan.source) == (order.listing.pair_id, order.side, order.source)
        lots_alike = plan.qty_lots * Fraction(plan.lot) == order.qty
        apart = is_protective(plan) or order.protective
        if (
            same
            and lots_alike
            and not apart
            and plan.intent_id != order.intent_id
            and _same_limit(_limit_of(one), order.limit)
        ):
            return True
    return False


def _limit_of(one: Watched) -> float | None:
    return None if one.plan.limit_ticks is None else float(one.plan.limit_ticks * Fraction(one.plan.tick))


def _same_limit(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= NEAR * NEAR * one


def _unresolved(look: Look) -> Answer:
    listing = look.order.listing
    lost = [one for one in look.audit.books.orders.values() if one.state is OrderState.UNKNOWN]
    same = any((one.plan.venue, one.listing.pair_id) == (listing.venue, listing.pair_id) for one in lost)
    return same or listing.venue in look.audit.unread


def _clock(look: Look) -> Answer:
    skews = [abs(skew.ms) for skew in look.market.shown.skews if skew.venue == look.order.listing.venue]
    off = _above(skews[0], look.limits.clock_skew_max_ms) if skews else True
    return _either(off, look.order.at_ns < look.audit.steady_at_ns)


def _breaker(look: Look) -> Answer:
    place, most = (look.order.listing.venue, look.order.listing.instrument), look.limits.executions_max
    rejected = look.audit.rejected.get(place, 0) >= look.limits.rejects_max
    # All children of an intent are judged before the first of them counts as executed.
    siblings = len(look.audit.trades.get(look.order.intent_id, ()))
    executed = look.audit.executions - (siblings if is_own(look.order.source) else 0)
    return rejected or (most is not None and executed >= most)


def _crossing(look: Look) -> Answer:
    order = look.order
    if order.protective:
        return False  # it waits, and meets none
    reach = 0.0 if order.limit is not None else look.limits.headroom_share
    sign = 1.0 if order.side is Side.BUY else -1.0
    other = Side.SELL if order.side is Side.BUY else Side.BUY
    place = (order.listing.venue, order.listing.instrument, other)
    answers: list[Answer] = []
    for one in look.alive():
        resting = _limit_of(one)
        if resting is not None and (one.plan.venue, one.plan.instrument, one.plan.side) == place:
            gap = (resting - order.price * (1.0 + sign * reach)) * sign
            answers.append(None if abs(gap) <= NEAR * resting else gap < 0.0)
    return _either(*answers)


def _reading(look: Look) -> MarginReading | None:
    place = (look.order.listing.venue, look.order.listing.instrument)
    return next((one for one in look.market.shown.margins if (one.venue, one.instrument) == place), None)


def _leverage(look: Look) -> Answer:
    if not look.order.listing.is_perpetual:
        return False
    read = _reading(look)
    if read is None:
        return True
    wanted = look.market.rules.risk.leverage_max
    other = _either(_above(read.leverage, wanted), read.mode != look.limits.margin_mode)
    return _either(_above(read.leverage, look.limits.leverage_max), other)


def _liquidation(look: Look) -> Answer:
    """No venue of these worlds says at which share of its worth it liquidates: nobody can tell how far that is."""
    if not (look.order.listing.is_perpetual and look.order.opening):
        return False
    read = _reading(look)
    if read is None or not read.maintenance > 0.0:
        return look.limits.liquidation_multiple_min > 0.0
    return None


def _grant(look: Look) -> Answer:
    if not look.limits.fleet_grant:
        return None
    grant = look.market.shown.grant
    if grant is None:
        return True
    exposure = look.order.worth if look.order.opening else 0.0
    for place, cost in look.audit.costs.items():
        exposure += abs(float(cost)) * look.audit.losses.off_peg.get(look.audit.listings[place].quote, 1.0)
    for one in look.audit.books.orders.values():
        if one.plan.effect is Effect.OPEN:
            exposure += float(one.open_lots * Fraction(one.plan.lot)) * one.plan.reference_price * one.plan.rate
    old = _above(abs(look.order.at_ns - grant.at_ns) / SECOND_NS, look.limits.grant_valid_s)
    return _either(old, _above(exposure, grant.exposure_max))


RULE_BY_ID: dict[str, Callable[[Look], Answer]] = {
    "G1": _kill,
    "G2": _level,
    "G3": _pair,
    "G4": _value,
    "G5": _daily,
    "G6": _drawdown,
    "G7": _concentration,
    "G8": _cooldown,
    "G9": _rate,
    "G10": _balance,
    "E1": _collar,
    "E2": _data,
    "E3": _quantity,
    "E4": _working,
    "E5": _waiting,
    "E6": _alike,
    "E7": _unresolved,
    "E8": _clock,
    "E9": _breaker,
    "E10": _crossing,
    "E11": _leverage,
    "E12": _liquidation,
    "E13": _grant,
}


class JudgingAuditor(Remembering):
    """The auditor, with the second judge beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers[IntentRefused] = self._refused

    def _planned(self, fact: OrderPlanned) -> None:
        listing = self.listings[fact.venue, fact.instrument]
        compare(Look(planned_as(fact, listing), self._market, self))
        super()._planned(fact)

    def _refused(self, fact: IntentRefused) -> None:
        pair, venue = fact.instrument, fact.venue
        listed = [one for one in self.listings.values() if (one.venue, one.pair_id) == (venue, pair)]
        if len(listed) != 1:
            return
        market, intent = self._market, self.intents[fact.intent_id]
        rate = market.rate(listed[0].quote)
        if rate is None:
            rate = market.remembered.get(listed[0].quote, 1.0)
        judged = refused_as(fact, intent, listed[0], rate)
        if judged is not None:
            compare(Look(judged, market, self))
