"""The rules of doors: what a room shows, and that nobody comes in through a window."""

import ast
from collections.abc import Iterator

from tools.house import PACKAGE, Finding, House, Module


def check_doors(house: House) -> Iterator[Finding]:
    """
    Yield a finding for each package whose `__init__.py` is no front door.

    A front door has a docstring and an `__all__` that names exactly what the file binds. A lazy one (with a
    module-level `__getattr__`) may name more than it binds. That `__all__` is sorted is ruff's RUF022.
    """
    for module in house.package.values():
        if not module.is_package:
            continue
        if not ast.get_docstring(module.tree):
            yield Finding(module.path, 1, "room without a docstring: say in one paragraph what it is for")
        names = module.names_in_all()
        if names is None:
            yield Finding(module.path, 1, "room without __all__: list what other rooms may use")
            continue
        bound = _bound_names(module)
        lazy = "__getattr__" in bound
        public = {name for name in bound if not name.startswith("_")}
        for name in sorted(public - set(names)):
            yield Finding(module.path, bound[name], f"'{name}' is bound but not in __all__")
        for name in sorted(set(names) - bound.keys()):
            if not lazy and not name.startswith("__"):
                yield Finding(module.path, 1, f"'{name}' is in __all__ but not bound")


def check_entries(house: House) -> Iterator[Finding]:
    """Yield a finding for each import that reaches past another room's front door, or leaves by its own."""
    inside = [module for module in house.modules if module.path.startswith(("src/", "bench/", "tools/"))]
    for module in inside:
        own_room = module.room if module.name in house.package else None
        for line, target, name in module.imports():
            if target == PACKAGE or target.startswith(f"{PACKAGE}."):
                message = _entry_problem(house, own_room, target, name)
                if message:
                    yield Finding(module.path, line, message)


def check_dead_modules(house: House) -> Iterator[Finding]:
    """Yield a finding for each module of the package that no other module of it imports or names."""
    used = set()
    for module in house.package.values():
        for _, target, name in module.imports():
            used |= {target, f"{target}.{name}"} - {module.name}
        used |= {
            node.value
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != module.name
        }
    for name, module in house.package.items():
        if not module.is_package and not name.endswith("__main__") and name not in used:
            yield Finding(module.path, 1, "nobody imports this module: use it or delete it")


def _entry_problem(house: House, own_room: str | None, target: str, name: str) -> str:
    parts = target.split(".")
    if len(parts) == 1:  # `from quarterdeck import x`
        is_room = name in house.rooms
        is_free = own_room is None or is_room or name == "__version__"  # the version belongs to the package itself
        return "" if is_free else f"import '{name}' from its room, not from the package's door"
    room = parts[1]
    inside_own = f"{PACKAGE}.{room}.{name}" in house.package
    if room == own_room:
        is_door = len(parts) == 2 and name and not inside_own  # noqa: PLR2004  # package and room
        return f"inside the room import '{name}' from the file that defines it" if is_door else ""
    door = house.package.get(f"{PACKAGE}.{room}")
    if len(parts) > 2:  # noqa: PLR2004  # package, room, file
        return f"'{target}' is inside another room: import from {PACKAGE}.{room}"
    if name and door is not None and name not in (door.names_in_all() or []):
        return f"'{name}' is not in __all__ of {PACKAGE}.{room}"
    return ""


def _bound_names(module: Module) -> dict[str, int]:
    """Map each name the module binds at its top level to the line; imports for types only do not count."""
    bound: dict[str, int] = {}
    for node in module.tree.body:
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound |= {(alias.asname or alias.name).split(".")[0]: node.lineno for alias in names}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound[name] = node.lineno
            case ast.Assign(targets=targets):
                bound |= {target.id: node.lineno for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                bound[name] = node.lineno
            case _:
                pass
    return bound
