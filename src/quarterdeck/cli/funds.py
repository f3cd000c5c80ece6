"""`quarterdeck funds`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, ReasonOption, WorkspaceOption, YesOption


def funds(  # noqa: PLR0913 - Typer reads the options from the signature
    *,
    bot: BotArgument,
    way: Annotated[str, typer.Argument(metavar="WAY", help="deposit, withdraw; arrived, left: not the bot's.")],
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Where the money lies.")],
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="What it is, like USD.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much.")],
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Say whose money is whose.

    Money of an account becomes the bot's own (deposit), or is its own no more (withdraw); or somebody else's money came
    or went (arrived, left), which explains a difference. Nothing moves at the venue. It is neither profit nor loss.
    """
    from quarterdeck.cli.adjusting import Ask
    from quarterdeck.cli.funding import Funds, funds_shown
    from quarterdeck.cli.places import workspace_at

    funds_shown(workspace_at(workspace), bot, Funds(way, venue, asset, amount), Ask(reason, yes, json))
