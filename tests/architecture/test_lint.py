"""The lint rules that hold the house up fire where they should and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

RUFF = Path(sys.executable).with_name("ruff")
CLOCK = '"""Room."""\n\nimport time\n\nSTARTED = time.time_ns()\n'
CHANCE = '"""Room."""\n\nimport random\n\nDRAWN = random.random()\n'
ID = '"""Room."""\n\nimport uuid\n\nNAME = uuid.uuid4()\n'
NAIVE_TIME = '"""Room."""\n\nfrom datetime import datetime\n\nT = datetime(2020, 1, 1)\n'
HIDDEN_IMPORT = '"""Room."""\n\n\ndef _load() -> None:\n    import json\n\n    json.loads("1")\n'
BROAD_EXCEPT = '"""Room."""\n\ntry:\n    A = 1\nexcept Exception:\n    A = 2\n'
SEVEN_PARAMETERS = '"""Room."""\n\n\ndef _f(a: int, b: int, c: int, d: int, e: int, f: int, *, g: int) -> int: ...\n'
NO_DOCSTRING = '"""Room."""\n\n\ndef decide() -> None: ...\n'
RELATIVE = '"""Room."""\n\nfrom .facts import A\n\n__all__ = ["A"]\n'
UNSORTED_DOOR = '"""Room."""\n\nfrom quarterdeck.domain.facts import A, B\n\n__all__ = ["B", "A"]\n'


def codes(repository: Path, path: str, text: str) -> set[str]:
    command = [str(RUFF), "check", "--no-cache", "--output-format", "concise", "--stdin-filename", path, "-"]
    done = subprocess.run(command, cwd=repository, input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return {line.split(": ", 1)[1].split()[0] for line in done.stdout.splitlines() if line.count(":") > 2}


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("src/quarterdeck/engine/a.py", CLOCK, "TID251"),
        ("src/quarterdeck/config/a.py", CLOCK, "TID251"),
        ("tests/engine/test_a.py", CLOCK, "TID251"),
        ("src/quarterdeck/exchange/a.py", CHANCE, "TID251"),
        ("src/quarterdeck/orders/a.py", ID, "TID251"),
        ("src/quarterdeck/feeds/a.py", NAIVE_TIME, "DTZ001"),
        ("src/quarterdeck/system/a.py", HIDDEN_IMPORT, "PLC0415"),
        ("src/quarterdeck/system/a.py", BROAD_EXCEPT, "BLE001"),
        ("src/quarterdeck/engine/a.py", SEVEN_PARAMETERS, "PLR0913"),
        ("src/quarterdeck/engine/a.py", NO_DOCSTRING, "D103"),
        ("src/quarterdeck/domain/__init__.py", RELATIVE, "TID252"),
        ("src/quarterdeck/domain/__init__.py", UNSORTED_DOOR, "RUF022"),
    ],
)
def test_a_planted_breach_is_reported(repository: Path, path: str, text: str, code: str) -> None:
    assert code in codes(repository, path, text)


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        *(
            (f"src/quarterdeck/{room}/a.py", CLOCK, "TID251")
            for room in ("cli", "feeds", "journal", "system", "venues")
        ),
        ("bench/a.py", CLOCK, "TID251"),
        ("src/quarterdeck/cli/run.py", HIDDEN_IMPORT, "PLC0415"),
        ("tests/engine/test_a.py", NO_DOCSTRING, "D103"),
    ],
)
def test_an_exception_is_made_where_it_is_written(repository: Path, path: str, text: str, code: str) -> None:
    assert code not in codes(repository, path, text)
