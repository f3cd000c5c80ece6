"""`quarterdeck init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.cli.options import YesOption


def init(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; the current folder if left out.")] = Path(),
    yes: YesOption = False,
) -> None:
    """Create a workspace with one bot, ready to run."""
    from quarterdeck.cli.wizard import create_shown

    create_shown(folder, asks=not yes)
