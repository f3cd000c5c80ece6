"""Orders and exits, in front of a person or of a program."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from rich.text import Text

from quarterdeck.cli.adjusting import WAIT_S, Ask, bot_and_verb
from quarterdeck.cli.output import make_console, quantity, write_json
from quarterdeck.cli.places import confirm, operator
from quarterdeck.cli.tables import STATE_STYLE, new_table, orders_table, print_more
from quarterdeck.config import Workspace, checked_name
from quarterdeck.domain import ConfigError
from quarterdeck.system import (
    FlattenOutcome,
    cancel_order,
    flatten,
    positions_of,
    read_orders,
    resolve_asked,
    resolve_order,
    unresolved_order,
)

EXIT_REFUSED: Final = 3


class OrderWords(Struct, frozen=True):
    """The words of an `orders` command line."""

    words: tuple[str, ...]
    every: bool
    limit: int
    cursor: str | None


def orders_shown(workspace: Workspace, asked: OrderWords, ask: Ask) -> None:
    """
    Show a bot's orders, cancel one, or tell it that an unknown one does not work at its venue.

    Raises:
        ConfigError: If a word is wrong, or the bot never ran.
        NotAllowed: If there is no such order to cancel or resolve, or it was not confirmed.
    """
    as_json = ask.as_json
    bot, verb, rest = bot_and_verb(asked.words, ["cancel", "resolve"])
    if verb:
        if len(rest) != 1:
            raise ConfigError(f"orders {verb}: name one order")
        if verb == "cancel":
            _cancel(workspace, bot, rest[0], as_json=as_json)
        else:
            _resolve(workspace, bot, rest[0], ask)
        return
    page = read_orders(workspace, bot, every=asked.every, limit=asked.limit, cursor=asked.cursor)
    if as_json:
        write_json(page)
        return
    title = f"{bot}: all orders" if asked.every else f"{bot}: open orders"
    console = make_console()
    console.print(
        orders_table(title, page.items) if page.items else f"{bot} has no {'' if asked.every else 'open '}orders"
    )
    print_more(console, page.next)


def flatten_shown(workspace: Workspace, bot: str, ask: Ask) -> int:
    """
    Sell what a bot holds, after asking, and show what came of every exit.

    Returns:
        The exit code.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If it does not run, it was not confirmed, or the bot said no.
    """
    held = positions_of(workspace, checked_name(bot))
    if not held:
        _say(bot, "nothing is held", as_json=ask.as_json)
        return 0
    listed = ", ".join(f"{quantity(one.qty)} {one.instrument} on {one.venue}" for one in held)
    confirm(f"Sell everything that {bot} holds at market: {listed}?", yes=ask.yes)
    outcome = flatten(workspace, bot, ask.reason or "flattened by hand", operator(), WAIT_S)
    if ask.as_json:
        write_json(outcome)
    else:
        _print_exits(outcome)
    return 0 if all(one.state == "filled" for one in outcome.exits) else EXIT_REFUSED


def _print_exits(outcome: FlattenOutcome) -> None:
    console = make_console()
    table = new_table(
        f"{outcome.bot}: {outcome.outcome}", "pair", "venue", "state", "sold", "of", "text", right=("sold",)
    )
    for one in outcome.exits:
        state = Text(one.state, STATE_STYLE.get(one.state, "yellow"))
        qty = "–" if one.qty is None else quantity(one.qty)
        table.add_row(one.pair, one.venue, state, quantity(one.filled), qty, one.reason)
    console.print(table)
    left = ", ".join(f"{quantity(one.qty)} {one.instrument} on {one.venue}" for one in outcome.left)
    console.print(f"still held: {left}" if left else "nothing is held any more", soft_wrap=True)
    console.print(f"the bot goes on; 'quarterdeck reduce {outcome.bot}' keeps it from opening anew", style="dim")


def _cancel(workspace: Workspace, bot: str, client_id: str, *, as_json: bool) -> None:
    _say(bot, cancel_order(workspace, bot, client_id, operator(), WAIT_S), as_json=as_json)


def _resolve(workspace: Workspace, bot: str, client_id: str, ask: Ask) -> None:
    """Take the word of a person who looked at the venue; whatever filled is still booked when its trades come."""
    order = unresolved_order(workspace, bot, client_id)
    if not ask.reason:
        raise ConfigError("orders resolve: say with --reason what you saw at the venue; it is written down")
    what = f"{order.side} {quantity(order.qty)} {order.instrument}"
    question = f"Did you look at {order.venue}, and does order {client_id} ({what}) not work there?"
    confirm(f"{question} If it does, it may still fill with nothing set aside for it.", yes=ask.yes)
    _say(
        bot,
        resolve_order(workspace, resolve_asked(client_id, ask.reason, operator()), bot, WAIT_S),
        as_json=ask.as_json,
    )


def _say(bot: str, outcome: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"bot": bot, "outcome": outcome})
    else:
        make_console().print(f"{bot}: {outcome}", soft_wrap=True)
