"""Each rule of tools/tidy.py finds a breach planted for it, and the repository itself has none."""

from pathlib import Path

import pytest

from tests.architecture.planting import CONTRACTS, DECIDE, DOMAIN_DOOR, plant
from tools.house import House
from tools.tidy import RULES, findings, statistics_table

SRC = "src/quarterdeck"
DOOR = '"""A room."""\n\n__all__ = []\n'
LONG_FUNCTION = "def decide():\n" + "    a = 1\n" * 70

BREACHES = {
    "long function": ({f"{SRC}/engine/decide.py": LONG_FUNCTION}, "'decide' has 71 lines, at most 70"),
    "long file": ({f"{SRC}/domain/facts.py": "A = 1\nB = 2\n" * 251}, "502 lines in one file, at most 500"),
    "long test file": ({"tests/test_a.py": "A = 1\n" * 601}, "601 lines in one file, at most 600"),
    "empty name of a file": ({"tools/utils.py": ""}, "name the subject"),
    "empty name of a room": ({f"{SRC}/common/__init__.py": DOOR}, "name the subject"),
    "empty name of a class": ({f"{SRC}/domain/facts.py": "class OrderManager: ...\n"}, "'OrderManager'"),
    "loose note": ({"docs/a.md": "One day.\nTODO: write\n"}, "docs/a.md:2: a loose note"),
    "machine path": ({"docs/a.md": "see /home/ann/file\n"}, "docs/a.md:1: a path of one machine"),
    "registry host": ({"Makefile": "pip install -i https://m.example/simple x\n"}, "the host of a package registry"),
    "room without docstring": ({f"{SRC}/domain/__init__.py": "__all__ = []\n"}, "room without a docstring"),
    "room without __all__": ({f"{SRC}/domain/__init__.py": '"""Words."""\n'}, "room without __all__"),
    "name left out of __all__": ({f"{SRC}/domain/__init__.py": DOMAIN_DOOR + "C = 3\n"}, "'C' is bound but not in"),
    "name in __all__ only": (
        {f"{SRC}/domain/__init__.py": DOMAIN_DOOR.replace('"B"]', '"B", "C"]')},
        "'C' is in __all__ but not bound",
    ),
    "way round a door": (
        {f"{SRC}/engine/decide.py": "from quarterdeck.domain.facts import A\n"},
        "'quarterdeck.domain.facts' is inside another room",
    ),
    "way round a door from the benchmarks": (
        {"bench/speed.py": "import quarterdeck.engine.decide\n"},
        "'quarterdeck.engine.decide' is inside another room",
    ),
    "way round a door in a function": (
        {f"{SRC}/engine/decide.py": DECIDE + "    from quarterdeck.domain.facts import B\n"},
        "decide.py:6: 'quarterdeck.domain.facts' is inside another room",
    ),
    "name that the door does not show": (
        {f"{SRC}/engine/decide.py": "from quarterdeck.domain import facts\n"},
        "'facts' is not in __all__ of quarterdeck.domain",
    ),
    "own front door": (
        {f"{SRC}/domain/facts.py": "from quarterdeck.domain import B\nA = B\n"},
        "import 'B' from the file that defines it",
    ),
    "package door from inside": (
        {f"{SRC}/engine/decide.py": "from quarterdeck import Lazy\n"},
        "import 'Lazy' from its room",
    ),
    "dead module": ({f"{SRC}/domain/money.py": "CENT = 1\n"}, "money.py:1: nobody imports this module"),
    "dead module that names itself": (
        {f"{SRC}/domain/money.py": 'NAME = "quarterdeck.domain.money"\n'},
        "money.py:1: nobody imports this module",
    ),
    "room in parentheses": ({f"{SRC}/backtest/__init__.py": DOOR}, "room 'backtest' is built"),
    "core room not in the pure contract": (
        {f"{SRC}/strategies/__init__.py": DOOR},
        "room 'strategies' is missing from contract 'pure-core'",
    ),
    "adapter not protected": ({f"{SRC}/venues/__init__.py": DOOR}, "room 'venues' is missing from contract 'adapters'"),
    "threshold in the kernel": (
        {
            f"{SRC}/backtest/kernel/__init__.py": DOOR,
            f"{SRC}/backtest/kernel/bars.py": "@inlined\ndef stops(price: float) -> bool:\n    return price < 1.0\n",
        },
        "the kernel compares no floats",
    ),
    "no layers": ({"pyproject.toml": CONTRACTS.replace('"layers"', '"other"')}, "no layers contract"),
}

IMPURE = {
    "import time": "'time' in a core room",
    "import random": "'random' in a core room",
    "from threading import Lock": "'threading' in a core room",
    "import importlib.util": "'importlib.util' in a core room",
    "from time import time": "'time' in a core room",
    "from datetime import datetime\ndatetime.now()": "'datetime' in a core room",
    "from uuid import uuid4\nuuid4()": "'uuid' in a core room",
    "import socket": "'socket' in a core room",
    "import asyncio": "'asyncio' in a core room",
    "from concurrent.futures import ThreadPoolExecutor": "'concurrent.futures' in a core room",
    "hash('a')": "'hash()' in a core room",
    "id(A)": "'id()' in a core room",
    "open('a')": "'open()' in a core room",
    "for a in {1, 2}: pass": "sort it first",
    "for a in set(A): pass": "sort it first",
    "[a for a in frozenset(A)]": "sort it first",
    "list({a for a in A})": "sort it first",
    "[*set(A)]": "sort it first",
    "for a in A.keys() | B.keys(): pass": "sort it first",
    "KNOWN = frozenset({1, 2})\nfor a in KNOWN: pass": "sort it first",
    "def f(found: set[int]):\n    return [a for a in found]": "sort it first",
    "def f():\n    found = {1} | A\n    for a in found: pass": "sort it first",
    "def f():\n    found: set[int] = A()\n    return tuple(found)": "sort it first",
    "def f() -> set[int]: ...\ndef g():\n    for a in f(): pass": "sort it first",
    "class C:\n    seen: frozenset[int]\ndef f(c):\n    yield from (a for a in c.seen)": "sort it first",
    "class C:\n    def f(self):\n        self.seen = set()\n        return {a: 1 for a in self.seen}": "sort it first",
    "def f(found: set[float]):\n    return sum(found)": "sort it first",
    "def f(found: set[str]):\n    return ', '.join(found)": "sort it first",
    "def f(found: set[str]):\n    return dict.fromkeys(found)": "sort it first",
    "def f(found: set[str]):\n    return found.pop()": "sort it first",
    "def f(found: set[str]):\n    return list(found.union(A))": "sort it first",
    "import numpy as np\nnp.random.default_rng(1)": "numpy.random in a core room",
}
PURE = [
    "sorted(set(A))",
    "len({1, 2})",
    "1 in {1, 2}",
    "for a in A.keys(): pass",
    "for a in sorted({1}): pass",
    "def f(found: set[int]):\n    return sorted(a + 1 for a in found), {a for a in found}, 1 in found, found | {2}",
    "def f(found: set[int]):\n    for a in sorted(found): pass",
    "def f():\n    found = set(A)\n    return found\ndef g(found: list[int]):\n    for a in found: pass",
]


def messages(root: Path) -> str:
    return "\n".join(str(finding) for finding in findings(root))


def test_the_repository_keeps_every_rule(repository: Path) -> None:
    assert messages(repository) == ""


def test_the_small_checkout_keeps_every_rule(tmp_path: Path) -> None:
    assert messages(plant(tmp_path, {})) == ""


@pytest.mark.parametrize(("changed", "message"), BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_is_found(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    assert message in messages(plant(tmp_path, changed))


@pytest.mark.parametrize(("statement", "message"), IMPURE.items())
def test_an_impurity_in_the_core_is_found(tmp_path: Path, statement: str, message: str) -> None:
    assert message in messages(plant(tmp_path, {f"{SRC}/engine/decide.py": f"{DECIDE}\n\n{statement}\n"}))


@pytest.mark.parametrize("statement", PURE)
def test_a_set_may_be_used_where_its_order_cannot_show(tmp_path: Path, statement: str) -> None:
    assert messages(plant(tmp_path, {f"{SRC}/engine/decide.py": f"{DECIDE}\n\n{statement}\n"})) == ""


def test_a_clock_is_allowed_outside_the_core(tmp_path: Path) -> None:
    door = '"""Reads candles."""\n\nimport time as _time\n\n__all__ = ["now"]\n\n\ndef now():\n    return _time\n'
    assert messages(plant(tmp_path, {f"{SRC}/feeds/__init__.py": door})) == ""


def test_a_module_named_in_a_string_is_alive(tmp_path: Path) -> None:
    changed = {f"{SRC}/domain/money.py": "", f"{SRC}/domain/facts.py": 'A = "quarterdeck.domain.money"\nB = 2\n'}
    assert messages(plant(tmp_path, changed)) == ""


def test_every_rule_has_a_planted_breach(tmp_path: Path) -> None:
    planted = [changed for changed, _ in BREACHES.values()]
    planted += [{f"{SRC}/engine/decide.py": f"{DECIDE}\n\n{statement}\n"} for statement in IMPURE]
    houses = [House(plant(tmp_path / str(number), changed)) for number, changed in enumerate(planted)]
    silent = [rule.__name__ for rule in RULES if not any(True for house in houses for _ in rule(house))]
    assert silent == []


def test_generated_folders_are_not_read(tmp_path: Path) -> None:
    changed = {".venv/lib/utils.py": "TODO", "run/bot/log.txt": "/root/x", "src/__pycache__/utils.py": ""}
    assert messages(plant(tmp_path, changed)) == ""


def test_statistics_count_functions_and_files(tmp_path: Path) -> None:
    table = statistics_table(plant(tmp_path, {f"{SRC}/engine/decide.py": LONG_FUNCTION}))
    assert [line.split() for line in table.splitlines() if "functions" in line] == [
        ["src", "functions", "2", "36", "71", "71"]
    ]
