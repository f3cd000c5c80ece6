"""
What is looked over every five minutes, as a rebalance check and an audit of the limits: it tells, and never trades.

What drifted beyond a limit without any order of ours (a price rose, a stablecoin fell) becomes an alert that stands
until it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from quarterdeck.domain import AlertCleared, AlertRaised, Fact
from quarterdeck.engine.exposure import standing
from quarterdeck.engine.moment import Moment, rate_of, rate_within, settings_of
from quarterdeck.engine.state import State
from quarterdeck.guardrails import SLACK

PREFIX: Final = "check:"
PEG: Final = "check:peg:"
CALM: Final = 0.9  # what stands is over only this far within its limit, so that it does not come and go
UNJUDGED_WITHOUT_EQUITY: Final = ("check:concentration:", "check:unexecuted")


def check_standing(state: State, now: Moment) -> Iterator[Fact]:
    """Raise an alert for everything that lies beyond a limit and was not told yet; clear those that are over."""
    found = {**_concentrations(state), **_pegs(state, now), **_orders(state)}
    for key, text in found.items():
        if key not in state.alerts:
            yield AlertRaised(at_ns=now.at_ns, code=key.removeprefix(PREFIX).partition(":")[0], text=text, key=key)
    unjudged = UNJUDGED_WITHOUT_EQUITY if state.equity is None else ()
    for key in [known for known in state.alerts if known.startswith(PREFIX) and known not in found]:
        if key.startswith(unjudged) or (key.startswith(PEG) and rate_of(state, now, key.removeprefix(PEG)) is None):
            continue  # nobody can tell now whether it is over
        yield AlertCleared(at_ns=now.at_ns, key=key, text=f"over: {state.alerts[key]}")


def _concentrations(state: State) -> dict[str, str]:
    """Name every asset that is a larger share of equity than may be bought; selling it is the operator's choice."""
    limits, equity = settings_of(state).guardrails, state.equity
    found: dict[str, str] = {}
    if equity is None or not equity > 0.0:
        return found
    worth: dict[str, float] = {}
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            price = state.marks.get(venue, {}).get(instrument) if position.qty else None
            if price is not None:
                listing = state.grids[venue][instrument].listing
                value = float(position.qty) * price * state.last_rate(listing.quote)
                worth[listing.base] = worth.get(listing.base, 0.0) + value
    for cash in state.cash.values() if state.rates else ():
        for coin, amount in cash.items():
            if coin in limits.stablecoins and coin in state.rates:
                worth[coin] = worth.get(coin, 0.0) + float(amount) * state.rates[coin]
    for asset, value in sorted(worth.items()):
        key = f"{PREFIX}concentration:{asset}"
        if abs(value) > limits.concentration_max * equity * (CALM if key in state.alerts else 1.0 + SLACK):
            share = f"{asset} is {value / equity:.1%} of equity; {limits.concentration_max:.1%} is the limit for buying"
            found[key] = f"{share}; nothing is sold by itself"
    return found


def _pegs(state: State, now: Moment) -> dict[str, str]:
    """Name every stablecoin that the bot deals in and that lies outside its band."""
    limits = settings_of(state).guardrails
    dealt = {
        grid.listing.quote for known in state.grids.values() for grid in known.values() if not grid.in_base_currency
    }
    found: dict[str, str] = {}
    for coin in sorted(dealt.intersection(limits.stablecoins)):
        band = limits.stablecoin_band * (CALM if f"{PEG}{coin}" in state.alerts else 1.0)
        rate = rate_within(state, now, coin, band)
        if rate is not None and rate != 1.0:
            text = f"{coin} is worth {rate:.4f}, outside its band; it counts at market, and nothing is opened in it"
            found[f"{PEG}{coin}"] = text
    return found


def _orders(state: State) -> dict[str, str]:
    """Name limits on working orders that are exceeded, as when one was tightened while orders worked."""
    limits, now = settings_of(state).guardrails, standing(state, "")
    found: dict[str, str] = {}
    if now.orders > limits.open_orders_max:
        found[f"{PREFIX}open_orders"] = f"{now.orders} orders work; {limits.open_orders_max} is the limit"
    if state.equity is not None and now.unexecuted > limits.unexecuted_max * state.equity * (1.0 + SLACK):
        text = f"orders worth {now.unexecuted:.2f} wait; {limits.unexecuted_max:.1%} of equity is the limit"
        found[f"{PREFIX}unexecuted"] = text
    return found
