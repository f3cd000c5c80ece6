"""The strategies of the house trade as they did: `python -m tests.backtest.golden_runs` writes down a wanted change."""

import json
import math
from typing import Any

import pytest

from quarterdeck.strategies import BUILTIN
from tests.backtest.golden_runs import FILE, Engine, backtested, golden

STORED: dict[str, dict[str, dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["spot", "perpetual"])
def test_every_strategy_of_the_house_has_a_golden_run(kind: str) -> None:
    runs = STORED[kind]

    assert runs.keys() == BUILTIN.keys()
    assert len({one["order_list_hash"] for one in runs.values()}) == len(runs)
    assert min(one["orders"] for one in runs.values()) > 100


@pytest.mark.parametrize("engine", ["event", "kernel"])
@pytest.mark.parametrize("kind", ["spot", "perpetual"])
@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_either_engine_trades_as_it_did(name: str, kind: str, engine: Engine) -> None:
    told, stored = golden(backtested(name, kind, engine)), STORED[kind][name]
    equity, wanted = told.pop("final_equity"), stored["final_equity"]

    assert isinstance(equity, float)
    assert told == {key: value for key, value in stored.items() if key != "final_equity"}
    assert equity == wanted if engine == "event" else math.isclose(equity, wanted, rel_tol=1e-9)
