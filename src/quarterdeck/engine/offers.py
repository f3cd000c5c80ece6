"""The books on which a pair could be traded at this instant, and the price that they agree on."""

from __future__ import annotations

from msgspec import Struct

from quarterdeck.domain import SECOND_NS, BotSettings, Quote
from quarterdeck.engine.moment import INF, NAN, Moment, is_sound, price_age_ns_max, rate_of
from quarterdeck.engine.state import Grid, State


class Offer(Struct, frozen=True, gc=False):
    """
    A listing on which a pair could be traded, and its latest book.

    `is_sound`: the book has two sides that do not cross; `is_live`: it is fresh, too, and the venue trades it;
    `is_openable`: and it is not paid in a coin off its peg.
    """

    grid: Grid
    quote: Quote
    rate: float
    is_sound: bool
    is_live: bool
    is_openable: bool


def offers_of(state: State, now: Moment, settings: BotSettings, pair: str) -> list[Offer]:
    """List every book of a pair that has a price, its venue answering and its money known."""
    age_ns_max = price_age_ns_max(settings)
    offers: list[Offer] = []
    for venue, instrument in state.listed.get(pair, ()):
        grid = state.grids[venue][instrument]
        listing, quote = grid.listing, now.quote(venue, instrument)
        rate = 1.0 if grid.in_base_currency else rate_of(state, now, listing.quote)
        if quote is None or rate is None:
            continue
        sound = is_sound(quote)
        if sound or 0.0 < quote.last < INF:
            live = sound and listing.tradable and abs(now.at_ns - quote.at_ns) <= age_ns_max
            at_peg = rate == 1.0 or listing.quote not in settings.guardrails.stablecoins
            offers.append(Offer(grid, quote, rate, sound, live, live and at_peg))
    return offers


def exits_of(state: State, now: Moment, settings: BotSettings, pair: str) -> list[Offer]:
    """
    List the books that may be sold into: any with a price of the last minutes.

    An exit does not wait for somebody to say what the money is worth: the last that was known must do.
    """
    age_s_max = max(settings.guardrails.data_age_exit_max_s, price_age_ns_max(settings) / SECOND_NS)
    offers: list[Offer] = []
    for venue, instrument in state.listed.get(pair, ()):
        quote = now.quote(venue, instrument)
        if quote is None or now.age_s(quote) > age_s_max:
            continue
        sound = is_sound(quote)
        if not (sound or 0.0 < quote.last < INF):
            continue
        grid = state.grids[venue][instrument]
        rate = 1.0 if grid.in_base_currency else rate_of(state, now, grid.listing.quote)
        if rate is None:
            rate = state.last_rate(grid.listing.quote)
        offers.append(Offer(grid, quote, rate, sound, is_live=False, is_openable=False))
    return offers


def openable(offers: list[Offer], only: str | None, sign: int = 1) -> list[Offer]:
    """
    Pick the books to open on, by buying or (a `sign` of -1) by selling short.

    Those that are old, crossed, or paid in a coin off its peg come in only where there is no other, so that a
    guardrail refuses by name.
    """
    offered = offers if only is None else [offer for offer in offers if offer.quote.venue == only]
    for offer in offered:
        if not offer.is_openable:
            break
    else:
        return offered
    sound = [offer for offer in offered if offer.is_openable]
    return sound or [offer for offer in offered if _has_level(offer.quote.asks if sign > 0 else offer.quote.bids)]


def _has_level(levels: tuple[tuple[float, float], ...]) -> bool:
    return bool(levels) and 0.0 < levels[0][0] < INF


def reference_of(lasts: list[float]) -> float:
    """Give the reference of a pair: the median of what its venues last traded at, in base currency; NaN if none."""
    if len(lasts) > 1:
        lasts.sort()
        middle = len(lasts) // 2
        return lasts[middle] if len(lasts) % 2 else (lasts[middle - 1] + lasts[middle]) / 2.0
    return lasts[0] if lasts else NAN
