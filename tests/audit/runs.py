"""Whole runs for the auditor, from the command line, as a user would do them; the export goes through a pipe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.audit.independent.auditor import Report

PROGRAM = "import sys; from quarterdeck.cli import main; sys.exit(main())"
LIMIT_S = 600

# Buys where the last price ends on an even cent, sells where on an odd one: as good as chance, and always the same.
MOODY = '''\
"""Opinions as good as chance."""

import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy


class Moody(Strategy):
    """Buy on an even cent, sell on an odd one, and hold where the price stands still."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        ticks = candles.close_ticks
        moved = np.concatenate([[True], ticks[1:] != ticks[:-1]])
        return Signals(np.where(ticks % 2 == 0, 1, -1).astype(np.int8) * moved.astype(np.int8))
'''


def quarterdeck(workspace: Path, *words: str) -> list[str]:
    """The command line of the product, in a process of its own."""
    return [sys.executable, "-c", PROGRAM, "--workspace", str(workspace), *words]


def made(workspace: Path, bot: str, repository: Path) -> Path:
    """Make a workspace with one bot, and a strategy that never rests."""
    command = [sys.executable, "-c", PROGRAM, "init", "--yes", str(workspace)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=LIMIT_S)
    (workspace / "strategies" / "production" / "moody.py").write_text(MOODY, encoding="utf-8")
    if bot:
        (workspace / "bots" / "hostile.yaml").write_text(bot, encoding="utf-8")
    return workspace


def replayed(workspace: Path, bot: str, recordings: Mapping[str, Path], period: tuple[str, str]) -> dict[str, object]:
    """Run a bot over recordings (VENUE:PAIR → file) at full speed, and give its summary."""
    replay = [word for name, path in recordings.items() for word in ("--replay", f"{name}={path}")]
    times = ["--from", period[0], "--to", period[1], "--speed", "max", "--json"]
    done = subprocess.run(
        quarterdeck(workspace, "run", bot, *replay, *times), capture_output=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=dict[str, object])


def audited(workspace: Path, bot: str, repository: Path) -> Report:
    """Pipe an export into an auditor that runs in a process of its own."""
    with subprocess.Popen(quarterdeck(workspace, "journal", "export", bot), stdout=subprocess.PIPE) as exporting:
        audit = subprocess.run(
            [sys.executable, "-m", "tests.audit.independent", "--json"],
            cwd=repository,
            stdin=exporting.stdout,
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
        )
        if exporting.stdout is not None:
            exporting.stdout.close()
        assert exporting.wait() == 0
    assert audit.stdout, audit.stderr.decode()
    return msgspec.json.decode(audit.stdout, type=Report)


def some(problems: Sequence[str]) -> str:
    """Word a failure: how many, and the first."""
    return f"{len(problems)} problems; " + "; ".join(problems[:5])
