"""What is done by the hour and the day: discovery, archive, and a look at clocks, disk and data."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    AccountReported,
    ControlAsked,
    Input,
    InputError,
    IntegrityError,
    Listing,
    ListingsReported,
    Quote,
    Retryable,
)
from quarterdeck.journal import KEPT_NS
from quarterdeck.market import MarketView
from quarterdeck.system.rounds import Ground, Rounds, Space, is_low, skew_ms
from tests.engine.driving import listing_of
from tests.system.desk import BTC, HandClock

MIDNIGHT_NS = 20_000 * DAY_NS
HOUR_NS = 60 * MINUTE_NS
PLENTY = Space(total=200 << 30, free=100 << 30)


class Notes:
    """A log that a test reads."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.complaints: list[str] = []

    def say(self, event: str, text: str) -> None:
        self.said.append(f"{event}: {text}")

    def complain(self, event: str, text: str) -> None:
        self.complaints.append(f"{event}: {text}")


class Place:
    """A venue that lists one pair; it is silent while `is_down`, and its clock is `ahead_ns` before ours."""

    def __init__(self, name: str, clock: HandClock) -> None:
        self.name = name
        self.is_down = False
        self.lists_nothing = False
        self.ahead_ns = 0
        self.asked = 0
        self.gate: asyncio.Event | None = None
        self._clock = clock

    async def listings(self) -> Sequence[Listing]:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        self._fail_if_down()
        return [] if self.lists_nothing else [listing_of(self.name, BTC)]

    async def account(self) -> AccountReported:
        self._fail_if_down()
        now_ns = self._clock.now_ns()
        return AccountReported(now_ns, self.name, {"USD": Decimal(1)}, (), venue_at_ns=now_ns + self.ahead_ns)

    def _fail_if_down(self) -> None:
        if self.is_down:
            raise Retryable("no connection; ask again later")


class Beat:
    """Rounds over two venues, `a` in process and `b` with a clock of its own, at a time that a test sets."""

    def __init__(self, *, paced: bool = False, venues: str = "ab") -> None:
        self.clock = HandClock(MIDNIGHT_NS + HOUR_NS // 2)
        self.notes = Notes()
        self.offered: list[Input] = []
        self.archived: list[int] = []
        self.space = PLENTY
        self.archive_fails = False
        self.a, self.b = Place("a", self.clock), Place("b", self.clock)
        self.view = MarketView(venues)
        ground = Ground(
            listers={"a": self.a, "b": self.b},
            timed={"b": self.b},
            clock=self.clock,
            view=self.view,
            offer=self.offered.append,
            log=self.notes,
            folder=Path("/bots/b"),
            key="7",
            primary={BTC: ("a", BTC)},
            timeframe_ns=MINUTE_NS,
            archive=self.archive,
            space=lambda _: self.space,
        )
        self.rounds = Rounds(ground, paced=paced)

    async def archive(self, before_ns: int) -> None:
        if self.archive_fails:
            raise IntegrityError("the archive is not writable")
        self.archived.append(before_ns)

    async def look(self, at_ns: int | None = None) -> None:
        self.clock.wall_ns = at_ns or self.clock.wall_ns
        await self.rounds.look_around()
        for _ in range(5):
            await asyncio.sleep(0)

    def listings(self) -> list[tuple[str, int]]:
        return [(one.venue, len(one.listings)) for one in self.offered if isinstance(one, ListingsReported)]

    def controls(self) -> list[ControlAsked]:
        return [one for one in self.offered if isinstance(one, ControlAsked)]


@pytest.mark.parametrize("paced", [False, True])
async def test_every_venue_is_asked_once_an_hour_what_it_lists(paced: bool) -> None:
    """A-63: pair discovery, in the time of the market."""
    beat = Beat(paced=paced)
    for minute in range(121):
        await beat.look(MIDNIGHT_NS + minute * MINUTE_NS)
    assert beat.listings() == [("a", 1), ("b", 1)] * 3
    assert [one.at_ns for one in beat.offered[::2] if isinstance(one, ListingsReported)] == [
        MIDNIGHT_NS + hour * HOUR_NS for hour in range(3)
    ]


async def test_a_venue_that_does_not_answer_lists_nothing_new_and_holds_no_other_venue_up() -> None:
    """R55, R47: no answer is no list, and the other venue is heard."""
    beat = Beat()
    beat.a.is_down = True
    await beat.look()
    assert beat.listings() == [("b", 1)]
    assert beat.notes.complaints == ["discovery: a: no connection; ask again later"]


async def test_a_venue_that_lists_nothing_is_reported_so() -> None:
    """R55: the engine takes nothing for a failure, keeps what it knew, and tells somebody."""
    beat = Beat()
    beat.a.lists_nothing = True
    await beat.look()
    assert beat.listings() == [("a", 0), ("b", 1)]


async def test_a_slow_discovery_holds_nothing_up_at_a_pace_and_never_overlaps_itself() -> None:
    """R64: the loop is not starved by a venue."""
    beat = Beat(paced=True)
    beat.a.gate = asyncio.Event()
    for hour in range(3):
        await beat.look(MIDNIGHT_NS + hour * HOUR_NS)
    assert (beat.a.asked, beat.listings()) == (1, [])
    beat.a.gate.set()
    await beat.look()
    assert beat.listings() == [("a", 1), ("b", 1)]
    await beat.look()
    assert beat.a.asked == 2
    await beat.rounds.aclose()


async def test_old_rows_are_archived_once_a_utc_day() -> None:
    """A-37, A-40."""
    beat = Beat(paced=True)
    instants = [MIDNIGHT_NS + HOUR_NS, MIDNIGHT_NS + 23 * HOUR_NS, MIDNIGHT_NS + DAY_NS, MIDNIGHT_NS + 3 * DAY_NS]
    for at_ns in instants:
        await beat.look(at_ns)
    assert beat.archived == [at_ns - KEPT_NS for at_ns in (instants[0], instants[2], instants[3])]


async def test_an_archive_that_fails_is_complained_of_and_tried_again_the_next_day() -> None:
    beat = Beat(paced=True)
    beat.archive_fails = True
    await beat.look(MIDNIGHT_NS)
    beat.archive_fails = False
    await beat.look(MIDNIGHT_NS + HOUR_NS)
    assert beat.archived == []
    assert "archive: the archive is not writable" in beat.notes.complaints
    await beat.look(MIDNIGHT_NS + DAY_NS)
    assert beat.archived == [MIDNIGHT_NS + DAY_NS - KEPT_NS]


@pytest.mark.parametrize(
    ("space", "low"),
    [
        (Space(total=200 << 30, free=3 << 30), False),
        (Space(total=200 << 30, free=(2 << 30) - 1), True),  # below 1 %
        (Space(total=1 << 30, free=64 << 20), False),
        (Space(total=1 << 30, free=(64 << 20) - 1), True),
        (Space(total=0, free=0), True),
    ],
)
def test_a_disk_is_low_below_64_mib_or_one_percent(space: Space, low: bool) -> None:
    assert is_low(space) is low


async def test_a_low_disk_asks_once_for_exits_only() -> None:
    """R28: low space is answered while there is still room to write it down."""
    beat = Beat(paced=True)
    await beat.look(MIDNIGHT_NS)
    assert beat.controls() == []
    beat.space = Space(total=200 << 30, free=10 << 20)
    for minute in range(1, 4):
        await beat.look(MIDNIGHT_NS + minute * MINUTE_NS)
    (asked,) = beat.controls()
    assert (asked.command, asked.who, asked.key) == ("reduce", "disk", "disk:7:1")
    assert "only 10 MiB are free" in asked.reason
    assert [text for text in beat.notes.complaints if text.startswith("disk")] == [f"disk: {asked.reason}"]
    beat.space = PLENTY
    await beat.look(MIDNIGHT_NS + 4 * MINUTE_NS)
    beat.space = Space(total=200 << 30, free=9 << 20)
    await beat.look(MIDNIGHT_NS + 5 * MINUTE_NS)
    assert [one.key for one in beat.controls()] == ["disk:7:1", "disk:7:2"]


async def test_a_replay_at_full_speed_does_not_depend_on_the_disk() -> None:
    beat = Beat()
    beat.space = Space(total=1, free=0)
    await beat.look(MIDNIGHT_NS)
    assert (beat.controls(), beat.archived, beat.notes.complaints) == ([], [], [])


async def test_a_venue_with_a_clock_of_its_own_is_compared_and_a_silent_one_is_down() -> None:
    """A-66: an unreachable venue is routed around, and comes back by itself."""
    beat = Beat(paced=True)
    beat.b.ahead_ns = 700_000_000
    await beat.look(MIDNIGHT_NS)
    assert [(skew.venue, skew.ms) for skew in beat.view.surroundings((BTC,)).skews] == [("b", 700.0)]
    beat.b.is_down = True
    await beat.look(MIDNIGHT_NS + MINUTE_NS)
    assert beat.view.surroundings((BTC,)).venues_down == ("b",)
    beat.b.is_down = False
    await beat.look(MIDNIGHT_NS + 2 * MINUTE_NS)
    assert beat.view.surroundings((BTC,)).venues_down == ()


async def test_clocks_are_compared_before_anything_is_decided() -> None:
    """E8: nothing may be opened at a venue whose clock nobody compared."""
    beat = Beat(paced=True)
    await beat.rounds.begin()
    assert [(skew.venue, skew.ms) for skew in beat.view.surroundings((BTC,)).skews] == [("b", 0.0)]


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(-(10**12), 10**12))
def test_a_skew_is_what_the_journey_of_the_answer_cannot_explain(asked: int, journey: int, ahead: int) -> None:
    answered = asked + journey
    assert skew_ms(asked, answered, asked + journey // 2) == 0.0
    assert skew_ms(asked, answered, answered + abs(ahead)) == abs(ahead) / 1e6
    assert skew_ms(asked, answered, asked - abs(ahead)) == -abs(ahead) / 1e6


async def test_bars_that_stay_away_are_told_of_once_and_so_is_their_return() -> None:
    """R41, R44: silence is noticed by the data themselves."""
    beat = Beat(paced=True)
    quote = Quote("a", BTC, MIDNIGHT_NS, 100.0, ((99.0, 1.0),), ((101.0, 1.0),))
    beat.view.observe(quote)
    for minute in range(9):
        await beat.look(MIDNIGHT_NS + minute * MINUTE_NS)
    assert beat.notes.complaints == ["data: BTC-USD: no bar of a for 360 s; no signals"]
    beat.view.observe(msgspec.structs.replace(quote, at_ns=MIDNIGHT_NS + 9 * MINUTE_NS))
    await beat.look(MIDNIGHT_NS + 9 * MINUTE_NS)
    assert beat.notes.said == ["data: BTC-USD: a gives bars again"]


async def test_what_nobody_foresaw_ends_the_process() -> None:
    beat = Beat(paced=True, venues="a")
    await beat.look()
    assert beat.rounds.next_ns == 0
    with pytest.raises(InputError, match="no venue 'b'"):
        await beat.look()
