"""Read the repository once, so that every rule looks at the same thing."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PACKAGE = "quarterdeck"
_GENERATED = frozenset({"__pycache__", "node_modules"})
_GENERATED_AT_TOP = frozenset({"build", "dist", "run", "workspace"})


@dataclass(frozen=True, order=True)
class Finding:
    """A place where a rule of the house is broken, and what to do about it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Module:
    """One parsed Python file; `path` is relative to the repository, `name` is its dotted name."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Tell whether this is an `__init__.py`."""
        return self.path.endswith("__init__.py")

    @property
    def room(self) -> str:
        """Name the room of the package it stands in; empty for the package's own front door."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[tuple[int, str, str]]:
        """Yield (line, module, name) of each import, wherever it stands; name is empty for `import module`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield from ((node.lineno, node.module, alias.name) for alias in node.names)

    def names_in_all(self) -> list[str] | None:
        """Read the literal `__all__`; None when there is none."""
        for node in self.tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items))
                    | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List(elts=items) | ast.Tuple(elts=items))
                ):
                    return [str(item.value) for item in items if isinstance(item, ast.Constant)]
                case _:
                    pass
        return None


@dataclass(frozen=True)
class House:
    """A checkout: the package's modules, the modules around it, and every file that is text."""

    root: Path

    @cached_property
    def texts(self) -> dict[str, str]:
        """Map the path of every text file of the repository to its content."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if _is_generated(relative) or not path.is_file() or path.is_symlink():
                continue
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                found[relative.as_posix()] = content.decode(errors="replace")
        return found

    @cached_property
    def modules(self) -> list[Module]:
        """Parse every Python file of the repository."""
        return [
            Module(path, _dotted_name(path), text, ast.parse(text, path))
            for path, text in self.texts.items()
            if path.endswith(".py")
        ]

    @cached_property
    def package(self) -> dict[str, Module]:
        """Map dotted names to the modules of the package itself."""
        return {module.name: module for module in self.modules if module.path.startswith(f"src/{PACKAGE}/")}

    @cached_property
    def rooms(self) -> list[str]:
        """List the rooms that are built."""
        return sorted({module.room for module in self.package.values()} - {"", "__main__"})

    @cached_property
    def contracts(self) -> list[dict[str, Any]]:
        """Read the import contracts out of pyproject.toml."""
        settings = tomllib.loads(self.texts.get("pyproject.toml", ""))
        found: list[dict[str, Any]] = settings.get("tool", {}).get("importlinter", {}).get("contracts", [])
        return found

    @cached_property
    def core_rooms(self) -> list[str]:
        """List the built rooms from the engine downwards: those that must be pure."""
        storeys = [index for index, rooms in enumerate(self._storeys) if "engine" in rooms]
        below = [room for rooms in self._storeys[storeys[0] :] for room in rooms] if storeys else []
        return sorted(set(below) & set(self.rooms))

    @cached_property
    def adapter_rooms(self) -> list[str]:
        """List the built rooms of the storey that touches the world."""
        beside = [room for rooms in self._storeys if "venues" in rooms for room in rooms]
        return sorted(set(beside) & set(self.rooms))

    @cached_property
    def _storeys(self) -> list[list[str]]:
        layers: list[str] = next((entry["layers"] for entry in self.contracts if entry["type"] == "layers"), [])
        return [re.findall(r"\w+", layer) for layer in layers]


def _is_generated(relative: Path) -> bool:
    hidden = any(part.startswith(".") and part not in {".ci", ".github"} for part in relative.parts[:-1])
    return hidden or relative.parts[0] in _GENERATED_AT_TOP or not _GENERATED.isdisjoint(relative.parts)


def _dotted_name(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
