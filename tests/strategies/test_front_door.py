import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import quarterdeck as qd

HEAVY = ("numpy", "msgspec", "duckdb", "pydantic", "typer", "sqlite3", "asyncio", "quarterdeck.domain")


def test_every_public_name_loads_and_is_what_its_room_holds() -> None:
    for name in qd.__all__:
        assert getattr(qd, name) is not None
    assert set(qd.__all__) <= set(dir(qd))
    assert qd.SmaCrossover(fast_bars=10).fast_bars == 10


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match=f"has no 'Candle'; it offers {qd.__all__[0]}, "):
        _ = qd.Candle


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = f"import sys, quarterdeck; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_project(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]

    assert qd.__version__ == project["version"]


def test_a_strategy_file_needs_only_the_package() -> None:
    from_user = (
        "from quarterdeck import Strategy, Candles, Signals, integer, real, choice, flag\n"
        "class Mine(Strategy):\n"
        "    '''Mine.'''\n"
        "    bars = integer(3, low=1, high=9)\n"
        "    window_bars = 3\n"
        "    def signals(self, candles: Candles) -> Signals:\n"
        "        return Signals(candles.close_ticks.astype('int8'))\n"
        "print(Mine(bars=4))\n"
    )
    done = subprocess.run([sys.executable, "-c", from_user], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "Mine(bars=4)"
