"""The paper venues of a bot: in its own process with a file each, or behind a socket in a process of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from quarterdeck.config import BotConfig, BotFolder, ExchangeSettings
from quarterdeck.ports import Clock, LastHop, VenueNews
from quarterdeck.system.stage import BarVenue
from quarterdeck.venues import PaperConfig, PaperFile, PaperVenue, RemotePaperVenue, RemoteSettings, limits_of


class PaperMarket(Struct, frozen=True):
    """
    The venues of a bot, as it trades on them and as the market drives them.

    `remote` have a clock of their own; `timed` are in our process, and things fall due there by themselves.
    """

    by_name: Mapping[str, PaperVenue | RemotePaperVenue]
    bars: Mapping[str, BarVenue]
    files: tuple[PaperFile, ...]
    remote: tuple[str, ...] = ()
    timed: tuple[PaperVenue, ...] = ()

    def subscribe(self, offer: Callable[[VenueNews], None]) -> None:
        """Send the news of every venue to the loop."""
        for venue in self.by_name.values():
            venue.subscribe(offer)

    async def aclose(self) -> None:
        """End every connection, and close every file."""
        for venue in self.by_name.values():
            await venue.aclose()
        for file in self.files:
            file.close()


def paper_config(config: BotConfig, exchange: ExchangeSettings) -> PaperConfig:
    """Say how a paper venue is set up when it first opens; its clock is the one it is told."""
    return PaperConfig(
        venue=exchange.name,
        listings=exchange.listings,
        accounts={config.name: exchange.account},
        personality=exchange.personality,
        clock="told",
    )


def open_venues(config: BotConfig, folder: BotFolder, clock: Clock, last_hop: LastHop) -> PaperMarket:
    """
    Open the paper venues of a bot.

    One in process keeps what it must not forget in `run/NAME/paper-VENUE.db`, so that killing the bot makes the
    venue forget nothing, just as a true exchange would not.

    Raises:
        ConfigError: If a venue's file was made with other settings.
        NotOwner: If another process has one open.
    """
    by_name: dict[str, PaperVenue | RemotePaperVenue] = {}
    files: list[PaperFile] = []
    try:
        for exchange in config.exchanges:
            if exchange.socket is not None:
                by_name[exchange.name] = RemotePaperVenue(_remote(config, exchange), clock, last_hop)
                continue
            file = PaperFile(folder.root / f"paper-{exchange.name}.db")
            files.append(file)
            model = file.exchange(paper_config(config, exchange))
            by_name[exchange.name] = PaperVenue(model, config.name, clock, last_hop, save=file.save)
    except BaseException:
        for file in files:
            file.close()
        raise
    remote = tuple(exchange.name for exchange in config.exchanges if exchange.socket is not None)
    timed = tuple(venue for venue in by_name.values() if isinstance(venue, PaperVenue) and _has_timers(venue))
    return PaperMarket(by_name, by_name, tuple(files), remote, timed)


def _has_timers(venue: PaperVenue) -> bool:
    """Tell whether anything ever falls due at an exchange by itself."""
    habits = venue.exchange.setup.personality
    return habits.acks == "async" or habits.margin is not None


def _remote(config: BotConfig, exchange: ExchangeSettings) -> RemoteSettings:
    assert exchange.socket is not None
    return RemoteSettings(
        name=exchange.name,
        socket_path=exchange.socket,
        account=config.name,
        validity_ns=exchange.personality.validity_ns,
        lag_ns=exchange.personality.shown_after_ns,
        stops=exchange.personality.stops,
        limits=limits_of(exchange.personality),
    )
