"""
Check the rules of the house that ruff, mypy and import-linter do not know.

Run by `make check` and by tests/architecture. `python -m tools.tidy --stats` adds medians and 90th percentiles.
"""

import argparse
import ast
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.front_doors import check_dead_modules, check_doors, check_entries
from tools.house import PACKAGE, Finding, House
from tools.kernel import check_kernel
from tools.purity import check_purity

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
TEST_FILE_LINES_MAX = 600

BANNED_FILE_NAMES = frozenset({"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"})
BANNED_CLASS_NAME = re.compile(r"(Manager|Helper|Helpers|Utils?)$")
# This file and its tests must spell out what they forbid.
SPELLING_OUT = ("tools/tidy.py", "tests/architecture/")
LOOSE_NOTE = re.compile(r"\b(TODO|FIXME|XXX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/~-])/(work|root|home/\w+|Users/\w+)(?=[/\s\"'`]|$)")
REGISTRY_HOST = re.compile(
    r"--(?:extra-)?index-url|\bpip3? install\b.*\s-i\s|\"resolved\": \"http|registry ?= ?\"?http"
)


def check_sizes(house: House) -> Iterator[Finding]:
    """Yield a finding for each function and each file that is too long to be read at one sitting."""
    for module in house.modules:
        lines_max = TEST_FILE_LINES_MAX if module.path.startswith("tests/") else FILE_LINES_MAX
        lines = len(module.text.splitlines())
        if lines > lines_max:
            yield Finding(module.path, lines, f"{lines} lines in one file, at most {lines_max}: split it by subject")
        for function in module.functions():
            length = _length(function)
            if length > FUNCTION_LINES_MAX:
                message = (
                    f"'{function.name}' has {length} lines, at most {FUNCTION_LINES_MAX}: branches up, leaves down"
                )
                yield Finding(module.path, function.lineno, message)


def check_names(house: House) -> Iterator[Finding]:
    """Yield a finding for each file or class whose name says nothing about its subject."""
    for module in house.modules:
        if not BANNED_FILE_NAMES.isdisjoint(module.name.split(".")):
            yield Finding(module.path, 1, "a name that fits everything says nothing: name the subject")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and BANNED_CLASS_NAME.search(node.name):
                yield Finding(module.path, node.lineno, f"'{node.name}': name what it is, not that it manages or helps")


def check_texts(house: House) -> Iterator[Finding]:
    """Yield a finding for each loose note, path of one machine or host of a package registry, in any text file."""
    rules = {
        LOOSE_NOTE: "a loose note: do it, or open an issue",
        MACHINE_PATH: "a path of one machine",
        REGISTRY_HOST: "the host of a package registry: the installer's configuration chooses it",
    }
    for path, text in house.texts.items():
        if path.startswith(SPELLING_OUT):
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            yield from (Finding(path, number, message) for rule, message in rules.items() if rule.search(line))


def check_contracts(house: House) -> Iterator[Finding]:
    """Yield a finding for each room that is built but missing from an import contract it belongs in."""
    by_id = {contract.get("id", contract["type"]): contract for contract in house.contracts}
    if "layers" not in by_id:
        yield Finding("pyproject.toml", 1, "no layers contract")
        return
    for layer in by_id["layers"]["layers"]:
        for room in re.findall(r"\((\w+)\)", layer):
            if room in house.rooms:
                yield Finding("pyproject.toml", 1, f"room '{room}' is built: take its parentheses off")
    wanted = {
        ("pure-core", "source_modules"): house.core_rooms,
        ("adapters", "protected_modules"): house.adapter_rooms,
    }
    for (contract_id, key), rooms in wanted.items():
        listed = by_id.get(contract_id, {}).get(key, [])
        for room in rooms:
            if f"{PACKAGE}.{room}" not in listed:
                yield Finding("pyproject.toml", 1, f"room '{room}' is missing from contract '{contract_id}'")


RULES: list[Callable[[House], Iterator[Finding]]] = [
    check_sizes,
    check_names,
    check_texts,
    check_doors,
    check_entries,
    check_dead_modules,
    check_purity,
    check_kernel,
    check_contracts,
]


def findings(root: Path) -> list[Finding]:
    """
    Apply every rule to a checkout.

    Args:
        root: The folder that holds pyproject.toml.

    Returns:
        All findings, sorted by place.
    """
    house = House(root)
    return sorted({finding for rule in RULES for finding in rule(house)})


def statistics_table(root: Path) -> str:
    """Tabulate the lengths of functions and files: median, 90th percentile, longest."""
    house = House(root)
    rows = [f"{'lines':<18}{'count':>7}{'median':>8}{'p90':>6}{'max':>6}"]
    for area in ("src", "tests", "tools", "bench"):
        modules = [module for module in house.modules if module.path.startswith(f"{area}/")]
        lengths = {
            "files": [len(module.text.splitlines()) for module in modules],
            "functions": [_length(function) for module in modules for function in module.functions()],
        }
        rows += [_row(f"{area} {kind}", sorted(values)) for kind, values in lengths.items() if values]
    return "\n".join(rows)


def main() -> int:
    """Print the findings; exit 1 if there are any."""
    parser = argparse.ArgumentParser(description="Check the rules of the house.")
    parser.add_argument("--stats", action="store_true", help="also print how long functions and files are")
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    found = findings(arguments.root)
    for finding in found:
        print(finding)
    if arguments.stats:
        print(statistics_table(arguments.root))
    print(f"tidy: {len(found)} findings" if found else "tidy: fine")
    return 1 if found else 0


def _row(title: str, lengths: list[int]) -> str:
    p90 = lengths[min(len(lengths) - 1, len(lengths) * 9 // 10)]
    return f"{title:<18}{len(lengths):>7}{statistics.median(lengths):>8.0f}{p90:>6}{lengths[-1]:>6}"


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


if __name__ == "__main__":
    sys.exit(main())
