"""How a bot stands, for people: what needs attention first, then money, holdings, orders and limits."""

from __future__ import annotations

from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.output import figure, money, percent, price, quantity
from quarterdeck.cli.tables import CONTROL_STYLE, new_table, orders_table, pairs_table, print_holdings, short_time
from quarterdeck.system import BotStatus, GuardrailUse, KillTold, LossTold

GAUGE_CELLS: Final = 10
NEARLY: Final = 0.75
# Of these rules a large number is far from the limit, or is no use of it.
NO_GAUGE: Final = frozenset({"G8"})


def print_status(console: Console, status: BotStatus) -> None:
    """Print how a bot stands."""
    console.print(pairs_table(f"{status.bot} ({status.mode})", [*_standing(status), *_money(status)]))
    urgent = (_denied(status), _alerts(status), _unknown_orders(status), _differences(status), _waiting(status))
    for shown in (*urgent, _protection(status), _others(status)):
        if shown is not None:
            console.print(Group("", shown))
    print_holdings(console, status.cash, status.positions)
    orders = orders_table("open orders", status.open_orders) if status.open_orders else None
    for shown in (orders, _guardrails(status), _venues(status), _changes(status)):
        if shown is not None:
            console.print(Group("", shown))


def _standing(status: BotStatus) -> list[tuple[str, RenderableType]]:
    owner = f"process {status.owner.pid}, epoch {status.owner.epoch}" if status.owner else "nobody: it is not running"
    control = Text(status.control.value, CONTROL_STYLE[status.control])
    if status.halt_reason:
        control.append(f": {status.halt_reason}", "default")
    rows: list[tuple[str, RenderableType]] = [("control", control)]
    if status.paused_until_at:
        rows.append(("paused until", f"{short_time(status.paused_until_at)} UTC"))
    rows.append(("opening", _opening(status)))
    rows += [("held by", _hold_words(status, place)) for place in range(len(status.holds))]
    rows += [("owner", owner), ("last cycle", f"{short_time(status.last_cycle_at)} UTC")]
    if status.kill is not None:
        rows.append(("kill", _kill(status.kill)))
    return rows


def _opening(status: BotStatus) -> Text:
    opening = status.opening
    if not opening.allowed:
        return (
            Text("denied, as said below", "bold yellow")
            if len(opening.denied) > 1
            else Text.assemble(("denied", "bold yellow"), f": {opening.reasons[0]}")
        )
    if opening.denied:
        return Text.assemble(("allowed", "green"), ", but not everywhere, as said below")
    return Text("allowed", "green")


def _denied(status: BotStatus) -> Table | None:
    """List everything that stands in the way of opening, each with what it holds up."""
    opening = status.opening
    table = new_table("why nothing is opened", "where", "text")
    for denial in opening.denied:
        table.add_row(denial.scope, denial.reason.removeprefix(f"{denial.scope}: "))
    return table if len(opening.denied) > 1 or (opening.denied and opening.allowed) else None


def _kill(kill: KillTold) -> Text:
    text = Text("raised", "bold red")
    if kill.verified:
        text.append(f"; no order of ours at {', '.join(kill.verified)}", "green")
    if kill.unverified:
        text.append(f"; not yet proven empty: {', '.join(kill.unverified)}", "bold yellow")
    return text


def _hold_words(status: BotStatus, place: int) -> Text:
    hold = status.holds[place]
    until = f"until {short_time(hold.until_at)} UTC" if hold.until_at else "until a person lifts it"
    return Text.assemble((f"{hold.cause} ", "bold"), f"{hold.level}, {until}")


def _money(status: BotStatus) -> list[tuple[str, RenderableType]]:
    rows: list[tuple[str, RenderableType]] = [("equity", money(status.equity))]
    today = status.today
    if today is not None:
        changed = today.equity - today.equity_open - today.flows
        style = "green" if changed > 0 else "red" if changed < 0 else ""
        parts = f": realised {money(today.realised)}, open {money(today.unrealised)}, fees {money(today.fees)}"
        funding = f", funding {money(today.funding)}" if today.funding else ""
        flows = f"; moved in {money(today.flows)}" if today.flows else ""
        gained = f"{'+' if changed > 0 else ''}{money(changed)}"
        rows.append(("today", Text.assemble((gained, style), f"{parts}{funding}{flows}")))
    if status.loss is not None:
        rows.append(("losses", _losses(status.loss)))
    return rows


def _losses(loss: LossTold) -> str:
    parts = [
        f"{percent(loss.daily_loss)} of {percent(loss.daily_loss_max)} today from {money(loss.day_open)}",
        f"{percent(loss.drawdown)} of {percent(loss.drawdown_max)} from the {loss.drawdown_window_days}-day peak",
        f"{percent(loss.loss_rate)} of {percent(loss.loss_rate_max)} in {loss.loss_rate_window_min} min",
    ]
    if loss.drawdown_ever_max is not None:
        parts.append(f"{percent(loss.drawdown_ever)} of {percent(loss.drawdown_ever_max)} from the highest ever")
    return ", ".join(parts)


def _alerts(status: BotStatus) -> Table | None:
    table = new_table("standing alerts", "alert", "text")
    for alert in status.alerts:
        table.add_row(Text(alert.key, "bold red"), alert.text)
    return table if status.alerts else None


def _unknown_orders(status: BotStatus) -> Table | None:
    table = new_table("orders whose outcome is not known", "order", "since (UTC)", "text")
    for order in status.unknown_orders:
        what = f"{order.side} {quantity(order.qty)} {order.instrument} on {order.venue}"
        table.add_row(order.client_id, short_time(order.since_at), f"{what}: {order.doing}; {order.blocks}")
    return table if status.unknown_orders else None


def _differences(status: BotStatus) -> RenderableType | None:
    right = ("expected", "actual", "difference")
    table = new_table("what no trade explains", "venue", "asset", *right, "since (UTC)", right=right)
    for one in status.differences:
        amounts = (f"{one.expected:,f}", f"{one.actual:,f}", f"{one.amount:+,f}")
        table.add_row(one.venue, one.asset, *amounts, short_time(one.since_at))
    todo = f"look at the account; then 'quarterdeck resume {status.bot}' accepts it, or 'funds' says whose it is"
    return Group(table, Text(todo, "dim")) if status.differences else None


def _waiting(status: BotStatus) -> Table | None:
    table = new_table("exits that wait for a stop order to make way", "pair", "since (UTC)", "text")
    for one in status.waiting_exits:
        waits = ", ".join(one.waits_for) or "nothing any more: it goes on at once"
        table.add_row(one.instrument, short_time(one.since_at), f"{one.cause}; waits for {waits}")
    return table if status.waiting_exits else None


def _protection(status: BotStatus) -> Table | None:
    table = new_table("who sells when a price falls", "venue", "position", "who", "text")
    for one in status.protection:
        style = {"venue": "green", "nobody": "bold yellow"}.get(one.by, "")
        who = one.by if one.trigger is None else f"{one.by}, at {price(one.trigger)}"
        text = one.reason
        if one.naked_since_at:
            text += f"; naked since {short_time(one.naked_since_at)}, {one.tries} attempts"
        table.add_row(one.venue, f"{quantity(one.qty)} {one.instrument}", Text(who, style), text)
    return table if status.protection else None


def _others(status: BotStatus) -> Table | None:
    table = new_table("orders of others on our accounts, left alone", "venue", "order", "text")
    for one in status.others:
        qty = "" if one.qty is None else f" {quantity(one.qty)}"
        table.add_row(one.venue, one.client_id or one.venue_order_id, f"{one.side}{qty} {one.instrument}")
    return table if status.others else None


def _guardrails(status: BotStatus) -> Table | None:
    right = ("used", "limit")
    table = new_table("guardrails", "rule", *right, "", "text", right=right)
    for use in status.guardrails:
        limit = percent(use.limit) if use.is_share else figure(use.limit, 6)
        table.add_row(use.id, used_words(use), limit, _gauge(use), use.unit)
    return table if status.guardrails else None


def used_words(use: GuardrailUse) -> str:
    """Write how much of a limit is used."""
    return percent(use.used) if use.is_share else figure(use.used, 4)


def _gauge(use: GuardrailUse) -> Text:
    """Draw how much of a limit is used."""
    if use.used is None or not use.limit or use.id in NO_GAUGE:
        return Text("")
    share = min(max(use.used / use.limit, 0.0), 1.0)
    cells = round(share * GAUGE_CELLS)
    style = "red" if share >= 1.0 else "yellow" if share >= NEARLY else "green"
    return Text.assemble(("█" * cells, style), ("░" * (GAUGE_CELLS - cells), "dim"))


def _venues(status: BotStatus) -> Table | None:
    title = "venues" if status.owner else "venues, when it last ran"
    table = new_table(title, "venue", "health", "price age", right=("price age",))
    for venue in status.venues:
        health = Text("healthy", "green") if venue.healthy else Text("no fresh price", "yellow")
        if not venue.answers:
            health = Text("does not answer", "bold yellow")
        if venue.banned_until_at:
            health = Text(f"listens to nothing before {short_time(venue.banned_until_at)}", "bold yellow")
        if venue.name in status.reconciling:
            health.append(", account being compared", "yellow")
        table.add_row(venue.name, health, "–" if venue.data_age_s is None else f"{venue.data_age_s:,.1f} s")
    return table if status.venues else None


def _changes(status: BotStatus) -> Table | None:
    table = new_table("changed at run time", "setting", "text")
    for path, value in status.changes.items():
        table.add_row(path, value)
    return table if status.changes else None
