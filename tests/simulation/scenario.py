"""What one seed draws before it begins: the venues and what goes wrong there, the market, and the bots."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from quarterdeck.domain import MINUTE_NS, SECOND_NS, BotSettings
from quarterdeck.exchange import Personality
from quarterdeck.market import QuoteShape, quote_shape
from quarterdeck.simulator import Call, Draw, Fault, FaultKind, FaultPlan, draw_plan
from tests.simulation.bots_drawn import CASH, TOKENS, BotDraw, Places, draw_bot
from tests.simulation.venues_drawn import COIN, draw_personality, instruments_of

BOT = "drill"
TWIN = "twin"
PAIRS = ("BTC-USD", "ETH-USD")
VENUES = ("alfa", "bravo", "charlie")
PRIMARY = VENUES[0]
START_PRICE = {"BTC-USD": 30_000.0, "ETH-USD": 2_000.0}
DAY_NS = 24 * 60 * MINUTE_NS
MIDNIGHT_NS = 19_700 * DAY_NS
PERPETUAL_SHARE = 0.15
HASTY_SHARE = 0.2
HASTY_LATENCY_S = 0.1
LOSES_NEWS = frozenset(
    {FaultKind.DROP_NEWS, FaultKind.MUTE_NEWS, FaultKind.STALL_NEWS, FaultKind.OUTAGE, FaultKind.MAINTENANCE}
)
# Where people judge in haste, orders are in doubt often, and news that corrects them comes late, but comes.
HASTY_FAULTS = (
    Fault(FaultKind.HIDE_ORDER, share=0.9, size=2.0),
    Fault(FaultKind.VENUE_CANCEL, share=0.02),
    Fault(FaultKind.CLOSED_BOOK, share=0.3),
    Fault(FaultKind.DELAY_NEWS, share=0.5, size=8.0),
    Fault(FaultKind.REPEAT_NEWS, share=0.5, size=20.0),
    Fault(FaultKind.LATE_REPLY, share=0.4, calls=(Call.CANCEL,), size=3.0),
    Fault(FaultKind.THIN_BOOK, from_s=200.0, until_s=1_000.0, size=0.02),
)


@dataclass(frozen=True)
class Weather:
    """
    What befalls the market of one seed, in minutes since its first bar: (from, to), equal where it does not.

    `dark` are the minutes without any price, by venue; `off_peg` those in which the stablecoin is worth `coin_worth`.
    """

    dark: dict[str, tuple[int, int]]
    off_peg: tuple[int, int]
    coin_worth: float


@dataclass(frozen=True)
class Machine:
    """
    How the machine of the bots is: how late tasks run, how long commits take, how fast its wall clock drifts.

    `upgrade_share` of the starts bring other software, `disk_faults` is how often a disk fails in one world at most.
    """

    jitter_share: float
    commit_s: float
    drift_ppm: float
    upgrade_share: float
    disk_faults: int


@dataclass(frozen=True)
class Scenario:
    """
    The draw of one seed.

    `quotes` is the money in which each venue trades, `instruments` what it calls each pair, `beside` what lies on each
    account that belongs to no bot. Where `is_hasty`, venues decide late and their streams lose nothing, and people say
    all the time that orders are gone which they did not look for.
    """

    start_ns: int
    safety_min: int
    machine: Machine
    venues: tuple[str, ...]
    plans: dict[str, FaultPlan]
    personalities: dict[str, Personality]
    shapes: dict[str, QuoteShape]
    quotes: dict[str, str]
    instruments: dict[str, dict[str, str]]
    weather: Weather
    beside: dict[str, Decimal]
    bots: tuple[BotDraw, ...]
    is_hasty: bool

    @property
    def settings(self) -> BotSettings:
        """The settings in the file of the first bot."""
        return self.bots[0].settings

    @property
    def jitter_share(self) -> float:
        """How many callbacks run late."""
        return self.machine.jitter_share


def draw_scenario(rng: Random) -> Scenario:
    """Draw everything that stays fixed for one seed; each fault is absent from many seeds."""
    venues = VENUES[: rng.choice((1, 2, 2, 2, 2, 2, 3))]
    personalities = {venue: draw_personality(rng) for venue in venues}
    is_hasty = rng.random() < HASTY_SHARE
    if is_hasty:
        personalities = {venue: _deciding_late(rng, found) for venue, found in personalities.items()}
    quotes = {venue: COIN if venue != PRIMARY and rng.random() < 0.33 else "USD" for venue in venues}
    safety_min = rng.randrange(30, 36)
    perpetual = venues[-1] if len(venues) > 1 and rng.random() < PERPETUAL_SHARE else ""
    instruments = {venue: instruments_of(quotes[venue], perpetual=venue == perpetual) for venue in venues}
    places = Places(personalities, quotes, instruments)
    shapes = {
        venue: quote_shape(rng.choice((2.0, 6.0)), rng.choice((90.0, 300.0, 900.0, 6_000.0)), levels=3)
        for venue in venues
    }
    to_midnight_min = rng.randrange(0, 60)  # some worlds run across midnight
    plans = {name: _plan(rng, found, instruments[name], safety_min) for name, found in personalities.items()}
    if is_hasty:
        plans = {name: _never_losing_news(plan) for name, plan in plans.items()}
    names = (BOT, TWIN) if rng.random() < 0.15 else (BOT,)
    return Scenario(
        start_ns=MIDNIGHT_NS - to_midnight_min * MINUTE_NS + rng.randrange(0, 60) * SECOND_NS,
        safety_min=safety_min,
        machine=_machine(rng),
        venues=venues,
        plans=plans,
        personalities=personalities,
        shapes=shapes,
        quotes=quotes,
        instruments=instruments,
        weather=_weather(rng, venues, to_midnight_min),
        beside={"ETH": Decimal("0.7"), "USD": Decimal(250)} if rng.random() < 0.2 else {},
        bots=tuple(draw_bot(rng, name, places) for name in names),
        is_hasty=is_hasty,
    )


def _deciding_late(rng: Random, found: Personality) -> Personality:
    return replace(
        found,
        acks="async",
        ack_lag_ns=rng.choice((400, 2_000)) * (SECOND_NS // 1_000),
        fills_lag_ns=rng.choice((0, 8)) * SECOND_NS,
        streams=rng.choice(("all", "orders", "orders")),
        market_remainder="expires",
        client_id_scope=rng.choice(("forgets", found.client_id_scope)),
    )


def _never_losing_news(plan: FaultPlan) -> FaultPlan:
    kept = [fault for fault in plan.faults if fault.kind not in LOSES_NEWS]
    return FaultPlan((*HASTY_FAULTS, *kept), min(plan.latency_s, HASTY_LATENCY_S))


def cash_of(quote: str) -> dict[str, Decimal]:
    """What a bot has on a venue to begin with: money to trade with, and some to pay fees."""
    return {quote: CASH, COIN if quote == "USD" else "USD": TOKENS}


def _plan(rng: Random, personality: Personality, instruments: dict[str, str], safety_min: int) -> FaultPlan:
    draw = Draw(
        seconds=safety_min * 60.0,
        instruments=tuple(instruments.values()),
        assets=("USD", COIN),
        keeps_ids=personality.client_id_scope in ("ever", "answers_old"),
        lag_s=personality.shown_after_ns / SECOND_NS,
    )
    return draw_plan(rng, draw)


def _machine(rng: Random) -> Machine:
    return Machine(
        jitter_share=rng.choice((0.0, 0.05, 0.3)),
        commit_s=rng.choice((0.0, 0.002, 0.05)),
        drift_ppm=rng.choice((0.0, 0.0, -200.0, 500.0)),
        upgrade_share=rng.choice((0.0, 0.0, 0.0, 0.2)),
        disk_faults=rng.choice((0, 0, 1, 3)),
    )


def _weather(rng: Random, venues: tuple[str, ...], to_midnight_min: int) -> Weather:
    dark = dict.fromkeys(venues, (0, 0))
    chance = rng.random()
    if chance < 0.25:  # nobody shows a price when one day ends and the next begins
        first = max(to_midnight_min - rng.randrange(1, 4), 1)
        dark = dict.fromkeys(venues, (first, first + rng.randrange(3, 9)))
    elif chance < 0.5:
        first = rng.randrange(2, 30)
        dark[rng.choice(venues)] = (first, first + rng.randrange(1, 9))
    first = rng.randrange(3, 25)
    off_peg = (first, first + rng.randrange(3, 15)) if rng.random() < 0.4 else (0, 0)
    return Weather(dark, off_peg, rng.choice((0.86, 0.97, 0.985, 1.04)))
