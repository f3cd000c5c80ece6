"""
From files to checked settings: a bot's YAML, its strategy, and where everything of a workspace lies.

Everything wrong in a file is told at once, with its line and what to do about it. Nothing below imports this room.
"""

from quarterdeck.config.aliases import canonical_path
from quarterdeck.config.ceilings import Ceilings, looser_than, read_ceilings
from quarterdeck.config.document import FileError, Problem
from quarterdeck.config.guardrail_keys import GUARDRAIL_KEYS
from quarterdeck.config.habits import render_habits
from quarterdeck.config.load import load_bot, load_strategy, problems_of, read_bot
from quarterdeck.config.reference import render_bot_file
from quarterdeck.config.settings import (
    TIMEFRAMES_NS,
    BotConfig,
    ExchangeSettings,
    FeeSettings,
    GridSettings,
    MarketSettings,
    StrategySettings,
)
from quarterdeck.config.starter import Starter
from quarterdeck.config.strategy_files import FoundStrategy, make_strategy, open_strategy
from quarterdeck.config.strategy_template import create_strategy
from quarterdeck.config.symbols import instrument_from_any
from quarterdeck.config.values import Setting, setting_values, text_of
from quarterdeck.config.workspace import BotFolder, Workspace, checked_name, create_workspace, find_workspace
from quarterdeck.feeds import parse_replay_argument

__all__ = [
    "GUARDRAIL_KEYS",
    "TIMEFRAMES_NS",
    "BotConfig",
    "BotFolder",
    "Ceilings",
    "ExchangeSettings",
    "FeeSettings",
    "FileError",
    "FoundStrategy",
    "GridSettings",
    "MarketSettings",
    "Problem",
    "Setting",
    "Starter",
    "StrategySettings",
    "Workspace",
    "canonical_path",
    "checked_name",
    "create_strategy",
    "create_workspace",
    "find_workspace",
    "instrument_from_any",
    "load_bot",
    "load_strategy",
    "looser_than",
    "make_strategy",
    "open_strategy",
    "parse_replay_argument",
    "problems_of",
    "read_bot",
    "read_ceilings",
    "render_bot_file",
    "render_habits",
    "setting_values",
    "text_of",
]
