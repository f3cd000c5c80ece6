"""
Write the reference pages that follow from the code, or check that they still do.

`python tools/render_docs.py` writes them, `--check` fails when one differs from what the code says. The pages are
for readers; the code stays the source.
"""

import argparse
import inspect
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from quarterdeck import domain
from quarterdeck.backtest import render_backtests
from quarterdeck.config import render_bot_file, render_habits
from quarterdeck.guardrails import render_rules
from quarterdeck.orders import render_table
from quarterdeck.strategies import render_strategies

REFERENCE = Path("docs") / "reference"

_INPUTS_HEAD = """# Inputs and facts

Generated from `quarterdeck.domain` by `python tools/render_docs.py`; a test fails when the two differ.

An **input** is something that reached the engine; a **fact** is what it brought about. A row of the journal holds
one input with all its facts, encoded as msgpack maps whose key `kind` names the type; fields at their default are
left out. A type that says so is encoded as an array instead, its fields in the order given here. Times are integer
nanoseconds UTC, money is Decimal (a string on the wire), quantities of orders are whole lots.
"""


def render_inputs_and_facts() -> str:
    """Write every kind of input and fact, and every type inside them, with fields, types and what it says."""
    inputs, facts = typing.get_args(domain.Input), typing.get_args(domain.Fact)
    shared = _types_inside(inputs + facts)
    structs = [kind for kind in shared if issubclass(kind, msgspec.Struct)]
    words = [kind for kind in shared if not issubclass(kind, msgspec.Struct)]
    parts = [_INPUTS_HEAD]
    for title, kinds in (("Inputs", inputs), ("Facts", facts), ("Types inside them", structs)):
        parts.append(f"\n## {title}\n")
        parts.extend(_struct_section(kind) for kind in kinds)
    parts.append("\n## Words\n\n| word | values |\n|---|---|\n")
    parts.extend(f"| `{word.__name__}` | {', '.join(f'`{one.value}`' for one in word)} |\n" for word in words)
    return "".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "order-life-cycle.md": render_table,
    "inputs-and-facts.md": render_inputs_and_facts,
    "guardrails.md": render_rules,
    "bot-file.md": render_bot_file,
    "habits.md": render_habits,
    "strategies.md": render_strategies,
    "backtests.md": render_backtests,
}


def stale_pages(root: Path) -> list[str]:
    """
    Name the pages that differ from what the code says, or are missing.

    Args:
        root: The folder that holds `docs`.
    """
    stale = []
    for name, render in PAGES.items():
        path = root / REFERENCE / name
        if not path.is_file() or path.read_text() != render():
            stale.append(name)
    return stale


def write_pages(root: Path) -> None:
    """Write every page below a folder."""
    (root / REFERENCE).mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        (root / REFERENCE / name).write_text(render())


def main() -> int:
    """Write the pages, or with `--check` exit 1 if one is stale."""
    parser = argparse.ArgumentParser(description="Write the reference pages that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page differs")
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    if not arguments.check:
        write_pages(arguments.root)
        return 0
    stale = stale_pages(arguments.root)
    for name in stale:
        print(f"{REFERENCE / name} differs from the code: run python tools/render_docs.py")
    return 1 if stale else 0


def _struct_section(kind: type[msgspec.Struct]) -> str:
    lines = [f"\n### {kind.__name__}\n\n{_said_by(kind)}\n"]
    if kind.__struct_config__.array_like:
        lines.append("\nEncoded as an array.\n")
    lines.append("\n| field | type | default |\n|---|---|---|\n")
    hints = typing.get_type_hints(kind)
    lines.extend(
        f"| `{field.encode_name}` | {_type_name(hints[field.name])} | {_default(field)} |\n"
        for field in msgspec.structs.fields(kind)
    )
    return "".join(lines)


def _said_by(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").strip()


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    if field.default is msgspec.NODEFAULT:
        return "required"
    if isinstance(field.default, msgspec.Struct):
        return f"`{type(field.default).__name__}()`"
    return f"`{field.default!r}`" if not hasattr(field.default, "value") else f"`{field.default.value}`"


def _type_name(hint: Any) -> str:  # noqa: ANN401 - a type hint has no narrower type
    if hint is type(None):
        return "none"
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(one) for one in inside)
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in inside)
    if origin is tuple:
        if inside[-1] is Ellipsis:
            return f"list of {_type_name(inside[0])}"
        return "(" + ", ".join(_type_name(one) for one in inside) + ")"
    if origin is dict:
        return f"map of {_type_name(inside[0])} to {_type_name(inside[1])}"
    return f"[{hint.__name__}](#{hint.__name__.lower()})" if _has_section(hint) else str(hint.__name__)


def _has_section(hint: Any) -> bool:  # noqa: ANN401 - a type hint has no narrower type
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _types_inside(kinds: tuple[type[msgspec.Struct], ...]) -> list[Any]:
    """List the structs and words that the fields of these types hold, and theirs, by name."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [hint for kind in kinds for hint in typing.get_type_hints(kind).values()]
    while waiting:
        hint = waiting.pop()
        waiting.extend(typing.get_args(hint))
        ours = isinstance(hint, type) and hint.__module__.startswith("quarterdeck.")
        if ours and hint not in kinds and hint.__name__ not in found:
            found[hint.__name__] = hint
            if issubclass(hint, msgspec.Struct):
                waiting.extend(typing.get_type_hints(hint).values())
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    sys.exit(main())
