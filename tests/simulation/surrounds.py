"""What lies around the sessions of the bots: venues and people shared by all, and the home of each bot."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

from quarterdeck.domain import ZERO, BotSettings, subtract
from quarterdeck.journal import Item, SqliteJournal
from quarterdeck.orders import client_prefix
from quarterdeck.system import KillFile
from tests.simulation.bots_drawn import BotDraw
from tests.simulation.coverage import Coverage
from tests.simulation.disk import Disk
from tests.simulation.door import Door
from tests.simulation.durable import Durable
from tests.simulation.fleet import Fleet
from tests.simulation.prices import Prices
from tests.simulation.scenario import PAIRS, Scenario
from tests.simulation.venue_side import VenueSide, WorldClock, owned_at_first
from tests.simulation.virtual_time import VirtualLoop


class MemoryInbox:
    """Requests that wait for the bot, whoever it is at the moment."""

    def __init__(self) -> None:
        self._waiting: dict[str, Item] = {}
        self._done: set[str] = set()

    def put(self, item: Item) -> None:
        """Ask for something, once for each key."""
        if item.key not in self._done:
            self._waiting.setdefault(item.key, item)

    def pending(self) -> Sequence[Item]:
        """List what waits."""
        return list(self._waiting.values())

    def done(self, keys: Sequence[str]) -> None:
        """Take off what was answered."""
        for key in keys:
            self._waiting.pop(key, None)
            self._done.add(key)


class Home:
    """What all sessions of one bot share: its file, its journal and inbox, and those who check both."""

    def __init__(self, draw: BotDraw, folder: Path, around: "Surrounds") -> None:
        folder.mkdir()
        scenario = around.scenario
        self.name = draw.name
        self.prefix = client_prefix(draw.name)
        self.draw = draw
        self.path = folder / "journal.db"
        self.durable = Durable(self.path, around.coverage)
        validity_ns = {name: found.validity_ns for name, found in scenario.personalities.items()}
        self.door = Door(self.durable, around.coverage, around.kill.epoch, around.loop.steady_ns, validity_ns)
        self.durable.promises.moves = self._moves_of_others
        self.version = 1
        self.inbox = MemoryInbox()
        self.disk = Disk(self.path, around.rng)
        asks = draw.settings.guardrails.fleet_grant or any(one.is_perpetual for one in draw.settings.listings)
        self.fleet = Fleet(around.rng, draw.settings, scenario.start_ns) if asks else None
        self.journals: list[SqliteJournal] = []
        self._sides = around.sides

    @property
    def settings(self) -> BotSettings:
        """What the bot's file says."""
        return self.draw.settings

    def _moves_of_others(self, venue: str, asset: str) -> list[Decimal]:
        """What others had and did on an account, in the order of time."""
        side, own = self._sides[venue], owned_at_first(self.draw, venue)
        beside = subtract(side.began.get(asset, ZERO), own.get(asset, ZERO))
        return [*([beside] if beside else []), *side.moves_of_others(self.prefix, asset)]

    def close(self) -> None:
        """Close every file."""
        for journal in self.journals:
            journal.close()
        self.durable.close()


class Surrounds:
    """What every session of one world shares, because it lies outside of it."""

    def __init__(self, folder: Path, loop: VirtualLoop, rng: Random, scenario: Scenario, coverage: Coverage) -> None:
        self.loop = loop
        self.rng = rng
        self.scenario = scenario
        self.coverage = coverage
        self.clock = WorldClock(loop, scenario.start_ns)
        self.wall = WorldClock(loop, scenario.start_ns, scenario.machine.drift_ppm)
        self.kill = KillFile(folder / "KILL")
        self.sides = {name: VenueSide(name, scenario, loop, rng, coverage) for name in scenario.venues}
        self.prices = Prices(rng, scenario)
        self.quoted = tuple(
            dict.fromkeys([scenario.instruments[venue][pair] for pair in PAIRS for venue in scenario.venues])
        )
        self.homes = {draw.name: Home(draw, folder / draw.name, self) for draw in scenario.bots}
        self.asked = 0

    def close(self) -> None:
        """Close every file."""
        for home in self.homes.values():
            home.close()
        self.kill.close()
