"""One order and the state it would leave behind, as plain numbers: all that the guardrails look at."""

from __future__ import annotations

from msgspec import Struct

from quarterdeck.domain import Control


class Subject(Struct, frozen=True, gc=False):
    """
    One order, judged at its routed price and size, in the worst case that other orders may still lead to.

    A float that is not known is NaN. Worths are in base currency unless they say otherwise; `_s` are seconds.

    Attributes:
        reducing: It reduces the position in every outcome of open and unknown orders.
        protective: It is a stop or target of a position.
        approved: G3, the pair is on the bot's list.
        tradable: G3, the venue trades the instrument now.
        notional: G4, worth of the order.
        equity: Equity of the bot as last marked.
        daily_loss: G5, fall of the loss index since the open of the UTC day, as a fraction.
        drawdown: G6, its fall from the peak of the window, as a fraction.
        drawdown_ever: G6, its fall from the highest peak ever, as a fraction.
        asset_after: G7, worth of the pair's asset over all venues: held, unfilled buys, and this order; 0 where
            concentration does not apply to it.
        off_peg: G7, the order is paid for in a stablecoin that left its peg.
        since_last_trade_s: G8, infinite where the pair never traded.
        trades: G9, trades in the window, this one included.
        need: G10, what the order spends with fees and headroom, in the asset that it spends.
        free: G10, what is free of that asset.
        lots: G10, whole lots of the order; `lots_min` and `lots_max` are the venue's bounds.
        notional_quote: G10, worth of the order in its quote; `notional_quote_max` is infinite where there is none.
        deviation: E1, distance of its price from the reference price, as a fraction without sign.
        book_walk: E1, distance of a market order's average price from the best level, likewise; 0 for a limit order.
        data_age_s: E2, age of the price that it was judged at.
        data_age_max_s: E2, age up to which prices count for opening orders.
        book_sound: E2, the book has two sides that do not cross, and prices above zero.
        qty: E3, base units; so is `qty_max`.
        open_orders: E4, open orders of the bot, this one included; `open_orders_pair` those of the pair.
        unexecuted: E5, worth of what is open and not executed, this order included.
        duplicates: E6, orders like it within the window from the same source.
        unresolved: E7, unknown orders on the account and pair, plus one while the account is being reconciled.
        skew_ms: E8, difference between the venue's clock and ours without sign; NaN where it was never compared.
        clock_steady: E8, our clock did not jump, or somebody confirmed that it is right.
        rejects: E9, identical rejects in a row; `executions` those since a person last looked.
        crossing: E10, our own orders on the account that it could trade against.
        leverage: E11, as read back; 1 on spot.
        margin_as_configured: E11, the margin mode that was read back is the configured one; true on spot.
        liquidation_multiple: E12, distance to liquidation over distance to the stop; infinite on spot.
        exposure_after: E13, worth of all positions of the bot after the trade.
        grant_max: E13, what the fleet grants; NaN where it granted nothing. `grant_age_s` is how old that is.
    """

    kill_raised: bool
    control: Control
    reducing: bool
    protective: bool
    approved: bool
    tradable: bool
    notional: float
    equity: float
    daily_loss: float
    drawdown: float
    drawdown_ever: float
    asset_after: float
    off_peg: bool
    since_last_trade_s: float
    trades: int
    need: float
    free: float
    lots: int
    lots_min: int
    lots_max: int
    notional_quote: float
    notional_quote_min: float
    notional_quote_max: float
    deviation: float
    book_walk: float
    data_age_s: float
    data_age_max_s: float
    book_sound: bool
    qty: float
    qty_max: float
    open_orders: int
    open_orders_pair: int
    unexecuted: float
    duplicates: int
    unresolved: int
    skew_ms: float
    clock_steady: bool
    rejects: int
    executions: int
    crossing: int
    leverage: float
    margin_as_configured: bool
    liquidation_multiple: float
    exposure_after: float
    grant_max: float
    grant_age_s: float
