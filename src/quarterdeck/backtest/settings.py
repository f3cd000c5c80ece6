"""What a backtest is told: money, costs, sizes and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import GuardrailSettings, OrderSettings, RiskSettings, SizingSettings


class FundingRates(Struct, frozen=True, eq=False):
    """
    What a perpetual paid at its settlements: at these instants the long side paid this fraction of its worth.

    Both arrays have the shape (settlements,): `at_ns` int64 UTC, rising; `rate` float64.
    """

    at_ns: NDArray[np.int64]
    rate: NDArray[np.float64]


class BacktestSettings(Struct, frozen=True, kw_only=True):
    """
    How a backtest trades and what that costs.

    `cash` is in the quote asset of the candles; fees are fractions of notional, `slippage_bps` is how far beyond the
    price of a bar a market order fills. `guardrails` None leaves them out, which every report says; `risk` holds stops,
    targets, shorts and leverage, `orders` how entries are sent and how long they wait. `lot` is the smallest step of a
    quantity in base units, `notional_min` the least worth of an order in quote. `funding` is by instrument, as is
    `maintenance`, the share of a perpetual position's worth at which it is liquidated. `bot` names the bot of which
    these would be the orders, so that order ids are those of a paper run. `engine` is the compiled kernel, or `event`
    for the very engine that trades live. Orders that have not filled after `order_timeout_min` are cancelled, 0 for
    never, though not before two bars have passed. `approved` are the instruments that may be opened, None for all.
    `price_steps` gives the grid of prices by instrument for data that do not say it; else it is found out from them.
    """

    cash: float = 10_000.0
    fee_taker: float = 0.001
    fee_maker: float = 0.001
    slippage_bps: float = 0.0
    sizing: SizingSettings = SizingSettings()
    guardrails: GuardrailSettings | None = GuardrailSettings()
    risk: RiskSettings = RiskSettings()
    orders: OrderSettings = OrderSettings()
    lot: float = 1e-8
    notional_min: float = 0.0
    funding: Mapping[str, FundingRates] = {}
    maintenance: float = 0.005
    order_timeout_min: float = 10.0
    approved: tuple[str, ...] | None = None
    price_steps: Mapping[str, float] = {}
    bot: str = "backtest"
    engine: Literal["kernel", "event"] = "kernel"
