"""Settings that were changed while the bot ran: they take the place of what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from quarterdeck.config.aliases import canonical_path
from quarterdeck.config.catalogue import find_key, keys_under, nearest_path
from quarterdeck.config.document import AT_RUN_TIME, Node, Problems, Section, read_value

_RESTART: Final = "change it in the file, and start the bot again"


def apply_changes(root: Section, changes: Mapping[str, str], problems: Problems) -> Node | None:
    """
    Put changed settings in the place of the file's, sections before what stands in them.

    Args:
        root: The file, its older spellings moved.
        changes: Path → value as it would stand in the file.
        problems: Where problems go.

    Returns:
        The changed list of pairs, if any; it says what may be opened, and takes no pair out of the file.
    """
    approved = None
    for written, text in sorted(changes.items(), key=lambda change: change[0].count(".")):
        path = canonical_path(written)
        node = read_value(text, path, problems) if _may_change(path, problems) else None
        if node is None:
            continue
        if path == "pairs":
            approved = node
        else:
            _place(root, path, node)
    return approved


def _may_change(path: str, problems: Problems) -> bool:
    key = find_key(path)
    keys = (key,) if key is not None else keys_under(path)
    if not keys:
        problems.add_at(AT_RUN_TIME, path, "no such setting", nearest_path(path))
    elif not all(each.is_live for each in keys):
        problems.add_at(AT_RUN_TIME, path, "this cannot be changed while the bot runs", _RESTART)
    return all(each.is_live for each in keys) and bool(keys)


def _place(root: Section, path: str, node: Node) -> None:
    *above, name = path.split(".")
    section = root
    for word in above:
        below = section.entries.setdefault(word, Section(AT_RUN_TIME, section.path_of(word), {}))
        if not isinstance(below, Section):
            return  # the file is wrong there, and its reader says so
        section = below
    section.entries[name] = node
