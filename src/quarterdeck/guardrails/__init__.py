"""
The guardrails: what no order may break, whoever asks for it. Pure scalar functions, thresholds from settings.

Each rule is written once, by theme; `RULES` says what a trader may know of it, `judge` asks them all about one order
and packs what they answered, `unpack` spreads that out for people.
"""

from quarterdeck.guardrails.codes import BITS, PASSED, REFUSED, SLACK, UNKNOWN
from quarterdeck.guardrails.compared import LEVELS
from quarterdeck.guardrails.judge import judge
from quarterdeck.guardrails.losses import daily_loss, drawdown
from quarterdeck.guardrails.margin import grant, leverage, liquidation
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
    "daily_loss",
    "drawdown",
    "duplicate",
    "grant",
    "judge",
    "kill_switch",
    "leverage",
    "liquidation",
    "market_data",
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
    "trade_rate",
    "unexecuted",
    "unpack",
    "unresolved",
    "venue_notional",
    "venue_quantity",
]
