"""What could make two replays of the core differ and what the import contracts cannot see."""

import ast
from collections.abc import Iterator

from tools.house import Finding, House, Module
from tools.set_order import OrderWatch, set_constants

IMPURE_CALLS = frozenset({"__import__", "breakpoint", "eval", "exec", "hash", "id", "input", "open", "print"})
# Clocks, chance, threads, sockets and whatever else answers differently from run to run.
IMPURE_MODULES = frozenset(
    {
        "_thread",
        "asyncio",
        "concurrent",
        "datetime",
        "http",
        "importlib",
        "multiprocessing",
        "os",
        "queue",
        "random",
        "secrets",
        "select",
        "selectors",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "zoneinfo",
    }
)


def check_purity(house: House) -> Iterator[Finding]:
    """Yield a finding for each import, call or loop in a core room that two runs may see differently."""
    core = [module for module in house.package.values() if module.room in house.core_rooms]
    constants = frozenset(name for module in core for name in set_constants(module.tree))
    for module in core:
        for line, target, _ in module.imports():
            if target.split(".")[0] in IMPURE_MODULES:
                yield Finding(module.path, line, f"'{target}' in a core room: the shell passes time and chance in")
        for line, message in _impurities(module, constants):
            yield Finding(module.path, line, message)


def _impurities(module: Module, constants: frozenset[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield node.lineno, f"'{name}()' in a core room: its answer is not the same in every run"
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                yield node.lineno, "numpy.random in a core room: the shell passes chance in"
            case _:
                pass
    known = {name for _, _, name in module.imports() if name in constants} | set_constants(module.tree)
    for line in OrderWatch(module.tree, known).lines():
        yield line, "the order of a set differs between runs: sort it first"
