"""The demo: a throw-away workspace, a bot on two paper venues, and a person who watches."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct, structs
from rich.console import Console
from rich.live import Live

from quarterdeck.cli.demo_data import DemoData, find_data
from quarterdeck.cli.demo_lines import lines_of
from quarterdeck.cli.demo_view import DemoView
from quarterdeck.cli.output import make_console
from quarterdeck.cli.running import print_line, speed_from
from quarterdeck.cli.tables import print_summary
from quarterdeck.cli.times import instant_ns
from quarterdeck.config import BotConfig, Starter, create_workspace, load_bot, load_strategy
from quarterdeck.domain import MINUTE_NS, Stopping
from quarterdeck.system import Happening, RunOptions, RunSummary, run_bot

# A stretch of the made-up market in which both averages cross within the first cycles, so that there is much to see.
SYNTHETIC_FROM: Final = "2026-01-05T03:41"
SYNTHETIC_SEED: Final = 7
CYCLES_BEFORE_EXIT: Final = 20
BARS_PER_S: Final = 1.0  # faster, and the few seconds in which an order must be sent pass while a disk commits

Watch = Callable[[Happening], None]


class DemoWords(Struct, frozen=True):
    """The words of a `demo` command line."""

    data: tuple[str, ...]
    cycles: int | None
    leaves: bool
    speed: str | None
    plain: bool
    keep: Path | None


def show_demo(words: DemoWords) -> int:
    """
    Run the demo.

    Returns:
        The exit code: 0 at its end and after Ctrl-C, 143 after SIGTERM.
    """
    data = find_data(words.data)
    console = make_console()
    with _folder(words.keep) as root:
        starter = Starter(pairs=data.pairs, timeframe=data.timeframe, seed=SYNTHETIC_SEED)
        workspace = create_workspace(root, starter)
        config = load_bot(workspace.bot_file(starter.bot), workspace)
        options = _options(words, data, config)
        _introduce(console, config, options, root)
        warmed = run_bot(workspace, config, _warm(config, options))
        _tell_warm_up(console, config, warmed)
        watched = _Watched()
        with _screen(console, words, f"{config.name} · {config.strategy.name}") as screen:
            summary = run_bot(workspace, config, options, watched.also(screen))
        _conclude(console, summary, words)
        if watched.was_interrupted:
            return 0
        if summary.exit_code == 0 and not words.leaves:
            console.print("Ctrl-C ends the demo", style="dim")
            _wait_for_signal()
        return summary.exit_code


class _Watched:
    """Notes how the run was stopped, while another watcher shows it."""

    def __init__(self) -> None:
        self.was_interrupted = False

    def also(self, watch: Watch) -> Watch:
        """Note, then pass on."""

        def both(happening: Happening) -> None:
            if isinstance(happening.news, Stopping) and happening.news.reason == signal.SIGINT.name:
                self.was_interrupted = True
            watch(happening)

        return both


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory(prefix="quarterdeck-demo-") as name:
        yield Path(name)


@contextmanager
def _screen(console: Console, words: DemoWords, title: str) -> Iterator[Watch]:
    """Show the run live on a terminal, and as lines elsewhere."""
    if words.plain or not console.is_terminal:
        yield lambda happening: _print_lines(console, happening)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield DemoView(live, title).watch


def _print_lines(console: Console, happening: Happening) -> None:
    for line in lines_of(happening):
        print_line(console, line)


def _options(words: DemoWords, data: DemoData, config: BotConfig) -> RunOptions:
    usual = BARS_PER_S * config.timeframe_ns / (MINUTE_NS / 60)
    cycles = words.cycles or (CYCLES_BEFORE_EXIT if words.leaves else None)
    return RunOptions(
        replay=data.sources,
        from_ns=None if data.sources else instant_ns(SYNTHETIC_FROM, "from"),
        speed=usual if words.speed is None else speed_from(words.speed),
        cycles=cycles,
    )


def _warm(config: BotConfig, options: RunOptions) -> RunOptions:
    """Say how the strategy's window is filled: all bars but the last one it needs, at full speed."""
    return structs.replace(options, speed=None, cycles=load_strategy(config).window_bars - 1)


def _tell_warm_up(console: Console, config: BotConfig, summary: RunSummary) -> None:
    needed = load_strategy(config).window_bars
    text = f"{config.strategy.name} needs {needed} bars for an opinion; it has watched the first {summary.cycles}"
    console.print(text, style="dim", soft_wrap=True)


def _introduce(console: Console, config: BotConfig, options: RunOptions, root: Path) -> None:
    market = "recorded candles" if options.replay else f"a made-up market, seed {config.market.seed}"
    speed = "as fast as possible" if options.speed is None else f"{options.speed:g} times as fast as time"
    venues = " and ".join(exchange.name for exchange in config.exchanges)
    console.print(f"Quarterdeck demo: {', '.join(config.pairs)} on {venues}, paper money only", style="bold")
    console.print(f"{market}, {speed}; workspace {root}", style="dim", soft_wrap=True)


def _conclude(console: Console, summary: RunSummary, words: DemoWords) -> None:
    print_summary(console, summary)
    console.print()
    if words.keep is not None:
        console.print(f"the workspace is kept in {words.keep}", soft_wrap=True)
    console.print("next: quarterdeck init my-bots    # a workspace of your own, ready to run", style="bold")


def _wait_for_signal() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.pause()
