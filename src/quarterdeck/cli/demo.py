"""`quarterdeck demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="DIR|VENUE:PAIR=PATH", help="Recorded candles instead of the made-up market."),
    ] = None,
    cycles: Annotated[int | None, typer.Option("--cycles", metavar="N", min=1, help="Stop after N cycles.")] = None,
    leaves: Annotated[bool, typer.Option("--exit", help="End by itself after the cycles.")] = False,
    speed: Annotated[
        str | None, typer.Option("--speed", metavar="N|max", help="N times as fast as time; else a bar a second.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of the live view.")] = False,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the workspace there.")] = None,
) -> int:
    """
    Watch a bot decide and trade, and why.

    It runs on two paper venues in a throw-away workspace: no keys, no network, no real money.
    """
    from quarterdeck.cli.demo_show import DemoWords, show_demo

    return show_demo(DemoWords(tuple(data or ()), cycles, leaves, speed, plain, keep))
