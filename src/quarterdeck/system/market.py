"""Which bars a run plays: recorded ones, derived ones for venues without a recording, or a synthetic market."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from quarterdeck.config import BotConfig, ExchangeSettings
from quarterdeck.domain import ConfigError
from quarterdeck.feeds import (
    BarBatch,
    SyntheticInstrument,
    SyntheticMarket,
    Tape,
    TapeRequest,
    derived_tape,
    load_tape,
    merge,
)
from quarterdeck.journal import LEASE_NS

SYNTHETIC_BEGINS_NS: Final = 1_767_225_600_000_000_000  # 2026-01-01, on the grid of every timeframe


class ReplaySource(Struct, frozen=True):
    """A recording: the candles of one instrument on one venue."""

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
    """The bars of a run, and the instant at which the bot's clock begins."""

    batches: Iterator[BarBatch]
    start_ns: int


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
    tapes = [tape for venue in config.exchanges for tape in _tapes_of(config, venue, options)]
    _check_sources(config, options)
    last_ns = max(int(tape.opened_at_ns[-1]) for tape in tapes)
    if last_ns < state_bar_ns:
        raise ConfigError(
            f"bot {config.name!r} has already worked through a later time than this recording ends; "
            "time never runs back for a bot: replay into another bot or workspace"
        )
    return Market(merge(tapes), min(int(tape.opened_at_ns[0]) for tape in tapes))


def _check_sources(config: BotConfig, options: RunOptions) -> None:
    venues = {venue.name for venue in config.exchanges}
    for source in options.replay:
        if source.venue not in venues or source.instrument not in config.pairs:
            raise ConfigError(
                f"--replay {source.venue}:{source.instrument}: bot {config.name!r} trades {', '.join(config.pairs)} "
                f"on {', '.join(sorted(venues))}"
            )


def _tapes_of(config: BotConfig, venue: ExchangeSettings, options: RunOptions) -> list[Tape]:
    """Load a venue's recordings; a venue without one plays those of the venue that has, derived as it is set up."""
    tapes = []
    for pair in config.pairs:
        own = [source for source in options.replay if source.instrument == pair and source.venue == venue.name]
        any_venue = own or [source for source in options.replay if source.instrument == pair]
        if not any_venue:
            raise ConfigError(f"--replay: nothing to replay for {pair}; give VENUE:{pair}=PATH")
        tape = load_tape(
            TapeRequest(
                path=any_venue[0].path,
                venue=venue.name,
                instrument=pair,
                timeframe_ns=config.timeframe_ns,
                price_step=float(venue.listing(pair).tick),
                from_ns=options.from_ns,
                to_ns=options.to_ns,
            )
        )
        if venue.derivation is not None:
            tape = derived_tape(tape, venue.name, venue.derivation)
        tapes.append(structs.replace(tape, venue=venue.name))
    return tapes


def _synthetic(config: BotConfig, options: RunOptions, now_ns: int, state_bar_ns: int) -> Market:
    timeframe_ns = config.timeframe_ns
    begin_ns = max(now_ns, state_bar_ns + timeframe_ns) if options.from_ns is None else options.from_ns
    begin_ns -= begin_ns % timeframe_ns
    if begin_ns < SYNTHETIC_BEGINS_NS:
        raise ConfigError("the made-up market begins on 2026-01-01; choose a later --from, or replay a recording")
    step = {pair: float(config.exchanges[0].listing(pair).tick) for pair in config.pairs}
    instruments = [SyntheticInstrument(pair, config.market.start[pair], step[pair]) for pair in config.pairs]
    # Bars are numbered from a fixed instant, so that every session of a bot sees the same market.
    market = SyntheticMarket(config.market.seed, instruments, timeframe_ns, SYNTHETIC_BEGINS_NS)
    venues = {venue.name: venue.derivation for venue in config.exchanges}
    batches = _until(market.batches(venues, market.bar_number(begin_ns)), options.to_ns)
    # A market of today is joined in the middle of its bar, so that bars close when true minutes end.
    joins_now = options.from_ns is None and begin_ns <= now_ns < begin_ns + timeframe_ns
    return Market(batches, now_ns if joins_now else begin_ns)


def _until(batches: Iterator[BarBatch], to_ns: int | None) -> Iterator[BarBatch]:
    for batch in batches:
        if to_ns is not None and batch.open_ns >= to_ns:
            return
        yield batch
