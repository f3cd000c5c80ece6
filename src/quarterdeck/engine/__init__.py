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
from quarterdeck.engine.state import STATE_VERSION, Grid, Marked, State, decode_state, encode_state, state_hash
from quarterdeck.engine.timekeeping import NEVER_NS, due
from quarterdeck.engine.watch import watch

__all__ = [
    "NEVER_NS",
    "NOTICED",
    "READS_MARKET",
    "STATE_VERSION",
    "CancelOrder",
    "Grid",
    "Marked",
    "PullFills",
    "QueryOrder",
    "ReadAccount",
    "SendOrder",
    "ShellAct",
    "State",
    "TellOperator",
    "acts_of",
    "apply",
    "decide",
    "decode_state",
    "due",
    "encode_state",
    "recovery_acts",
    "state_hash",
    "step",
    "watch",
]
