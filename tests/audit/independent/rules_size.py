"""G4, G7, G10, E3, E5: how large an order may be, and what it may leave behind in the worst case."""

from __future__ import annotations

import math
from decimal import Decimal

from tests.audit.independent.books import ZERO, times
from tests.audit.independent.opinion import Opinion, answer, any_of, beyond, under
from tests.audit.independent.world import Case, World

TICKS_OF_ROUNDING = 2


def g4_order_value(case: Case, world: World) -> Opinion:
    """G4: order value ≤ min(500 USD, 2 % of equity)."""
    limit = world.order_value_max(case.at_ns)
    refuses = any_of(beyond(case.worth, limit), not case.worth > 0.0)
    return answer(refuses, case.worth, limit)


def g7_concentration(case: Case, world: World) -> Opinion:
    """G7: asset share after the trade ≤ 25 % (stablecoins apart); off its peg, opening in a stablecoin is refused."""
    limits, asset = world.limits, case.listing.base
    limit = min(limits.concentration_max, world.bot.risk.position_max or math.inf)
    equity = world.equity(case.at_ns)
    off_peg = world.view.is_off_peg(case.listing.quote)
    if asset in limits.stablecoins and not world.view.is_off_peg(asset):
        return Opinion(off_peg or math.isnan(equity), ((0.0, limit),), known=not math.isnan(equity))
    if not equity > 0.0:
        return Opinion(refuses=True, compared=(), known=False)
    before = _owned(asset, world, case.sign)
    after = before if case.is_exit else before + case.qty
    shares = [qty * case.price * case.rate / equity for qty in (after, before - case.qty)]
    compared = tuple((abs(share), limit) for share in (shares if case.is_exit else shares[:1]))
    known = not math.isnan(compared[0][0])
    return Opinion(any_of(off_peg, beyond(compared[-1][0], limit)), compared, known=known)


def _owned(asset: str, world: World, sign: int) -> float:
    """How much of an asset there would be over all venues, or be short, if all that adds to it filled."""
    books, side = world.books, "buy" if sign > 0 else "sell"
    held = sign * sum(float(one.qty) for place, one in books.held.items() if books.listings[place].base == asset)
    cash = sum(float(amount) for (_, name), amount in books.cash.items() if name == asset)
    coming = sum(
        order.qty_to_come for order in books.living.values() if order.plan.side == side and order.listing.base == asset
    )
    return held + cash + coming


def g10_balance(case: Case, world: World) -> Opinion:
    """G10: free balance incl. fees with 1 % headroom; venue minimum and maximum quantity and notional; bound."""
    listing = case.listing
    least, most = _needs(case, world)
    if case.is_exit:
        over_resting = not case.is_stop and (case.intent.source == "protection" or case.intent.cause == "flatten")
        side = case.intent.side
        free = world.books.sellable(listing.venue, listing.instrument, over_resting=over_resting, side=side)
    else:
        free = world.books.free(listing.venue, listing.quote)
    lacking = beyond(float(least), float(free) * (1.0 + 1e-9))
    if not lacking and least != most and beyond(float(most), float(free)):
        lacking = None  # how the worst price is rounded to ticks is not ours to say
    notional_max = math.inf if listing.notional_max is None else float(listing.notional_max)
    refuses = any_of(
        lacking,
        not listing.lots_min <= case.lots <= listing.lots_max,
        case.lots <= 0,
        not (case.is_exit and listing.is_perpetual)
        and under(case.notional_quote, float(listing.notional_min) * (1.0 - 1e-9)),
        beyond(case.notional_quote, notional_max * (1.0 + 1e-9)),
    )
    tolerance = max(1e-7, float((most - least) / least)) if least > 0 else 1e-7
    return Opinion(refuses, ((float(least), float(free)),), tolerance=tolerance)


def _needs(case: Case, world: World) -> tuple[Decimal, Decimal]:
    """
    The least and the most that an order must set aside.

    A sell: what it sells, and at most the fee in the coin sold besides. A buy: its price, for a market order with
    headroom, and the fee.
    """
    listing, lots = case.listing, Decimal(case.lots)
    if case.is_exit:
        least = times(listing.lot, lots)
        in_coin = listing.fee_asset in ("base", listing.base) and not listing.is_perpetual
        return least, times(least, 1 + max(listing.fee_taker, listing.fee_maker)) if in_coin else least
    headroom = Decimal(1) if case.is_limit else 1 + Decimal(repr(world.limits.headroom_share))
    price = Decimal(repr(case.price if case.limit_price is None else case.limit_price))
    fee = 1 + max(listing.fee_taker, ZERO)
    dearest = 1 + max(listing.fee_taker, listing.fee_maker, ZERO) if case.is_limit else fee
    if listing.is_perpetual:  # its margin instead of its price
        share = Decimal(1) / world.leverage(listing) - 1
        fee, dearest = round(fee + share, 20), round(dearest + share, 20)
    least = times(listing.lot, lots, price, headroom, fee) * (1 - Decimal("1e-9"))
    return least, times(listing.lot, lots, price * headroom + TICKS_OF_ROUNDING * listing.tick, dearest)


def e3_quantity(case: Case, world: World) -> Opinion:
    """E3: maximum quantity per order (per instrument; default 10 × the value limit at reference price); bound."""
    limits = world.limits
    if case.is_stop:  # a position has one stop order, over whatever is held
        held = float(world.books.qty(case.listing.venue, case.listing.instrument))
        return answer(any_of(beyond(case.qty, held * (1.0 + 1e-9)), not case.qty > 0.0), case.qty, held)
    fixed = limits.qty_max.get(case.pair, limits.qty_max.get(case.listing.instrument))
    if fixed is not None:
        return answer(any_of(beyond(case.qty, fixed), not case.qty > 0.0), case.qty, fixed)
    value_max = world.order_value_max(case.at_ns)
    reference = world.reference(case.pair, for_exit=case.is_exit)
    limit = limits.qty_value_multiple * value_max / reference if reference > 0.0 else math.nan
    return answer(beyond(case.qty, limit * (1.0 + 1e-9)), case.qty, limit)


def e5_unexecuted(case: Case, world: World) -> Opinion:
    """E5: unexecuted notional ≤ 10 % of equity."""
    equity, limit = world.equity(case.at_ns), world.limits.unexecuted_max
    own = 0.0 if case.is_stop else case.worth
    shares = [
        (sum(order.worth_to_come for order in alive) + own) / equity if equity > 0.0 else math.nan
        for alive in world.alive(case)
    ]
    known = not math.isnan(shares[-1])
    return Opinion(beyond(shares[-1], limit), tuple((share, limit) for share in shares), known=known)
