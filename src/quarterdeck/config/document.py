"""A YAML file as a tree that remembers where everything stands, so that all its problems can be told at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from msgspec import Struct

from quarterdeck.domain import ConfigError

FILE_BYTES_MAX: Final = 256 * 1024
VALUE_CHARS_MAX: Final = 4096
LISTED_MAX: Final = 24

_BOOLEAN_TAG: Final = "tag:yaml.org,2002:bool"
_NULL_TAG: Final = "tag:yaml.org,2002:null"
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_PROBLEM_PLACE: Final = re.compile(r"\s+")


AT_RUN_TIME: Final = 0


class Problem(Struct, frozen=True):
    """Something wrong: where, what, and what to do about it. Line 0 means that it was set at run time."""

    file: str
    line: int
    path: str
    problem: str
    advice: str

    @property
    def text(self) -> str:
        """The problem as one line."""
        place = f"{self.file}:{self.line}" if self.line != AT_RUN_TIME else f"{self.file}: set at run time"
        return f"{place}: {self.path or 'file'}: {self.problem}; {self.advice}"


class FileError(ConfigError):
    """A file with problems, all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.text for problem in problems))
        self.problems = tuple(problems)


@dataclass
class Problems:
    """Everything found wrong in one file."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, node: Node, problem: str, advice: str) -> None:
        """Note a problem at a node."""
        self.add_at(node.line, node.path, problem, advice)

    def add_at(self, line: int, path: str, problem: str, advice: str) -> None:
        """Note a problem at a line, for what has no node of its own."""
        self.found.append(Problem(self.file, line, path, problem, advice))

    def __len__(self) -> int:
        return len(self.found)

    def in_order(self) -> list[Problem]:
        """List them in the order of the file."""
        return sorted(self.found, key=lambda problem: problem.line)


@dataclass
class Node:
    """Anything in the tree; `path` is written as the user wrote it, like `exchanges[0].fees.maker`."""

    line: int
    path: str


@dataclass
class Scalar(Node):
    """A single value, still as written. YAML's own idea of its type is kept only to warn of traps."""

    text: str
    tag: str
    is_quoted: bool

    @property
    def is_null(self) -> bool:
        """Tell whether nothing stands there: `null`, `~` or an empty place."""
        return self.tag == _NULL_TAG and not self.is_quoted

    @property
    def is_text(self) -> bool:
        """Tell whether YAML reads it as text."""
        return self.is_quoted or self.tag == _TEXT_TAG

    @property
    def is_boolean_word(self) -> bool:
        """Tell whether YAML 1.1 would read a truth value, which it does for `on`, `no` and `yes` too."""
        return self.tag == _BOOLEAN_TAG and not self.is_quoted


@dataclass
class Items(Node):
    """A list."""

    nodes: list[Node]


@dataclass
class Section(Node):
    """
    A mapping. Whoever reads it takes its entries by name; what nobody took is an unknown key.

    `known` are the names that were asked for, the candidates when a name is misspelt.
    """

    entries: dict[str, Node]
    known: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def take(self, key: str) -> Node | None:
        """Hand an entry out, None where it is absent or null."""
        self.known.append(key)
        self.taken.add(key)
        node = self.entries.get(key)
        return None if isinstance(node, Scalar) and node.is_null else node

    def has(self, key: str) -> bool:
        """Tell whether there is an entry of that name, null or not."""
        return key in self.entries

    def path_of(self, key: str) -> str:
        """Write the path of an entry of this section."""
        return f"{self.path}.{key}" if self.path else key

    def close(self, problems: Problems, aliases: Sequence[str] = ()) -> None:
        """Note every entry that nobody asked for."""
        for key, node in self.entries.items():
            if key not in self.taken:
                problems.add(node, "unknown key", did_you_mean(key, [*self.known, *aliases]))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word, or list them all."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    if len(known) > LISTED_MAX:
        return "the reference of the bot file lists what is known here"
    return f"known here: {', '.join(dict.fromkeys(known))}" if known else "remove it"


def read_document(path: Path) -> tuple[Section, Problems]:
    """
    Read a YAML file whose top level is a mapping; one that says nothing reads as an empty one.

    Raises:
        FileError: If it cannot be read, is no YAML, or holds something else than one mapping.
    """
    problems = Problems(str(path))
    node = _compose(_text_of(path, problems), problems)
    if node is None:
        return Section(1, "", {}), problems
    if not isinstance(node, yaml.MappingNode):
        raise _failed(problems, 1, "this is not a mapping", "begin with lines like 'name: demo'")
    return _section(node, "", problems), problems


def read_value(text: str, path: str, problems: Problems) -> Node | None:
    """
    Read a value that was set at run time, written as in a file; None where it is no YAML, with the problem noted.

    Args:
        text: A scalar, or a list or mapping in one line.
        path: What it was set for.
        problems: Where problems go.
    """
    apart = Problems(problems.file)
    try:
        node = _compose(text[: VALUE_CHARS_MAX + 1], apart)
    except FileError as error:
        problems.add_at(AT_RUN_TIME, path, error.problems[0].problem, "write a value as it would stand in the file")
        return None
    if node is None or len(text) > VALUE_CHARS_MAX:
        says = "nothing was given" if node is None else f"more than {VALUE_CHARS_MAX} characters"
        problems.add_at(AT_RUN_TIME, path, says, "write a value as it would stand in the file")
        return None
    found = _convert(node, path, apart)
    for problem in apart.found:
        problems.add_at(AT_RUN_TIME, problem.path, problem.problem, problem.advice)
    _move_to_run_time(found)
    return found


def _move_to_run_time(node: Node) -> None:
    node.line = AT_RUN_TIME
    below = node.nodes if isinstance(node, Items) else node.entries.values() if isinstance(node, Section) else ()
    for inner in below:
        _move_to_run_time(inner)


def _compose(text: str, problems: Problems) -> yaml.Node | None:
    advice = "correct this line"
    try:
        return yaml.compose(text, Loader=_PlainLoader)
    except ReferenceMet as error:
        raise _failed(problems, error.line, "references (*name) are not used here", "write it out") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _failed(problems, mark.line + 1 if mark else 1, f"this is no YAML: {_one_line(error)}", advice) from error
    # An escape beyond the last character of Unicode ends in a plain ValueError or OverflowError.
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise _failed(problems, 1, f"this is no YAML: {_one_line(error)}", "correct the file") from error


def _failed(problems: Problems, line: int, problem: str, advice: str) -> FileError:
    """Make the error of a file that gives no tree at all; nothing else can be told of it."""
    return FileError([Problem(problems.file, line, "", problem, advice)])


def _text_of(path: Path, problems: Problems) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _failed(problems, 1, f"cannot be read: {error.strerror}", "check the path") from error
    if len(body) > FILE_BYTES_MAX:
        raise _failed(problems, 1, f"larger than {FILE_BYTES_MAX // 1024} kB", "this is no bot configuration")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise _failed(problems, line, "not UTF-8", "save it as UTF-8 text") from error


def _one_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested far too deep"
    words = error.problem if isinstance(error, yaml.MarkedYAMLError) and error.problem else str(error)
    return _PROBLEM_PLACE.sub(" ", words).strip()


class ReferenceMet(Exception):
    """The file refers to an anchor."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes only; one anchor could stand for a million nodes, so there are none."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, unless it is a reference to another."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        if isinstance(event, yaml.AliasEvent):
            mark = event.start_mark
            raise ReferenceMet(mark.line + 1 if mark else 1)
        return super().compose_node(parent, index)


def _convert(node: yaml.Node, path: str, problems: Problems) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Scalar(line, path, node.value, node.tag, is_quoted=node.style is not None)
    if isinstance(node, yaml.SequenceNode):
        return Items(line, path, [_convert(item, f"{path}[{at}]", problems) for at, item in enumerate(node.value)])
    return _section(node, path, problems)


def _section(node: yaml.Node, path: str, problems: Problems) -> Section:
    section = Section(node.start_mark.line + 1, path, {})
    for key_node, value_node in node.value:
        _add_entry(section, key_node, value_node, problems)
    return section


def _add_entry(section: Section, key_node: yaml.Node, value_node: yaml.Node, problems: Problems) -> None:
    line = key_node.start_mark.line + 1
    if not isinstance(key_node, yaml.ScalarNode):
        problems.add_at(line, section.path, "a key must be a word", "write lines like 'name: demo'")
        return
    key: str = key_node.value
    if key in section.entries:
        first = section.entries[key].line
        problems.add_at(line, section.path_of(key), f"stands on line {first} already", "keep one of them")
        return
    value = _convert(value_node, section.path_of(key), problems)
    # A block value begins on the line below its key; people look for the key.
    value.line = line
    section.entries[key] = value
