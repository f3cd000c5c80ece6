"""`quarterdeck check-strategy`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def check_strategy(
    *,
    strategy: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A strategy by name, or its file.", show_default=False)
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="[PAIR=]PATH", help="Recorded candles, Parquet or CSV; else a made-up market."),
    ] = None,
    chosen: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; repeat it.")
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Try whether a strategy may be believed.

    It must know no future, need no more than its window, always answer, in time, and twice the same. Exit 3 if not.
    """
    from quarterdeck.cli.trying import TrialWords, trial_shown

    return trial_shown(TrialWords(strategy, tuple(data or ()), tuple(chosen or ())), workspace, as_json=json)
