"""What changes around the bot while it runs: its settings, whose money is whose, funding, and what venues list."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from quarterdeck.domain import (
    ZERO,
    AlertCleared,
    AlertRaised,
    BotSettings,
    CommandAnswered,
    Fact,
    FundingBooked,
    FundingReported,
    FundsAsked,
    FundsBooked,
    Listing,
    ListingsAdopted,
    ListingsReported,
    SettingsAdopted,
    SettingsAsked,
    add,
    multiply,
    quantize,
    subtract,
)
from quarterdeck.engine.cover import review_all
from quarterdeck.engine.exposure import is_dust
from quarterdeck.engine.losses import equity_at
from quarterdeck.engine.moment import Moment, rate_of, settings_of
from quarterdeck.engine.reports import request_cancel
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import is_weighable
from quarterdeck.orders import Order

FLOW_STEP = Decimal("1e-12")


def left_without_care(state: State, settings: BotSettings) -> str:
    """Say what settings would leave held or working where nobody could close it; empty where nothing."""
    kept = {
        (one.venue, one.instrument): (one.lot, one.tick)
        for one in settings.listings
        if one.pair_id in settings.pairs and one.venue in {venue.name for venue in settings.venues}
    }
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            grid = state.grids[venue][instrument]
            if (venue, instrument) not in kept and not is_dust(state, grid, position):
                what = f"{position.qty} {grid.listing.base} of {instrument} on {venue} is still held"
                return f"{what}; put the pair and the venue back into the settings, and sell it first"
    for order in state.live_orders():
        place = (order.venue, order.instrument)
        what = f"order {order.client_id} for {order.instrument} on {order.venue} is not settled"
        if place not in kept:
            return f"{what}; put the pair and the venue back into the settings until it is"
        if kept[place] != (order.lot, order.tick):
            return f"{what}; put its lot {order.lot} and tick {order.tick} back until it is"
    return ""


def change_settings(state: State, asked: SettingsAsked, at_ns: int) -> Iterator[Fact]:
    """
    Adopt thresholds, sizes, routing and approved pairs at once; everything else waits for the next start.

    An intent is judged as a whole at one instant, so a tightened limit binds from here on, and a loosened one reaches
    no earlier intent.
    """
    if state.is_answered(asked.key):
        return
    wanted, present = asked.settings, settings_of(state)
    listings = tuple(state.grids[one.venue][one.instrument].listing for one in present.listings)  # as adopted since
    unknown = [pair for pair in wanted.approved or () if pair not in present.pairs]
    adopted = replace(
        present,
        listings=listings,
        sizing=wanted.sizing,
        risk=wanted.risk,
        guardrails=wanted.guardrails,
        routing=wanted.routing,
        approved=wanted.approved,
        cancel_on_shutdown=wanted.cancel_on_shutdown,
        orders=wanted.orders,
    )
    yield SettingsAdopted(at_ns=at_ns, settings=adopted, who=asked.who, reason=asked.reason, changes=asked.changes)
    yield from review_all(state, at_ns)
    is_news = wanted.approved != present.approved
    later = f"; {', '.join(unknown)} at the next start" if unknown and is_news else ""
    paths = ", ".join(change.path for change in asked.changes) or "nothing"
    yield CommandAnswered(at_ns=at_ns, key=asked.key, outcome=f"done: {paths}{later}")


def book_funds(state: State, asked: FundsAsked, now: Moment) -> Iterator[Fact]:
    """
    Make money of an account the bot's own, or give it up; units change, the loss index does not.

    What an account shows beyond every explanation, while an unknown order keeps it from being compared, is explained
    by a flow of the same direction; so is money that somebody moved and that never was the bot's.
    """
    if state.is_answered(asked.key):
        return
    equity, rate = equity_at(state, now), rate_of(state, now, asked.asset)
    if asked.external:
        refusal = _why_not_external(state, asked)
        equity, rate = equity or state.equity or 0.0, 1.0
    else:
        refusal = _why_no_funds(state, asked, None if rate is None else equity)
    if refusal or equity is None or rate is None:
        yield CommandAnswered(at_ns=now.at_ns, key=asked.key, outcome=f"refused: {refusal}")
        return
    baseline = state.baselines.get(asked.venue, {}).get(asked.asset, ZERO)
    doubt = _doubt(state, asked.venue, asked.asset)
    unexplained = state.unexplained.get(asked.venue, {}).get(asked.asset, ZERO)
    unexplained_after = _less_explained(unexplained, asked.amount)
    # What explains one difference explains no other. What is in doubt comes before what was explained long ago.
    told = subtract(unexplained, unexplained_after)
    doubt_after = _less_explained(doubt, subtract(asked.amount, told))
    own = ZERO if asked.external else asked.amount
    worth = quantize(multiply(own, Decimal(repr(rate))), FLOW_STEP) if rate != 1.0 else own
    yield FundsBooked(
        at_ns=now.at_ns,
        key=asked.key,
        who=asked.who,
        venue=asked.venue,
        asset=asked.asset,
        amount=asked.amount,
        reason=asked.reason,
        cash_after=add(state.cash.get(asked.venue, {}).get(asked.asset, ZERO), own),
        baseline_after=add(subtract(baseline, own), subtract(doubt, doubt_after)),
        unexplained_after=unexplained_after,
        units_after=state.units * (1.0 + float(worth) / equity) if worth else state.units,
        equity_after=equity + float(worth),
        flows_after=add(state.flows, worth),
        doubt_after=doubt_after,
        external=asked.external,
    )
    yield from review_all(state, now.at_ns)


def _doubt(state: State, venue: str, asset: str) -> Decimal:
    """
    Give what an account holds of an asset beyond every explanation, read while an unknown order keeps it in doubt.

    A reading from before our last trade there says nothing any more, nor does one about orders that are settled.
    """
    if state.weighed_venue_ns.get(venue, 0) <= state.traded_venue_ns.get(venue, 0):
        return ZERO
    listings = [
        state.grids[venue][order.instrument].listing
        for order in state.unknown_orders()
        if order.venue == venue and is_weighable(order)
    ]
    if not any(asset in (listing.base, listing.quote) for listing in listings):
        return ZERO
    return state.doubts.get(venue, {}).get(asset, ZERO)


def plain(amount: Decimal) -> str:
    """Write an amount for people: no exponent, no zeros that say nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def _less_explained(difference: Decimal, amount: Decimal) -> Decimal:
    """Take off an unexplained difference what a flow of the same direction explains of it."""
    if (difference > 0) is not (amount > 0) or difference == 0:
        return difference
    left = subtract(difference, amount)
    return left if (left > 0) is (difference > 0) else ZERO


def _why_not_external(state: State, asked: FundsAsked) -> str:
    if asked.venue not in state.venues:
        return f"this bot has no venue {asked.venue}: {', '.join(state.venues)}"
    doubt = _doubt(state, asked.venue, asked.asset)
    unexplained = state.unexplained.get(asked.venue, {}).get(asked.asset, ZERO)
    amount = asked.amount
    if not amount.is_finite():
        return f"{amount} explains nothing: it is no amount"
    explains = any(known != 0 and (known > 0) is (amount > 0) for known in (doubt, unexplained))
    if amount == 0 or not explains:
        known = f"{plain(doubt)} {asked.asset} in doubt and {plain(unexplained)} unexplained"
        return f"{plain(amount)} explains nothing on {asked.venue}: it has {known}"
    return ""


def _why_no_funds(state: State, asked: FundsAsked, equity: float | None) -> str:
    settings = settings_of(state)
    if asked.venue not in state.venues:
        return f"this bot has no venue {asked.venue}: {', '.join(state.venues)}"
    if asked.asset not in (settings.base_currency, *settings.guardrails.stablecoins):
        return f"{asked.asset} is not money of this bot; declare {settings.base_currency} or a stablecoin"
    if not (asked.amount.is_finite() and asked.amount != 0):
        return f"{asked.amount} is no amount; give one above zero"
    if equity is None or not equity > 0.0:
        return f"{asked.asset}, or what the bot holds, has no fresh price now; try again when the venues answer"
    if asked.amount > 0:
        beside = add(
            state.baselines.get(asked.venue, {}).get(asked.asset, ZERO),
            max(_doubt(state, asked.venue, asked.asset), ZERO),
        )
        if asked.amount > beside:
            return f"{asked.venue} holds {plain(beside)} {asked.asset} beside the bot's own; deposit it there first"
        return ""
    free = state.free(asked.venue, asked.asset)
    if asked.amount.copy_negate() > free:
        return f"only {plain(free)} {asked.asset} on {asked.venue} is free; close positions or cancel orders first"
    if float(asked.amount) + equity <= 0.0:
        return "that is all the bot is worth; stop the bot instead"
    return ""


def book_funding(state: State, report: FundingReported, at_ns: int) -> Iterator[Fact]:
    """
    Book a funding payment, once by its id.

    One on an instrument that the bot never traded there belongs to somebody else on the account: the next comparison
    finds it as money of others.
    """
    if report.instrument not in state.positions.get(report.venue, {}):
        return
    if f"{report.venue}:{report.funding_id}" in state.funding_ids or not report.amount.is_finite():
        return
    position = state.position(report.venue, report.instrument)
    margin = None
    if report.from_margin is not None and ZERO < report.from_margin <= position.margin:
        margin = subtract(position.margin, report.from_margin)
    yield FundingBooked(
        at_ns=at_ns,
        venue=report.venue,
        instrument=report.instrument,
        funding_id=report.funding_id,
        asset=report.asset,
        amount=report.amount,
        cash_after=add(state.cash.get(report.venue, {}).get(report.asset, ZERO), report.amount),
        funding_after=add(state.funding.get(report.asset, ZERO), report.amount),
        venue_at_ns=report.venue_at_ns,
        margin_after=margin,
    )


def take_listings(state: State, report: ListingsReported, at_ns: int) -> Iterator[Fact]:
    """
    Adopt what a venue lists now. What it lists no more, or on another grid while orders are unsettled, is frozen.

    An empty list is a discovery that failed, not a venue without pairs: good knowledge is never replaced by none.
    """
    key = f"discovery:{report.venue}"
    listed = {listing.instrument: listing for listing in report.listings if listing.venue == report.venue}
    if not listed:
        if key not in state.alerts:
            text = f"{report.venue} lists nothing at all; what it listed before still holds"
            yield AlertRaised(at_ns=at_ns, code="discovery", text=text, key=key)
        return
    if key in state.alerts:
        yield AlertCleared(at_ns=at_ns, key=key, text=f"{report.venue} lists its pairs again")
    changed = []
    for instrument, grid in state.grids.get(report.venue, {}).items():
        listing = _listed_now(state, grid.listing, listed.get(instrument))
        if listing != grid.listing:
            changed.append(listing)
    if changed:
        yield ListingsAdopted(at_ns=at_ns, venue=report.venue, listings=tuple(changed))
        yield from review_all(state, at_ns)
        frozen = [listing.instrument for listing in changed if not listing.tradable]
        if frozen:
            text = f"{report.venue} does not trade {', '.join(frozen)} as before; nothing is opened there any more"
            yield AlertRaised(at_ns=at_ns, code="pair_changed", text=text, severity="critical")
    for instrument, grid in state.grids.get(report.venue, {}).items():
        if _is_regridded(grid.listing, listed.get(instrument)):
            yield from _give_way(state, grid.listing, at_ns)


def _is_regridded(ours: Listing, reported: Listing | None) -> bool:
    return reported is not None and (reported.lot, reported.tick) != (ours.lot, ours.tick)


def _give_way(state: State, ours: Listing, at_ns: int) -> Iterator[Fact]:
    """Cancel stop orders on a grid that its venue gave up, where nothing else keeps the new one from being adopted."""
    unsettled = _unsettled(state, ours)
    if all(order.is_protective and not order.reported_lots for order in unsettled):
        for order in unsettled:
            yield from request_cancel(order, at_ns, "the venue changed its grid")


def _unsettled(state: State, ours: Listing) -> list[Order]:
    place = (ours.venue, ours.instrument)
    return [order for order in state.moving_orders() if (order.venue, order.instrument) == place]


def _listed_now(state: State, ours: Listing, reported: Listing | None) -> Listing:
    if reported is None:
        return replace(ours, tradable=False)
    reported = replace(reported, pair=ours.pair)
    if _is_regridded(ours, reported) and _unsettled(state, ours):
        return replace(ours, tradable=False)
    return reported
