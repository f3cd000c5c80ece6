"""The fold of settings and money: what was listed, declared, marked, closed, declared again, and paid as funding."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    ZERO,
    CapitalDeclared,
    DayClosed,
    FundingBooked,
    FundsBooked,
    LiquidationBooked,
    Listing,
    ListingsAdopted,
    MarksTaken,
    SettingsAdopted,
    WatermarkRaised,
    add,
    ensure,
    subtract,
)
from quarterdeck.engine.losses import remember_hour, remember_mark
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import Answered, Grid, State
from quarterdeck.portfolio import Position, Totals, next_day

FUNDING_IDS_MAX: Final = 10_000
LIQUIDATIONS_MAX: Final = 1_000


def settings_adopted(state: State, fact: SettingsAdopted) -> None:
    """Run under new settings; what was changed at run time is kept by path."""
    settings = fact.settings
    state.settings = settings
    state.venues = {venue.name: venue for venue in settings.venues}
    for change in fact.changes:
        state.changes.pop(change.path, None)
        if change.after:
            state.changes[change.path] = change.after
    _list(state, settings.listings)


def _list(state: State, listings: tuple[Listing, ...]) -> None:
    """Take listings up. Those that are traded no more stay known: a late fill must be booked, and dust be counted."""
    base_currency = settings_of(state).base_currency
    grids = {venue: dict(known) for venue, known in state.grids.items()}
    for listing in listings:
        grids.setdefault(listing.venue, {})[listing.instrument] = Grid(
            listing=listing,
            tick=float(listing.tick),
            lot=float(listing.lot),
            fee_taker=float(listing.fee_taker),
            fee_maker=float(listing.fee_maker),
            notional_min=float(listing.notional_min),
            notional_max=float("inf") if listing.notional_max is None else float(listing.notional_max),
            in_base_currency=listing.quote == base_currency,
            is_perpetual=listing.is_perpetual,
        )
    state.grids = grids
    state.listed = {}
    for venue in state.venues:
        for instrument, grid in grids.get(venue, {}).items():
            state.listed.setdefault(grid.listing.pair_id, []).append((venue, instrument))


def listings_adopted(state: State, fact: ListingsAdopted) -> None:
    """Take up what a venue lists now."""
    _list(state, fact.listings)


def capital_declared(state: State, fact: CapitalDeclared) -> None:
    """Begin: what the bot may call its own is its first equity, one unit to each."""
    state.cash = {venue: dict(cash) for venue, cash in fact.cash.items()}
    for one in fact.holdings:
        position = Position(qty=one.qty, cost=one.cost, opened_at_ns=fact.at_ns, entries=1)
        state.positions.setdefault(one.venue, {})[one.instrument] = position
    state.equity_open = fact.equity
    state.equity = fact.equity
    state.units = fact.equity
    state.index = state.index_peak = 1.0
    state.day_totals = Totals(settings_of(state).capital, ZERO, ZERO, ZERO, ZERO, ZERO, 0)


def marks_taken(state: State, fact: MarksTaken) -> None:
    """Put one minute into the figures of profit, loss and the windows of the limits."""
    state.minute_ns = fact.minute_ns
    state.equity = fact.equity
    state.rates = {taken.asset: taken.rate for taken in fact.rates} if fact.rates else {}
    state.marks = {}
    for mark in fact.marks:
        state.marks.setdefault(mark.venue, {})[mark.instrument] = mark.price
    if fact.equity is None:
        return
    # A mark of the first version has no index: no money flowed in or out then, so it is equity per first unit.
    state.index = fact.index or fact.equity / state.units
    state.day_ns = fact.day_ns
    state.day_open = fact.day_open
    state.index_peak = fact.index_peak
    state.drawdown_max = fact.drawdown_max
    remember_mark(state, fact.minute_ns)
    remember_hour(state, fact.minute_ns, fact.equity)
    for mark in fact.raised:
        state.watermarks.setdefault(mark.venue, {})[mark.instrument] = mark.price


def watermark_raised(state: State, fact: WatermarkRaised) -> None:
    """Raise the level that a trailing stop follows."""
    state.watermarks.setdefault(fact.venue, {})[fact.instrument] = fact.price


def day_closed(state: State, fact: DayClosed) -> None:
    """Begin the next day at the running sums of this one's end."""
    opened = state.day_totals
    ensure(opened is not None, "a day was closed that had not begun")
    if opened is not None:
        state.day_totals = next_day(state, opened, fact)


def funds_booked(state: State, fact: FundsBooked) -> None:
    """Say whose money is whose from here on; the index does not move."""
    state.cash.setdefault(fact.venue, {})[fact.asset] = fact.cash_after
    state.baselines.setdefault(fact.venue, {})[fact.asset] = fact.baseline_after
    unexplained = state.unexplained.get(fact.venue, {})
    unexplained.pop(fact.asset, None)
    if fact.unexplained_after:
        unexplained[fact.asset] = fact.unexplained_after
    elif not unexplained:
        state.unexplained.pop(fact.venue, None)
    if fact.venue in state.doubts:
        state.doubts[fact.venue][fact.asset] = fact.doubt_after
    state.units = fact.units_after
    if state.equity is not None:
        state.equity = fact.equity_after
    state.flows = fact.flows_after
    state.answers[fact.key] = Answered(f"done: {fact.amount} {fact.asset} on {fact.venue}", fact.at_ns)


def keep_margin(state: State, venue: str, instrument: str, margin_after: Decimal) -> None:
    """Lock as margin what a position needs now, in place of what it needed before."""
    before = state.position(venue, instrument).margin
    if before == margin_after:
        return
    quote = state.grids[venue][instrument].listing.quote
    locked = state.margins.setdefault(venue, {})
    locked[quote] = add(subtract(locked.get(quote, ZERO), before), margin_after)


def funding_booked(state: State, fact: FundingBooked) -> None:
    """Book a funding payment, and remember its id."""
    state.cash.setdefault(fact.venue, {})[fact.asset] = fact.cash_after
    state.funding[fact.asset] = fact.funding_after
    state.funding_ids[f"{fact.venue}:{fact.funding_id}"] = fact.at_ns
    if fact.margin_after is not None:
        keep_margin(state, fact.venue, fact.instrument, fact.margin_after)
        position = replace(state.position(fact.venue, fact.instrument), margin=fact.margin_after)
        state.positions[fact.venue][fact.instrument] = position
    if fact.venue_at_ns > state.traded_venue_ns.get(fact.venue, 0):
        state.traded_venue_ns[fact.venue] = fact.venue_at_ns
    while len(state.funding_ids) > FUNDING_IDS_MAX:
        del state.funding_ids[next(iter(state.funding_ids))]


def liquidation_booked(state: State, fact: LiquidationBooked) -> None:
    """Book what a venue closed by force, and remember its trade."""
    keep_margin(state, fact.venue, fact.instrument, fact.margin_after)
    state.positions[fact.venue][fact.instrument] = Position(
        qty=fact.qty_after,
        cost=fact.cost_after,
        realised=fact.realised_after,
        opened_at_ns=fact.opened_at_ns,
        entries=fact.entries_after,
        margin=fact.margin_after,
    )
    if not fact.opened_at_ns:
        state.watermarks.get(fact.venue, {}).pop(fact.instrument, None)
    state.cash.setdefault(fact.venue, {}).update(fact.cash_after)
    state.fees[fact.fee_asset] = fact.fees_after
    state.fills += 1
    if fact.cursor > state.cursors.get(fact.venue, 0):
        state.cursors[fact.venue] = fact.cursor
    if fact.venue_at_ns > state.traded_venue_ns.get(fact.venue, 0):
        state.traded_venue_ns[fact.venue] = fact.venue_at_ns
    state.liquidations[f"{fact.venue}:{fact.trade_id}"] = fact.at_ns
    while len(state.liquidations) > LIQUIDATIONS_MAX:
        del state.liquidations[next(iter(state.liquidations))]
