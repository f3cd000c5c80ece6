"""Every key of the bot file, once: its meaning, default, unit and bounds, and whether it may change at run time."""

from __future__ import annotations

import difflib
from typing import Final

from quarterdeck.config.exchange_keys import EXCHANGE_KEYS
from quarterdeck.config.guardrail_keys import GUARDRAIL_KEYS
from quarterdeck.config.keys import ABOVE_ZERO, SHARE, SHARE_OR_ZERO, Bounds, Key
from quarterdeck.config.settings import NAKED_MAX_S, ORDER_TIMEOUT_MIN, SEED, TIMEFRAMES_NS
from quarterdeck.domain import OrderSettings, SizingSettings

_SIZING: Final = SizingSettings()
_ORDERS: Final = OrderSettings()
_SEED: Final = Bounds(*SEED)
_BELOW_ONE: Final = Bounds(0.0, 1.0, low_allowed=False, high_allowed=False)
_SHARE_OF_EQUITY: Final = Bounds(0.0, 10.0, low_allowed=False)

BOT_KEYS: Final = (
    Key(
        path="name",
        form="word",
        says="what the bot is called; as its file, without `.yaml`",
        default_says="the file's name",
    ),
    Key(
        path="mode",
        form="choice",
        options=("paper", "testnet", "live"),
        default="paper",
        says="with which money; this version trades `paper` only",
    ),
    Key(path="base_currency", form="word", default="USD", says="what everything is valued in"),
    Key(
        path="capital",
        form="money",
        unit="base currency",
        bounds=ABOVE_ZERO,
        default_says="all that the balances hold",
        says="what the bot may call its own; at most what the balances hold",
    ),
    Key(
        path="pairs",
        form="words",
        is_live=True,
        default_says="the ten largest coins, as far as an exchange lists them",
        says="what the bot may trade; changed at run time, it says which of them it may still open",
    ),
    Key(
        path="equivalent_quotes",
        form="words",
        default_says="none",
        says="groups of quotes that count as one, like `[[USD, USDC]]`: a pair is then traded in any of them",
    ),
    Key(
        path="watch",
        form="words",
        default_says="none",
        says="instruments whose prices are only looked at, to value what they price, like `[USDC-USD]`",
    ),
)

MARKET_KEYS: Final = (
    Key(
        path="market.source",
        form="choice",
        options=("synthetic",),
        default="synthetic",
        says="which market plays where nothing is replayed: a made-up one, from 2026-01-01 on",
    ),
    Key(path="market.seed", form="whole", default=7, bounds=_SEED, says="the same seed makes the same market"),
    Key(
        path="market.start.PAIR",
        form="number",
        unit="quote per base",
        bounds=Bounds(1e-6, 1e9),
        default_says="near the coin's price in 2026, else 100",
        says="where the made-up price of an instrument starts",
    ),
)

STRATEGY_KEYS: Final = (
    Key(
        path="strategy.name",
        form="word",
        default_says="required",
        says="one that comes with the house, or a file in `strategies/production/`",
    ),
    Key(
        path="strategy.timeframe",
        form="choice",
        options=tuple(TIMEFRAMES_NS),
        default="1m",
        says="the length of its bars",
    ),
    Key(
        path="strategy.parameters.NAME",
        form="word",
        default_says="as the strategy declares",
        says="a parameter of the strategy, within the bounds that it declares",
    ),
)

ROUTING_KEYS: Final = (
    Key(
        path="routing.policy",
        form="choice",
        options=("best_price", "symbol_map", "fixed"),
        default="best_price",
        is_live=True,
        says="where an opening order goes: the cheapest venue after depth and fee, the one that a map names, or one",
    ),
    Key(
        path="routing.default",
        form="word",
        is_live=True,
        default_says="required with `symbol_map`",
        says="the venue of pairs that the map does not name",
    ),
    Key(
        path="routing.symbols.PAIR",
        form="word",
        is_live=True,
        default_says="`routing.default`",
        says="with `symbol_map`: the venue of this pair",
    ),
    Key(
        path="routing.venue",
        form="word",
        is_live=True,
        default_says="required with `fixed`",
        says="the one venue",
    ),
)

SIZING_KEYS: Final = (
    Key(
        path="sizing.kind",
        form="choice",
        options=("quote", "equity_share", "base"),
        default=_SIZING.kind,
        is_live=True,
        says="what `value` is: base currency, a fraction of equity, or a quantity of the coin",
    ),
    Key(
        path="sizing.value",
        form="money",
        unit="as `kind` says",
        default=_SIZING.value,
        default_says="50 with `kind: quote`, else required",
        bounds=ABOVE_ZERO,
        is_live=True,
        says="how large an opening order asks to be; at most 1 with `kind: equity_share`",
    ),
    Key(
        path="sizing.entries_max",
        form="whole",
        unit="entries",
        default=_SIZING.entries_max,
        bounds=Bounds(1, 100),
        is_live=True,
        says="how often a position is bought; 1 means that it is never added to",
    ),
    Key(
        path="sizing.confidence_min",
        form="number",
        default=_SIZING.confidence_min,
        bounds=SHARE_OR_ZERO,
        is_live=True,
        says="signals that are less sure open nothing",
    ),
)

RISK_KEYS: Final = (
    Key(
        path="risk.stop_loss",
        form="number",
        unit="fraction of average cost",
        bounds=_BELOW_ONE,
        is_live=True,
        looser="higher",
        says="a position is closed when its price falls so far below its cost; a short one when it rises so far above",
    ),
    Key(
        path="risk.take_profit",
        form="number",
        unit="fraction of average cost",
        bounds=ABOVE_ZERO,
        is_live=True,
        says="a position is closed when its price rises so far above its cost; a short one when it falls so far below",
    ),
    Key(
        path="risk.trailing_stop",
        form="number",
        unit="fraction of its highest mark",
        bounds=_BELOW_ONE,
        is_live=True,
        looser="higher",
        says="a position is closed when its price falls so far below the highest mark since it was opened; a short one "
        "when it rises so far above the lowest",
    ),
    Key(
        path="risk.drawdown_max",
        form="number",
        unit="fraction of the highest index ever",
        bounds=SHARE,
        is_live=True,
        looser="higher",
        says="nothing is opened once equity has fallen so far; beside G6, the stricter wins",
    ),
    Key(
        path="risk.position_max",
        form="number",
        unit="fraction of equity",
        bounds=_SHARE_OF_EQUITY,
        is_live=True,
        looser="higher",
        says="the largest share of equity in one pair; beside G7, the stricter wins",
    ),
    Key(
        path="risk.short",
        form="flag",
        default=False,
        is_live=True,
        looser="true",
        says="a SELL opens a short position where none is held; on perpetuals only",
    ),
    Key(
        path="risk.leverage_max",
        form="whole",
        default=1,
        bounds=Bounds(1, 125),
        looser="higher",
        says="the leverage that perpetuals are traded with, set at each venue at the start; within "
        "`guardrails.leverage_max`",
    ),
)

ORDERS_KEYS: Final = (
    Key(
        path="orders.timeout_min",
        form="number",
        unit="minutes",
        default=ORDER_TIMEOUT_MIN,
        bounds=Bounds(0.0, 100_000.0),
        says="what has not filled so long after its plan is cancelled; 0 for never. In bars, at least two of them",
    ),
    Key(
        path="orders.entry",
        form="choice",
        options=("market", "limit"),
        default=_ORDERS.entry,
        is_live=True,
        says="how entries are sent: at the market, or as limit orders that wait; exits go at the market",
    ),
    Key(
        path="orders.entry_offset",
        form="number",
        unit="fraction of the price",
        default=_ORDERS.entry_offset,
        bounds=Bounds(0.0, 1.0, high_allowed=False),
        is_live=True,
        says="with `entry: limit`: how much better than the last price the limit is, on the grid in our favour",
    ),
    Key(
        path="orders.naked_max_s",
        form="number",
        unit="seconds",
        default=NAKED_MAX_S,
        bounds=Bounds(1.0, 3_600.0),
        says="with `protective_orders: venue`: what has no stop order there for so long is sold at market",
    ),
)

SHUTDOWN_KEYS: Final = (
    Key(
        path="shutdown.orders",
        form="choice",
        options=("cancel", "keep"),
        default="cancel",
        is_live=True,
        says="what becomes of open orders when the bot ends; stop orders that protect a position stay at the venue",
    ),
)

SECTIONS: Final[dict[str, tuple[Key, ...]]] = {
    "": BOT_KEYS,
    "exchanges": EXCHANGE_KEYS,
    "market": MARKET_KEYS,
    "strategy": STRATEGY_KEYS,
    "routing": ROUTING_KEYS,
    "sizing": SIZING_KEYS,
    "risk": RISK_KEYS,
    "guardrails": GUARDRAIL_KEYS,
    "orders": ORDERS_KEYS,
    "shutdown": SHUTDOWN_KEYS,
}
ALL_KEYS: Final = tuple(key for keys in SECTIONS.values() for key in keys)
KEYS: Final[dict[str, Key]] = {key.path: key for key in ALL_KEYS}


def find_key(path: str) -> Key | None:
    """Find the key that a path of some file is, None if there is none such."""
    return next((key for key in ALL_KEYS if key.covers(path)), None)


def keys_under(path: str) -> tuple[Key, ...]:
    """List the keys of a section that is named by its path; none where the path is no section."""
    return tuple(key for key in ALL_KEYS if key.path.startswith(f"{path}."))


def nearest_path(path: str) -> str:
    """Suggest a key of the bot file for a path that is none."""
    same_word = [key.path for key in ALL_KEYS if key.name == path.rpartition(".")[2]]
    near = same_word or difflib.get_close_matches(path, [key.path for key in ALL_KEYS], n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "'quarterdeck settings get BOT' lists them"
