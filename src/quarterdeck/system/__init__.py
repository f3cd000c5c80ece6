"""
Assembly: the only room that knows concrete adapters. It wires a bot, runs its loop, and holds the verbs of operators.

The loop takes waiting inputs, decides and applies each, appends them in one transaction, and only then acts.
"""

from quarterdeck.system.clocks import TapeClock, WallClock
from quarterdeck.system.drive import BarVenue, Driver, Stage
from quarterdeck.system.errands import Errands, Outside
from quarterdeck.system.hands import Hands, Reach
from quarterdeck.system.kill_file import BROKEN_EPOCH, KillFile, raise_kill
from quarterdeck.system.loop import Happening, Loop, Wiring
from quarterdeck.system.market import Market, ReplaySource, RunOptions, open_market
from quarterdeck.system.operate import (
    KillOutcome,
    export_journal,
    is_running,
    kill,
    read_events,
    read_trades,
    replay_journal,
    resume,
    verify_journal,
)
from quarterdeck.system.opinions import Opinions
from quarterdeck.system.ownership import Owned, OwnerLock, take_bot
from quarterdeck.system.paper import PaperMarket, open_venues, paper_config
from quarterdeck.system.recover import Recovered, ReplayReport, recover, verify_replay
from quarterdeck.system.run import run_bot
from quarterdeck.system.session import Session
from quarterdeck.system.status import BotStatus, journal_of, list_bots, read_status
from quarterdeck.system.tally import HeldPosition, RunSummary, Tally

__all__ = [
    "BROKEN_EPOCH",
    "BarVenue",
    "BotStatus",
    "Driver",
    "Errands",
    "Hands",
    "Happening",
    "HeldPosition",
    "KillFile",
    "KillOutcome",
    "Loop",
    "Market",
    "Opinions",
    "Outside",
    "Owned",
    "OwnerLock",
    "PaperMarket",
    "Reach",
    "Recovered",
    "ReplayReport",
    "ReplaySource",
    "RunOptions",
    "RunSummary",
    "Session",
    "Stage",
    "Tally",
    "TapeClock",
    "WallClock",
    "Wiring",
    "export_journal",
    "is_running",
    "journal_of",
    "kill",
    "list_bots",
    "open_market",
    "open_venues",
    "paper_config",
    "raise_kill",
    "read_events",
    "read_status",
    "read_trades",
    "recover",
    "replay_journal",
    "resume",
    "run_bot",
    "take_bot",
    "verify_journal",
    "verify_replay",
]
