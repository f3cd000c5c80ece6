"""
The pure engine: `decide(state, input) -> facts`, `apply(state, fact)`, and `step`, which does both in turn.

No clock, no input or output, no randomness. The same engine runs backtest, paper, testnet and live, and never asks
which it is. `watch` names price levels, `due` the next instant, `acts_of` what durable facts ask the shell to do.
"""

from quarterdeck.engine.acts import (
    CancelOrder,
    PullFills,
    QueryOrder,
    ReadAccount,
    SendOrder,
    ShellAct,
    TellOperator,
    acts_of,
    recovery_acts,
)
from quarterdeck.engine.apply import apply
from quarterdeck.engine.control import NOTICED
from quarterdeck.engine.decide import READS_MARKET, decide, step
from quarterdeck.engine.exposure import sellable_lots, standing
from quarterdeck.engine.losses import daily_loss, drawdown, drawdown_ever, earned_in_a_day
from quarterdeck.engine.moment import Moment, price_age_ns_max, rate_of
from quarterdeck.engine.state import (
    STATE_VERSION,
    Grid,
    Marked,
    Rejections,
    State,
    TradeCounted,
    decode_state,
    encode_state,
    state_hash,
)
from quarterdeck.engine.timekeeping import NEVER_NS, due
from quarterdeck.engine.watch import RATCHET, watch

__all__ = [
    "NEVER_NS",
    "NOTICED",
    "RATCHET",
    "READS_MARKET",
    "STATE_VERSION",
    "CancelOrder",
    "Grid",
    "Marked",
    "Moment",
    "PullFills",
    "QueryOrder",
    "ReadAccount",
    "Rejections",
    "SendOrder",
    "ShellAct",
    "State",
    "TellOperator",
    "TradeCounted",
    "acts_of",
    "apply",
    "daily_loss",
    "decide",
    "decode_state",
    "drawdown",
    "drawdown_ever",
    "due",
    "earned_in_a_day",
    "encode_state",
    "price_age_ns_max",
    "rate_of",
    "recovery_acts",
    "sellable_lots",
    "standing",
    "state_hash",
    "step",
    "watch",
]
