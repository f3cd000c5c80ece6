"""What a result says that it stands on."""

from msgspec import structs

from quarterdeck.backtest import BacktestSettings, length
from quarterdeck.backtest.assumptions import Scene, StrategyFacts, assumptions_of
from quarterdeck.domain import GuardrailSettings, OrderSettings, RiskSettings
from tests.backtest.made_outcomes import DAY_NS, HOUR_NS, board_of_closes, outcome_of


def _said(settings: BacktestSettings, instruments: tuple[str, ...] = ("BTC-USD",), timeframe_ns: int = HOUR_NS) -> str:
    board = board_of_closes([[100.0] * 5] * len(instruments), timeframe_ns=timeframe_ns)
    board = structs.replace(board, instruments=instruments)
    scene = Scene(board, outcome_of(board, []), settings, StrategyFacts("Mine", {}, 51), ("a note about the data.",))
    return "\n".join(assumptions_of(scene))


def test_costs_fills_and_the_first_signal_are_always_said() -> None:
    said = _said(BacktestSettings(fee_taker=0.006, slippage_bps=2.5))
    for words in ("at the open of the next bar", "pay 0.600%", "2.5 basis points", "51 bars", "a note about the data."):
        assert words in said


def test_guardrails_that_are_off_are_named_and_changed_thresholds_too() -> None:
    assert "GUARDRAILS ARE OFF" in _said(BacktestSettings(guardrails=None))
    assert "default thresholds" in _said(BacktestSettings())
    assert "cooldown_s = 0.0" in _said(BacktestSettings(guardrails=GuardrailSettings(cooldown_s=0.0)))


def test_no_slippage_is_called_kind() -> None:
    assert "kindest assumption" in _said(BacktestSettings())
    assert "kindest assumption" not in _said(BacktestSettings(slippage_bps=1.0))


def test_stops_and_limit_entries_are_said_where_they_are_used() -> None:
    assert "Stops and targets" not in _said(BacktestSettings())
    assert "the stop first" in _said(BacktestSettings(risk=RiskSettings(take_profit=0.1)))
    assert "trades through it" in _said(BacktestSettings(orders=OrderSettings("limit", 0.001)))


def test_perpetuals_say_their_leverage_and_what_funding_is_missing() -> None:
    said = _said(BacktestSettings(risk=RiskSettings(short=True, leverage_max=3.0)), ("BTC-USDT:USDT",))
    for words in ("leverage 3", "0.50%", "may open a short", "No funding rates were given for BTC-USDT:USDT"):
        assert words in said


def test_bars_longer_than_a_minute_say_what_they_hide() -> None:
    assert "every day; a live bot is marked every minute" in _said(BacktestSettings(), timeframe_ns=DAY_NS)
    assert "every minute, as live" in _said(BacktestSettings(), timeframe_ns=HOUR_NS // 60)


def test_instruments_share_one_wallet() -> None:
    assert "2 instruments share one wallet of 10,000.00" in _said(BacktestSettings(), ("BTC-USD", "ETH-USD"))


def test_lengths_are_named_in_their_largest_unit() -> None:
    named = [length(span) for span in (HOUR_NS // 60, HOUR_NS // 4, 4 * HOUR_NS, DAY_NS, 7 * DAY_NS, HOUR_NS // 7200)]
    assert named == ["1 minute", "15 minutes", "4 hours", "1 day", "7 days", "0.5 seconds"]


def test_a_limit_entry_with_a_target_says_when_the_target_is_not_looked_for() -> None:
    limit, target = OrderSettings("limit", 0.001), RiskSettings(take_profit=0.05)
    said = "fills such an entry inside, a target is not looked for"
    assert said in _said(BacktestSettings(orders=limit, risk=target))
    assert said not in _said(BacktestSettings(orders=limit)) + _said(BacktestSettings(risk=target))


def test_leverage_without_perpetuals_is_said_to_do_nothing() -> None:
    assert "Leverage 3 changes nothing here" in _said(BacktestSettings(risk=RiskSettings(leverage_max=3.0)))
