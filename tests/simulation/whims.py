"""The strategies of the simulated bots: opinions that anybody could have had, and what bad ones do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

import numpy as np

from quarterdeck.domain import Action, SignalGiven
from quarterdeck.market import Candles
from quarterdeck.strategies import BUY, HOLD, SELL, Signals, Strategy, real
from quarterdeck.system import Opinions

DEADLINE_S = 5.0
SLOW_SHARE = 0.3
NONSENSE = (float("nan"), float("inf"), -1e300, 2.0)


@dataclass(frozen=True)
class Temper:
    """How a strategy behaves: how often it buys and sells, and on what share of the bars it raises, lies or is slow."""

    buys: float
    sells: float
    raises: float
    lies: float
    slow_s: float


def draw_temper(rng: Random) -> Temper:
    """Draw how a strategy behaves; most are sound."""
    is_bad = rng.random() < 0.3
    return Temper(
        buys=rng.uniform(0.25, 0.6),
        sells=rng.uniform(0.1, 0.35),
        raises=rng.uniform(0.0, 0.3) if is_bad else 0.0,
        lies=rng.uniform(0.0, 0.3) if is_bad else 0.0,
        slow_s=rng.choice((0.0, 0.0, 2.0, 9.0)),
    )


class Whims(Strategy):
    """Opinions that follow from the bar's time and price alone, so that every session has the same."""

    buys = real(0.5, low=0.0, high=1.0)
    sells = real(0.2, low=0.0, high=1.0)
    raises = real(0.0, low=0.0, high=1.0)
    lies = real(0.0, low=0.0, high=1.0)

    @property
    def window_bars(self) -> int:
        """One bar is enough for a whim."""
        return 1

    def signals(self, candles: Candles) -> Signals:
        """Toss a coin for each bar; now and then raise, or say what nobody can use."""
        bars = zip(candles.opened_at_ns.tolist(), candles.close_ticks.tolist(), strict=True)
        tosses = [_toss(f"{candles.instrument} {at} {ticks}") for at, ticks in bars]
        action = np.array([self._whim(toss) for toss in tosses], dtype=np.int8)
        mood = _toss(f"mood {candles.instrument} {candles.opened_at_ns[-1]}")
        if mood < self.raises:
            raise ZeroDivisionError("a strategy made a mistake")
        if mood > 1.0 - self.lies:
            nonsense = NONSENSE[int(candles.opened_at_ns[-1]) // 60_000_000_000 % len(NONSENSE)]
            return Signals(action, np.full(len(tosses), nonsense))
        return Signals(action)

    def _whim(self, toss: float) -> int:
        if toss < self.buys:
            return BUY
        return SELL if toss > 1.0 - self.sells else HOLD


class Musings(Opinions):
    """Opinions that take their time: on a thread in the product, here in the time of the world."""

    slow_s = 0.0
    rng = Random(0)

    async def ask(self, pairs: Sequence[str]) -> tuple[SignalGiven, ...]:
        """Think for as long as the strategy is slow, now and then; HOLD where that is longer than the deadline."""
        if self.slow_s and self.rng.random() < SLOW_SHARE:
            await asyncio.sleep(min(self.slow_s, DEADLINE_S))
            if self.slow_s > DEADLINE_S:
                return tuple([SignalGiven(pair, Action.HOLD, 0.0) for pair in pairs])
        return await super().ask(pairs)


def _toss(text: str) -> float:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32
