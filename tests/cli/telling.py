"""
One small story on a made-up market, told through the command line, as people would read it on 80 columns.

`python -m tests.cli.telling` writes the stored texts anew; look at the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest import mock

from quarterdeck.cli.main import run_command
from quarterdeck.domain import SECOND_NS
from quarterdeck.system import ClockReading, Machine, TimeService, examine

FOLDER: Final = Path(__file__).parent / "transcripts"
COLUMNS: Final = 80
EXIT_BUG: Final = 1
WALL_NS: Final = 2_000_000_000 * SECOND_NS  # later than every file that the test writes

# Name of the transcript → command lines. They follow one another in one workspace.
STORY: Final[dict[str, list[list[str]]]] = {
    "init": [["init", "shop", "--yes"]],
    "doctor": [["doctor"]],
    "settings-before-the-first-run": [["settings", "get", "demo", "risk", "guardrails.cooldown_s", "pairs"]],
    "run": [["run", "demo", "--speed", "max", "--from", "2026-01-05", "--cycles", "90"]],
    "status": [["status", "demo"], ["status"]],
    "orders": [["orders", "demo"], ["orders", "demo", "--all"]],
    "trades": [["trades", "demo"]],
    "events": [["events", "demo", "--limit", "8"]],
    "explain-an-order": [["explain", "--bar", "2026-01-05T00:41", "--pair", "BTC-USD"]],
    "explain-an-exit": [["explain", "--bar", "2026-01-05T01:01", "--pair", "BTC-USD"]],
    "explain-a-refusal": [["explain", "demo", "--last"]],
    "explain-a-bar": [["explain", "demo", "--bar", "2026-01-05T01:16"], ["explain", "demo", "--bar", "2026-01-04"]],
    "guardrails": [["guardrails", "demo"]],
    "pairs": [["pairs", "demo"]],
    "changes": [
        ["guardrails", "demo", "set", "cooldown_s=90", "--yes"],
        ["pairs", "demo", "remove", "ETH-USD", "--reason", "too wild"],
        ["settings", "set", "demo", "risk.stop_loss=0.04"],
        ["run", "demo", "--speed", "max", "--from", "2026-01-05", "--cycles", "2"],
        ["settings", "history", "demo"],
        ["pairs", "demo"],
    ],
    "kill-and-resume": [
        ["kill", "--yes"],
        ["status", "demo"],
        ["resume", "demo", "--yes"],
        ["pause", "demo"],
        ["flatten", "demo", "--yes"],
    ],
}

_UNSTEADY: Final = (
    (re.compile(r"epoch \d{10,}"), "epoch N"),
    (re.compile(r"kill_epoch\s+\d{10,}"), "kill_epoch N"),
    (re.compile(r"head [0-9a-f]{16}"), "head HASH"),
    (re.compile(r"took( +)[\d.,]+ s"), r"took\g<1>N s"),
    (re.compile(r"[ ]+$", re.MULTILINE), ""),
)


def machine() -> Machine:
    """Make a machine on which all is well, and as it was yesterday."""
    reading = ClockReading(WALL_NS, 7 * SECOND_NS, WALL_NS, WALL_NS - 7 * SECOND_NS, TimeService(True, 0))
    return Machine(free_bytes=lambda _: 100 << 30, write_fault=lambda _: "", clocks=lambda _: reading)


def told(root: Path) -> dict[str, str]:
    """Play the story in a folder; give each transcript, without what differs from run to run."""
    shop = root / "shop"
    texts = {}
    with _steady(root):
        for name, lines in STORY.items():
            shown = "".join(
                _said(words if words[0] == "init" else ["--workspace", str(shop), *words]) for words in lines
            )
            texts[name] = _normalised(shown, root)
            if name == "init":
                _tighten(shop / "bots" / "demo.yaml")
    return texts


def _tighten(bot: Path) -> None:
    """Make the bot wait for two hours between two trades of a pair, so that one is refused."""
    text = bot.read_text(encoding="utf-8")
    bot.write_text(text.replace("cooldown_s: 60 ", "cooldown_s: 7200 "), encoding="utf-8")


@contextlib.contextmanager
def _steady(root: Path) -> Iterator[None]:
    with (
        mock.patch.dict(os.environ, {"COLUMNS": str(COLUMNS)}),
        mock.patch("getpass.getuser", return_value="trader"),
        mock.patch("quarterdeck.cli.doctoring.examine", functools.partial(examine, machine=machine())),
        contextlib.chdir(root),
    ):
        os.environ.pop("QUARTERDECK_HOME", None)
        yield


def _said(words: list[str]) -> str:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = run_command(words)
    assert code != EXIT_BUG, errors.getvalue()
    typed = " ".join(words[2:] if words[0] == "--workspace" else words)
    ended = f"(exit {code})\n" if code else ""
    return f"$ quarterdeck {typed}\n{out.getvalue()}{errors.getvalue()}{ended}\n"


def _normalised(text: str, root: Path) -> str:
    text = text.replace(str(root), "~")
    for pattern, steady in _UNSTEADY:
        text = pattern.sub(steady, text)
    return text.rstrip() + "\n"


def write_all() -> None:
    """Write every transcript anew."""
    with tempfile.TemporaryDirectory() as root:
        texts = told(Path(root).resolve())
    for stale in FOLDER.glob("*.txt"):
        stale.unlink()
    for name, text in texts.items():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_all()
