"""Which bars a run plays: recorded ones, derived ones for venues without a recording, or a synthetic market."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from quarterdeck.config import BotConfig
from quarterdeck.domain import ConfigError, Listing, instrument_from
from quarterdeck.feeds import (
    BarBatch,
    Derivation,
    ShownBars,
    SyntheticInstrument,
    SyntheticMarket,
    Tape,
    TapeRequest,
    derived_tape,
    load_funding,
    load_tape,
    merge,
)
from quarterdeck.journal import LEASE_NS
from quarterdeck.system.settlements import Settlements

SYNTHETIC_BEGINS_NS: Final = 1_767_225_600_000_000_000  # 2026-01-01, on the grid of every timeframe
# The price of what no venue of ours lists is on no grid; a step this fine loses nothing of it.
WATCHED_STEP: Final = 1e-6
# A made-up stablecoin stays well within the band in which it counts as money.
COIN_STEP: Final = 1e-4
COIN_VOLATILITY_DAY: Final = 0.0002


class ReplaySource(Struct, frozen=True):
    """A recording: the candles of one instrument as one venue lists it, or of one that is only looked at."""

    venue: str
    instrument: str
    path: Path


class RunOptions(Struct, frozen=True):
    """
    How to run.

    On which recordings, over which period (UTC), how fast (None: as fast as possible), for how many cycles, and
    whether to wait for a bot that another process owns. `lease_s` is how long the bot stays ours without a sign of
    life; a request is signed only if its validity ends before that, so it must be well above the venues' validity.
    """

    replay: tuple[ReplaySource, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    speed: float | None = 1.0
    cycles: int | None = None
    standby: bool = False
    lease_s: float = LEASE_NS / 1e9


class Market(Struct, frozen=True):
    """The bars of a run, the instant at which the bot's clock begins, and what perpetuals pay meanwhile."""

    batches: Iterator[BarBatch]
    start_ns: int
    settlements: Settlements | None = None


def open_market(config: BotConfig, options: RunOptions, now_ns: int, state_bar_ns: int) -> Market:
    """
    Open the market that a run plays.

    Args:
        config: The bot.
        options: What the user asked for.
        now_ns: UTC, where a synthetic market begins unless the bot stands further on.
        state_bar_ns: The bar that the bot worked through last, -1 for none.

    Raises:
        ConfigError: If a recording does not fit the bot, or lies before what the bot has already worked through.
    """
    if options.replay:
        return _recorded(config, options, state_bar_ns)
    return _synthetic(config, options, now_ns, state_bar_ns)


def _recorded(config: BotConfig, options: RunOptions, state_bar_ns: int) -> Market:
    tapes = _Recordings(config, options).tapes()
    last_ns = max(int(tape.opened_at_ns[-1]) for tape in tapes)
    if last_ns < state_bar_ns:
        raise ConfigError(
            f"bot {config.name!r} has already worked through a later time than this recording ends; "
            "time never runs back for a bot: replay into another bot or workspace"
        )
    return Market(merge(tapes), min(int(tape.opened_at_ns[0]) for tape in tapes), _settlements(config))


def _settlements(config: BotConfig) -> Settlements | None:
    """Load what was recorded of the funding of perpetuals that the bot trades, or trades beside."""
    recorded = {
        (venue.name, instrument): load_funding(path)
        for venue in config.exchanges
        for instrument, path in venue.funding.items()
    }
    return Settlements(recorded) if recorded else None


class _Recordings:
    """The recordings of a run, and which of them each venue plays."""

    def __init__(self, config: BotConfig, options: RunOptions) -> None:
        self._config = config
        self._options = options
        self._listed = {(one.venue, one.instrument): one for venue in config.exchanges for one in venue.listings}
        self._own = {(source.venue, source.instrument): source for source in options.replay}
        self._read: dict[tuple[Path, float], Tape] = {}
        self._check_sources()

    def tapes(self) -> list[Tape]:
        """
        Load what each venue plays of the bot's pairs, then the recordings of what is only looked at.

        At each venue the instruments go in canonical order: so do the orders of one instant, for cash may be short.
        """
        traded = {
            (one.venue, one.instrument): one
            for venue in self._config.exchanges
            for one in sorted(venue.traded, key=lambda listing: listing.instrument)
        }
        derivations = {venue.name: venue.derivation for venue in self._config.exchanges}
        tapes = [self._tape(listing, derivations[listing.venue]) for listing in traded.values()]
        for key, source in self._own.items():
            if key not in traded:
                step = float(self._listed[key].tick) if key in self._listed else WATCHED_STEP
                tapes.append(self._load(source, source.venue, source.instrument, step))
        return tapes

    def _check_sources(self) -> None:
        config, venues = self._config, {venue.name for venue in self._config.exchanges}
        for venue, instrument in self._own:
            if (venue, instrument) not in self._listed and not (venue in venues and instrument in config.watch):
                known = ", ".join(f"{one}:{other}" for one, other in sorted(self._listed))
                watched = f", and watches {', '.join(config.watch)}" if config.watch else ""
                raise ConfigError(f"--replay {venue}:{instrument}: bot {config.name!r} has {known}{watched}")
        if len(self._own) < len(self._options.replay):
            raise ConfigError("--replay: two recordings of one instrument on one venue; give one of them")

    def _tape(self, listing: Listing, derivation: Derivation | None) -> Tape:
        """Load what a venue plays; one without a recording plays one of the same pair, derived as it is set up."""
        own = self._own.get((listing.venue, listing.instrument))
        source = own or self._of_others(listing)
        tape = self._load(source, listing.venue, listing.instrument, float(listing.tick))
        return tape if own is not None or derivation is None else derived_tape(tape, listing.venue, derivation)

    def _of_others(self, listing: Listing) -> ReplaySource:
        """Choose what else to play: the first recording of the same instrument, else the first of its pair."""
        same = [source for source in self._own.values() if source.instrument == listing.instrument]
        alike = [source for key, source in self._own.items() if self._pair_of(key) == listing.pair_id]
        if not same + alike:
            pair = listing.pair_id
            raise ConfigError(f"--replay: nothing to replay for {pair}; give VENUE:{pair}=PATH")
        return (same + alike)[0]

    def _pair_of(self, key: tuple[str, str]) -> str | None:
        return self._listed[key].pair_id if key in self._listed else None

    def _load(self, source: ReplaySource, venue: str, instrument: str, price_step: float) -> Tape:
        key = (source.path, price_step)
        if key not in self._read:
            self._read[key] = load_tape(
                TapeRequest(
                    path=source.path,
                    venue=venue,
                    instrument=instrument,
                    timeframe_ns=self._config.timeframe_ns,
                    price_step=price_step,
                    from_ns=self._options.from_ns,
                    to_ns=self._options.to_ns,
                )
            )
        return structs.replace(self._read[key], venue=venue, instrument=instrument)


def _synthetic(config: BotConfig, options: RunOptions, now_ns: int, state_bar_ns: int) -> Market:
    timeframe_ns = config.timeframe_ns
    begin_ns = max(now_ns, state_bar_ns + timeframe_ns) if options.from_ns is None else options.from_ns
    begin_ns -= begin_ns % timeframe_ns
    if begin_ns < SYNTHETIC_BEGINS_NS:
        raise ConfigError("the made-up market begins on 2026-01-01; choose a later --from, or replay a recording")
    # Bars are numbered from a fixed instant, so that every session of a bot sees the same market.
    market = SyntheticMarket(config.market.seed, _instruments(config), timeframe_ns, SYNTHETIC_BEGINS_NS)
    shown = [
        ShownBars(venue.name, listing.pair_id, listing.instrument, venue.derivation)
        for venue in config.exchanges
        for listing in venue.listings
    ]
    batches = _until(market.batches(shown, market.bar_number(begin_ns)), options.to_ns)
    # A market of today is joined in the middle of its bar, so that bars close when true minutes end.
    joins_now = options.from_ns is None and begin_ns <= now_ns < begin_ns + timeframe_ns
    return Market(batches, now_ns if joins_now else begin_ns)


def _instruments(config: BotConfig) -> list[SyntheticInstrument]:
    """Make up one price for each pair, whatever venues call it, and one for each instrument that is only looked at."""
    steps: dict[str, float] = {}
    for listing in (one for venue in config.exchanges for one in venue.listings):
        steps.setdefault(listing.pair_id, float(listing.tick))
    made = []
    for pair, step in steps.items():
        if instrument_from(pair).base in config.at_par:
            made.append(SyntheticInstrument(pair, 1.0, min(step, COIN_STEP), volatility_day=COIN_VOLATILITY_DAY))
        else:
            made.append(SyntheticInstrument(pair, config.market.start[pair], step))
    return made


def _until(batches: Iterator[BarBatch], to_ns: int | None) -> Iterator[BarBatch]:
    for batch in batches:
        if to_ns is not None and batch.open_ns >= to_ns:
            return
        yield batch
