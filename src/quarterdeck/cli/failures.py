"""What is said when a command fails."""

from __future__ import annotations

import re
import sys
import traceback
from typing import Final

import typer

from quarterdeck.cli.output import write_json
from quarterdeck.domain import QuarterdeckError

EXIT_BUG: Final = 1

_WORD_BREAK: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def tell_failure(error: Exception, *, as_json: bool) -> int:
    """
    Tell an error on stderr, and as JSON on stdout where JSON was asked for.

    Returns:
        The exit code. What is none of ours, and not a wrong command line, is a bug and shows its trace.
    """
    if isinstance(error, typer.TyperException):
        exit_code, code, message = error.exit_code, "usage", error.format_message()
        show = getattr(error, "show", None)
        if show is not None:
            show()
    elif isinstance(error, QuarterdeckError) and error.exit_code != EXIT_BUG:
        exit_code, code, message = error.exit_code, _WORD_BREAK.sub("_", type(error).__name__).lower(), str(error)
        typer.echo(_with_prefix(message), err=True)
    else:
        exit_code, code, message = EXIT_BUG, "bug", f"{type(error).__name__}: {error}"
        traceback.print_exception(error, file=sys.stderr)
        typer.echo("error: this is a bug of Quarterdeck; please report it with the lines above", err=True)
    if as_json:
        lines = message.splitlines()
        write_json({"error": {"code": code, "message": message, "details": lines if len(lines) > 1 else []}})
    return exit_code


def _with_prefix(message: str) -> str:
    if "\n" not in message:
        return f"error: {message}"
    return f"error: {len(message.splitlines())} problems\n{message}"
