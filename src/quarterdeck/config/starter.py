"""The files of a new workspace, as text."""

from __future__ import annotations

from typing import Final

import yaml
from msgspec import Struct

from quarterdeck.config.symbols import instrument_from_any
from quarterdeck.config.values import text_of
from quarterdeck.domain import ConfigError

CAPITAL_MIN: Final = 1_000

_FLEET: Final = """\
# This file makes the folder a workspace of Quarterdeck. Bots are in bots/, what they leave behind is in run/.
version: 1

# The loosest guardrails that any bot here may have; a bot that is looser does not start. Any guardrail may stand here.
# limits: {order_value_max_quote: 1000, daily_loss_max: 0.05, drawdown_max: 0.10}
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

    quarterdeck doctor                   # is everything in order?
    quarterdeck run {bot} --cycles 10    # a bot on paper money; Ctrl-C ends it
    quarterdeck status {bot}
    quarterdeck trades {bot}
    quarterdeck explain {bot} --last     # why it did, or did not, trade
    quarterdeck kill {bot}               # stops everything; `quarterdeck resume {bot}` lets it trade again

`bots/{bot}.yaml` is its configuration. Strategies are plain Python files: write them in `strategies/development/`,
move them to `strategies/production/` when the evidence is there; bots load only from there.

Trading can lose all the money that it is given. This bot trades paper money on made-up prices.
"""

_BOT: Final = """\
# A bot on two paper venues over a made-up market: no keys, no network, no real money.
# What stands here is checked strictly when the bot starts. 'quarterdeck settings get {bot}' lists every setting.
name: {bot}
mode: paper
base_currency: {base}               # what everything is valued in
capital: "{capital}"                 # what this bot may call its own

# Where it trades. A paper venue is filled from the market's candles, with a book made around their price.
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
    outage_share: 0.01              # the share of its bars that are missing, as when a venue is down
    seed: 11
market: {{source: synthetic, seed: {seed}}}
routing: {{policy: best_price}}       # or fixed {{venue}}, or symbol_map {{default, symbols}}

# What it trades, on whose opinion, and how much at once.
pairs: [{pairs}]
strategy: {{name: {strategy}, timeframe: {timeframe}{parameters}}}
sizing: {{kind: quote, value: "{value}", entries_max: 1}}

# When it gets out, as fractions of a position's cost; null switches one off.
risk: {{stop_loss: {stop_loss}, take_profit: {take_profit}, trailing_stop: null}}

# What no order may break, whoever asks for it. These are the main ones; the others keep their defaults.
guardrails:
  order_value_max_quote: {order_max}        # the largest order, in {base}
  order_value_max_share: 0.02       # and as a share of equity; the smaller counts
  daily_loss_max: {daily_loss_max}              # since 00:00 UTC: from there on it only gets out
  drawdown_max: 0.1                 # from the highest of the last 7 days
  loss_rate_max: 0.02               # within 30 minutes: it opens nothing for 15 minutes
  concentration_max: 0.25           # the share of one coin in its equity
  cooldown_s: 60                    # between two trades of a pair
  trades_max: 5                     # in 5 minutes
  stablecoins: [USDT, USDC, DAI, BUSD]
shutdown: {{orders: cancel}}          # what becomes of open orders when it ends: cancel or keep
"""

ORDER_VALUE_MAX: Final = 500
_QUOTES: Final = ("USD", "USDT", "USDC", "EUR")


class Starter(Struct, frozen=True):
    """
    What the first bot of a new workspace is like.

    `capital` and `value`, the size of one order (None for a hundredth of the capital), are in the currency that the
    pairs are quoted in; `stop_loss`, `take_profit` and `daily_loss_max` are fractions.
    """

    bot: str = "demo"
    pairs: tuple[str, ...] = ("BTC-USD", "ETH-USD")
    capital: int = 10_000
    fast_bars: int = 5
    slow_bars: int = 20
    seed: int = 7
    timeframe: str = "1m"
    strategy: str = "sma_crossover"
    value: int | None = None
    stop_loss: float = 0.05
    take_profit: float = 0.1
    daily_loss_max: float = 0.05


def starter_files(starter: Starter) -> dict[str, str]:
    """
    Write the files of a new workspace.

    Returns:
        Path relative to the workspace → text.

    Raises:
        ConfigError: If the pairs are not all quoted in one currency, or the capital is too small to be split.
    """
    instruments = [instrument_from_any(pair, _QUOTES) for pair in starter.pairs]
    quotes = {instrument.quote for instrument in instruments}
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
        pairs=", ".join(instrument.id for instrument in instruments),
        value=starter.value or starter.capital // 100,
        order_max=ORDER_VALUE_MAX,
        strategy=starter.strategy,
        parameters=_parameters(starter),
        stop_loss=text_of(starter.stop_loss),
        take_profit=text_of(starter.take_profit),
        daily_loss_max=text_of(starter.daily_loss_max),
        seed=starter.seed,
        timeframe=starter.timeframe,
    )
    return {
        "quarterdeck.yaml": _FLEET,
        ".gitignore": _IGNORED,
        "README.md": _README.format(bot=starter.bot),
        f"bots/{starter.bot}.yaml": bot,
    }


def _parameters(starter: Starter) -> str:
    """Write the parameters of the strategy that the starter knows; any other keeps its own defaults."""
    if starter.strategy != "sma_crossover":
        return ""
    return f", parameters: {{fast_bars: {starter.fast_bars}, slow_bars: {starter.slow_bars}}}"
