"""Backtests as users ask for them: any strategy, candles from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quarterdeck.backtest import BacktestResult, BacktestSettings, FundingRates
from quarterdeck.backtest import run as run_backtest
from quarterdeck.config import BotConfig, open_strategy
from quarterdeck.domain import ConfigError
from quarterdeck.feeds import load_funding
from quarterdeck.strategies import Strategy
from quarterdeck.system.candle_sources import CandleSet, Source, candles_of

StrategyChoice = Strategy | type[Strategy] | str | Path


def backtest(
    strategy: StrategyChoice,
    candles: Source | Mapping[str, Source] | CandleSet,
    *,
    settings: BacktestSettings = BacktestSettings(),  # noqa: B008 - frozen
) -> BacktestResult:
    """
    Backtest a strategy, with the rules, fills and fees that trade live.

    Bad data is repaired or refused by one rule, whatever it comes from; what was done stands in the result's
    `assumptions`.

    Args:
        strategy: A strategy, its class, the name of one that comes with Quarterdeck, or the path of a strategy file.
        candles: Candles, a DataFrame (a DatetimeIndex or a column `timestamp`, then open, high, low, close, volume) or
            the path of a Parquet or CSV file; or several of these by instrument, all of one timeframe and priced in one
            asset; or a folder of such files.
        settings: Money, costs, sizes and limits.

    Returns:
        The result; its tables and figures are worked out when they are asked for.

    Raises:
        ConfigError: If the strategy, the data or a setting cannot be used; the message says what to do.

    Example:
        >>> from quarterdeck.system import sample_candles
        >>> result = backtest("sma_crossover", sample_candles(), settings=BacktestSettings(engine="event"))
        >>> len(result.equity), result.orders["side"][0].item()
        (17520, 'buy')
    """
    found = candles if isinstance(candles, CandleSet) else candles_of(candles, price_steps=settings.price_steps)
    return run_backtest(strategy_of(strategy), found.candles, settings, found.notes)


def strategy_of(chosen: StrategyChoice) -> Strategy:
    """
    Make the strategy that a user means, with the default of every parameter unless it is made already.

    Args:
        chosen: A strategy, its class, the name of one that comes with Quarterdeck, or the path of a file.

    Raises:
        ConfigError: If there is no such strategy.
    """
    if isinstance(chosen, Strategy):
        return chosen
    kind = chosen if isinstance(chosen, type) else open_strategy(str(chosen), None).kind
    if not issubclass(kind, Strategy):
        raise ConfigError(f"backtest: {kind.__name__} is no Strategy; derive it from quarterdeck.Strategy")
    return kind()


def settings_of_bot(config: BotConfig) -> BacktestSettings:
    """
    Say with which settings a backtest trades as a bot does: its money, sizes and limits, on its first exchange.

    Half the spread of that exchange's books is the slippage; lot, minimum and costs are those of its first pair.
    """
    venue = config.exchanges[0]
    listing = venue.listing(venue.pairs[0])
    return BacktestSettings(
        cash=float(config.capital),
        fee_taker=float(venue.fees.taker),
        fee_maker=float(venue.fees.maker),
        slippage_bps=venue.spread_bps / 2.0,
        sizing=config.sizing,
        guardrails=config.guardrails,
        risk=config.risk,
        orders=config.orders,
        lot=float(listing.lot),
        notional_min=float(listing.notional_min),
        order_timeout_min=config.order_timeout_min,
        approved=config.approved,
        price_steps={instrument: float(venue.listing(instrument).tick) for instrument in venue.pairs},
        bot=config.name,
    )


def funding_rates(paths: Mapping[str, Path]) -> dict[str, FundingRates]:
    """
    Read recorded funding by instrument.

    Raises:
        InputError: If a file cannot be used.
    """
    tapes = {instrument: load_funding(path) for instrument, path in paths.items()}
    return {instrument: FundingRates(tape.at_ns, tape.rate) for instrument, tape in tapes.items()}
