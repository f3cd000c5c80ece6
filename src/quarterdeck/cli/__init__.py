"""
The command line: parses words, calls one verb of `system`, prints. One file per command, and no decision in any.

Nothing but Typer is imported until a command runs, so that `--help` answers at once.
"""

from quarterdeck.cli.main import main

__all__ = ["main"]
