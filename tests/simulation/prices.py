"""The market of one world: a price every five seconds, and the bars that these prices make."""

import math
from collections.abc import Iterator
from random import Random

from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar
from tests.simulation.scenario import PAIRS, START_PRICE, VENUES

STEPS = 12
STEP_S = 60.0 / STEPS


class Prices:
    """Prices of every pair on every venue, drawn in advance, so that bars and quotes agree."""

    def __init__(self, rng: Random, first_open_ns: int, minutes: int) -> None:
        self.first_open_ns = first_open_ns
        self.minutes = minutes
        self._paths: dict[tuple[str, str], list[float]] = {}
        for pair in PAIRS:
            path = _path(rng, START_PRICE[pair], minutes * STEPS)
            for venue in VENUES:
                self._paths[venue, pair] = [price * (1.0 + rng.uniform(-4e-4, 4e-4)) for price in path]

    def at_step(self, venue: str, pair: str, step: int) -> float:
        """The price of a five-second step since the first bar opened."""
        path = self._paths[venue, pair]
        return path[min(step, len(path) - 1)]

    def batches_from(self, now_ns: int) -> Iterator[BarBatch]:
        """The bars from the running minute on, one batch a minute."""
        first = max(0, (now_ns - self.first_open_ns) // MINUTE_NS)
        for minute in range(first, self.minutes):
            bars = [self._bar(venue, pair, minute) for venue in VENUES for pair in PAIRS]
            yield BarBatch(self.first_open_ns + minute * MINUTE_NS, bars)

    def _bar(self, venue: str, pair: str, minute: int) -> Bar:
        inside = self._paths[venue, pair][minute * STEPS : (minute + 1) * STEPS]
        return Bar(venue, pair, inside[0], max(inside), min(inside), inside[-1], 1.0)


def _path(rng: Random, price: float, steps: int) -> list[float]:
    path = []
    for _ in range(steps):
        price *= math.exp(rng.gauss(0.0, 8e-4))
        path.append(price)
    return path
