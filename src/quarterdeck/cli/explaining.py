"""Why a bot traded or did not, as a trader reads it: what was wanted, how large, where, what was checked, what came."""

from __future__ import annotations

from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from quarterdeck.cli.output import figure, money, percent, price, quantity
from quarterdeck.cli.tables import STATE_STYLE, new_table, pairs_table, short_time
from quarterdeck.domain import instrument_from
from quarterdeck.guardrails import RULES, Verdict
from quarterdeck.system import BarTold, Explanation, OrderTold, PairTold, RouteTold, SizeTold, StepTold, WaitTold

NAMES: Final = {rule.id: rule.name for rule in RULES}
SIZED_BY: Final = {"quote": "the amount asked for", "base": "the quantity asked for", "position": "what is held"}
DECISION_STYLE: Final = {
    "ordered": "bold green",
    "refused": "bold yellow",
    "waiting": "bold yellow",
    "undecided": "bold yellow",
}
NARROW: Final = 80
NOTHING: Final = "–"
SHARE: Final = "share"
PROTECTED_BY: Final = {
    "venue": "a stop order at its venue protects what it buys",
    "bot": "the bot sells what it buys when its price falls, while it runs",
}


def print_explanation(console: Console, told: Explanation) -> None:
    """Print the whole way of one intent."""
    console.print(_heading(told))
    console.print(pairs_table("", _outline(told)))
    for shown in (
        _route(told.route),
        _verdicts(told.verdicts, is_narrow=console.width < NARROW),
        *[_order(order) for order in told.orders],
    ):
        if shown is not None:
            console.print(Group("", shown))
    if told.fills:
        console.print(Group("", _fills(told)))
    rows = ", ".join(str(seq) for seq in told.journal_seqs)
    console.print(Group("", Text(f"journal rows {rows}", "dim")))


def print_bar(console: Console, told: BarTold) -> None:
    """Print what became of every opinion on one bar, and the whole way of each that became an intent."""
    console.print(Text.assemble((f"{told.bot}: bar of {short_time(told.bar_at)} UTC", "bold")))
    if told.reason:
        console.print(told.reason, soft_wrap=True)
    table = new_table("", "pair", "opinion", "text", titled=False)
    for pair in told.pairs:
        table.add_row(pair.pair, pair.action, _became(pair))
    if told.pairs:
        console.print(table)
    for pair in told.pairs:
        if pair.explanation is not None:
            console.print()
            print_explanation(console, pair.explanation)


def _became(pair: PairTold) -> str:
    if pair.explanation is not None:
        return f"became an intent: {pair.explanation.decision}"
    if pair.skipped:
        return f"skipped: {pair.skipped}"
    return "nothing to do" if pair.action == "HOLD" else "became no intent"


def _heading(told: Explanation) -> Text:
    intent = told.intent
    what = told.decision
    if told.order is not None:
        what = ", ".join(dict.fromkeys(order.state.replace("_", " ") for order in told.orders))
    elif told.failed:
        what = f"refused by {', '.join(told.failed)}"
    style = DECISION_STYLE[told.decision]
    return Text.assemble((f"{intent.side} {intent.instrument}", "bold"), ": ", (what, style))


def _outline(told: Explanation) -> list[tuple[str, RenderableType]]:
    intent = told.intent
    rows: list[tuple[str, RenderableType]] = [
        ("intent", intent.id),
        ("at", f"{short_time(intent.at)} UTC"),
        ("because", _because(told)),
        ("wanted", _wanted(told)),
    ]
    if told.size.qty is not None:
        rows.append(("size", _size(told, told.size)))
    if told.route.chosen:
        rows.append(("venue", told.route.chosen))
    rows += [("waited", _waited(wait)) for wait in told.waited]
    if told.order is not None and told.order.protection:
        rows.append(("protection", PROTECTED_BY.get(told.order.protection, told.order.protection)))
    return [*rows, ("decision", _decision(told))]


def _waited(wait: WaitTold) -> str:
    where = f" on {wait.venue}" if wait.venue else ""
    until = f"until {short_time(wait.until_at)}" if wait.until_at else "and still waits"
    return f"from {short_time(wait.since_at)} {until}: a stop order{where} held its goods, and was cancelled first"


def _because(told: Explanation) -> str:
    intent, signal = told.intent, told.signal
    if signal is not None:
        sure = "" if signal.confidence is None else f", confidence {signal.confidence:.2f}"
        return f"{intent.source} said {signal.action} on the bar of {short_time(signal.bar_at)}{sure}"
    said = f"{intent.who} ({intent.source})" if intent.who not in ("", intent.source) else intent.source
    return f"{intent.cause}, by {said}" if intent.cause else f"asked by {said}"


def _wanted(told: Explanation) -> str:
    intent = told.intent
    pair = instrument_from(intent.instrument)
    if intent.asked_unit == "position":
        wanted = f"close the whole position in {intent.instrument}"
    else:
        unit = pair.quote if intent.asked_unit == "quote" else pair.base
        verb = "open" if intent.effect == "open" else "reduce"
        wanted = f"{verb} {intent.instrument}: {quantity(intent.asked)} {unit}"
    kind = "at market" if intent.limit is None else f"at {price(intent.limit)} or better"
    if told.order is not None and told.order.trigger is not None:
        kind = f"once it trades at {price(told.order.trigger)}: a stop order"
    return f"{wanted}, {kind}"


def _size(told: Explanation, size: SizeTold) -> str:
    assert size.qty is not None
    rule = SIZED_BY.get(size.rule, f"{size.rule} {NAMES.get(size.rule, '')}".strip())
    worth = "" if size.notional is None else f", worth {money(size.notional)}"
    base = instrument_from(told.intent.instrument).base
    return f"{quantity(size.qty)} {base}{worth}" + (f"; set by {rule}" if rule else "")


def _decision(told: Explanation) -> Text:
    if told.order is not None:
        ids = ", ".join(order.client_id for order in told.orders)
        return Text.assemble(("ordered", DECISION_STYLE["ordered"]), f" as {ids}")
    if told.decision == "waiting":
        return Text("waits for the stop order that holds its goods to be cancelled", "yellow")
    if told.decision == "undecided":
        return Text("still waiting for prices, or ended with the session that took it up", "yellow")
    return Text.assemble((f"refused at the {told.stage}", DECISION_STYLE["refused"]), f": {told.reason}")


def _route(route: RouteTold) -> Table | None:
    right = ("effective price", "fee")
    table = new_table("what every venue offered", "venue", "instrument", *right, "depth", right=right)
    for quote in route.quotes:
        chosen = quote.venue == route.chosen
        depth = "enough" if quote.has_liquidity else Text("too thin", "yellow")
        name = Text(f"{quote.venue} ←" if chosen else quote.venue, "bold" if chosen else "")
        fee = money(quote.fee, 4)
        table.add_row(name, quote.instrument, price(quote.effective_price), fee, depth)
    return table if route.quotes else None


def _verdicts(verdicts: tuple[Verdict, ...], *, is_narrow: bool) -> RenderableType | None:
    """Show every verdict; without the rules' names where there is no room for them, so that no figure is cut."""
    if not verdicts:
        return None
    failed = [verdict for verdict in verdicts if not verdict.passed]
    title = f"guardrails: {len(failed)} of {len(verdicts)} refused" if failed else "guardrails: none refused"
    named = () if is_narrow else ("check",)
    table = new_table(title, "rule", *named, "verdict", "value", "limit", "unit", right=("value", "limit"))
    for verdict in verdicts:
        table.add_row(verdict.id, *(verdict.name for _ in named), _mark(verdict), *_figures(verdict))
    said = [
        Text.assemble((f"{verdict.id} ", "bold"), verdict.reason)
        for verdict in verdicts
        if verdict.reason and (verdict.exempt or not verdict.passed)
    ]
    return Group(table, *said)


def _figures(verdict: Verdict) -> tuple[str, str, str]:
    """Write what a rule compared; shares as percentages."""
    if not verdict.evaluated:
        return NOTHING, NOTHING, verdict.unit
    if verdict.unit.startswith(SHARE):
        return percent(verdict.value), percent(verdict.limit), verdict.unit.removeprefix(SHARE).strip()
    return figure(verdict.value), figure(verdict.limit), verdict.unit


def _mark(verdict: Verdict) -> Text:
    if not verdict.passed:
        return Text("✗ refuses" if verdict.evaluated else "✗ unknown", "bold red")
    if verdict.exempt:
        return Text("→ exempt", "yellow")
    return Text("✓ pass" if verdict.evaluated else "· n/a", "green" if verdict.evaluated else "dim")


def _order(order: OrderTold) -> RenderableType:
    kind = "stop order" if order.trigger is not None else "order"
    title = f"{kind} {order.client_id} on {order.venue}: {quantity(order.filled)} of {quantity(order.qty)} filled"
    table = new_table("", "at (UTC)", "state", "text", titled=False)
    for step in order.states:
        state = Text(step.state.replace("_", " "), STATE_STYLE.get(step.state, ""))
        table.add_row(short_time(step.at, fraction=True), state, _step_words(step))
    now = [Text.assemble(("now ", "bold"), order.doing)] if order.doing else []
    return Group(Text(title, "bold"), table, *now)


def _step_words(step: StepTold) -> str:
    said = f" ({step.reason})" if step.reason else ""
    return f"{step.means or step.evidence.replace('_', ' ')}{said}" + (f"; {step.done}" if step.done else "")


def _fills(told: Explanation) -> Table:
    right = ("quantity", "price", "fee", "realised")
    table = new_table("fills", "at (UTC)", "venue", *right, right=right)
    for fill in told.fills:
        qty = f"{quantity(fill.qty)}{' (inferred)' if fill.inferred else ''}"
        fee, gained = f"{money(fill.fee, 4)} {fill.fee_asset}", money(fill.realised)
        table.add_row(short_time(fill.at), fill.venue, qty, price(fill.price), fee, gained)
    return table
