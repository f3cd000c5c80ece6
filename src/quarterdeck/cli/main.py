"""The commands by name, and the one place where an error becomes an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from quarterdeck.cli.archive import archive
from quarterdeck.cli.backtest import backtest
from quarterdeck.cli.backup import backup
from quarterdeck.cli.check_strategy import check_strategy
from quarterdeck.cli.demo import demo
from quarterdeck.cli.doctor import doctor
from quarterdeck.cli.events import events
from quarterdeck.cli.explain import explain
from quarterdeck.cli.flatten import flatten
from quarterdeck.cli.funds import funds
from quarterdeck.cli.guardrails import guardrails
from quarterdeck.cli.init import init
from quarterdeck.cli.journal import journal
from quarterdeck.cli.kill import kill
from quarterdeck.cli.levels import pause, reduce
from quarterdeck.cli.new_strategy import new_strategy
from quarterdeck.cli.options import WorkspaceOption
from quarterdeck.cli.orders import orders
from quarterdeck.cli.pairs import pairs
from quarterdeck.cli.replay import replay
from quarterdeck.cli.restore import restore
from quarterdeck.cli.resume import resume
from quarterdeck.cli.run import run
from quarterdeck.cli.settings import settings
from quarterdeck.cli.status import status
from quarterdeck.cli.trades import trades

EXIT_INTERRUPTED: Final = 130
EXIT_NOT_CONFIRMED: Final = 3

app = typer.Typer(
    name="quarterdeck",
    help="Trade crypto on several exchanges at once; every order passes one door, the guardrails.",
    epilog="Trading can lose all the money that it is given; this version trades paper money only.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
COMMANDS: Final = (
    *(init, doctor, run, status, kill, pause, reduce, resume, flatten, orders, trades, explain, events),
    *(guardrails, pairs, funds, replay, archive, backup, restore, demo, new_strategy, check_strategy, backtest),
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(settings, name="settings")
app.add_typer(journal, name="journal")


def _show_version(value: bool) -> None:  # noqa: FBT001 - the shape of Typer's callbacks
    if value:
        from quarterdeck import __version__

        typer.echo(f"quarterdeck {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    workspace: WorkspaceOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before the command; each command reads them from the context."""


def main() -> None:
    """Run the command line and exit as `interfaces` says: 0, 1 bug, 2 usage, 3 refused, 4 owned, 5 journal, 143."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """
    Run one command line.

    Returns:
        The exit code. Whatever went wrong was told on stderr, and with `--json` on stdout as JSON too.
    """
    try:
        result = app(list(arguments), prog_name="quarterdeck", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except typer.Abort:
        typer.echo("not confirmed; nothing was done", err=True)
        return EXIT_NOT_CONFIRMED
    except Exception as error:  # noqa: BLE001 - the outermost loop of a process
        from quarterdeck.cli.failures import tell_failure

        return tell_failure(error, as_json="--json" in arguments)
    return result if isinstance(result, int) else 0
