"""Typed readers: each takes one entry, and answers a wrong one with a problem and a harmless stand-in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import structs

from quarterdeck.config.document import Items, Node, Problems, Scalar, Section
from quarterdeck.config.keys import Bounds, Key
from quarterdeck.domain import Bug, InputError, decimal_from

DIGITS_BEFORE_MAX: Final = 15
DIGITS_AFTER_MAX: Final = 12

_NUMBER: Final = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NOT_FINITE: Final = re.compile(r"[+-]?\.?(nan|inf|infinity)", re.IGNORECASE)


class Reader:
    """Reads the entries of one section into values of the right type."""

    def __init__(self, section: Section, problems: Problems) -> None:
        self.section = section
        self.problems = problems

    def close(self, aliases: Sequence[str] = ()) -> None:
        """Note the entries that nobody read."""
        self.section.close(self.problems, aliases)

    def read(self, key: Key) -> object:
        """Read an entry as its key says; the key's default where it is absent or wrong."""
        node = self.section.take(key.name)
        found = None if node is None else read_form(key, node, self.problems)
        return key.default if found is None else found

    def require(self, key: str, advice: str) -> bool:
        """Note a problem where an entry is missing; tell whether it is there."""
        node = self.section.entries.get(key)
        if node is not None and not (isinstance(node, Scalar) and node.is_null):
            return True
        line = self.section.line if node is None else node.line
        self.problems.add_at(line, self.section.path_of(key), "missing", advice)
        return False

    def sub(self, key: str) -> Reader:
        """Read a section within this one; an absent one reads like an empty one."""
        node = self.section.take(key)
        if node is not None and not isinstance(node, Section):
            self.problems.add(node, "this must be a section", f"write {key}: {{…}} with its keys")
            node = None
        return Reader(node or Section(self.section.line, self.section.path_of(key), {}), self.problems)

    def has(self, key: str) -> bool:
        """Tell whether the section has such an entry."""
        return self.section.has(key)

    def nodes(self, key: str) -> list[Node]:
        """Read the nodes of a list."""
        node = self.section.take(key)
        if node is None:
            return []
        if not isinstance(node, Items):
            self.problems.add(node, "this must be a list", f"write {key}: […]")
            return []
        return node.nodes

    def text(self, key: str, default: str) -> str:
        """Read a word."""
        node = self.section.take(key)
        found = None if node is None else read_text(node, self.problems)
        return default if found is None else found

    def choice(self, key: Key) -> str:
        """Read one of a few words."""
        found = self.read(key)
        assert isinstance(found, str), key.path
        return found

    def money(self, key: Key, default: Decimal | None = None) -> Decimal:
        """Read an exact amount, quoted or not."""
        found = self.read(key if default is None else structs.replace(key, default=default))
        assert isinstance(found, Decimal), key.path
        return found

    def number(self, key: Key) -> float:
        """Read a finite number."""
        found = self.read(key)
        assert isinstance(found, float), key.path
        return found

    def whole(self, key: Key, default: int | None = None) -> int:
        """Read a whole number."""
        found = self.read(key if default is None else structs.replace(key, default=default))
        assert isinstance(found, int), key.path
        return found


def read_form(key: Key, node: Node, problems: Problems) -> object:
    """Read a single value in the form of its key, None where it is wrong."""
    bounds = key.within
    match key.form:
        case "money":
            return read_money(node, bounds, problems)
        case "number":
            return read_number(node, bounds, problems)
        case "whole":
            return read_whole(node, bounds, problems)
        case "flag":
            return read_flag(node, problems)
        case "choice":
            return read_choice(node, key.options, problems)
        case "word":
            return read_text(node, problems)
        case "words" | "map":
            raise Bug(f"{key.path}: lists and maps have readers of their own")


def read_choice(node: Node, options: Sequence[str], problems: Problems) -> str | None:
    """Read one of a few words."""
    found = read_text(node, problems)
    if found is None or found in options:
        return found
    problems.add(node, f"{found!r} is not allowed", f"write one of: {', '.join(options)}")
    return None


def read_text(node: Node, problems: Problems) -> str | None:
    """Read a word; what YAML would take for something else must be quoted."""
    if not isinstance(node, Scalar):
        problems.add(node, "this must be a word", "write a single value")
        return None
    if not node.is_text:
        kind = "true or false" if node.is_boolean_word else "something else than text"
        problems.add(node, f"YAML reads the unquoted {node.text!r} as {kind}", f'write it in quotes: "{node.text}"')
        return None
    if not node.text.strip():
        problems.add(node, "this is empty", "write a word, or remove the line")
        return None
    return node.text


def read_money(node: Node, bounds: Bounds, problems: Problems) -> Decimal | None:
    """Read an exact amount."""
    text = _numeral(node, 'an amount; write it like "12.50"', problems)
    if text is None:
        return None
    try:
        value = decimal_from(text, node.path)
    except InputError:
        problems.add(node, f"{text} has too many digits", 'write it like "12.50"')
        return None
    exponent = value.as_tuple().exponent
    if value.adjusted() >= DIGITS_BEFORE_MAX or (isinstance(exponent, int) and -exponent > DIGITS_AFTER_MAX):
        allowed = f"at most {DIGITS_BEFORE_MAX} digits before the point and {DIGITS_AFTER_MAX} after it"
        problems.add(node, f"{text} is no sensible amount", f"write {allowed}")
        return None
    return value if _within(node, value, bounds, problems) else None


def read_number(node: Node, bounds: Bounds, problems: Problems) -> float | None:
    """Read a finite number."""
    text = _numeral(node, "a number; write it like 0.05, without quotes", problems, quotes_allowed=False)
    if text is None:
        return None
    value = float(text)
    if not math.isfinite(value):
        problems.add(node, f"{text} is not finite", f"write a number {bounds.describe()}")
        return None
    return value if _within(node, value, bounds, problems) else None


def read_whole(node: Node, bounds: Bounds, problems: Problems) -> int | None:
    """Read a whole number."""
    if not isinstance(node, Scalar) or node.is_quoted or not _WHOLE.fullmatch(node.text):
        shown = f"{node.text!r} is" if isinstance(node, Scalar) else "this is"
        problems.add(node, f"{shown} not a whole number", "write it like 5, without quotes")
        return None
    value = int(node.text)
    return value if _within(node, value, bounds, problems) else None


def read_flag(node: Node, problems: Problems) -> bool | None:
    """Read true or false; YAML 1.1's other words for them are refused, since half of the readers see text there."""
    if isinstance(node, Scalar) and not node.is_quoted and node.text in {"true", "false"}:
        return node.text == "true"
    shown = f"{node.text!r} is" if isinstance(node, Scalar) else "this is"
    problems.add(node, f"{shown} neither true nor false", "write true or false, without quotes")
    return None


def plain_value(node: Scalar) -> object:
    """Read a value as what it visibly is: text in quotes, true or false, a number; anything else is a word."""
    if node.is_quoted:
        return node.text
    if node.text in {"true", "false"}:
        return node.text == "true"
    if _WHOLE.fullmatch(node.text):
        return int(node.text)
    return float(node.text) if _NUMBER.fullmatch(node.text) else node.text


def _numeral(node: Node, wanted: str, problems: Problems, *, quotes_allowed: bool = True) -> str | None:
    problem, _, advice = wanted.partition("; ")
    if not isinstance(node, Scalar):
        problems.add(node, f"this is not {problem}", advice)
        return None
    if _NOT_FINITE.fullmatch(node.text):
        problems.add(node, f"{node.text} is not finite", advice)
        return None
    if not _NUMBER.fullmatch(node.text) or (node.is_quoted and not quotes_allowed):
        problems.add(node, f"{node.text!r} is not {problem}", advice)
        return None
    return node.text


def _within(node: Node, value: float | Decimal, bounds: Bounds, problems: Problems) -> bool:
    if bounds.allow(value):
        return True
    shown = node.text if isinstance(node, Scalar) else str(value)
    problems.add(node, f"{shown} is out of bounds", f"write a number {bounds.describe()}")
    return False


def is_wrong(reader: Reader, *parts: str) -> bool:
    """
    Tell whether a part of the file was complained about, so that what follows from it need not be.

    Args: sections or keys, like `sizing`; `*.grid` is that of any exchange, or what stands in the place of one.
    """
    places = "|".join(
        rf"exchanges?(\[\d+\])?(\.{part[2:]}\b.*)?" if part[0] == "*" else rf"{part}\b.*" for part in parts
    )
    return any(re.fullmatch(places, problem.path, re.DOTALL) for problem in reader.problems.found)
