"""The files of a new workspace, as text."""

from __future__ import annotations

from typing import Final

import yaml
from msgspec import Struct

from quarterdeck.domain import ConfigError, instrument_from

CAPITAL_MIN: Final = 1_000

_FLEET: Final = """\
# This file makes the folder a workspace of Quarterdeck. Bots are in bots/, what they leave behind is in run/.
version: 1
"""

_IGNORED: Final = """\
# What running bots write; their journals may hold account data.
run/
archive/
data/
reports/
"""

_README: Final = """\
# A workspace of Quarterdeck

    quarterdeck run {bot} --cycles 10    # a bot on paper money; Ctrl-C ends it
    quarterdeck status {bot}
    quarterdeck trades {bot}
    quarterdeck kill {bot}               # stops everything; `quarterdeck resume {bot}` lets it trade again

`bots/{bot}.yaml` is its configuration. Strategies are plain Python files: write them in `strategies/development/`,
move them to `strategies/production/` when the evidence is there; bots load only from there.

Trading can lose all the money that it is given. This bot trades paper money on made-up prices.
"""

_BOT: Final = """\
# A bot on two paper venues over a made-up market: no keys, no network, no real money.
name: {bot}
mode: paper
base_currency: {base}
capital: "{capital}"                 # what this bot may call its own
exchanges:
  - name: coinbase
    kind: paper
    fees: {{maker: 0.0025, taker: 0.004}}
    balances: {{{base}: "{first}"}}
    spread_bps: 2
    depth_quote: 250000
  - name: kraken
    kind: paper
    fees: {{maker: 0.0025, taker: 0.004}}
    balances: {{{base}: "{second}"}}
    spread_bps: 3
    depth_quote: 150000
    basis_bps: 30                   # how far its prices stray from the first venue's, slowly and both ways
    lag_bars: 0
    outage_share: 0.01              # the share of its bars that are missing, as when a venue is down
    seed: 11
market: {{source: synthetic, seed: {seed}}}
strategy: {{name: sma_crossover, timeframe: {timeframe}, parameters: {{fast_bars: {fast}, slow_bars: {slow}}}}}
pairs: [{pairs}]
routing: {{policy: best_price}}
sizing: {{kind: quote, value: "{value}", entries_max: 1}}
risk: {{stop_loss: 0.05, take_profit: 0.10}}
guardrails: {{order_value_max_quote: 500, order_value_max_share: 0.02, cooldown_s: 60}}
shutdown: {{orders: cancel}}
"""


class Starter(Struct, frozen=True):
    """What the first bot of a new workspace is like. `capital` is in the currency that the pairs are quoted in."""

    bot: str = "demo"
    pairs: tuple[str, ...] = ("BTC-USD", "ETH-USD")
    capital: int = 10_000
    fast_bars: int = 5
    slow_bars: int = 20
    seed: int = 7
    timeframe: str = "1m"


def starter_files(starter: Starter) -> dict[str, str]:
    """
    Write the files of a new workspace.

    Returns:
        Path relative to the workspace → text.

    Raises:
        ConfigError: If the pairs are not all quoted in one currency, or the capital is too small to be split.
    """
    quotes = {instrument_from(pair).quote for pair in starter.pairs}
    if len(quotes) != 1:
        raise ConfigError(f"pairs {', '.join(starter.pairs)}: name pairs quoted in one currency, like BTC-USD ETH-USD")
    if starter.capital < CAPITAL_MIN:
        raise ConfigError(f"capital {starter.capital}: give at least {CAPITAL_MIN}, or its orders fall below minimums")
    first = starter.capital // 2
    bot = _BOT.format(
        # `on` or `123` would be read as something else than text.
        bot=starter.bot if yaml.safe_load(starter.bot) == starter.bot else f'"{starter.bot}"',
        base=quotes.pop(),
        capital=starter.capital,
        first=first,
        second=starter.capital - first,
        pairs=", ".join(starter.pairs),
        value=max(1, starter.capital // 100),
        fast=starter.fast_bars,
        slow=starter.slow_bars,
        seed=starter.seed,
        timeframe=starter.timeframe,
    )
    return {
        "quarterdeck.yaml": _FLEET,
        ".gitignore": _IGNORED,
        "README.md": _README.format(bot=starter.bot),
        f"bots/{starter.bot}.yaml": bot,
    }
