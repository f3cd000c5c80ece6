"""The report and the picture."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from msgspec import structs

from quarterdeck.backtest import BacktestSettings, figure_text, label_of
from quarterdeck.backtest.charts import COLUMNS
from quarterdeck.backtest.outcome import REFUSAL
from quarterdeck.backtest.report import render_report
from quarterdeck.backtest.report_tables import TRADES_MAX, month_returns
from quarterdeck.guardrails import BITS
from tests.backtest.made_outcomes import DAY_NS, HOUR_NS, START_NS, Done, board_of_closes, outcome_of
from tests.backtest.test_result import CLOSES, FILLS, result_of, small_result


class _Outside(HTMLParser):
    """Collects everything that a page would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {value}" for name, value in attrs if name in {"src", "href"}]
        self.fetched += [tag] if tag in {"link", "iframe", "img"} else []


def test_a_report_needs_nothing_else() -> None:
    page = render_report(small_result())
    reader = _Outside()
    reader.feed(page)
    assert reader.fetched == []
    assert "url(" not in page
    assert "@import" not in page


def test_a_report_tells_figures_trades_and_what_it_stands_on() -> None:
    result = small_result()
    page = render_report(result)
    for words in ("SmaCrossover(fast_bars=20, slow_bars=50) on BTC-USD", "stop loss", "buy and hold", "Months", "95"):
        assert words in page
    assert "a note &lt;about&gt; data." in page
    assert result.order_list_hash[:16] in page
    assert all(label_of(name) in page for name in result.stats)


def test_guardrails_that_were_off_are_said_at_the_top() -> None:
    warning = "Guardrails were switched off"
    assert warning in render_report(small_result(BacktestSettings(guardrails=None)))
    assert warning not in render_report(small_result())


def test_refusals_are_told_by_rule_and_name() -> None:
    board = board_of_closes(CLOSES)
    rows = np.array([(START_NS, 0, 0, 1, 0, 0, 1 << BITS["G8"]), (START_NS, 1, 0, 1, 0, 0, 0)], dtype=REFUSAL)
    page = render_report(result_of(board, structs.replace(outcome_of(board, FILLS), refusals=rows)))
    assert re.search(r"<td>G8<td>[^<]+<td class=n>1", page)
    assert "2 orders in all" in page


def test_a_long_backtest_with_many_trades_stays_below_a_megabyte() -> None:
    bars = 150_000
    closes = 100.0 + np.cumsum(np.random.default_rng(3).normal(0.0, 0.05, bars))
    board = board_of_closes((np.abs(np.round(closes, 2)) + 1.0).tolist(), timeframe_ns=HOUR_NS // 60)
    fills = [Done(bar, 1 if number % 2 == 0 else -1, 1, 100.0) for number, bar in enumerate(range(1, bars, 40))]
    page = render_report(result_of(board, outcome_of(board, fills)))
    assert len(page.encode()) < 1_000_000
    assert page.count("<td>long") == TRADES_MAX
    assert "too many to mark" in page


@pytest.mark.parametrize("fills", [[], FILLS], ids=["no trades", "trades"])
def test_a_picture_is_sound_xml(fills: list[Done], tmp_path: Path) -> None:
    board = board_of_closes(CLOSES)
    svg = result_of(board, outcome_of(board, fills)).plot(tmp_path / "plot.svg").svg
    root = ET.fromstring(svg)  # noqa: S314 - our own picture
    assert root.attrib["width"] == "1200"
    assert "nan" not in svg.lower()
    assert "inf" not in svg.lower()


def test_one_bar_can_be_drawn_and_reported() -> None:
    board = board_of_closes([100.0])
    page = render_report(result_of(board, outcome_of(board, [])))
    assert re.search(r"\b(nan|inf)\b", page) is None


def test_months_multiply_to_the_total_and_a_bar_counts_where_it_closes() -> None:
    bars = 100
    board = board_of_closes([100.0] * bars, timeframe_ns=DAY_NS)
    equity = 10_000.0 * np.cumprod(np.full(bars, 1.001))
    outcome = structs.replace(outcome_of(board, []), equity=equity)
    months = month_returns(result_of(board, outcome))
    assert list(months[2024]) == [1, 2, 3, 4]
    # The bar of 31 January closes at midnight, and still belongs to January.
    assert months[2024][1] == pytest.approx(1.001**31 - 1.0)
    assert np.prod([1.0 + one for one in months[2024].values()]) == pytest.approx(equity[-1] / 10_000.0)


def test_the_pointer_knows_every_column() -> None:
    page = render_report(small_result())
    found = re.search(r'const D=\{"x":\[([^\]]*)\]', page)
    assert found is not None
    assert len(found[1].split(",")) == 8 <= COLUMNS


def test_figures_are_written_for_people() -> None:
    assert figure_text("drawdown_max", 0.2511) == "25.11 %"
    assert figure_text("trades", 1234) == "1,234"
    assert figure_text("sharpe", float("inf")) == "–"
    assert label_of("profit_factor") == "Profit factor"


def test_equity_is_drawn_alone_too_where_buy_and_hold_makes_it_a_flat_line() -> None:
    board = board_of_closes([100.0, 100.0, 900.0, 400.0])
    small = result_of(board, outcome_of(board, [Done(1, +1, 10, 100.0)])).plot().svg
    whole = result_of(board, outcome_of(board, [Done(1, +1, 99_000, 100.0)])).plot().svg
    assert ">Equity<" in small
    assert ">Equity<" not in whole
    assert "Equity beside buy and hold" in small
    assert "Equity beside buy and hold" in whole
