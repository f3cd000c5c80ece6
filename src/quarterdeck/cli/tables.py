"""Tables for people: the summary of a run, how a bot stands, lists of fills and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.output import money, price, quantity
from quarterdeck.domain import Control
from quarterdeck.system import BotStatus, HeldPosition, RunSummary

CONTROL_STYLE: Final = {
    Control.RUNNING: "green",
    Control.PAUSED: "yellow",
    Control.REDUCING: "yellow",
    Control.HALTED: "bold red",
}
_SECONDS: Final = 19  # of an ISO time, without its fraction


def new_table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    """Make a table with the columns of numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column != "text")
    return table


def pairs_table(title: str, rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """Make a table of names and values."""
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column("name", style="dim", no_wrap=True)
    table.add_column("value")
    for name, value in rows:
        table.add_row(name, value)
    return table


def print_summary(console: Console, summary: RunSummary) -> None:
    """Print what a run did."""
    counts = summary.orders
    orders = [(name, getattr(counts, name)) for name in counts.__struct_fields__]
    rows: list[tuple[str, RenderableType]] = [
        ("market time", f"{_short(summary.from_at)} to {_short(summary.to_at)} UTC"),
        ("cycles", f"{summary.cycles:,} ({_counted(summary.signals.items())})"),
        ("intents", f"{summary.intents.total:,} ({_counted(summary.intents.by_source.items())})"),
        ("refused by", _counted(summary.refusals.items())),
        ("orders", _counted((name, count) for name, count in orders if count or name == "planned")),
        ("fills", f"{summary.fills:,}, fees {_amounts(summary.fees)}"),
        ("profit and loss", f"realised {money(summary.realised)}, open {money(summary.unrealised)}"),
        ("equity", f"{money(summary.equity_open)} → {money(summary.equity)}, fell {summary.drawdown_max:.2%} at most"),
        ("control", Text(summary.control.value, CONTROL_STYLE[summary.control])),
        ("journal", f"{summary.journal_head.seq:,} rows, head {summary.journal_head.hash[:16]}"),
        ("took", f"{summary.wall_s:,.1f} s"),
    ]
    console.print()
    console.print(pairs_table(f"{summary.bot} ({summary.mode}), session {summary.session}", rows))
    print_holdings(console, summary.cash, summary.positions)


def print_status(console: Console, status: BotStatus) -> None:
    """Print how a bot stands."""
    owner = f"process {status.owner.pid}, epoch {status.owner.epoch}" if status.owner else "nobody: it is not running"
    control = Text(status.control.value, CONTROL_STYLE[status.control])
    if status.halt_reason:
        control.append(f": {status.halt_reason}", "default")
    rows: list[tuple[str, RenderableType]] = [
        ("control", control),
        ("owner", owner),
        ("last cycle", f"{_short(status.last_cycle_at)} UTC"),
        ("equity", money(status.equity)),
    ]
    if status.paused_until_at:
        rows.insert(1, ("paused until", f"{_short(status.paused_until_at)} UTC"))
    console.print(pairs_table(f"{status.bot} ({status.mode})", rows))
    print_holdings(console, status.cash, status.positions)
    for shown in (_open_orders(status), _unknown_orders(status), _guardrails(status), _venues(status)):
        if shown is not None:
            console.print(Group("", shown))


def print_holdings(
    console: Console, cash: Mapping[str, Mapping[str, Decimal]], positions: Sequence[HeldPosition]
) -> None:
    """Print cash and positions by venue."""
    table = new_table("holdings", "venue", "asset", "quantity", "cost", right=("quantity", "cost"))
    for venue, assets in cash.items():
        for asset, amount in assets.items():
            table.add_row(venue, asset, money(amount), "")
    for position in positions:
        table.add_row(position.venue, position.instrument, quantity(position.qty), money(position.cost))
    console.print(Group("", table))


def print_trades(console: Console, items: Sequence[Mapping[str, object]]) -> None:
    """Print fills, oldest first."""
    right = ("quantity", "price", "fee", "realised")
    table = new_table("", "at (UTC)", "venue", "instrument", "side", *right, "order", right=right)
    table.title = None
    for item in items:
        side = str(item["side"])
        table.add_row(
            _short(str(item["at"])),
            str(item["venue"]),
            str(item["instrument"]),
            Text(side, "green" if side == "buy" else "magenta"),
            quantity(Decimal(str(item["qty"]))),
            price(Decimal(str(item["price"]))),
            f"{money(Decimal(str(item['fee'])), 4)} {item['fee_asset']}",
            money(Decimal(str(item["realised"]))),
            str(item["client_id"]),
        )
    console.print(table if items else "no fills yet")


def print_events(console: Console, items: Sequence[Mapping[str, object]]) -> None:
    """Print events, oldest first."""
    table = new_table("", "at (UTC)", "type", "by", "text")
    table.title = None
    for item in items:
        details = item.get("details")
        shown = details if isinstance(details, Mapping) else {}
        text = ", ".join(f"{name} {_plain(value)}" for name, value in shown.items() if value not in (None, "", [], {}))
        table.add_row(_short(str(item["at"])), str(item["type"]), str(item["actor"]), text)
    console.print(table if items else "no events yet")


def _open_orders(status: BotStatus) -> Table | None:
    right = ("quantity", "filled")
    table = new_table("open orders", "order", "venue", "instrument", "side", "state", *right, right=right)
    for order in status.open_orders:
        state = order.state if order.cancel == "none" else f"{order.state}, cancel {order.cancel}"
        qty, filled = quantity(order.qty), quantity(order.filled)
        table.add_row(order.client_id, order.venue, order.instrument, order.side, state, qty, filled)
    return table if status.open_orders else None


def _unknown_orders(status: BotStatus) -> Table | None:
    table = new_table("orders whose outcome is not known", "order", "since (UTC)", "doing")
    for order in status.unknown_orders:
        table.add_row(order.client_id, _short(order.since_at), order.doing)
    return table if status.unknown_orders else None


def _guardrails(status: BotStatus) -> Table | None:
    table = new_table("guardrails", "rule", "used", "limit", "unit", right=("used", "limit"))
    for use in status.guardrails:
        used = "–" if use.used is None else f"{use.used:,.6g}"
        table.add_row(use.id, used, "–" if use.limit is None else f"{use.limit:,.6g}", use.unit)
    return table if status.guardrails else None


def _venues(status: BotStatus) -> Table | None:
    table = new_table("venues", "venue", "health", "price age", right=("price age",))
    for venue in status.venues:
        health = Text("healthy", "green") if venue.healthy else Text("no fresh price", "yellow")
        table.add_row(venue.name, health, "–" if venue.data_age_s is None else f"{venue.data_age_s:,.1f} s")
    return table if status.venues else None


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_plain(item)}" for name, item in value.items())
    return " ".join(_plain(item) for item in value) if isinstance(value, list) else str(value)


def _short(at: str | None) -> str:
    return "–" if not at else at[:_SECONDS].replace("T", " ")


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts) or "none"


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{money(amount, 4)} {asset}" for asset, amount in amounts.items()) or "none"
