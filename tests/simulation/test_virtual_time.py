"""The loop that skips time, and the processes in it."""

import asyncio
from collections.abc import Coroutine, Iterator
from random import Random

import pytest

from tests.simulation.virtual_time import Deadlock, Process, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop(Random(1), jitter_share=0.0)
    yield made
    made.bury()


def run(loop: VirtualLoop, work: Coroutine[object, object, None]) -> None:
    loop.run_until_complete(work)


def test_an_hour_of_sleep_takes_no_time_and_an_hour(loop: VirtualLoop) -> None:
    run(loop, asyncio.sleep(3600.0))
    assert loop.steady_ns() == 3_600_000_000_000


def test_waiting_for_what_nobody_will_do_is_an_error(loop: VirtualLoop) -> None:
    async def wait() -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        run(loop, wait())


def test_a_dead_process_does_not_even_clean_up(loop: VirtualLoop) -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(1.0)
        finally:
            done.append("cleaned up")

    async def world() -> None:
        process = Process(loop, "1")
        process.spawn(work())
        await asyncio.sleep(0.5)
        process.die("here")
        await asyncio.sleep(5.0)
        assert done == []

    run(loop, world())


def test_a_paused_process_does_everything_later_in_order(loop: VirtualLoop) -> None:
    done: list[tuple[str, float]] = []

    async def work(name: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        done.append((name, loop.time()))

    async def world() -> None:
        process = Process(loop, "1")
        process.spawn(work("second", 2.0))
        process.spawn(work("first", 1.0))
        await asyncio.sleep(0.5)
        process.pause()
        await asyncio.sleep(9.5)
        process.wake()
        await asyncio.sleep(0.1)

    run(loop, world())
    assert done == [("first", 10.0), ("second", 10.0)]


def test_what_is_cancelled_after_a_pause_does_not_run(loop: VirtualLoop) -> None:
    done: list[str] = []

    async def work() -> None:
        second = loop.call_later(2.0, done.append, "second")
        loop.call_later(1.0, second.cancel)

    async def world() -> None:
        process = Process(loop, "1")
        process.spawn(work())
        await asyncio.sleep(0.5)
        process.pause()
        await asyncio.sleep(30.0)
        process.wake()
        await asyncio.sleep(5.0)

    run(loop, world())
    assert done == []


def test_a_trap_kills_at_the_named_visit(loop: VirtualLoop) -> None:
    visits: list[int] = []

    async def world() -> None:
        process = Process(loop, "1")
        process.crash_at("here", 2, 0)

        async def work() -> None:
            for visit in range(5):
                await process.pass_by("here")
                visits.append(visit)

        process.spawn(work())
        await asyncio.sleep(1.0)
        assert not process.alive

    run(loop, world())
    assert visits == [0]
