"""What could make two replays of the core differ and what the import contracts cannot see."""

import ast
from collections.abc import Iterator

from tools.house import Finding, House

IMPURE_CALLS = frozenset({"__import__", "breakpoint", "eval", "exec", "hash", "id", "input", "open", "print"})
IMPURE_MODULES = frozenset({"_thread", "importlib", "random", "threading", "time"})
ORDERLESS_CALLS = frozenset({"frozenset", "set"})
# Calls whose result depends on the order in which they read their argument; `sorted`, `len`, `sum` of ints do not.
ORDER_KEEPING_CALLS = frozenset({"enumerate", "iter", "list", "map", "next", "reversed", "tuple", "zip"})


def check_purity(house: House) -> Iterator[Finding]:
    """Yield a finding for each import, call or loop in a core room that two runs may see differently."""
    for module in house.package.values():
        if module.room not in house.core_rooms:
            continue
        for line, target, _ in module.imports():
            if target.split(".")[0] in IMPURE_MODULES:
                yield Finding(module.path, line, f"'{target}' in a core room: the shell passes time and chance in")
        for node in ast.walk(module.tree):
            yield from (Finding(module.path, line, message) for line, message in _impurities(node))


def _impurities(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
            yield node.lineno, f"'{name}()' in a core room: its answer is not the same in every run"
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDER_KEEPING_CALLS:
            yield from ((argument.lineno, _SORT_FIRST) for argument in arguments if _is_set(argument))
        case ast.For(iter=source) | ast.comprehension(iter=source) if _is_set(source):
            yield source.lineno, _SORT_FIRST
        case ast.Starred(value=source) if _is_set(source):
            yield source.lineno, _SORT_FIRST
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
            yield node.lineno, "numpy.random in a core room: the shell passes chance in"
        case _:
            pass


_SORT_FIRST = "the order of a set differs between runs: sort it first"


def _is_set(node: ast.expr) -> bool:
    """Tell whether an expression is visibly a set; names are not followed."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in ORDERLESS_CALLS
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), left=left, right=right):
            return any(_is_set(side) or _is_view(side) for side in (left, right))
        case _:
            return False


def _is_view(node: ast.expr) -> bool:
    """Tell whether an expression is a dict's keys() or items(): combining two of them makes a set."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"items", "keys"}
