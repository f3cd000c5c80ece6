"""Tables for people: how they look, the summary of a run, lists of fills and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.output import money, price, quantity
from quarterdeck.domain import Control
from quarterdeck.system import HeldPosition, OrderRow, RunSummary

CONTROL_STYLE: Final = {
    Control.RUNNING: "green",
    Control.PAUSED: "yellow",
    Control.REDUCING: "yellow",
    Control.HALTED: "bold red",
}
STATE_STYLE: Final = {
    "filled": "green",
    "open": "cyan",
    "partially_filled": "cyan",
    "rejected": "red",
    "unknown": "bold red",
    "cancelled": "yellow",
    "expired": "yellow",
    "not_placed": "yellow",
    "withdrawn": "yellow",
}
SIDE_STYLE: Final = {"buy": "green", "sell": "magenta"}
WORDY: Final = frozenset({"text", "unit", "wanted", "what to do", "default", "set to"})
_SECONDS: Final = 19  # of an ISO time, without its fraction
_MILLISECONDS: Final = 23
_YEAR: Final = 5  # characters of an ISO time, with its dash
_MINUTES: Final = 16
WIDE: Final = 110


def new_table(title: str, *columns: str, right: Sequence[str] = (), titled: bool = True) -> Table:
    """Make a table with the columns of numbers to the right; columns of words wrap, all others stay whole."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    if not titled:
        table.title = None
    for column in columns:
        wraps = column in WORDY
        table.add_column(column, justify="right" if column in right else "left", no_wrap=not wraps, overflow="fold")
    return table


def pairs_table(title: str, rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """Make a table of names and values."""
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    if not title:
        table.title = None
    table.add_column("name", style="dim", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def print_summary(console: Console, summary: RunSummary) -> None:
    """Print what a run did."""
    counts, fees = summary.orders, _amounts(summary.fees)
    orders = [(name, getattr(counts, name)) for name in counts.__struct_fields__]
    rows: list[tuple[str, RenderableType]] = [
        ("market time", f"{short_time(summary.from_at)} to {short_time(summary.to_at)} UTC"),
        ("cycles", f"{summary.cycles:,} ({_counted(summary.signals.items())})"),
        ("intents", f"{summary.intents.total:,} ({_counted(summary.intents.by_source.items())})"),
        ("refused by", _counted(summary.refusals.items())),
        ("orders", _counted((name, count) for name, count in orders if count or name == "planned")),
        ("fills", f"{summary.fills:,}"),
        ("profit and loss", f"realised {money(summary.realised)}, open {money(summary.unrealised)}, fees {fees}"),
        ("equity", f"{money(summary.equity_open)} → {money(summary.equity)}, fell {summary.drawdown_max:.2%} at most"),
        ("control", Text(summary.control.value, CONTROL_STYLE[summary.control])),
        ("journal", f"{summary.journal_head.seq:,} rows, head {summary.journal_head.hash[:16]}"),
        ("took", f"{summary.wall_s:,.1f} s"),
    ]
    console.print()
    console.print(pairs_table(f"{summary.bot} ({summary.mode}), session {summary.session}", rows))
    print_holdings(console, summary.cash, summary.positions)


def print_holdings(
    console: Console, cash: Mapping[str, Mapping[str, Decimal]], positions: Sequence[HeldPosition]
) -> None:
    """Print cash and positions by venue."""
    table = new_table("holdings", "venue", "asset", "quantity", "cost", right=("quantity", "cost"))
    for venue, assets in cash.items():
        for asset, amount in assets.items():
            table.add_row(venue, asset, money(amount) if abs(amount) >= 1 or not amount else quantity(amount), "")
    for position in positions:
        table.add_row(position.venue, position.instrument, quantity(position.qty), money(position.cost))
    console.print(Group("", table))


def print_more(console: Console, cursor: str | None) -> None:
    """Say that a list goes on, where it does."""
    if cursor is not None:
        console.print(f"there are more: --cursor {cursor}", style="dim")


def print_trades(console: Console, items: Sequence[Mapping[str, object]], nothing: str) -> None:
    """Print fills or `nothing`; a narrow terminal gets no order ids, and times without year and seconds."""
    is_wide = console.width >= WIDE
    right = ("price", "fee", "realised")
    last = ("order",) if is_wide else ()
    table = new_table("", "at (UTC)", "venue", "text", *right, *last, right=right, titled=False)
    for item in items:
        at, side = short_time(str(item["at"])), str(item["side"])
        table.add_row(
            at if is_wide else at[_YEAR:_MINUTES],
            str(item["venue"]),
            _traded(side, Decimal(str(item["qty"])), str(item["instrument"])),
            price(Decimal(str(item["price"]))),
            f"{money(Decimal(str(item['fee'])), 4)} {item['fee_asset']}",
            money(Decimal(str(item["realised"]))),
            *([str(item["client_id"])] if is_wide else ()),
        )
    console.print(table if items else nothing)


def orders_table(title: str, rows: Sequence[OrderRow]) -> Table:
    """Make a table of orders."""
    table = new_table(title, "order", "venue", "wanted", "state", "filled", right=("filled",))
    for order in rows:
        state = Text(order.state.replace("_", " "), STATE_STYLE.get(order.state, ""))
        if order.cancel not in ("none", "accepted") or (order.cancel == "accepted" and order.state != "cancelled"):
            state.append(f", cancel {order.cancel}", "yellow")
        wanted = _traded(order.side, order.qty, order.instrument)
        wanted.append("" if order.limit is None else f" at {price(order.limit)}")
        wanted.append("" if order.trigger is None else f" stop at {price(order.trigger)}")
        table.add_row(order.client_id, order.venue, wanted, state, quantity(order.filled))
    return table


def _traded(side: str, qty: Decimal, instrument: str) -> Text:
    return Text.assemble((side, SIDE_STYLE.get(side, "")), f" {quantity(qty)} {instrument}")


def print_events(console: Console, items: Sequence[Mapping[str, object]], nothing: str) -> None:
    """Print events, oldest first, or `nothing`."""
    table = new_table("", "at (UTC)", "type", "by", "text", titled=False)
    for item in items:
        details = item.get("details")
        shown = details if isinstance(details, Mapping) else {}
        text = ", ".join(f"{name} {_plain(value)}" for name, value in shown.items() if value not in (None, "", [], {}))
        table.add_row(short_time(str(item["at"])), str(item["type"]), str(item["actor"]), text)
    console.print(table if items else nothing)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_plain(item)}" for name, item in value.items())
    return " ".join(_plain(item) for item in value) if isinstance(value, list) else str(value)


def short_time(at: str | None, *, fraction: bool = False) -> str:
    """Write an ISO time for people, to the second or the millisecond."""
    return "–" if not at else at[: _MILLISECONDS if fraction else _SECONDS].replace("T", " ")


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts) or "none"


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{money(amount, 4)} {asset}" for asset, amount in amounts.items()) or "none"
