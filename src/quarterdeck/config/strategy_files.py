"""Which strategy a name stands for: one of the house, or a plain file in the workspace's production folder."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Mapping
from hashlib import sha256
from importlib.abc import SourceLoader
from pathlib import Path
from typing import Final

import yaml
from msgspec import Struct

from quarterdeck.config.document import did_you_mean
from quarterdeck.config.workspace import Workspace
from quarterdeck.domain import ConfigError, InputError
from quarterdeck.strategies import BUILTIN, Strategy

# What a slip in somebody's file raises; anything else is passed on with its own trace.
_SLIPS: Final = (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError, LookupError, InputError)


class FoundStrategy(Struct, frozen=True):
    """A strategy's class, the file it stands in (None for the house's own), and the hash of its source."""

    kind: type[Strategy]
    hash: str
    file: Path | None


def find_strategy(name: str, production: Path | None, development: Path | None) -> FoundStrategy:
    """
    Find a strategy by its name. A file with the name of a built-in one is refused, so that a name has one meaning.

    Raises:
        ConfigError: If there is none, it is only in development, or its file does not hold exactly one strategy.
    """
    file = None if production is None or not name.isidentifier() else production / f"{name}.py"
    is_file = file is not None and file.is_file()
    if name in BUILTIN:
        if is_file:
            raise ConfigError(f"{file} has the name of a strategy that comes with Quarterdeck; rename the file")
        return FoundStrategy(BUILTIN[name], _hash_of_builtin(BUILTIN[name]), None)
    if file is not None and is_file:
        return _load(name, file)
    if development is not None and name.isidentifier() and (development / f"{name}.py").is_file():
        raise ConfigError(
            f"strategy {name!r} stands in {development} only; bots load from production: "
            f"move it to {production} when the evidence is there"
        )
    there = sorted(BUILTIN) + (sorted(path.stem for path in production.glob("*.py")) if production else [])
    raise ConfigError(f"there is no strategy {name!r}; {did_you_mean(name, there)}")


def open_strategy(word: str, place: Workspace | None) -> FoundStrategy:
    """
    Find a strategy that is to be looked at, not run: a file, one of the house, or one of the workspace.

    Of one that stands in development and in production the one in development is meant: it is worked on.

    Args: what was said, a name or the path of a file; the workspace, if there is one.
    Raises: ConfigError if there is none, or its file does not hold exactly one strategy.
    """
    if word.endswith(".py"):
        return _load(_module_word(Path(word).stem), Path(word))
    if place is not None and word not in BUILTIN and word.isidentifier():
        file = place.development / f"{word}.py"
        if file.is_file():
            return _load(word, file)
    return find_strategy(word, place.production if place else None, None)


def make_strategy(found: FoundStrategy, chosen: Mapping[str, str]) -> Strategy:
    """
    Make a strategy with parameters as they are written on a command line, and the defaults for the rest.

    Raises:
        ConfigError: If it has no such parameter, or does not take the value.
    """
    values: dict[str, object] = {}
    for name, text in chosen.items():
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{name}={text}: not a value; write it as in a bot's file") from error
    return found.kind(**values)


def _module_word(stem: str) -> str:
    """Turn the name of any file into a part of a module's name."""
    return "".join(letter if letter.isalnum() else "_" for letter in stem)


class _Pinned(SourceLoader):
    """Runs exactly the bytes that were hashed, whatever the file says by then, and writes no compiled copy."""

    def __init__(self, file: Path, body: bytes) -> None:
        self._file = file
        self._body = body

    def get_filename(self, fullname: str) -> str:
        return str(self._file)

    def get_data(self, path: bytes | str) -> bytes:
        return self._body


def _load(name: str, file: Path) -> FoundStrategy:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    digest = sha256(body).hexdigest()
    # One name for one content: reading a changed file again never mixes with what runs already.
    module_name = f"quarterdeck_strategy_{name}_{digest[:16]}"
    loader = _Pinned(file, body)
    spec = importlib.util.spec_from_loader(module_name, loader)
    if spec is None:
        raise ConfigError(f"{file}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        loader.exec_module(module)
    except _SLIPS as error:
        del sys.modules[module_name]
        raise ConfigError(f"{_place(error, file)}: {type(error).__name__}: {error}") from error
    kinds = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module_name
    ]
    if len(kinds) != 1:
        found = ", ".join(kind.__name__ for kind in kinds) or "none"
        raise ConfigError(f"{file}: a strategy file holds exactly one subclass of Strategy; found {found}")
    return FoundStrategy(kinds[0], digest, file)


def _place(error: BaseException, file: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"{file}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{lines[-1]}" if lines else str(file)


def _hash_of_builtin(kind: type[Strategy]) -> str:
    source = sys.modules[kind.__module__].__file__
    if source is None:
        raise ConfigError(f"the source of {kind.__name__} is not there to be hashed; reinstall Quarterdeck")
    return sha256(Path(source).read_bytes()).hexdigest()
