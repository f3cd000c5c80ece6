"""Where the order of a set shows: loops over it, lists made of it, anything that takes its elements one by one."""

import ast
from collections.abc import Iterator

SETS = frozenset({"AbstractSet", "MutableSet", "Set", "frozenset", "set"})
MAKERS = frozenset({"frozenset", "set"})
# Methods of a set that give another set.
SET_METHODS = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})
# Calls whose result depends on the order in which they read their argument; sums of floats do.
ORDER_KEEPING = frozenset(
    {"deque", "dict", "enumerate", "iter", "list", "map", "next", "reversed", "sum", "tuple", "zip"}
)
ORDER_KEEPING_METHODS = frozenset({"extend", "fromkeys", "join"})
# Calls that give the same whatever order they read in.
ORDER_FREE = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def set_constants(tree: ast.Module) -> set[str]:
    """Name the sets that a module defines at its top, and its functions that return one."""
    found = _named(tree.body, set())
    return found | {node.name for node in ast.walk(tree) if isinstance(node, Function) and _says_set(node.returns)}


class OrderWatch:
    """Follows one module, function by function, with the names that stand for sets in each."""

    def __init__(self, tree: ast.Module, known: set[str]) -> None:
        self._tree = tree
        self._known = known
        self._fields = _fields(tree)
        self._free = {source for node in ast.walk(tree) for source in _read_in_any_order(node)}

    def lines(self) -> Iterator[int]:
        """Yield each line on which the order of a set shows."""
        yield from self._within(self._tree, self._known)

    def _within(self, scope: ast.AST, names: set[str]) -> Iterator[int]:
        for child in ast.iter_child_nodes(scope):
            if isinstance(child, Function | ast.Lambda):
                yield from self._within(child, names | _locals(child, names))
                continue
            if child not in self._free:
                yield from (node.lineno for node in self._ordered(child) if self._is_set(node, names))
            yield from self._popped(child, names)
            yield from self._within(child, names)

    def _ordered(self, node: ast.AST) -> list[ast.expr]:
        """List what this node takes apart in order."""
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDER_KEEPING:
                return arguments
            case ast.Call(func=ast.Attribute(attr=name), args=arguments) if name in ORDER_KEEPING_METHODS:
                return arguments
            case ast.For(iter=source) | ast.AsyncFor(iter=source) | ast.Starred(value=source):
                return [source]
            case ast.ListComp(generators=parts) | ast.GeneratorExp(generators=parts) | ast.DictComp(generators=parts):
                return [part.iter for part in parts]
            case _:
                return []

    def _popped(self, node: ast.AST, names: set[str]) -> Iterator[int]:
        match node:
            case ast.Call(func=ast.Attribute(value=source, attr="pop"), args=[]) if self._is_set(source, names):
                yield node.lineno
            case _:
                pass

    def _is_set(self, node: ast.expr, names: set[str]) -> bool:
        match node:
            case ast.Attribute(attr=name):
                return name in self._fields
            case _:
                return is_set(node, names)


def _read_in_any_order(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDER_FREE:
            return [one for one in arguments if isinstance(one, ast.GeneratorExp | ast.ListComp)]
        case _:
            return []


def is_set(node: ast.expr | None, names: set[str]) -> bool:
    """Tell whether an expression is a set, as far as its form and these names say."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id=name)):
            return name in MAKERS or name in names
        case ast.Call(func=ast.Attribute(value=source, attr=name)) if name in SET_METHODS:
            return is_set(source, names)
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), left=left, right=right):
            return any(is_set(side, names) or _is_view(side) for side in (left, right))
        case ast.IfExp(body=one, orelse=other):
            return is_set(one, names) or is_set(other, names)
        case _:
            return False


def _is_view(node: ast.expr) -> bool:
    """Tell whether an expression is a dict's keys() or items(): combining two of them makes a set."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"items", "keys"}


def _says_set(annotation: ast.expr | None) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in SETS
        case ast.Subscript(value=ast.Name(id="Final" | "ClassVar"), slice=inner):
            return _says_set(inner)
        case ast.Subscript(value=outer):
            return _says_set(outer)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _says_set(left) or _says_set(right)
        case _:
            return False


def _named(body: list[ast.stmt], names: set[str]) -> set[str]:
    """Collect the plain names to which statements give a set."""
    found = set(names)
    for statement in body:
        for node in _own(statement):
            match node:
                case ast.Assign(targets=targets, value=value) if is_set(value, found):
                    found |= {target.id for target in targets if isinstance(target, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=name), annotation=says, value=value):
                    found |= {name} if _says_set(says) or is_set(value, found) else set()
                case _:
                    pass
    return found - names


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a statement and what lies in it, functions and classes apart: their names are their own."""
    if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _own(child)


def _locals(function: Function | ast.Lambda, names: set[str]) -> set[str]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    given = {one.arg for one in every if _says_set(one.annotation)}
    return given | (set() if isinstance(function, ast.Lambda) else _named(function.body, names | given))


def _fields(tree: ast.Module) -> set[str]:
    """Name the attributes that classes of this module declare, or give themselves, as sets."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(body=body):
                declared = [one for one in body if isinstance(one, ast.AnnAssign) and _says_set(one.annotation)]
                found |= {one.target.id for one in declared if isinstance(one.target, ast.Name)}
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=says) if _says_set(says):
                found.add(name)
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if is_set(value, set()):
                found.add(name)
            case _:
                pass
    return found
