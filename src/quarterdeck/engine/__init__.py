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
    SweepVenue,
    TellOperator,
    acts_of,
    recovery_acts,
)
from quarterdeck.engine.apply import apply
from quarterdeck.engine.control import NOTICED
from quarterdeck.engine.cover import protected_by
from quarterdeck.engine.decide import READS_MARKET, decide, step
from quarterdeck.engine.exposure import sellable_lots, standing, stops_resting
from quarterdeck.engine.holds import lets_protect
from quarterdeck.engine.losses import daily_loss, drawdown, drawdown_ever, earned_in_a_day
from quarterdeck.engine.moment import NEVER_NS, Moment, price_age_ns_max, rate_of
from quarterdeck.engine.protection import protection_due
from quarterdeck.engine.state import (
    STATE_VERSION,
    Answered,
    Deferred,
    Grid,
    Marked,
    Naked,
    Rejections,
    State,
    TradeCounted,
    decode_state,
    encode_state,
    place_of,
    state_hash,
)
from quarterdeck.engine.subjects import liquidation_level
from quarterdeck.engine.timekeeping import due
from quarterdeck.engine.unknown import is_weighable, pull_from, shown_by_ns
from quarterdeck.engine.watch import RATCHET, watch

__all__ = [
    "NEVER_NS",
    "NOTICED",
    "RATCHET",
    "READS_MARKET",
    "STATE_VERSION",
    "Answered",
    "CancelOrder",
    "Deferred",
    "Grid",
    "Marked",
    "Moment",
    "Naked",
    "PullFills",
    "QueryOrder",
    "ReadAccount",
    "Rejections",
    "SendOrder",
    "ShellAct",
    "State",
    "SweepVenue",
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
    "is_weighable",
    "lets_protect",
    "liquidation_level",
    "place_of",
    "price_age_ns_max",
    "protected_by",
    "protection_due",
    "pull_from",
    "rate_of",
    "recovery_acts",
    "sellable_lots",
    "shown_by_ns",
    "standing",
    "state_hash",
    "step",
    "stops_resting",
    "watch",
]
