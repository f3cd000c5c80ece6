"""What a bot in a process of its own is to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from quarterdeck.domain import SECOND_NS
from quarterdeck.exchange import Personality
from quarterdeck.system import ReplaySource, RunOptions


class BotPlan(Struct, frozen=True):
    """
    How one process runs a bot. `file_bytes_max` is the largest file that the system lets it write.

    `habits` are those of its venues by name; a venue that is not named keeps its own, but for `validity_ns`.
    """

    workspace: Path
    bot: str
    replay: tuple[ReplaySource, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    speed: float | None = None
    cycles: int | None = None
    standby: bool = False
    lease_s: float = 10.0
    validity_ns: int = 5 * SECOND_NS
    file_bytes_max: int | None = None
    habits: dict[str, Personality] = {}

    def options(self) -> RunOptions:
        """Put the plan into the words of the system."""
        return RunOptions(
            replay=self.replay,
            from_ns=self.from_ns,
            to_ns=self.to_ns,
            speed=self.speed,
            cycles=self.cycles,
            standby=self.standby,
            lease_s=self.lease_s,
        )

    def personality(self, venue: str, usual: Personality) -> Personality:
        """Give a venue's habits as this plan wants them."""
        return self.habits.get(venue) or msgspec.structs.replace(usual, validity_ns=self.validity_ns)


def text_of(plan: BotPlan) -> str:
    """Write a plan as JSON."""
    return msgspec.json.encode(plan, enc_hook=str).decode()


def plan_from(text: str) -> BotPlan:
    """Read a plan."""
    return msgspec.json.decode(text, type=BotPlan, dec_hook=lambda _kind, value: Path(str(value)))
