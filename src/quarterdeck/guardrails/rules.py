"""
What a trader may know of each guardrail: what it looks at, with which settings, when it refuses and what to do then.

Which rules exist is fixed in code; thresholds come from settings. The functions themselves stand by theme in
`standing`, `losses`, `sizes`, `prices`, `pace` and `margin`. They answer PASSED, REFUSED, or UNKNOWN where a number is
missing; NaN never passes a comparison there.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Final

from msgspec import Struct

from quarterdeck.guardrails import codes as bit


@unique
class Exits(StrEnum):
    """What a rule means for an order that only reduces."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    PASS_UNLESS_HALTED = "pass unless halted"  # noqa: S105 - a word, not a secret
    PASS_WHEN_TRADABLE = "pass when tradable"  # noqa: S105 - a word, not a secret
    WIDER = "wider limit"
    BOUND = "bound"


@unique
class Refuses(StrEnum):
    """How the number that a rule looks at stands to its limit when it refuses; exactly the limit is not beyond it."""

    ABOVE = "above the limit"
    REACHED = "at or above the limit"
    BELOW = "below the limit"
    ANY = "anything but 0"


class Rule(Struct, frozen=True):
    """
    What a trader may know of a guardrail.

    `checks` says what it looks at; the verdict's value is in `unit`. `keys` are settings in the section `guardrails` of
    the bot file, `elsewhere` paths of others.
    `reason` says why it refuses and what to do; `otherwise` takes its place where the compared number is within its
    limit, so that the rule refuses for its other ground.
    """

    id: str
    bit: int
    name: str
    checks: str
    keys: tuple[str, ...]
    unit: str
    refuses: Refuses
    exits: Exits
    reason: str
    otherwise: str = ""
    elsewhere: tuple[str, ...] = ()


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "G1",
        bit.G1,
        "kill switch",
        "whether the kill switch is on",
        (),
        "raised",
        Refuses.ANY,
        Exits.BOUND,
        "the kill switch is on; find out why it was raised, then resume the bot",
    ),
    Rule(
        "G2",
        bit.G2,
        "control level",
        "how far the bot may act: 0 running, 1 paused, 2 reducing, 3 halted; a loss of `loss_rate_max` within the "
        "window pauses it",
        ("loss_rate_max", "loss_rate_window_min", "loss_rate_pause_min"),
        "level",
        Refuses.ANY,
        Exits.PASS_UNLESS_HALTED,
        "the bot is paused, reducing or halted; `status` says why and until when, `resume` lifts it earlier",
    ),
    Rule(
        "G3",
        bit.G3,
        "pair allowed",
        "whether the pair is on the bot's list (1: it is not) and its venue trades it (2: it does not; 3: neither)",
        (),
        "ground",
        Refuses.ANY,
        Exits.PASS_WHEN_TRADABLE,
        "the pair is not approved for this bot, or the venue does not trade it now; see `pairs`",
        elsewhere=("pairs",),
    ),
    Rule(
        "G4",
        bit.G4,
        "order value",
        "the order's worth at the routed price, against the smaller of an amount and a share of equity",
        ("order_value_max_quote", "order_value_max_share"),
        "base currency",
        Refuses.ABOVE,
        Exits.PASS,
        "the order is worth more than one order may be; ask for less",
    ),
    Rule(
        "G5",
        bit.G5,
        "daily loss",
        "the loss since the open of the UTC day, as a share of the loss index at that open",
        ("daily_loss_max",),
        "share",
        Refuses.REACHED,
        Exits.PASS,
        "the bot lost as much today as it may; it opens again after 00:00 UTC, or after `resume --rebase`",
    ),
    Rule(
        "G6",
        bit.G6,
        "drawdown",
        "the fall of the loss index from its peak in the window; with `risk.drawdown_max` also from its highest ever",
        ("drawdown_max", "drawdown_window_days"),
        "share",
        Refuses.REACHED,
        Exits.PASS,
        "the bot fell as far from its peak as it may; it opens again when the peak has left the window, or after "
        "`resume --rebase`",
        elsewhere=("risk.drawdown_max",),
    ),
    Rule(
        "G7",
        bit.G7,
        "concentration",
        "the share of equity in the pair's asset after the trade, over all venues, with open buys as if filled; "
        "stablecoins apart, but nothing is bought with one that left its peg",
        ("concentration_max", "stablecoins", "stablecoin_band"),
        "share of equity",
        Refuses.ABOVE,
        Exits.PASS,
        "too much of the equity would be in one asset; ask for less, or reduce first",
        "the stablecoin that would pay is off its peg; wait until it is back, or trade against another quote",
        ("risk.position_max",),
    ),
    Rule(
        "G8",
        bit.G8,
        "cooldown",
        "the time since the pair's last trade; a stop order is one once it trades",
        ("cooldown_s",),
        "s",
        Refuses.BELOW,
        Exits.PASS,
        "the pair traded too short a time ago; wait until the cooldown is over",
    ),
    Rule(
        "G9",
        bit.G9,
        "trade rate",
        "the trades of the bot within the window, this one included; exits pass but count, stop orders once they trade",
        ("trades_max", "trades_window_min"),
        "trades",
        Refuses.ABOVE,
        Exits.PASS,
        "the bot traded as often as it may within the window; wait until the oldest of these trades has left it",
    ),
    Rule(
        "G10",
        bit.G10,
        "balance and venue limits",
        "what the order spends with fees and headroom, against what is free of that asset; and the venue's bounds of "
        "quantity and worth",
        ("headroom_share",),
        "asset spent",
        Refuses.ABOVE,
        Exits.BOUND,
        "the free balance does not cover the order with fees and headroom; ask for less, cancel orders or add funds",
        "the order is smaller or larger than the venue takes; ask for an amount within its limits (see `pairs`)",
    ),
    Rule(
        "E1",
        bit.E1,
        "price collar",
        "the distance of the price from a live reference; of a market order also that of its average price from the "
        "best level. Exits are held to `collar_exit_max` in both; a stop order is held against its own trigger",
        ("collar_max", "book_walk_max", "collar_exit_max"),
        "share of price",
        Refuses.ABOVE,
        Exits.WIDER,
        "the price is too far from the market, or the order would eat too far into the book; check the price, or ask "
        "for less",
    ),
    Rule(
        "E2",
        bit.E2,
        "market data",
        "the age of the price; and whether the book has two sides that do not cross. In replays prices count for two "
        "bars. An exit passes on any price of at most `data_age_exit_max_s`",
        ("data_age_max_s", "data_age_exit_max_s"),
        "s",
        Refuses.ABOVE,
        Exits.WIDER,
        "the price is too old, or there is none; wait for the venue's data, `doctor` tests the connection",
        "the venue's book is crossed, one-sided or has no price; wait until it is sound",
    ),
    Rule(
        "E3",
        bit.E3,
        "quantity",
        "the order's quantity, against the limit of the instrument or a multiple of what G4 allows at the reference "
        "price; a stop order may cover all that is held, for a position has but one",
        ("qty_max", "qty_value_multiple"),
        "base units",
        Refuses.ABOVE,
        Exits.BOUND,
        "the order has more units than one order may; check the unit, or ask for less at a time",
    ),
    Rule(
        "E4",
        bit.E4,
        "open orders",
        "the open orders of the bot, and those of the pair, this one included; stop orders apart, which rest",
        ("open_orders_max", "open_orders_pair_max"),
        "orders",
        Refuses.ABOVE,
        Exits.PASS,
        "too many orders are open; cancel some, or wait until they end",
    ),
    Rule(
        "E5",
        bit.E5,
        "unexecuted orders",
        "the worth of what is open and has not executed, this order included, as a share of equity; stop orders apart",
        ("unexecuted_max",),
        "share of equity",
        Refuses.ABOVE,
        Exits.PASS,
        "too much of the equity would wait in open orders; cancel some, or wait until they end",
    ),
    Rule(
        "E6",
        bit.E6,
        "duplicate",
        "orders of the same source, pair, side, size and price within the window; stop orders apart",
        ("duplicate_window_s",),
        "orders",
        Refuses.ANY,
        Exits.BOUND,
        "the same order was made a moment ago; if it is meant, ask again when the window is over",
    ),
    Rule(
        "E7",
        bit.E7,
        "unresolved",
        "orders of unknown fate on the account and pair, plus 1 while the account is being reconciled",
        (),
        "orders",
        Refuses.ANY,
        Exits.PASS,
        "it is not known yet what the account holds of this pair; it is being found out, `status` shows how far",
    ),
    Rule(
        "E8",
        bit.E8,
        "clock",
        "the difference between the venue's clock and ours; and whether ours jumped",
        ("clock_skew_max_ms",),
        "ms",
        Refuses.ABOVE,
        Exits.PASS,
        "the clock is off, or was never compared with the venue's; set the machine's clock, `doctor` tests it",
        "the machine's clock jumped; it has to run steadily for a while before anything is opened",
    ),
    Rule(
        "E9",
        bit.E9,
        "breaker",
        "identical rejects in a row; where `executions_max` is set also executions since a person last looked",
        ("rejects_max", "executions_max"),
        "rejects or executions",
        Refuses.REACHED,
        Exits.PASS,
        "the venue rejects every try alike, or the bot traded as often as it may on its own; look into it, then resume",
    ),
    Rule(
        "E10",
        bit.E10,
        "self-cross",
        "our own orders on the account that this one could trade against; a stop order waits, and meets none",
        (),
        "orders",
        Refuses.ANY,
        Exits.BOUND,
        "the order could trade against one of our own; cancel that one first, or change the price",
    ),
    Rule(
        "E11",
        bit.E11,
        "leverage",
        "the leverage and the margin mode that the venue reads back; spot has 1",
        ("leverage_max", "margin_mode"),
        "times",
        Refuses.ABOVE,
        Exits.PASS,
        "the leverage set at the venue is above the limit, or was not read back; lower it there",
        "margin mode or leverage at the venue are not those of the settings; change either",
    ),
    Rule(
        "E12",
        bit.E12,
        "liquidation distance",
        "how far the position after the trade would be from its liquidation, in distances to the stop; nothing "
        "liquidates spot, nor what was paid for whole",
        ("liquidation_multiple_min",),
        "stop distances",
        Refuses.BELOW,
        Exits.PASS,
        "the position would be liquidated too soon after its stop, or where is not known; use less leverage, or set a "
        "nearer stop",
    ),
    Rule(
        "E13",
        bit.E13,
        "fleet grant",
        "the exposure after the trade, against what the fleet grants and for how long; off for a bot run alone",
        ("fleet_grant", "grant_valid_s"),
        "base currency",
        Refuses.ABOVE,
        Exits.PASS,
        "the fleet grants less exposure than this order needs, or none; see that it runs, or raise the bot's share",
        "the fleet's grant is too old; see that the fleet runs and is reached",
    ),
)
