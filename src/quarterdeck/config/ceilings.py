"""What no bot of a workspace may loosen: the `limits` of quarterdeck.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from quarterdeck.config.aliases import canonical_path, older_names
from quarterdeck.config.catalogue import RISK_KEYS
from quarterdeck.config.document import FileError, Problem, Problems, Section, read_document
from quarterdeck.config.guardrail_keys import GUARDRAIL_KEYS
from quarterdeck.config.keys import ABOVE_ZERO, Bounds, Key
from quarterdeck.config.limits import read_guardrail_values
from quarterdeck.config.pairs import Quotes, parsed
from quarterdeck.config.reading import Reader, read_number
from quarterdeck.config.settings import BotConfig
from quarterdeck.config.values import text_of
from quarterdeck.domain import instrument_from

_VERSION: Final = Key(
    path="version", form="whole", default=1, bounds=Bounds(1, 1), says="of the form of the fleet's file"
)
_PREFIX: Final = "guardrails."
_QTY_MAX: Final = "guardrails.qty_max"
# Those of `qty_max` are compared pair by pair.
_LIMITS: Final = {key.path: key for key in (*GUARDRAIL_KEYS, *RISK_KEYS) if key.looser and key.path != _QTY_MAX}
_QUOTES: Final = Quotes(("USD", "USDT", "USDC"))


class Ceilings(Struct, frozen=True):
    """The loosest thresholds that a bot of a workspace may have, by key, and the lines on which they stand."""

    file: str
    values: dict[str, object] = {}
    lines: dict[str, int] = {}


def read_ceilings(marker: Path) -> tuple[Ceilings, list[Problem]]:
    """
    Read the fleet's file.

    Returns:
        The ceilings, none where the file is wrong, and its problems.
    """
    try:
        root, problems = read_document(marker)
    except FileError as error:
        return Ceilings(str(marker)), list(error.problems)
    reader = Reader(root, problems)
    reader.whole(_VERSION)
    limits = reader.sub("limits")
    _use_own_names(limits.section)
    lines = {name: node.line for name, node in limits.section.entries.items()}
    values = read_guardrail_values(limits)
    quantities = _read_quantities(limits, problems)
    limits.close(older_names("guardrails"))
    reader.close()
    if quantities:
        values["qty_max"] = quantities
    return Ceilings(str(marker), values, lines), problems.in_order()


def looser_than(config: BotConfig, other: BotConfig | Ceilings) -> list[str]:
    """
    List the limits of a bot that let more through than others do, by path.

    Args: the bot; the ceilings of its fleet, or the same bot before its settings changed.
    """
    mine = _limits_of(config)
    limits = (
        _limits_of(other) if isinstance(other, BotConfig) else {f"{_PREFIX}{k}": v for k, v in other.values.items()}
    )
    found = [path for path, key in _LIMITS.items() if path in limits and _is_looser(key, mine[path], limits[path])]
    if isinstance(other, BotConfig) and not _approved(config) <= _approved(other):
        found.append("pairs")
    return found + _looser_quantities(config, limits.get(_QTY_MAX, {}))


def ceiling_problems(config: BotConfig, ceilings: Ceilings) -> list[Problem]:
    """Tell which limits of a bot are looser than its fleet allows."""
    mine = _limits_of(config)
    found = []
    for path in looser_than(config, ceilings):
        name, _, pair = path.removeprefix(_PREFIX).partition(".")
        value, ceiling = mine.get(path), ceilings.values[name]
        if pair:
            value, ceiling = config.guardrails.qty_max.get(pair), _quantity_for(config, ceiling, pair)
        line = config.lines.get(path) or config.lines.get(f"{_PREFIX}{name}") or config.lines.get("guardrails", 1)
        shown = text_of(value) if path in config.lines else f"{text_of(value)} (the default)"
        place = f"{Path(ceilings.file).name}:{ceilings.lines[name]}"
        problem = f"{shown} is looser than the {text_of(ceiling)} that {place} allows"
        advice = f"write {path.rpartition('.')[2]}: {text_of(ceiling)}, or stricter"
        found.append(Problem(str(config.path), line, path, problem, advice))
    return found


def _limits_of(config: BotConfig) -> dict[str, object]:
    risk = {f"risk.{name}": value for name, value in structs.asdict(config.risk).items()}
    return risk | {f"{_PREFIX}{name}": value for name, value in structs.asdict(config.guardrails).items()}


def _approved(config: BotConfig) -> set[str]:
    return set(config.pairs if config.approved is None else config.approved)


def _is_looser(key: Key, value: object, ceiling: object) -> bool:
    match key.looser:
        case "higher":
            return ceiling is not None and (value is None or _number(value) > _number(ceiling))
        case "lower":
            return _number(value) < _number(ceiling)
        case "true" | "false":
            return value != ceiling and value == (key.looser == "true")
        case "cross":
            return value != ceiling and value == "cross"
        case "more" | "":
            return isinstance(value, tuple) and isinstance(ceiling, tuple) and not set(value) <= set(ceiling)


def _looser_quantities(config: BotConfig, quantities: object) -> list[str]:
    """List the pairs whose largest quantity is looser; one without a quantity of its own is looser than any."""
    found = []
    for pair in config.pairs:
        ceiling, value = _quantity_for(config, quantities, pair), config.guardrails.qty_max.get(pair)
        if ceiling is not None and (value is None or value > ceiling):
            found.append(f"{_QTY_MAX}.{pair}")
    return found


def _quantity_for(config: BotConfig, quantities: object, pair: str) -> float | None:
    quotes = Quotes(config.at_par, config.equivalent_quotes)
    for instrument, quantity in quantities.items() if isinstance(quantities, dict) else ():
        if quotes.pair_of(instrument_from(instrument), [pair]) is not None:
            return _number(quantity)
    return None


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


def _use_own_names(section: Section) -> None:
    for name in list(section.entries):
        own = canonical_path(f"guardrails.{name}").removeprefix("guardrails.")
        if own != name and own not in section.entries:
            section.entries[own] = section.entries.pop(name)


def _read_quantities(reader: Reader, problems: Problems) -> dict[str, float]:
    found = {}
    for word, node in reader.sub("qty_max").section.entries.items():
        instrument = parsed(word, node, _QUOTES, problems)
        quantity = read_number(node, ABOVE_ZERO, problems)
        if instrument is not None and quantity is not None:
            found[instrument.id] = quantity
    return found
