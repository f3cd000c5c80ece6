"""`quarterdeck settings get`, `set`, `unset` and `history`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, ReasonOption, WorkspaceOption, YesOption

settings = typer.Typer(
    help="Show and change what a bot was told, running or not.", rich_markup_mode=None, no_args_is_help=True
)

ChangesArgument = Annotated[
    list[str], typer.Argument(metavar="PATH=VALUE...", help="As the bot file would spell it.", show_default=False)
]


@settings.command()
def get(
    *,
    bot: BotArgument,
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="Only these, or what stands below them.")
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List a bot's settings with their defaults, and where each comes from."""
    from quarterdeck.cli.adjusting import settings_shown
    from quarterdeck.cli.places import workspace_at

    settings_shown(workspace_at(workspace), bot, tuple(paths or ()), as_json=json)


@settings.command(name="set")
def change(
    *,
    bot: BotArgument,
    changes: ChangesArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Change settings of a bot at once; later starts keep them.

    What tightens is done without a question, what loosens a limit is asked about. Both are written down.
    """
    from quarterdeck.cli.adjusting import Ask, change_shown, pairs_of_words
    from quarterdeck.cli.places import workspace_at

    change_shown(workspace_at(workspace), bot, pairs_of_words(changes), Ask(reason, yes, json))


@settings.command()
def unset(
    *,
    bot: BotArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="What goes back.", show_default=False)],
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take back changes: what the bot file says counts again."""
    from quarterdeck.cli.adjusting import Ask, change_shown
    from quarterdeck.cli.places import workspace_at

    change_shown(workspace_at(workspace), bot, dict.fromkeys(paths), Ask(reason, yes, json))


@settings.command()
def history(*, bot: BotArgument, json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List every change of a bot's settings: when, by whom, from what to what."""
    from quarterdeck.cli.adjusting import history_shown
    from quarterdeck.cli.places import workspace_at

    history_shown(workspace_at(workspace), bot, as_json=json)
