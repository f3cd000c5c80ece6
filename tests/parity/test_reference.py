"""
The slow reference, written by hand from the documents, against the engine that trades live and the compiled kernel.

Three programs that share no line of trading code are to give the same orders, fills and refusals by rule in random
markets, under thresholds that the market reaches now and then.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from quarterdeck.backtest import BacktestSettings, Board, Outcome, board_of
from quarterdeck.backtest.outcome import FLIP, LIQUIDATION, SIGNAL, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP
from quarterdeck.domain import MINUTE_NS, GuardrailSettings
from tests.parity.by_hand import BTC, ENGINES, board, limits, told
from tests.parity.compare import differences, refused
from tests.parity.worlds import World, world

REFERENCE: Final = Path(__file__).parent / "reference"
FORBIDDEN: Final = ("engine", "exchange", "fills", "guardrails", "market", "orders", "portfolio", "routing", "system")
BARS: Final = 200
LOT_MIN: Final = 1e-5
SPOT_SEEDS: Final = range(60)
PERPETUAL_SEEDS: Final = range(1000, 1060)
RARE_SEEDS: Final = range(2000, 2030)
OTHERS: Final = [name for name in ENGINES if name != "reference"]


def imported_by(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_reference_shares_nothing_with_what_it_is_compared_to() -> None:
    sources = sorted(REFERENCE.glob("*.py"))
    assert len(sources) > 8
    allowed = ("Board", "BacktestSettings", "FundingRates", "Outcome", "outcome.")
    for source in sources:
        for name in imported_by(source):
            assert not name.startswith(tuple(f"quarterdeck.{room}" for room in FORBIDDEN)), (source.name, name)
            if name.startswith("quarterdeck.backtest."):
                assert name.removeprefix("quarterdeck.backtest.").startswith(allowed), (source.name, name)


def runs(one: World) -> tuple[Board, BacktestSettings]:
    """Lay a world out; sizes of more lots than a float can tell apart are no matter of trading rules."""
    settings = replace(one.settings, lot=max(one.settings.lot, LOT_MIN))
    return board_of(one.candles, one.strategy, settings.lot), settings


def against_the_reference(other: str, laid: tuple[Board, BacktestSettings]) -> Outcome:
    """Run a backtest twice, and see that nothing differs."""
    outcome = ENGINES["reference"](*laid)
    assert differences(ENGINES[other](*laid), outcome) == []
    return outcome


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("seed", SPOT_SEEDS)
def test_random_spot_markets_give_the_same_everywhere(other: str, seed: int) -> None:
    against_the_reference(other, runs(world(seed, BARS)))


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("seed", PERPETUAL_SEEDS)
def test_random_markets_with_perpetuals_give_the_same_everywhere(other: str, seed: int) -> None:
    against_the_reference(other, runs(world(seed, BARS, perpetuals=True)))


def rarer(one: World) -> BacktestSettings:
    """Set what the generator of worlds leaves alone: limits by instrument, of executions, of coins and of pairs."""
    chance = np.random.default_rng(one.seed)
    names = sorted(one.candles)
    guards = replace(
        one.settings.guardrails or limits(),
        executions_max=[None, 2, 25][int(chance.integers(3))],
        qty_max={names[0]: [0.05, 3.0, 4_000.0][int(chance.integers(3))]},
        stablecoins=("DOGE", "USDC"),
        stablecoin_band=[0.01, 0.92, 0.95][int(chance.integers(3))],
    )
    return replace(one.settings, guardrails=guards, approved=[None, tuple(names[1:])][int(chance.integers(2))])


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("seed", RARE_SEEDS)
def test_limits_that_are_rarely_set_give_the_same_everywhere(other: str, seed: int) -> None:
    one = world(seed, BARS, perpetuals=bool(seed % 2))
    against_the_reference(other, runs(replace(one, settings=rarer(one))))


def test_in_these_markets_every_rule_that_can_refuse_does() -> None:
    counts: dict[str, int] = {}
    causes: Counter[int] = Counter()
    for perpetuals, seeds in ((False, SPOT_SEEDS), (True, PERPETUAL_SEEDS)):
        for seed in seeds:
            outcome = ENGINES["reference"](*runs(world(seed, BARS, perpetuals=perpetuals)))
            causes.update(outcome.orders["cause"].tolist())
            for rule, count in refused(outcome).items():
                counts[rule] = counts.get(rule, 0) + count
    often = ("G2", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "E3", "E4", "E5", "E11", "E12", "other")
    assert {rule for rule in often if counts.get(rule, 0) < 20} == set(), counts
    wanted = {SIGNAL: 2_000, STOP_LOSS: 100, TAKE_PROFIT: 100, TRAILING_STOP: 100, FLIP: 50, LIQUIDATION: 3}
    assert {cause for cause, least in wanted.items() if causes[cause] < least} == set(), causes


# --- thresholds set exactly to what the market makes of them ----------------------------------------------------------


def at_the_boundary(seed: int, nudge: float) -> BacktestSettings:
    """Take what a first run lost at worst for the limits of a second, a little more or less."""
    free = told(sizing=world(seed, BARS).settings.sizing, guardrails=limits())
    fallen = ENGINES["reference"](runs(world(seed, BARS))[0], free).drawdown_max * (1.0 + nudge)
    guards = limits(drawdown_max=fallen, daily_loss_max=fallen, loss_rate_max=fallen, drawdown_window_days=3)
    return replace(free, guardrails=guards)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("nudge", [-1e-8, -1e-10, 0.0, 1e-10, 1e-8])
def test_a_loss_within_a_hair_of_its_limit_is_judged_alike(other: str, nudge: float) -> None:
    for seed in range(200, 206):
        laid = runs(world(seed, BARS))[0]
        against_the_reference(other, (laid, at_the_boundary(seed, nudge)))


# --- the reference answers of the benchmark ---------------------------------------------------------------------------

DRAWN: Final = 10_000_000
FAST, SLOW = 20, 50


def drawn(chance: np.random.Generator, sigma: float, bars: int) -> NDArray[np.float64]:
    """Draw ten million numbers, as whoever wrote the answers down did, and keep the first."""
    kept = chance.normal(0.0, sigma, bars)
    left = DRAWN - bars
    while left:
        left -= len(chance.normal(0.0, sigma, min(left, 1_000_000)))
    return kept


def benchmark(bars: int) -> Board:
    """
    Make the bars of the benchmark, and say on each what two averages of whole ticks say.

    Long from the close where the fast average comes to lie above the slow one, having been at it or below, until it
    comes to lie below.
    """
    chance = np.random.default_rng(7)
    close: NDArray[np.float64] = np.round(30_000.0 * np.exp(np.cumsum(drawn(chance, 0.0005, bars))), 2)
    gap = drawn(chance, 0.00005, bars)
    opened: NDArray[np.float64] = np.round(np.concatenate((np.array([30_000.0]), close[:-1] * np.exp(gap[1:]))), 2)
    sums = np.concatenate(([0], np.cumsum(np.rint(close * 100).astype(np.int64))))
    fast = sums[SLOW:] - sums[SLOW - FAST : -FAST]
    slow = sums[SLOW:] - sums[:-SLOW]
    apart = np.concatenate((np.zeros(SLOW - 1, dtype=np.int64), fast * SLOW - slow * FAST))
    before = np.concatenate(([0], apart[:-1]))
    action = np.where((apart > 0) & (before <= 0), 1, np.where((apart < 0) & (before >= 0), -1, 0)).astype(np.int8)
    action[:SLOW] = 0  # before it there is nothing to compare with
    return Board(
        instruments=(BTC,),
        timeframe_ns=MINUTE_NS,
        opened_at_ns=1_672_531_200 * 1_000_000_000 + np.arange(bars, dtype=np.int64) * MINUTE_NS,
        open=opened.reshape(1, -1),
        high=np.maximum(opened, close).reshape(1, -1),
        low=np.minimum(opened, close).reshape(1, -1),
        close=close.reshape(1, -1),
        action=action.reshape(1, -1),
        confidence=None,
        price_step=(0.01,),
        lot=(1e-8,),
    )


@pytest.mark.parametrize("guardrails", [None, limits()], ids=["guardrails off", "guardrails wide"])
def test_the_reference_answers_of_the_benchmark(guardrails: GuardrailSettings | None) -> None:
    settings = told(cash=100_000_000.0, fee_taker=0.001, guardrails=guardrails)
    laid = benchmark(100_000)
    for engine in ENGINES:
        outcome = ENGINES[engine](laid, settings)
        assert len(outcome.orders) == 2_194, engine
        assert outcome.equity[-1] == pytest.approx(99_940_191.97034, abs=1e-5), engine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "bars", "orders", "equity"),
    [
        ("reference", 1_000_000, 22_406, 99_235_544.20737),
        ("kernel", 1_000_000, 22_406, 99_235_544.20737),
        ("kernel", 10_000_000, 225_157, 95_591_113.146431),
    ],
)
def test_the_longer_reference_answers(engine: str, bars: int, orders: int, equity: float) -> None:
    outcome = ENGINES[engine](benchmark(bars), told(cash=100_000_000.0, fee_taker=0.001))
    assert len(outcome.orders) == orders
    assert outcome.equity[-1] == pytest.approx(equity, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("perpetuals", [False, True], ids=["spot", "perpetuals"])
def test_many_random_markets_give_the_same_everywhere(other: str, *, perpetuals: bool) -> None:
    for seed in range(10_000, 12_000):
        against_the_reference(other, runs(world(seed, 300, perpetuals=perpetuals)))


def test_a_board_of_one_bar_has_one_equity() -> None:
    for engine in ENGINES.values():
        assert engine(board([(1, 1, 1, 1, 1)]), told()).equity.tolist() == [1000.0]
