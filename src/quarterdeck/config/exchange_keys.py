"""The keys of one exchange in the bot file."""

from __future__ import annotations

from typing import Final

from quarterdeck.config.habits import HABITS, PLAIN
from quarterdeck.config.keys import ABOVE_ZERO, ZERO_OR_MORE, Bounds, Key
from quarterdeck.config.settings import DEPTH_QUOTE, SEED, SPREAD_BPS, FeeSettings, GridSettings
from quarterdeck.exchange import PerpetualRules

_FEES: Final = FeeSettings()
_GRID: Final = GridSettings()
_PERPETUALS: Final = PerpetualRules()
_SEED: Final = Bounds(*SEED)
_LOTS: Final = Bounds(1, 9 * 10**15)
_BY_HABITS: Final = "as `habits` says"
_COUNT: Final = Bounds(1, 1_000_000)
# A lease of 10 s, renewed every 3 s, has 7 s left at least.
_VALIDITY_S: Final = Bounds(0.1, 7.0)
_LAG_S: Final = Bounds(0.0, 600.0)

EXCHANGE_KEYS: Final = (
    Key(path="exchanges[].name", form="word", default_says="required", says="the venue, in small letters"),
    Key(
        path="exchanges[].kind",
        form="choice",
        options=("paper",),
        default="paper",
        says="`paper`: an exchange of ours, filled from the market's candles",
    ),
    Key(
        path="exchanges[].key",
        form="word",
        default="",
        default_says="none",
        says="the name of the account's key, never the key itself; two bots must not share one",
    ),
    Key(
        path="exchanges[].pairs",
        form="words",
        default_says="`pairs` and `watch`",
        says="the instruments that it lists",
    ),
    Key(
        path="exchanges[].balances.ASSET",
        form="money",
        unit="the asset",
        bounds=ZERO_OR_MORE,
        default_says="`capital` on a single exchange, else required",
        says="what the account holds when it is first opened",
    ),
    Key(
        path="exchanges[].holdings.PAIR.qty",
        form="money",
        unit="base",
        bounds=ABOVE_ZERO,
        default_says="required",
        says="a position that the bot starts with, beside `balances`: how much of the coin",
    ),
    Key(
        path="exchanges[].holdings.PAIR.cost",
        form="money",
        unit="quote",
        bounds=ZERO_OR_MORE,
        default_says="required",
        says="what that position cost as a whole; it is part of the capital at this figure",
    ),
    Key(
        path="exchanges[].fees.maker",
        form="money",
        unit="fraction of notional",
        default=_FEES.maker,
        bounds=Bounds(-1.0, 1.0, low_allowed=False, high_allowed=False),
        says="fee of an order that waited in the book; below zero for a rebate",
    ),
    Key(
        path="exchanges[].fees.taker",
        form="money",
        unit="fraction of notional",
        default=_FEES.taker,
        bounds=Bounds(0.0, 1.0, high_allowed=False),
        says="fee of an order that took from the book",
    ),
    Key(
        path="exchanges[].fees.asset",
        form="word",
        default=_FEES.asset,
        says="what fees are paid in: `quote`, `base`, `received` (base on buys, quote on sells), or one like `BNB`",
    ),
    Key(
        path="exchanges[].fees.conversion.ASSET",
        form="money",
        unit="fee asset per quote",
        bounds=ABOVE_ZERO,
        default_says="required for each quote where `fees.asset` names an asset",
        says="how many units of the fee asset one unit of a quote counts for",
    ),
    Key(
        path="exchanges[].fees.step",
        form="money",
        unit="fee asset",
        default=_FEES.step,
        bounds=Bounds(0.0, 1.0, low_allowed=False),
        says="fees are rounded to whole steps of this",
    ),
    Key(
        path="exchanges[].fees.rounding",
        form="choice",
        options=("down", "up", "half_even"),
        default=_FEES.rounding,
        says="how fees are rounded to their step",
    ),
    Key(
        path="exchanges[].spread_bps",
        form="number",
        unit="basis points",
        default=SPREAD_BPS,
        bounds=Bounds(0.0, 1_000.0),
        says="candles have no book: one is made around their price, so wide",
    ),
    Key(
        path="exchanges[].depth_quote",
        form="number",
        unit="quote",
        default=DEPTH_QUOTE,
        bounds=Bounds(1.0, 1e12),
        says="what that book offers on each side",
    ),
    Key(
        path="exchanges[].basis_bps",
        form="number",
        unit="basis points",
        default=0.0,
        bounds=Bounds(0.0, 1_000.0),
        says="how far prices stray from the recording or the made-up market, slowly and both ways",
    ),
    Key(
        path="exchanges[].lag_bars",
        form="whole",
        unit="bars",
        default=0,
        bounds=Bounds(0, 1_000),
        says="how much later prices come",
    ),
    Key(
        path="exchanges[].outage_share",
        form="number",
        unit="fraction of bars",
        default=0.0,
        bounds=Bounds(0.0, 0.5),
        says="how many of its bars are missing, as when a venue is down",
    ),
    Key(
        path="exchanges[].outage_bars_mean",
        form="number",
        unit="bars",
        default=20.0,
        bounds=Bounds(1.0, 100_000.0),
        says="how long such an outage lasts on average",
    ),
    Key(
        path="exchanges[].seed",
        form="whole",
        bounds=_SEED,
        default_says="`market.seed`",
        says="of everything random in the four keys above",
    ),
    Key(
        path="exchanges[].socket",
        form="word",
        default_says="none",
        says="the venue is a process of its own behind this socket (`python -m quarterdeck.venues.paper_process`)",
    ),
    Key(
        path="exchanges[].grid.PAIR.tick",
        form="money",
        unit="quote per base",
        bounds=ABOVE_ZERO,
        default_says="0.01, finer for coins that cost less than 10",
        says="prices are whole ticks",
    ),
    Key(
        path="exchanges[].grid.PAIR.lot",
        form="money",
        unit="base",
        default=_GRID.lot,
        bounds=ABOVE_ZERO,
        says="quantities are whole lots",
    ),
    Key(
        path="exchanges[].grid.PAIR.lots_min",
        form="whole",
        unit="lots",
        default=_GRID.lots_min,
        bounds=_LOTS,
        says="the smallest order",
    ),
    Key(
        path="exchanges[].grid.PAIR.lots_max",
        form="whole",
        unit="lots",
        default=_GRID.lots_max,
        bounds=_LOTS,
        says="the largest order",
    ),
    Key(
        path="exchanges[].grid.PAIR.notional_min",
        form="money",
        unit="quote",
        default=_GRID.notional_min,
        bounds=ZERO_OR_MORE,
        says="the smallest order by value",
    ),
    Key(
        path="exchanges[].grid.PAIR.notional_max",
        form="money",
        unit="quote",
        bounds=ABOVE_ZERO,
        default_says="none",
        says="the largest order by value",
    ),
    Key(
        path="exchanges[].perpetuals.leverage_max",
        form="whole",
        default=_PERPETUALS.leverage_max,
        bounds=Bounds(1, 125),
        says="the highest leverage that this exchange allows on a perpetual",
    ),
    Key(
        path="exchanges[].perpetuals.maintenance",
        form="money",
        unit="fraction of its worth",
        default=_PERPETUALS.maintenance,
        bounds=Bounds(0.0, 1.0, low_allowed=False, high_allowed=False),
        says="a position in a perpetual is liquidated once its margin and its profit are not worth more than this; "
        "times `leverage_max` it lies below 1",
    ),
    Key(
        path="exchanges[].funding.PAIR",
        form="word",
        default_says="none is paid",
        says="a recording of what a perpetual paid, for replays: Parquet or CSV with `timestamp` (ms) and "
        "`funding_rate`, above zero where longs pay; the path counts from the workspace",
    ),
    Key(
        path="exchanges[].habits",
        form="choice",
        options=tuple(HABITS),
        default=PLAIN,
        says="which exchange the paper venue behaves like: the defaults of the keys below, see [habits](habits.md)",
    ),
    Key(
        path="exchanges[].validity_s",
        form="number",
        unit="seconds",
        bounds=_VALIDITY_S,
        default_says=_BY_HABITS,
        says="how long after its signature a request is honoured; none is signed closer to the end of our lease",
    ),
    Key(
        path="exchanges[].lag_s",
        form="number",
        unit="seconds",
        bounds=_LAG_S,
        default_says=_BY_HABITS,
        says="how late an accepted order may show up in queries and lists",
    ),
    Key(
        path="exchanges[].proves_absence",
        form="flag",
        default_says=_BY_HABITS,
        says="whether denials after `validity_s` and `lag_s` prove that an order was never placed; else only trades, "
        "the order itself or a person (`orders resolve`) end an unknown one",
    ),
    Key(
        path="exchanges[].client_ids",
        form="choice",
        options=("ever", "open", "forgets", "answers_old"),
        default_says=_BY_HABITS,
        says="a client id is unique for ever, among open orders, the same while ended orders are forgotten by it, or a "
        "second use answers with the first order",
    ),
    Key(
        path="exchanges[].acks",
        form="choice",
        options=("direct", "async"),
        default_says=_BY_HABITS,
        says="a reply says what became of the order, or only that it was received",
    ),
    Key(
        path="exchanges[].ack_lag_s",
        form="number",
        unit="seconds",
        bounds=_LAG_S,
        default_says=_BY_HABITS,
        says="with `acks: async`: how long the decision takes",
    ),
    Key(
        path="exchanges[].replies",
        form="choice",
        options=("status", "id"),
        default_says=_BY_HABITS,
        says="the reply to an order carries its status with what filled at once, or only its id",
    ),
    Key(
        path="exchanges[].streams",
        form="choice",
        options=("all", "orders", "none"),
        default_says=_BY_HABITS,
        says="what the venue tells by itself: everything, orders without trades, or nothing",
    ),
    Key(
        path="exchanges[].limits.requests",
        form="whole",
        unit="requests",
        bounds=_COUNT,
        default_says=_BY_HABITS,
        says="how many requests of any kind it takes within `per_s`",
    ),
    Key(
        path="exchanges[].limits.orders",
        form="whole",
        unit="orders",
        bounds=_COUNT,
        default_says=_BY_HABITS,
        says="how many new orders it takes within `per_s`",
    ),
    Key(
        path="exchanges[].limits.per_s",
        form="number",
        unit="seconds",
        bounds=Bounds(0.1, 86_400.0),
        default_says=_BY_HABITS,
        says="the window of these limits",
    ),
    Key(
        path="exchanges[].protective_orders",
        form="choice",
        options=("bot", "venue"),
        default="bot",
        says="who holds the stop of a position here: the bot while it runs, or a stop order that rests at the venue",
    ),
)
