"""The strategy that a bot's file names, with its parameters."""

from __future__ import annotations

from quarterdeck.config.aliases import older_names, rename_parameters
from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Scalar
from quarterdeck.config.reading import Reader, plain_value
from quarterdeck.config.settings import TIMEFRAMES_NS, StrategySettings
from quarterdeck.config.strategy_files import find_strategy
from quarterdeck.config.workspace import Workspace
from quarterdeck.domain import ConfigError, InputError
from quarterdeck.strategies import Strategy


def read_strategy(reader: Reader, place: Workspace | None) -> StrategySettings:
    """Read which strategy decides, find its source, and check its parameters against what it declares."""
    section = reader.sub("strategy")
    timeframe = section.choice(KEYS["strategy.timeframe"])
    parameters = section.sub("parameters")
    named = section.require("name", "name a strategy, like strategy: {name: sma_crossover}")
    name = section.text("name", "")
    section.close(older_names("strategy"))
    values: dict[str, object] = {}
    digest, file = "", None
    if named and name:
        try:
            found = find_strategy(name, place.production if place else None, place.development if place else None)
        except ConfigError as error:
            problem, _, advice = str(error).partition("; ")
            section.problems.add(section.section.entries["name"], problem, advice or "correct the file")
        else:
            digest, file = found.hash, found.file
            values = _read_parameters(parameters, found.kind)
    return StrategySettings(name, timeframe, TIMEFRAMES_NS[timeframe], values, digest, file)


def _read_parameters(reader: Reader, kind: type[Strategy]) -> dict[str, object]:
    rename_parameters(reader.section, frozenset(kind.parameters), reader.problems)
    before = len(reader.problems)
    values: dict[str, object] = {}
    for name, parameter in kind.parameters.items():
        node = reader.section.take(name)
        if node is None:
            continue
        try:
            values[name] = parameter.accept(plain_value(node) if isinstance(node, Scalar) else None)
        except InputError:
            shown = repr(node.text) if isinstance(node, Scalar) else "this"
            reader.problems.add(node, f"{shown} is not allowed", f"{name} takes {parameter.describe()}")
    reader.close()
    if len(reader.problems) == before:
        try:
            kind(**values)
        except InputError as error:
            reader.problems.add(reader.section, str(error), "choose values that go together")
    return values
