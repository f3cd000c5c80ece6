"""Where everything of a workspace lies. Paths only; nothing here reads or writes, except `create_workspace`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.config.starter import Starter, starter_files
from quarterdeck.domain import ConfigError

MARKER: Final = "quarterdeck.yaml"
HOME_VARIABLE: Final = "QUARTERDECK_HOME"
NAME_RULE: Final = "1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FOLDERS: Final = (
    "bots",
    "strategies/production",
    "strategies/development",
    "data",
    "models",
    "reports",
    "archive",
    "run",
)


class BotFolder(Struct, frozen=True):
    """The files of one bot below `run/`."""

    root: Path

    @property
    def journal(self) -> Path:
        """The bot's journal."""
        return self.root / "journal.db"

    @property
    def inbox(self) -> Path:
        """The requests of operators; the only file of a bot that others write."""
        return self.root / "inbox.db"

    @property
    def pid(self) -> Path:
        """The number of the bot's process while it runs."""
        return self.root / "bot.pid"

    @property
    def state(self) -> Path:
        """A copy of the state for outside readers."""
        return self.root / "state.json"

    @property
    def log(self) -> Path:
        """The bot's log."""
        return self.root / "logs" / "trader.log"


class Workspace(Struct, frozen=True):
    """A user's folder with bots, strategies and what they leave behind."""

    root: Path

    @property
    def marker(self) -> Path:
        """The file that makes a folder a workspace; settings of the whole fleet."""
        return self.root / MARKER

    @property
    def bots(self) -> Path:
        """The bots' configurations."""
        return self.root / "bots"

    @property
    def production(self) -> Path:
        """The strategies that bots may load."""
        return self.root / "strategies" / "production"

    @property
    def development(self) -> Path:
        """The strategies that are still worked on."""
        return self.root / "strategies" / "development"

    @property
    def data(self) -> Path:
        """The candle store."""
        return self.root / "data"

    @property
    def run(self) -> Path:
        """What running bots write."""
        return self.root / "run"

    @property
    def kill(self) -> Path:
        """The kill file of the workspace."""
        return self.run / "kill"

    @property
    def fleet(self) -> Path:
        """The database of the whole fleet."""
        return self.run / "fleet.db"

    def bot_file(self, bot: str) -> Path:
        """
        Say where a bot's configuration lies.

        Raises:
            ConfigError: If the name is none.
        """
        return self.bots / f"{checked_name(bot)}.yaml"

    def bot_folder(self, bot: str) -> BotFolder:
        """
        Say where a bot's own files lie.

        Raises:
            ConfigError: If the name is none.
        """
        return BotFolder(self.run / checked_name(bot))


def checked_name(bot: str) -> str:
    """
    Hand a bot's name on; names become folders, so `../x` is none.

    Raises:
        ConfigError: If it is no name of a bot.
    """
    if not _NAME.fullmatch(bot):
        raise ConfigError(f"bot {bot!r}: not a name of a bot; use {NAME_RULE}")
    return bot


def find_workspace(option: Path | None, environment: Mapping[str, str], folder: Path) -> Workspace:
    """
    Find the workspace: the option, else the environment's, else the current folder if it is one.

    Raises:
        ConfigError: If there is none, or the one named is none.
    """
    named = option
    says = f"--workspace {option}"
    if named is None and environment.get(HOME_VARIABLE):
        named = Path(environment[HOME_VARIABLE])
        says = f"${HOME_VARIABLE}={named}"
    if named is None:
        if not (folder / MARKER).is_file():
            raise ConfigError(
                f"no workspace here: {folder} holds no {MARKER}; create one with 'quarterdeck init DIR', "
                f"or name yours with --workspace DIR or ${HOME_VARIABLE}"
            )
        return Workspace(folder)
    if not (named / MARKER).is_file():
        raise ConfigError(f"{says}: the folder holds no {MARKER}; create a workspace with 'quarterdeck init {named}'")
    return Workspace(named.absolute())


def create_workspace(root: Path, starter: Starter = Starter()) -> Workspace:  # noqa: B008 - frozen
    """
    Create a workspace with one bot that is ready to run.

    Raises:
        ConfigError: If the folder cannot be written, or a file that would be written stands there already.
    """
    workspace = Workspace(root.absolute())
    checked_name(starter.bot)
    files = starter_files(starter)
    standing = sorted(name for name in files if (workspace.root / name).exists())
    if standing:
        raise ConfigError(f"{root} holds {', '.join(standing)} already; nothing was written. Choose an empty folder")
    try:
        for folder in _FOLDERS:
            (workspace.root / folder).mkdir(parents=True, exist_ok=True)
        workspace.run.chmod(0o700)
        for name, text in files.items():
            with (workspace.root / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(f"{error.filename or root}: cannot be written: {error.strerror}; choose another") from error
    return workspace
