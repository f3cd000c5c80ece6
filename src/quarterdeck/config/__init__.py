"""
From files to checked settings: a bot's YAML, its strategy, and where everything of a workspace lies.

Everything wrong in a file is told at once, with its line and what to do about it. Nothing below imports this room.
"""

from quarterdeck.config.load import load_bot, load_strategy
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
from quarterdeck.config.workspace import BotFolder, Workspace, checked_name, create_workspace, find_workspace
from quarterdeck.feeds import parse_replay_argument

__all__ = [
    "TIMEFRAMES_NS",
    "BotConfig",
    "BotFolder",
    "ExchangeSettings",
    "FeeSettings",
    "GridSettings",
    "MarketSettings",
    "Starter",
    "StrategySettings",
    "Workspace",
    "checked_name",
    "create_workspace",
    "find_workspace",
    "load_bot",
    "load_strategy",
    "parse_replay_argument",
]
