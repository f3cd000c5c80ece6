"""The best venue for one order: the cheapest after walking the book, paying the fee and changing the money."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from quarterdeck.domain import GRID_SLACK, Quote, VenueQuote
from quarterdeck.fills import effective_price

_TAKES_ALL, _TAKES_SOME, _BELOW_MINIMUM = 0, 1, 2


class Candidate(Struct, frozen=True, gc=False):
    """
    A venue that could take the order, under the instrument that it lists the pair as.

    `spendable` is the most that we can give there: quote units where we open (on a perpetual what our money carries
    with its leverage), base units where we reduce. `rate` turns
    the quote into base currency; `notional_min` is the least that the venue takes, in quote units. A limit order has
    its `limit` (quote per base, 0.0 for a market order) and pays `fee_maker` as long as it does not cross the book.
    `pair` is what the instrument counts as, empty where it is its own.
    """

    quote: Quote
    fee_taker: float
    spendable: float
    rate: float = 1.0
    notional_min: float = 0.0
    fee_maker: float = 0.0
    limit: float = 0.0
    pair: str = ""

    def told(self, effective: float, fee: float, *, has_liquidity: bool) -> VenueQuote:
        """Word what this venue would charge or bring in base currency, out of figures in its own quote."""
        quote, rate = self.quote, self.rate
        instrument = quote.instrument if self.pair else ""
        return VenueQuote(quote.venue, effective * rate, fee * rate, has_liquidity, instrument)


class Route(Struct, frozen=True, gc=False):
    """
    The venue chosen and why: what every candidate would have cost.

    `index` counts the candidates. `price` is the average price of the walk before the fee and `best` that of the best
    level, both in quote per base of the chosen instrument; for a limit order both are its limit. `quotes` are in base
    currency, one for each candidate that had a price, in their order.
    """

    index: int
    venue: str
    instrument: str
    price: float
    best: float
    quotes: tuple[VenueQuote, ...]


class _Offer(Struct, frozen=True, gc=False):
    """What a candidate offers, as it is told; prices in quote per base, `rank` the lower the better."""

    told: VenueQuote
    price: float
    best: float
    rank: int


def best_price(candidates: Sequence[Candidate], notional: float, sign: int = 1) -> Route | None:
    """
    Choose where to open for an amount: buy, or sell short.

    Prices are compared in base currency. A book that does not offer the whole quantity of a market order is dropped. A
    candidate that could take the whole order comes before one where our money covers only a part of it, and that
    before one where it does not even pay the venue's minimum. Ties go to the candidate named first.

    Args:
        candidates: Healthy venues with a fresh, two-sided book and a known rate, in the order the bot names them.
        notional: What the order is to be worth, in base currency. Above zero.
        sign: +1 to buy, -1 to sell.

    Returns:
        The route, or None where no book offers as much.

    Source: specification, A-31.
    """
    quotes: list[VenueQuote] = []
    chosen: tuple[int, _Offer] | None = None
    lowest = (0, 0.0)
    for index, candidate in enumerate(candidates):
        offer = _offer(candidate, notional, sign)
        if offer is None:
            continue
        told = offer.told
        quotes.append(told)
        if not told.has_liquidity:
            continue
        rank = (offer.rank, told.effective_price * sign)
        if chosen is None or rank < lowest:
            chosen, lowest = (index, offer), rank
    if chosen is None:
        return None
    index, offer = chosen
    quote = candidates[index].quote
    return Route(
        index=index,
        venue=quote.venue,
        instrument=quote.instrument,
        price=offer.price,
        best=offer.best,
        quotes=tuple(quotes),
    )


def offered(candidates: Sequence[Candidate], notional: float, sign: int = 1) -> tuple[VenueQuote, ...]:
    """Say what every candidate that has a price would charge for an amount; arguments as for `best_price`."""
    offers = [_offer(candidate, notional, sign) for candidate in candidates]
    return tuple([offer.told for offer in offers if offer is not None])


def _offer(candidate: Candidate, notional: float, sign: int) -> _Offer | None:
    quote, rate, limit = candidate.quote, candidate.rate, candidate.limit
    levels = quote.asks if sign > 0 else quote.bids
    best = levels[0][0] if levels else 0.0
    if not (best > 0.0 and rate > 0.0 and notional > 0.0):
        return None
    if limit > 0.0 and limit * sign < best * sign:
        return _resting(candidate, notional, sign)
    qty = notional / rate / best
    if limit > 0.0:
        levels = tuple([level for level in levels if level[0] * sign <= limit * sign])
    effective, fee, filled = effective_price(levels, qty, candidate.fee_taker, sign)
    if not filled > 0.0:
        return None
    rank = _rank(candidate, effective * qty)
    if limit > 0.0:
        # What crosses the book fills at once, the rest of a limit order waits: nobody has to offer it now.
        return _Offer(candidate.told(effective, fee, has_liquidity=True), limit, limit, rank)
    told = candidate.told(effective, fee, has_liquidity=filled >= qty * (1.0 - GRID_SLACK))
    return _Offer(told, effective / (1.0 + sign * candidate.fee_taker), best, rank)


def _resting(candidate: Candidate, notional: float, sign: int) -> _Offer:
    """Price a limit order that takes nothing out of the book."""
    limit, spent = candidate.limit, notional / candidate.rate
    fee = spent * candidate.fee_maker
    rank = _rank(candidate, spent + max(fee, 0.0))
    told = candidate.told(limit * (1.0 + sign * candidate.fee_maker), fee, has_liquidity=True)
    return _Offer(told, limit, limit, rank)


def _rank(candidate: Candidate, spent: float) -> int:
    if candidate.spendable < candidate.notional_min:
        return _BELOW_MINIMUM
    return _TAKES_ALL if candidate.spendable >= spent else _TAKES_SOME
