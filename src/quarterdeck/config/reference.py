"""The reference of the bot file: every key with its unit, default and bounds, as the code has them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from quarterdeck.config.aliases import MOVED, PARAMETERS
from quarterdeck.config.catalogue import SECTIONS
from quarterdeck.config.keys import Key
from quarterdeck.config.pairs import TOP_COINS
from quarterdeck.config.values import text_of

_HEAD: Final = """# The bot file

Generated from `quarterdeck.config` by `python tools/render_docs.py`; a test fails when the two differ.

`bots/NAME.yaml` says everything about one bot. It is strict: an unknown key, a wrong type or a figure out of bounds
stops the bot from starting, and every problem is told at once as `file:line: path: problem; what to do`.

```yaml
name: demo
mode: paper                          # dry-run and dry_run: true mean the same
base_currency: USD
capital: "10600"                     # what the balances hold, and what the holdings cost
exchanges:
  - name: coinbase
    kind: paper
    fees: {maker: 0.004, taker: 0.006}
    balances: {USD: "5000"}
  - name: kraken
    kind: paper
    pairs: [BTC-USDC, ETH-USDC, USDC-USD]    # what it lists
    balances: {USDC: "5000"}
    basis_bps: 30
    habits: kraken                           # its limits and lags, as docs/reference/habits.md says
    protective_orders: venue                 # the stop of a position rests there, whether the bot runs or not
    holdings: {BTC-USDC: {qty: "0.01", cost: "600"}}    # a position that the bot starts with
equivalent_quotes: [[USD, USDC]]     # so kraken's BTC-USDC counts as BTC-USD
watch: [USDC-USD]                    # looked at, to know what USDC is worth
strategy: {name: sma_crossover, timeframe: 1m, parameters: {fast_bars: 20, slow_bars: 50}}
pairs: [BTC-USD, ETH-USD]
routing: {policy: symbol_map, default: coinbase, symbols: {ETH-USD: kraken}}
sizing: {kind: quote, value: "50", entries_max: 1, confidence_min: 0.0}
risk: {stop_loss: 0.05, take_profit: 0.10, trailing_stop: 0.03, drawdown_max: 0.15, position_max: 0.25}
guardrails: {order_value_max_quote: 500, order_value_max_share: 0.02, cooldown_s: 60, qty_max: {BTC-USD: 0.5}}
orders: {timeout_min: 10, naked_max_s: 30}
shutdown: {orders: cancel}
```

In the tables *while running* marks what `quarterdeck settings set` may change in a running bot; the rest is read when
it starts. A change is journaled with who made it, lives on over restarts, and wins over the file until it is reset.
Amounts of money may stand in quotes (`"12.50"`), all other numbers stand without.
"""

_TITLES: Final = {
    "": ("The bot", ""),
    "exchanges": ("Exchanges", "A list. `PAIR` is an instrument that the exchange lists, `ASSET` a coin or currency."),
    "market": ("Market", "What plays where nothing is replayed."),
    "strategy": (
        "Strategy",
        """[Strategies](strategies.md) has those that come with Quarterdeck, with their parameters. A file that lies in
`strategies/development/` is not loaded.""",
    ),
    "routing": (
        "Routing",
        "For orders that open. What only reduces goes to the venues that hold the position, the best price first.",
    ),
    "sizing": (
        "Sizing",
        "Guardrails G4, G7 and G10 cut an order down; what is left under a venue's minimum is refused.",
    ),
    "risk": ("Risk", "`null` switches one off."),
    "guardrails": (
        "Guardrails",
        """Which rules exist is fixed in code; these are their thresholds, and what each rule does stands in
[guardrails](guardrails.md). *Looser* is the way that lets more through: the `limits` of `quarterdeck.yaml` may hold any
of these keys, and a bot that is looser than they are does not start.""",
    ),
    "orders": ("Orders", ""),
    "shutdown": ("Shutdown", ""),
}

_TAIL: Final = """
## Pairs and their spellings

A pair is written `BTC-USD`. Everywhere a pair is expected these mean the same: `BTC/USD`, `BTC_USD`, `btc-usd`,
`BTCUSD` (where exactly one of the base currency and the stablecoins fits at its end: `BTCBUSD` could be `BTC-BUSD` or
`BTCB-USD` and is refused), and Kraken's `XXBTZUSD` and `XBT/USD`. A perpetual is written `BTC-USDT:USDT` (or
`BTC/USDT:USDT`); it must be settled in its quote, and the exchange must take its fees in that.

Pairs are quoted in the base currency or in one of `guardrails.stablecoins`. With `equivalent_quotes` a pair stands for
every instrument of the same coin whose quote is in its group and that an exchange lists. A pair that no exchange lists
is an error, and so is one that is bought with what no exchange holds.

Without `pairs` the bot trades the largest coins against its base currency: {top}.

## The fleet's limits

`quarterdeck.yaml` of the workspace may hold ceilings for all bots:

```yaml
version: 1
limits: {{order_value_max_quote: 1000, daily_loss_max: 0.05, qty_max: {{BTC-USD: 1}}}}
```

## What does not go together

Besides each key's own bounds the file is refused when the capital exceeds what the balances hold in the base currency
and stablecoins and what the declared holdings cost, or is less than these cost; when the size of an order is under the
minimum of every venue that lists the pair; when a venue named by `routing` does not list its pairs; when fees are
paid in an asset of which nothing here says what it is worth; and when `risk.short` or a leverage stands there without a
perpetual among the pairs, or the leverage is above `guardrails.leverage_max` or what an exchange allows.

What would change behaviour and is not there yet is refused: `mode: testnet` or `live`.

## Older spellings

| written | means |
|---|---|
| `exchange: NAME` | `exchanges` with that one paper exchange |
| `strategy: NAME` | `strategy: {{name: NAME}}` |
| `dry_run: true`, `mode: dry-run` | `mode: paper` |
| `mode: long_only` | `mode: paper` and `risk.short: false` |
| `guardrails.killSwitch: false` | nothing: the kill switch is no setting |
{older}
Both spellings of one meaning at once are an error.

## Which prices a bot sees

Signals come from the candles of the first exchange that lists the pair. A missing candle is no price: no signal, no
mark, and after two bars nothing is opened there. `--replay VENUE:PAIR=PATH` gives a venue its recording (Parquet or CSV
with `timestamp` in milliseconds, `open high low close volume`); a venue without one plays the recording of another,
changed as its `basis_bps`, `lag_bars` and `outage_share` say. Candles that are unsorted, doubled or priced at nothing
are sorted, dropped and counted; candles off the timeframe's grid are an error.

A book is made around each price, its best levels half of `spread_bps` away: a market order fills that much beyond the
open that follows it. With a `depth_quote` so large that no order empties the best level, a bot with `spread_bps: 2 s`
on one exchange trades exactly as a backtest with a slippage of `s` basis points does.

## Perpetuals

```yaml
base_currency: USDT
exchanges:
  - name: binance
    fees: {{maker: 0.0002, taker: 0.0005}}
    balances: {{USDT: "10000"}}
    perpetuals: {{leverage_max: 20, maintenance: 0.005}}
    funding: {{"BTC-USDT:USDT": data/BTC-USDT-funding.parquet}}
pairs: ["BTC-USDT:USDT"]
risk: {{stop_loss: 0.05, short: true, leverage_max: 2}}
orders: {{entry: limit, entry_offset: 0.0005, timeout_min: 60}}
```

A position in a perpetual stands alone with its own margin, the cost of what was opened divided by
`risk.leverage_max`, which is set at each venue when the bot starts and read back (E11). With `risk.short` a SELL where
nothing is held opens a short position; a signal against a position closes it first and then opens the other way. What
was recorded under `funding` is paid at its instants, at the last price then known; a position whose margin is used up
is closed by the venue inside the bar that got there.
"""


def render_bot_file() -> str:
    """Write the reference of the bot file."""
    parts = [_HEAD]
    for section, keys in SECTIONS.items():
        title, says = _TITLES[section]
        parts.append(f"\n## {title}\n\n" + (f"{says}\n\n" if says else ""))
        parts.append(_table(keys, with_looser=section == "guardrails"))
    older = "".join(f"| `{old}` | `{new}` |\n" for old, new in _older())
    parts.append(_TAIL.format(top=", ".join(TOP_COINS), older=older))
    return "".join(parts)


def _older() -> Iterable[tuple[str, str]]:
    yield from MOVED.items()
    yield from ((f"parameters.{old}", f"strategy.parameters.{new}") for old, new in PARAMETERS.items())


def _table(keys: Iterable[Key], *, with_looser: bool) -> str:
    more, rule = (" looser |", "---|") if with_looser else ("", "")
    lines = [f"| key | meaning | unit | default | allowed | while running |{more}\n|---|---|---|---|---|---|{rule}\n"]
    for key in keys:
        live = "yes" if key.is_live else ""
        looser = f" {key.looser} |" if with_looser else ""
        cells = (f"`{key.path}`", key.says, key.unit, _default(key), _allowed(key), live)
        lines.append("| " + " | ".join(cells) + f" |{looser}\n")
    return "".join(lines)


def _default(key: Key) -> str:
    return key.default_says or f"`{text_of(key.default)}`"


def _allowed(key: Key) -> str:
    match key.form:
        case "flag":
            return "`true`, `false`"
        case "choice":
            return ", ".join(f"`{option}`" for option in key.options)
        case "word":
            return "text"
        case "words":
            return "a list"
        case "map":
            return f"a map; each {key.within.describe()}"
        case "money" | "number" | "whole":
            kind = "a whole number " if key.form == "whole" else ""
            says = kind + ("any number" if math.isinf(key.within.low) else key.within.describe())
            return says if key.default is not None or key.default_says else f"{says}, or `null`"
