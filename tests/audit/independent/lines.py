"""
Reading exported lines, and the hash chain over them, recomputed from the lines alone.

A row's hash covers its body, `[input, facts]` as msgpack. JSON gives it back but for two things, and every reading of
them is tried until the hash agrees: floats that are not finite, which JSON spells null; and the headers of maps with
fewer than sixteen entries, which are long for types that have more fields than that.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from tests.audit.independent.problem import Problem
from tests.audit.independent.records import Line

GENESIS: Final = bytes(32)
NULL_FIRST: Final = (None, math.inf, math.nan)
INFINITE_FIRST: Final = (math.inf, math.nan, None)
NAN_FIRST: Final = (math.nan, math.inf, None)
READINGS_MAX: Final = 3**7
READINGS_FEW: Final = 9
SHORT_MAP_MAX: Final = 15
TYPES_MAX: Final = 8

_LINE: Final = msgspec.json.Decoder(Line)
_PLAIN: Final = msgspec.msgpack.Encoder()
_HEADER: Final = struct.Struct(">32sQqH")
_LONG_MAP: Final = struct.Struct(">BH")

Place = tuple[list[Any], int]


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """
    Decode exported lines.

    Raises:
        msgspec.MsgspecError: If a line is not `{seq, at_ns, kind, payload, facts, prev, hash}`.
    """
    for line in lines:
        if line.strip():
            yield _LINE.decode(line)


class Chain:
    """Follows the chain from row to row; it learns which types have long headers as it goes."""

    def __init__(self) -> None:
        self.seq = 0
        self.head = GENESIS
        self._long: frozenset[str] = frozenset()

    def take(self, line: Line) -> list[Problem]:
        """Hold a row against the one before it and against its own content, and go on from it."""
        problems = []
        if line.seq != self.seq + 1:
            problems.append(Problem(line.seq, "chain", f"row {line.seq} follows row {self.seq}"))
        if line.prev != self.head.hex():
            problems.append(Problem(line.seq, "chain", "prev is not the hash of the row before"))
        if not self._gives(line):
            problems.append(Problem(line.seq, "chain", "the content does not give the hash"))
        self.seq, self.head = line.seq, bytes.fromhex(line.hash)
        return problems

    def _gives(self, line: Line) -> bool:
        """Tell whether any reading of a row gives its hash; the row is left as it was read."""
        if hash_of(self.head, line, self._long) == line.hash:
            return True
        if self._gives_with_numbers(line, self._long, READINGS_MAX):
            return True
        short = sorted({path for path, size in _maps(line) if size <= SHORT_MAP_MAX} - self._long)[:TYPES_MAX]
        for count in range(1, len(short) + 1):
            for chosen in itertools.combinations(short, count):
                tried = self._long | set(chosen)
                if self._gives_with_numbers(line, tried, READINGS_FEW):
                    self._long = tried
                    return True
        return False

    def _gives_with_numbers(self, line: Line, long: frozenset[str], tries_max: int) -> bool:
        """Try what the nulls of a row may have been, the likely first."""
        given, made = list(_nulls(line.payload)), [place for fact in line.facts for place in _nulls(fact)]
        readings = [*[_of_input(holder) for holder, _ in given], *[INFINITE_FIRST] * len(made)]
        found = False
        for reading in itertools.islice(itertools.product(*readings), tries_max):
            for (holder, index), value in zip((*given, *made), reading, strict=True):
                holder[index] = value
            found = hash_of(self.head, line, long) == line.hash
            if found:
                break
        for holder, index in (*given, *made):
            holder[index] = None
        return found


def hash_of(prev: bytes, line: Line, long: frozenset[str] = frozenset()) -> str:
    """
    Hash a row onto the one before: prev ‖ seq ‖ at_ns ‖ length of kind ‖ kind ‖ body, big-endian.

    Args: the hash before, the row, and the types whose maps have long headers.
    """
    kind = line.kind.encode()
    head = _HEADER.pack(prev, line.seq, line.at_ns, len(kind))
    if not long:
        return sha256(head + kind + _PLAIN.encode((line.payload, line.facts))).hexdigest()
    facts = [_packed(fact, str(fact["kind"]), long) for fact in line.facts]
    count = _PLAIN.encode([None] * len(facts))[: -len(facts) or None]  # the header of an array of that length
    body = b"\x92" + _packed(line.payload, str(line.payload["kind"]), long) + count + b"".join(facts)
    return sha256(head + kind + body).hexdigest()


def _packed(value: object, path: str, long: frozenset[str]) -> bytes:
    """Pack a value; a map whose type is among the long ones, by its place in the row, gets a long header."""
    if not isinstance(value, dict) or not any(one.startswith(path) for one in long):
        return _PLAIN.encode(value)
    if path in long and len(value) <= SHORT_MAP_MAX:
        header = _LONG_MAP.pack(0xDE, len(value))
    else:
        header = _PLAIN.encode(dict.fromkeys(range(len(value))))[: 1 if len(value) <= SHORT_MAP_MAX else 3]
    return header + b"".join(_PLAIN.encode(name) + _packed(one, f"{path}.{name}", long) for name, one in value.items())


def _maps(line: Line) -> Iterator[tuple[str, int]]:
    """Name the types of a row by their place, and say how many fields each shows."""
    for top in (line.payload, *line.facts):
        yield str(top["kind"]), len(top)
        for name, value in top.items():
            if isinstance(value, dict):
                yield f"{top['kind']}.{name}", len(value)


def _of_input(holder: list[Any]) -> tuple[float | None, ...]:
    """What a null in an input likely was: no number beside a venue's name, else nothing at all."""
    return NAN_FIRST if len(holder) == len(("venue", "ms")) and isinstance(holder[0], str) else NULL_FIRST


def _nulls(value: object) -> Iterator[Place]:
    """Name the places in arrays where JSON says null; a field of an object that is null is truly none."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            if one is None:
                yield value, index
            else:
                yield from _nulls(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _nulls(one)
