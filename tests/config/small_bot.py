"""A small bot file, and what loading a file says."""

from pathlib import Path

from quarterdeck.config import BotConfig, load_bot, problems_of

SMALL = """\
name: small
capital: "1000"
exchanges: [{name: coinbase, balances: {USD: "600"}}, {name: kraken, balances: {USD: "900"}}]
strategy: {name: sma_crossover}
pairs: [BTC-USD]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "bot.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, changes: dict[str, str] | None = None) -> BotConfig:
    return load_bot(write(folder, text), overrides=changes or {})


def told(folder: Path, text: str, changes: dict[str, str] | None = None) -> list[str]:
    """List the problems of a file, each from its line on."""
    path = write(folder, text)
    problems = problems_of(path, overrides=changes or {})
    assert all(problem.text.startswith(f"{path}:") for problem in problems)
    return [problem.text.removeprefix(f"{path}:").strip() for problem in problems]
