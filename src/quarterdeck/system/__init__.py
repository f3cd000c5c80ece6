"""
Assembly: the only room that knows concrete adapters. It wires a bot, runs its loop, and holds the verbs of operators.

The loop takes waiting inputs, decides and applies each, appends them in one transaction, and only then acts.
"""

from quarterdeck.system.adjust import (
    Adjustment,
    Change,
    SettingsEntry,
    carry_out,
    funds_asked,
    move_funds,
    pairs_with,
    plan_change,
    read_settings,
    renewed,
    settings_history,
)
from quarterdeck.system.archive import ArchiveOutcome, archive_bot
from quarterdeck.system.asking import Answer, is_running
from quarterdeck.system.backtesting import backtest, funding_rates, settings_of_bot, strategy_of
from quarterdeck.system.backup import BackupOutcome, back_up
from quarterdeck.system.candle_sources import CandleSet, Period, candles_of, instrument_of
from quarterdeck.system.clocks import TapeClock, WallClock
from quarterdeck.system.doctor import Checked, Diagnosis, Finding, Machine, examine
from quarterdeck.system.doctor_clock import ClockDoubt, ClockReading, TimeService
from quarterdeck.system.drive import Driver
from quarterdeck.system.errands import Errands, Outside
from quarterdeck.system.explain import (
    Explanation,
    OrderTold,
    RouteTold,
    SizeTold,
    StepTold,
    WaitTold,
    bot_of,
    bots_that_ran,
    explain,
    only_bot,
)
from quarterdeck.system.explain_bar import BarTold, PairTold, explain_bar
from quarterdeck.system.flatten import Exit, FlattenOutcome, flatten, positions_of
from quarterdeck.system.hands import Hands, Reach
from quarterdeck.system.journals import journal_of
from quarterdeck.system.kill_file import BROKEN_EPOCH, KillFile, raise_kill
from quarterdeck.system.loop import Happening, Loop, Wiring
from quarterdeck.system.margins import Margined, Margins
from quarterdeck.system.market import Market, ReplaySource, RunOptions, open_market
from quarterdeck.system.operate import (
    KillOutcome,
    cancel_order,
    export_journal,
    kill,
    lower,
    read_events,
    read_trades,
    replay_journal,
    resolve_asked,
    resolve_order,
    resume,
    unresolved_order,
    verify_journal,
)
from quarterdeck.system.opinions import Opinions
from quarterdeck.system.order_rows import OrderPage, OrderRow, read_orders
from quarterdeck.system.ownership import Owned, OwnerLock, take_bot
from quarterdeck.system.pairs import ListedAt, PairRow, read_pairs
from quarterdeck.system.paper import PaperMarket, open_venues, paper_config
from quarterdeck.system.recover import Recovered, ReplayReport, recover, verify_replay
from quarterdeck.system.restore import RestoreOutcome, restore
from quarterdeck.system.run import run_bot
from quarterdeck.system.sample_market import sample_candles
from quarterdeck.system.session import Session
from quarterdeck.system.settlements import Settlement, Settlements
from quarterdeck.system.stage import BarVenue, Stage
from quarterdeck.system.standing import LossTold
from quarterdeck.system.status import BotStatus, list_bots, read_status
from quarterdeck.system.strategy_trial import StrategyTried, try_strategy
from quarterdeck.system.tally import HeldPosition, RunSummary, Tally
from quarterdeck.system.unsettled import Difference, KillTold, Protection, UnknownOrder, WaitingExit
from quarterdeck.system.usage import GuardrailUse

__all__ = [
    "BROKEN_EPOCH",
    "Adjustment",
    "Answer",
    "ArchiveOutcome",
    "BackupOutcome",
    "BarTold",
    "BarVenue",
    "BotStatus",
    "CandleSet",
    "Change",
    "Checked",
    "ClockDoubt",
    "ClockReading",
    "Diagnosis",
    "Difference",
    "Driver",
    "Errands",
    "Exit",
    "Explanation",
    "Finding",
    "FlattenOutcome",
    "GuardrailUse",
    "Hands",
    "Happening",
    "HeldPosition",
    "KillFile",
    "KillOutcome",
    "KillTold",
    "ListedAt",
    "Loop",
    "LossTold",
    "Machine",
    "Margined",
    "Margins",
    "Market",
    "Opinions",
    "OrderPage",
    "OrderRow",
    "OrderTold",
    "Outside",
    "Owned",
    "OwnerLock",
    "PairRow",
    "PairTold",
    "PaperMarket",
    "Period",
    "Protection",
    "Reach",
    "Recovered",
    "ReplayReport",
    "ReplaySource",
    "RestoreOutcome",
    "RouteTold",
    "RunOptions",
    "RunSummary",
    "Session",
    "SettingsEntry",
    "Settlement",
    "Settlements",
    "SizeTold",
    "Stage",
    "StepTold",
    "StrategyTried",
    "Tally",
    "TapeClock",
    "TimeService",
    "UnknownOrder",
    "WaitTold",
    "WaitingExit",
    "WallClock",
    "Wiring",
    "archive_bot",
    "back_up",
    "backtest",
    "bot_of",
    "bots_that_ran",
    "cancel_order",
    "candles_of",
    "carry_out",
    "examine",
    "explain",
    "explain_bar",
    "export_journal",
    "flatten",
    "funding_rates",
    "funds_asked",
    "instrument_of",
    "is_running",
    "journal_of",
    "kill",
    "list_bots",
    "lower",
    "move_funds",
    "only_bot",
    "open_market",
    "open_venues",
    "pairs_with",
    "paper_config",
    "plan_change",
    "positions_of",
    "raise_kill",
    "read_events",
    "read_orders",
    "read_pairs",
    "read_settings",
    "read_status",
    "read_trades",
    "recover",
    "renewed",
    "replay_journal",
    "resolve_asked",
    "resolve_order",
    "restore",
    "resume",
    "run_bot",
    "sample_candles",
    "settings_history",
    "settings_of_bot",
    "strategy_of",
    "take_bot",
    "try_strategy",
    "unresolved_order",
    "verify_journal",
    "verify_replay",
]
