"""
What the bot is worth and what it lost: one mark a UTC minute, the loss index, and the limits that a mark can trip.

The index is equity per unit. Money that flows in or out changes units and never the index, so that no deposit hides a
loss and no withdrawal looks like one.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    AlertRaised,
    BotSettings,
    Control,
    Fact,
    GuardrailSettings,
    Hold,
    MarksTaken,
    MarkTaken,
    RateTaken,
)
from quarterdeck.engine.holds import held
from quarterdeck.engine.moment import NAN, Moment, rate_of, settings_of
from quarterdeck.engine.state import Earned, Marked, State
from quarterdeck.guardrails import fall_from, trips, trips_loss_rate
from quarterdeck.market import rises
from quarterdeck.portfolio import Totals, day_closed, marked_equity, totals_of

HOUR_NS: Final = 60 * MINUTE_NS


def take_mark(state: State, now: Moment) -> Iterator[Fact]:
    """Mark everything to market; without a fresh price for all that is held there is no mark, and so no opening."""
    settings = settings_of(state)
    equity, marks = _valued(state, now, settings)
    rates: tuple[RateTaken, ...] = ()
    if now.rates or state.rates:
        # What was off its peg and has no price now stays known as such.
        kept = {asset: rate for asset, rate in state.rates.items() if asset not in now.rates}
        rates = tuple([RateTaken(asset, rate) for asset, rate in sorted((kept | now.rates).items()) if rate != 1.0])
    minute_ns = now.at_ns - now.at_ns % MINUTE_NS
    if equity is None or not state.units > 0.0:
        yield MarksTaken(at_ns=now.at_ns, minute_ns=minute_ns, equity=None, marks=marks, rates=rates)
        return
    index = equity / state.units
    index_peak = max(state.index_peak, index)
    fallen = max(state.drawdown_max, fall_from(index, index_peak, 1.0))
    day_ns, day_open = state.day_ns, state.day_open
    if day_ns < 0 or minute_ns >= day_ns + DAY_NS:
        if day_ns >= 0:
            yield from _close_day(state, now, marks)
        day_ns, day_open = _day(state, minute_ns, index)
    yield MarksTaken(
        at_ns=now.at_ns,
        minute_ns=minute_ns,
        equity=equity,
        index=index,
        day_ns=day_ns,
        day_open=day_open,
        index_peak=index_peak,
        drawdown_max=fallen,
        marks=marks,
        rates=rates,
        raised=() if settings.risk.trailing_stop is None else _raised(state, marks),
    )
    yield from _check_limits(state, settings, now.at_ns)


def equity_at(state: State, now: Moment) -> float | None:
    """Give what the bot is worth at this instant; None where something it holds has no fresh price."""
    return _valued(state, now, settings_of(state))[0]


def _valued(state: State, now: Moment, settings: BotSettings) -> tuple[float | None, tuple[MarkTaken, ...]]:
    age_ns_max = settings.mark_age_ns_max

    def price_of(venue: str, instrument: str) -> float | None:
        return now.mark_price(venue, instrument, age_ns_max)

    return marked_equity(
        state.cash,
        state.positions,
        lambda asset: rate_of(state, now, asset),
        price_of,
        lambda venue, instrument: state.grids[venue][instrument].listing.quote,
        settings.base_currency,
    )


def _day(state: State, minute_ns: int, index: float) -> tuple[int, float]:
    """Give the new UTC day of a mark and its open: the last mark at or before 00:00, else the first after."""
    day_ns = minute_ns - minute_ns % DAY_NS
    is_first_mark = state.day_ns < 0
    return day_ns, index if is_first_mark or minute_ns == day_ns else state.index


def _close_day(state: State, now: Moment, marks: tuple[MarkTaken, ...]) -> Iterator[Fact]:
    closed = running_totals(state, now, marks)
    if closed is not None and state.day_totals is not None:
        yield day_closed(now.at_ns, state.day_ns, state.day_totals, closed)


def running_totals(state: State, now: Moment, marks: tuple[MarkTaken, ...]) -> Totals | None:
    """Sum profit and loss since the beginning, exactly, in base currency; None where a price or rate is missing."""
    rates: dict[str, Decimal] = {}
    held = [asset for cash in state.cash.values() for asset in cash]
    quotes = [grid.listing.quote for known in state.grids.values() for grid in known.values()]
    for asset in dict.fromkeys([*held, *state.fees, *state.funding, *quotes]):
        rate = rate_of(state, now, asset)
        if rate is not None:
            rates[asset] = Decimal(repr(rate))
    prices = {(mark.venue, mark.instrument): Decimal(repr(mark.price)) for mark in marks}
    return totals_of(state, rates, prices)


def _raised(state: State, marks: tuple[MarkTaken, ...]) -> tuple[MarkTaken, ...]:
    """Name the positions that stand better than ever since they were opened: long ones higher, short ones lower."""
    return tuple(mark for mark in marks if _is_best(state, mark))


def _is_best(state: State, mark: MarkTaken) -> bool:
    best = state.watermarks.get(mark.venue, {}).get(mark.instrument)
    if best is None:
        return True
    sign = 1.0 if state.positions[mark.venue][mark.instrument].qty > 0 else -1.0
    return rises(sign * mark.price, sign * best)


def remember_mark(state: State, minute_ns: int) -> None:
    """
    Put the mark of a minute into the two windows; only what no later mark exceeds is kept, so the first is the highest.

    Into the loss-rate window belongs the last mark before it, too: a mark leaves once the one after it is out.
    """
    limits, index = settings_of(state).guardrails, state.index
    recent, peaks = state.recent, state.peaks
    if recent:
        recent[-1].next_ns = minute_ns
    while recent and recent[-1].index <= index:
        recent.pop()
    since_ns = minute_ns - limits.loss_rate_window_min * MINUTE_NS
    while recent and recent[0].next_ns <= since_ns:
        del recent[0]
    recent.append(Marked(minute_ns, index))
    while peaks and peaks[-1].index <= index:
        peaks.pop()
    peaks.append(Marked(minute_ns, index))
    while peaks[0].minute_ns <= minute_ns - limits.drawdown_window_days * DAY_NS:
        del peaks[0]


def losses_of(state: State) -> tuple[float, float, float]:
    """
    Give what was lost since the open of the UTC day, from the peak of the drawdown window, and from the highest ever.

    Fractions of the loss index; NaN where there is nothing to compare with yet.
    """
    index, peaks = state.index, state.peaks
    day_open, peak_ever = state.day_open, state.index_peak
    peak = peaks[0].index if peaks else NAN  # the first is the highest, and the last the mark that `index` is of
    return (
        fall_from(index, day_open, NAN),
        fall_from(index, peak, NAN),
        fall_from(index, peak_ever, NAN),
    )


def remember_hour(state: State, minute_ns: int, equity: float) -> None:
    """Keep the first mark of each hour of the last day, for the figure that people ask for most."""
    hours = state.hours
    if not hours or minute_ns // HOUR_NS != hours[-1].minute_ns // HOUR_NS:
        hours.append(Earned(minute_ns, equity - float(state.flows)))
        while len(hours) > 1 and hours[1].minute_ns <= minute_ns - DAY_NS:
            del hours[0]


def earned_in_a_day(state: State) -> float | None:
    """Give what the last 24 hours brought, or as many as there were, flows apart; None while there is no mark."""
    if state.equity is None or not state.hours:
        return None
    return state.equity - float(state.flows) - state.hours[0].amount


def daily_loss(state: State) -> float:
    """Give the fraction lost since the open of the UTC day; NaN before there is one."""
    return losses_of(state)[0]


def drawdown(state: State) -> float:
    """Give the fall from the highest mark of the drawdown window; NaN before there is one."""
    return losses_of(state)[1]


def drawdown_ever(state: State) -> float:
    """Give the fall from the highest mark ever."""
    return losses_of(state)[2]


def _check_limits(state: State, settings: BotSettings, at_ns: int) -> Iterator[Fact]:
    limits, ceiling = settings.guardrails, settings.risk.drawdown_max
    high = state.recent[0].index  # of a window that holds at least the mark just taken
    lost = fall_from(state.index, high, 1.0)
    if trips_loss_rate(lost, limits.loss_rate_max):
        yield from _trip_loss_rate(state, limits, at_ns, lost)
    lost, fallen, fallen_ever = losses_of(state)
    if trips(lost, limits.daily_loss_max) and "G5" not in state.holds:
        text = f"lost {lost:.2%} since the open of the UTC day; {limits.daily_loss_max:.2%} is the limit"
        yield from _trip(state, at_ns, Hold("G5", Control.REDUCING, text, state.day_ns + DAY_NS))
    if trips(fallen, limits.drawdown_max) and "G6" not in state.holds:
        days = limits.drawdown_window_days
        text = f"fell {fallen:.2%} from the {days}-day peak; {limits.drawdown_max:.2%} is the limit"
        until_ns = state.peaks[0].minute_ns + days * DAY_NS
        yield from _trip(state, at_ns, Hold("G6", Control.REDUCING, text, until_ns))
    if ceiling is not None and trips(fallen_ever, ceiling) and "drawdown_max" not in state.holds:
        text = f"fell {fallen_ever:.2%} from the highest ever; risk.drawdown_max is {ceiling:.2%}"
        yield from _trip(state, at_ns, Hold("drawdown_max", Control.REDUCING, text))


def _trip(state: State, at_ns: int, hold: Hold) -> Iterator[Fact]:
    yield held(state, at_ns, hold, hold.cause)
    yield AlertRaised(at_ns=at_ns, code="loss_limit", text=f"{hold.cause}: {hold.reason}", severity="critical")


def _trip_loss_rate(state: State, limits: GuardrailSettings, at_ns: int, lost: float) -> Iterator[Fact]:
    if "G2" in state.holds or state.control not in (Control.RUNNING, Control.PAUSED):
        return
    text = f"lost {lost:.2%} within {limits.loss_rate_window_min} min; {limits.loss_rate_max:.2%} is the limit"
    hold = Hold("G2", Control.PAUSED, text, at_ns + limits.loss_rate_pause_min * MINUTE_NS)
    yield replace(held(state, at_ns, hold, "G2"), window_emptied=True)
    yield AlertRaised(at_ns=at_ns, code="loss_limit", text=f"G2: {text}")
