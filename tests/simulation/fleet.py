"""What a bot is told from beside its venues' books: the grant of its fleet, and what its margin is read back as."""

from random import Random

from msgspec.structs import replace

from quarterdeck.domain import MINUTE_NS, BotSettings, Grant, MarginReading, Surroundings

GRANTS = (None, 0.0, 300.0, 2_000.0, 1e6, 1e6)
LATE_S = (0, 0, 0, 20, 400)
# What is read back of a perpetual never lets anything be opened, for these worlds check the money of spot alone:
# leverage that is too high, another mode than the configured one, nowhere a maintenance told. None is no reading.
READINGS = (
    None,
    (20.0, "isolated", 0.5),
    (1.0, "cross", 0.5),
    (2.0, "isolated", 1.5),
    (1.0, "isolated", 0.0),
    (20.0, "cross", 0.0),
)
MINUTES = 60


class Fleet:
    """Grants and readings of one world, minute by minute, drawn before it begins."""

    def __init__(self, rng: Random, settings: BotSettings, start_ns: int) -> None:
        self._start_ns = start_ns
        self._perpetuals = [one for one in settings.listings if one.is_perpetual]
        self._grants = [(rng.choice(GRANTS), rng.choice(LATE_S)) for _ in range(MINUTES)]
        self._readings = [rng.choice(READINGS) for _ in range(MINUTES)]

    def seen(self, shown: Surroundings, at_ns: int) -> Surroundings:
        """Add to what the books show what the fleet grants, and what venues say of margin where there is any."""
        minute = max(0, (at_ns - self._start_ns) // MINUTE_NS) % MINUTES
        exposure_max, late_s = self._grants[minute]
        granted_ns = at_ns - at_ns % MINUTE_NS - late_s * 10**9
        grant = None if exposure_max is None else Grant(exposure_max, granted_ns)
        return replace(shown, grant=grant, margins=self._margins(shown, minute))

    def _margins(self, shown: Surroundings, minute: int) -> tuple[MarginReading, ...]:
        reading = self._readings[minute]
        if reading is None:
            return ()
        leverage, mode, share = reading
        prices = {(quote.venue, quote.instrument): quote.last for quote in shown.quotes}
        return tuple(
            MarginReading(
                one.venue, one.instrument, leverage, mode, prices.get((one.venue, one.instrument), 0.0) * share
            )
            for one in self._perpetuals
        )
