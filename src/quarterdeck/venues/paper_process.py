"""The paper venue as a process: `python -m quarterdeck.venues.paper_process --file F --socket S --config JSON`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quarterdeck.domain import ConfigError, IntegrityError, QuarterdeckError
from quarterdeck.venues.paper_file import PaperFile
from quarterdeck.venues.paper_server import PaperVenueServer
from quarterdeck.venues.paper_wire import PaperConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Serve a paper venue until SIGTERM or SIGINT; print `ready` when it listens.

    Returns: 0 after a clean end, otherwise the exit code of what went wrong, said on stderr.
    """
    parser = argparse.ArgumentParser(prog="paper_process", description="A paper venue in a process of its own.")
    parser.add_argument("--file", type=Path, required=True, help="its memory (SQLite); made if it does not exist")
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to listen on")
    parser.add_argument("--config", required=True, help="venue, listings, accounts, personality and clock, as JSON")
    parser.add_argument("--reply-delay-ms", type=int, default=0, help="hold replies to orders and cancels back")
    options = parser.parse_args(arguments)
    try:
        config = config_from(options.config)
        asyncio.run(_serve(options.file, options.socket, config, max(0, options.reply_delay_ms)))
    except QuarterdeckError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except sqlite3.Error as error:
        sys.stderr.write(f"error: {options.file} cannot be written: {error}; free space or mend the disk\n")
        return IntegrityError.exit_code
    return 0


def config_from(text: str) -> PaperConfig:
    """
    Read the configuration.

    Raises:
        ConfigError: If it is not as `PaperConfig` says.
    """
    try:
        return msgspec.json.decode(text, type=PaperConfig)
    except msgspec.DecodeError as error:
        raise ConfigError(f"--config: {error}") from error


async def _serve(file_path: Path, socket_path: Path, config: PaperConfig, reply_delay_ms: int) -> None:
    file = PaperFile(file_path)
    try:
        exchange = file.exchange(config)
        server = PaperVenueServer(
            exchange,
            file,
            told_clock=_told if config.clock == "told" else _wall,
            reply_delay_ms=reply_delay_ms,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await server.serve(socket_path, _say_ready)
    finally:
        file.close()


def _say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _told(at_ns: int) -> int:
    return at_ns


def _wall(_at_ns: int) -> int:
    return time.time_ns()


if __name__ == "__main__":
    sys.exit(main())
