"""The live view of the demo: prices, books, and the latest steps of the story, redrawn after each commit."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.demo_lines import lines_of
from quarterdeck.cli.output import money, price, quantity
from quarterdeck.cli.story import Told
from quarterdeck.cli.tables import CONTROL_STYLE, new_table, pairs_table
from quarterdeck.cli.times import clock_time
from quarterdeck.domain import CycleDue, Quote
from quarterdeck.engine import State
from quarterdeck.system import Happening

REDRAW_S: Final = 0.1
LINES_MIN: Final = 4
LINES_MAX: Final = 30
ROWS_ABOVE: Final = 16  # heading, market and books


class DemoView:
    """Keeps what the screen shows, and redraws it at most ten times a second."""

    def __init__(self, live: Live, title: str) -> None:
        self._live = live
        self._title = title
        room = min(max(live.console.height - ROWS_ABOVE, LINES_MIN), LINES_MAX)
        self._lines: deque[Told] = deque(maxlen=room)
        self._quotes: dict[tuple[str, str], Quote] = {}
        self._signals: dict[str, str] = {}
        self._drawn_s = 0.0

    def watch(self, happening: Happening) -> None:
        """Take in one input and its facts."""
        news = happening.news
        if isinstance(news, CycleDue):
            self._quotes.update({(quote.instrument, quote.venue): quote for quote in news.surroundings.quotes})
            self._signals = {signal.instrument: signal.action.value for signal in news.signals}
        # Prices have a table of their own, and a line for every HOLD would push out what happened.
        self._lines.extend(line for line in lines_of(happening) if line.word != "prices" and line.style != "dim")
        now_s = time.monotonic()
        if now_s - self._drawn_s >= REDRAW_S or happening.facts:
            self._drawn_s = now_s
            self._live.update(self._drawn(happening), refresh=True)

    def _drawn(self, happening: Happening) -> RenderableType:
        state = happening.state
        heading = Text.assemble((self._title, "bold"), f"   {clock_time(happening.news.at_ns)} UTC   ")
        heading.append(state.control.value, CONTROL_STYLE[state.control])
        heading.append("   Ctrl-C ends", "dim")
        beside = Table.grid(padding=(0, 4))
        beside.add_row(self._prices(), self._books(state, happening.seq))
        return Group(heading, "", beside, "", self._story())

    def _prices(self) -> Table:
        table = new_table("market", "pair", "venue", "bid", "ask", "signal", right=("bid", "ask"))
        shown: set[str] = set()
        for (instrument, venue), quote in sorted(self._quotes.items()):
            bid = price(quote.bids[0][0]) if quote.bids else "–"
            ask = price(quote.asks[0][0]) if quote.asks else "–"
            signal = "" if instrument in shown else self._signals.get(instrument, "")
            table.add_row("" if instrument in shown else instrument, venue, bid, ask, signal)
            shown.add(instrument)
        return table

    def _books(self, state: State, seq: int) -> Table:
        worth, cost = self._open_worth(state)
        held = [
            (f"{instrument} {venue}", quantity(position.qty))
            for venue, positions in state.positions.items()
            for instrument, position in positions.items()
            if position.qty
        ]
        cash = [
            (f"{asset} {venue}", money(amount))
            for venue, assets in state.cash.items()
            for asset, amount in assets.items()
        ]
        realised = sum(float(p.realised) for positions in state.positions.values() for p in positions.values())
        fees = ", ".join(f"{money(amount, 4)} {asset}" for asset, amount in state.fees.items()) or "none"
        rows: list[tuple[str, RenderableType]] = [
            ("equity", money(state.equity)),
            *cash,
            *held,
            ("profit and loss", f"realised {money(realised)}, open {money(worth - cost)}"),
            ("fees", fees),
            ("journal", f"row {seq:,}"),
        ]
        return pairs_table("books", rows)

    def _open_worth(self, state: State) -> tuple[float, float]:
        worth = cost = 0.0
        for venue, positions in state.positions.items():
            for instrument, position in positions.items():
                quote = self._quotes.get((instrument, venue))
                if position.qty and quote is not None:
                    worth += float(position.qty) * quote.last
                    cost += float(position.cost)
        return worth, cost

    def _story(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False, title="what it does and why", title_justify="left")
        table.add_column("at", style="dim", no_wrap=True)
        table.add_column("word", no_wrap=True)
        table.add_column("text", overflow="ellipsis", no_wrap=True)
        for line in self._lines:
            table.add_row(clock_time(line.at_ns)[11:], Text(line.word, line.style), line.text)
        return table
