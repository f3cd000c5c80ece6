"""Machine code on disk belongs to the very sources that it was made of, and is not needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from quarterdeck.backtest.kernel.compile import CACHE_VARIABLE, PACKAGE

PROGRAM: Final = """
import numpy as np
from quarterdeck.backtest import BacktestSettings, Board, bot_of
from quarterdeck.backtest.kernel import is_compiled, run_kernel

close = np.array([[100.0, 101.0, 102.0, 103.0]])
opened = np.arange(4, dtype=np.int64) * 60_000_000_000
action = np.array([[1, 0, -1, 0]], dtype=np.int8)
board = Board(("BTC-USD",), 60_000_000_000, opened, close, close, close, close, action, None, (0.01,), (1e-8,))
settings = BacktestSettings(guardrails=None)
bot = bot_of(settings, board)
before = is_compiled(bot, settings)
outcome = run_kernel(board, bot, settings)
print(len(outcome.orders), len(outcome.refusals), before, is_compiled(bot, settings))
"""
RULE: Final = "    if 0.0 < need <= free * (1.0 + SLACK) < INF:\n"


def run(source: Path, cache: Path) -> str:
    """Run the program on a source tree in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(source), CACHE_VARIABLE: str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_edited_guardrail_changes_what_the_next_process_does(tmp_path: Path) -> None:
    """Numba itself would not notice: it looks at the file of the outermost function only."""
    source, cache = tmp_path / "src", tmp_path / "cache"
    shutil.copytree(PACKAGE, source / "quarterdeck", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(source, cache) == "2 0 False True"
    assert run(source, cache) == "2 0 True True"
    folders = sorted(cache.rglob("*.nbc"))
    assert folders
    rule = source / "quarterdeck" / "guardrails" / "sizes.py"
    text = rule.read_text()
    assert RULE in text
    rule.write_text(text.replace(RULE, RULE.replace("0.0 < need", "need < 0.0 and 0.0 < need")))
    assert run(source, cache) == "0 1 False True"
    assert set(folders) < set(cache.rglob("*.nbc"))


def test_without_a_place_to_write_the_answer_is_the_same(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder can be made in here")
    assert run(PACKAGE.parent, nowhere) == "2 0 False False"
