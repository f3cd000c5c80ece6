"""
The guardrails: what no order may break, whoever asks for it. Pure scalar functions, thresholds from settings.

Each rule is written once, by theme; `RULES` says what a trader may know of it, `judge` asks them all about one order
and packs what they answered, `unpack` spreads that out for people.
"""

from quarterdeck.guardrails.caps import (
    crosses_resting,
    exceeds,
    is_above,
    is_at_par,
    is_sure,
    is_too_small,
    lots_within_caps,
    within_caps,
    worst_ticks,
)
from quarterdeck.guardrails.codes import BITS, PASSED, REFUSED, SLACK, UNKNOWN
from quarterdeck.guardrails.compared import LEVELS
from quarterdeck.guardrails.judge import judge
from quarterdeck.guardrails.losses import (
    daily_loss,
    drawdown,
    fall_from,
    higher,
    is_clear,
    is_same,
    may_be_deeper,
    trips,
    trips_loss_rate,
)
from quarterdeck.guardrails.margin import grant, leverage, liquidation, liquidation_price, needs_no_stop, stop_distances
from quarterdeck.guardrails.pace import (
    breaker,
    cooldown,
    duplicate,
    open_orders,
    self_cross,
    trade_rate,
    unresolved,
)
from quarterdeck.guardrails.prices import market_data, price_collar
from quarterdeck.guardrails.render import render_rules
from quarterdeck.guardrails.rules import RULES, Exits, Refuses, Rule
from quarterdeck.guardrails.sizes import (
    asset_share_max,
    balance,
    concentration,
    order_value,
    order_value_max,
    quantity,
    quantity_max,
    share_of,
    unexecuted,
    venue_notional,
    venue_quantity,
)
from quarterdeck.guardrails.standing import clock, control_level, kill_switch, pair_allowed
from quarterdeck.guardrails.subject import Subject
from quarterdeck.guardrails.verdicts import Verdict, passed, refusing, unpack

__all__ = [
    "BITS",
    "LEVELS",
    "PASSED",
    "REFUSED",
    "RULES",
    "SLACK",
    "UNKNOWN",
    "Exits",
    "Refuses",
    "Rule",
    "Subject",
    "Verdict",
    "asset_share_max",
    "balance",
    "breaker",
    "clock",
    "concentration",
    "control_level",
    "cooldown",
    "crosses_resting",
    "daily_loss",
    "drawdown",
    "duplicate",
    "exceeds",
    "fall_from",
    "grant",
    "higher",
    "is_above",
    "is_at_par",
    "is_clear",
    "is_same",
    "is_sure",
    "is_too_small",
    "judge",
    "kill_switch",
    "leverage",
    "liquidation",
    "liquidation_price",
    "lots_within_caps",
    "market_data",
    "may_be_deeper",
    "needs_no_stop",
    "open_orders",
    "order_value",
    "order_value_max",
    "pair_allowed",
    "passed",
    "price_collar",
    "quantity",
    "quantity_max",
    "refusing",
    "render_rules",
    "self_cross",
    "share_of",
    "stop_distances",
    "trade_rate",
    "trips",
    "trips_loss_rate",
    "unexecuted",
    "unpack",
    "unresolved",
    "venue_notional",
    "venue_quantity",
    "within_caps",
    "worst_ticks",
]
