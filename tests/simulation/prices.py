"""The market of one world: a price every five seconds, and the bars that these prices make."""

import math
from collections.abc import Iterator
from random import Random

from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar
from tests.simulation.scenario import PAIRS, PRIMARY, START_PRICE, Scenario
from tests.simulation.venues_drawn import COIN_MARKET

STEPS = 12
STEP_S = 60.0 / STEPS
MINUTES_MORE = 15


class Prices:
    """Prices of every pair on every venue, drawn in advance, so that bars and quotes agree."""

    def __init__(self, rng: Random, scenario: Scenario) -> None:
        self.first_open_ns = scenario.start_ns // MINUTE_NS * MINUTE_NS
        self.minutes = scenario.safety_min + MINUTES_MORE
        self._weather = scenario.weather
        coin = self._coin_path(rng)
        self._paths: dict[tuple[str, str], list[float]] = {(PRIMARY, COIN_MARKET): coin}
        for pair in PAIRS:
            path = _path(rng, START_PRICE[pair], self.minutes * STEPS)
            for venue in scenario.venues:
                quote = scenario.quotes[venue]
                worth = coin if quote != "USD" else [1.0] * len(path)
                self._paths[venue, scenario.instruments[venue][pair]] = [
                    price / unit * (1.0 + rng.uniform(-4e-4, 4e-4)) for price, unit in zip(path, worth, strict=True)
                ]

    def _coin_path(self, rng: Random) -> list[float]:
        """What the stablecoin is worth: near one, and now and then not."""
        first, last = self._weather.off_peg
        return [
            (self._weather.coin_worth if first <= step // STEPS < last else 1.0) * (1.0 + rng.uniform(-1e-3, 1e-3))
            for step in range(self.minutes * STEPS)
        ]

    def at_step(self, venue: str, instrument: str, step: int) -> float:
        """The price of a five-second step since the first bar opened."""
        path = self._paths[venue, instrument]
        return path[min(step, len(path) - 1)]

    def batches_from(self, now_ns: int) -> Iterator[BarBatch]:
        """The bars from the running minute on, one batch a minute; none in which nobody showed a price."""
        first = max(0, (now_ns - self.first_open_ns) // MINUTE_NS)
        for minute in range(first, self.minutes):
            bars = [
                self._bar(venue, instrument, minute)
                for venue, instrument in self._paths
                if not self.is_dark(venue, minute)
            ]
            if bars:
                yield BarBatch(self.first_open_ns + minute * MINUTE_NS, bars)

    def is_dark(self, venue: str, minute: int) -> bool:
        """Whether the bot sees no price of a venue in a minute."""
        first, last = self._weather.dark[venue]
        return first <= minute < last

    def _bar(self, venue: str, instrument: str, minute: int) -> Bar:
        inside = self._paths[venue, instrument][minute * STEPS : (minute + 1) * STEPS]
        return Bar(venue, instrument, inside[0], max(inside), min(inside), inside[-1], 1.0)


def _path(rng: Random, price: float, steps: int) -> list[float]:
    path = []
    for _ in range(steps):
        price *= math.exp(rng.gauss(0.0, 8e-4))
        path.append(price)
    return path
