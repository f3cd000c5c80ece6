"""
The compiled kernel of backtests holds no threshold of its own: it compares whole numbers, and nothing else.

Whatever compares prices, money or shares is a pure function of the core, so that a backtest and a live bot cannot
judge differently. This rule works out which expressions are whole numbers, as far as names and annotations say so, and
finds every comparison, every choice of a smaller or larger one, that is not between such.
"""

import ast
from collections.abc import Iterator

from tools.house import PACKAGE, Finding, House, Module

KERNEL = f"{PACKAGE}.backtest.kernel"
_COMPILES = frozenset({"called", "entry", "inlined"})
_BOUNDS = ("_max", "_min", "_s", "_share", "_band")
_WHOLE_TYPES = frozenset({"int", "bool"})
_WHOLE_CALLS = frozenset({"len", "int", "bool", "any", "all", "isinstance"})
_KEEPS_WHOLE = frozenset({"abs", "min", "max", "sum", "sorted", "reversed", "round"})
_CHOOSES = frozenset(
    {"min", "max", "minimum", "maximum", "clip", "where", "searchsorted", "isclose", "argmax", "argmin"}
)
_TEXT = "the kernel compares no floats: call a pure function of the core, which the live engine calls too"


def check_kernel(house: House) -> Iterator[Finding]:
    """Yield a finding for each comparison in the kernel that is not between whole numbers."""
    kernel = [module for module in house.package.values() if f"{module.name}.".startswith(f"{KERNEL}.")]
    known = Known(list(house.package.values()), kernel)
    for module in kernel:
        for function in module.functions():
            breaches = Whole(function, known).breaches()
            yield from (
                Finding(module.path, line, _TEXT)
                for line, compared in breaches
                if _is_compiled(function) or any(map(_is_threshold, compared))
            )


class Known:
    """What is whole everywhere: fields of records, results of functions, constants."""

    def __init__(self, package: list[Module], kernel: list[Module]) -> None:
        whole: set[str] = set()
        other: set[str] = set()
        for module in kernel:
            for name, kind in _fields(module):
                (whole if kind in _WHOLE_TYPES else other).add(name)
        self.fields = whole - other
        self.constants = {name for module in package for name in _whole_constants(module)}
        self.results: dict[str, list[bool]] = {}
        for module in package:
            for function in module.functions():
                if module in kernel or _is_pure(function):
                    self.results[function.name] = _parts(function.returns)


class Whole:
    """Which expressions of one function are whole numbers."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef, known: Known) -> None:
        self._function = function
        self._known = known
        args = function.args
        self._names = {
            arg.arg: _is_whole_type(arg.annotation) for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)
        }
        self._names |= dict.fromkeys(_assigned_names(function), True)
        while self._learn():  # a name that is not whole makes others so that were made of it
            pass

    def breaches(self) -> Iterator[tuple[int, list[ast.expr]]]:
        """Yield the line of each comparison of what may not be whole, and what it compares."""
        for node in ast.walk(self._function):
            match node:
                case ast.Compare(left=left, ops=ops, comparators=others):
                    compared = [one for one in (left, *others) if not isinstance(one, ast.Tuple | ast.Set)]
                    if not all(isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn) for op in ops) and not all(
                        map(self.is_whole, compared)
                    ):
                        yield node.lineno, compared
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in _CHOOSES:
                    if not all(map(self.is_whole, args)):
                        yield node.lineno, args
                case _:
                    pass

    def is_whole(self, node: ast.expr) -> bool:
        """Tell whether an expression is surely a whole number (or text, or truth)."""
        match node:
            case ast.Constant(value=value):
                return isinstance(value, int | str | bytes) or value is None
            case ast.Name(id=name):
                return self._names.get(name, name in self._known.constants)
            case ast.Attribute(attr=name):
                return name in self._known.fields
            case ast.UnaryOp(operand=operand):
                return isinstance(node.op, ast.Not) or self.is_whole(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return not isinstance(op, ast.Div) and self.is_whole(left) and self.is_whole(right)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_whole(body) and self.is_whole(orelse)
            case ast.Compare():
                return True
            case ast.BoolOp(values=values):
                return all(map(self.is_whole, values))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                return self._is_whole_call(name, args)
            case _:
                return False

    def _is_whole_call(self, name: str, args: list[ast.expr]) -> bool:
        if name in self._known.results:
            return self._known.results[name] == [True]
        return name in _WHOLE_CALLS or (name in _KEEPS_WHOLE and all(map(self.is_whole, args)))

    def _learn(self) -> bool:
        """Strike out names that are given anything but whole numbers; False where there is none left."""
        found: dict[str, list[bool]] = {}
        for node in ast.walk(self._function):
            match node:
                case ast.Assign(targets=[target], value=value):
                    self._assigned(target, value, found)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    found.setdefault(name, []).append(not isinstance(op, ast.Div) and self.is_whole(value))
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    found.setdefault(name, []).append(_is_whole_type(annotation))
                case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"))):
                    found.setdefault(name, []).append(True)
                case _:
                    pass
        struck = [name for name, sure in found.items() if not all(sure) and self._names.get(name, True)]
        self._names |= dict.fromkeys(struck, False)
        return bool(struck)

    def _assigned(self, target: ast.expr, value: ast.expr, found: dict[str, list[bool]]) -> None:
        match target, value:
            case ast.Name(id=name), _:
                found.setdefault(name, []).append(self.is_whole(value))
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for one, other in zip(targets, values, strict=True):
                    self._assigned(one, other, found)
            case ast.Tuple(elts=targets), ast.Call(func=ast.Name(id=name)):
                parts = self._known.results.get(name, [])
                for place, one in enumerate(targets):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(place < len(parts) and parts[place])
            case _:
                pass


def _assigned_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _fields(module: Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                match line:
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=kind)):
                        yield name, kind
                    case _:
                        pass


def _whole_constants(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_whole_value(value):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_whole_value(value):
                yield name
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                is_range = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range"
                values = value.elts if isinstance(value, ast.Tuple) else []
                if is_range or (values and all(map(_is_whole_value, values))):
                    yield from (one.id for one in targets if isinstance(one, ast.Name))
            case _:
                pass


def _is_whole_value(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.UnaryOp(operand=operand):
            return _is_whole_value(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return not isinstance(op, ast.Div) and all(
                isinstance(one, ast.Name) or _is_whole_value(one) for one in (left, right)
            )
        case _:
            return False


def _is_compiled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id in _COMPILES for one in function.decorator_list)


def _is_threshold(node: ast.expr) -> bool:
    """Tell what is a threshold even where settings are only packed: a setting with a bound in its name, or a float."""
    match node:
        case ast.Attribute(attr=name):
            return name.endswith(_BOUNDS)
        case ast.Constant(value=value):
            return isinstance(value, float)
        case _:
            return False


def _is_pure(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "pure" for one in function.decorator_list)


def _parts(annotation: ast.expr | None) -> list[bool]:
    """Say of each part of what a function returns whether it is whole."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return [_is_whole_type(part) for part in parts]
        case _:
            return [_is_whole_type(annotation)]


def _is_whole_type(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id in _WHOLE_TYPES
