"""`quarterdeck backtest`."""

from __future__ import annotations

from quarterdeck.cli import backtest_options as on
from quarterdeck.cli.options import JsonOption, WorkspaceOption


def backtest(  # noqa: PLR0913 - Typer reads the options from the signature
    *,
    strategy: on.StrategyArgument = None,
    bot: on.BotOption = None,
    data: on.DataOption = None,
    from_at: on.FromOption = None,
    to_at: on.ToOption = None,
    chosen: on.SetOption = None,
    cash: on.CashOption = None,
    size: on.SizeOption = None,
    fee: on.FeeOption = None,
    fee_taker: on.TakerOption = None,
    fee_maker: on.MakerOption = None,
    slippage_bps: on.SlippageOption = None,
    stop_loss: on.StopOption = None,
    take_profit: on.TargetOption = None,
    trailing_stop: on.TrailingOption = None,
    short: on.ShortOption = False,
    leverage: on.LeverageOption = None,
    funding: on.FundingOption = None,
    limit: on.LimitEntryOption = None,
    lot: on.LotOption = None,
    notional_min: on.LeastOption = None,
    guardrail: on.ThresholdOption = None,
    no_guardrails: on.UnguardedOption = False,
    engine: on.EngineOption = "kernel",
    report: on.ReportOption = None,
    plot: on.PlotOption = False,
    trades: on.TradesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Try a strategy on recorded candles, under all the rules.

    The rules, fills and fees are those that trade live. Without --data it runs on a small made-up market.
    """
    from quarterdeck.cli.backtest_run import Shown, backtest_shown
    from quarterdeck.cli.backtest_words import BacktestWords

    words = BacktestWords(
        strategy=strategy,
        bot=bot,
        data=tuple(data or ()),
        period=(from_at, to_at),
        chosen=tuple(chosen or ()),
        amounts={
            "cash": cash,
            "size": size,
            "fee_taker": fee_taker or fee,
            "fee_maker": fee_maker or fee,
            "slippage_bps": slippage_bps,
            "stop_loss": stop_loss,
            "take_profit": take_profit,
            "trailing_stop": trailing_stop,
            "leverage": leverage,
            "limit": limit,
            "lot": lot,
            "notional_min": notional_min,
        },
        funding=tuple(funding or ()),
        guardrails=tuple(guardrail or ()),
        is_short=short,
        is_guarded=not no_guardrails,
        engine=engine,
    )
    return backtest_shown(words, workspace, Shown(report, plot, trades, json))
