"""One world: exchanges that live on, bots that are killed and started again, and a seed that decides all of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from quarterdeck.domain import Control, Quote
from quarterdeck.market import quote_from_price
from tests.simulation.breach import require
from tests.simulation.chaos import Chaos
from tests.simulation.coverage import Coverage
from tests.simulation.keeper import Keeper
from tests.simulation.last_kill import last_kill
from tests.simulation.prices import STEP_S
from tests.simulation.scenario import DAY_NS, PAIRS, draw_scenario
from tests.simulation.settling import (
    check_answers,
    check_bounds,
    check_money,
    check_reconciliation,
    check_replay,
    check_trades,
    differences,
)
from tests.simulation.surrounds import Home, Surrounds
from tests.simulation.virtual_time import Process, VirtualLoop

CONVERGE_S = 120
LAST_KILL_SHARE = 0.5
STOP_S = 120
LOOK_S = 1.0
ASKED_AFTER_S = 60.0
REST_S = 60.0
RESUME_LOOKS = 10
LAST_SHOWN = 12
FACT_CHARS = 400


@dataclass(frozen=True)
class Outcome:
    """What one seed gave; `head` is the hashes of the last journal rows."""

    seed: int
    head: str
    rows: int
    virtual_s: float
    converged_s: float
    counts: dict[str, int]


@dataclass(frozen=True)
class Failure:
    """A seed that broke an invariant, with the last facts before it did."""

    seed: int
    what: str
    at_s: float
    last_facts: tuple[str, ...]

    def __str__(self) -> str:
        facts = "\n".join(f"  {fact}" for fact in self.last_facts)
        return (
            f"seed {self.seed} failed after {self.at_s:.0f} s of its own time: {self.what}\n"
            f"the last facts in its journal:\n{facts}\nreplay it with: make sim SEED={self.seed}"
        )


class World:
    """Runs one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        rng = Random(seed)
        scenario = draw_scenario(rng)
        self.seed = seed
        self.loop = VirtualLoop(rng, scenario.machine.jitter_share)
        self.coverage = Coverage()
        self.around = Surrounds(folder, self.loop, rng, scenario, self.coverage)
        self._rng = rng
        self._processes: list[Process] = []
        homes = self.around.homes.values()
        self.keepers = [Keeper(self.around, home, self._processes, self._fail) for home in homes]
        self._chaos = [Chaos(keeper, rng) for keeper in self.keepers]
        self._failure: BaseException | None = None
        self._converged_s = 0.0
        self._is_resting = False
        self._is_still = False
        for side in self.around.sides.values():
            side.relisted = self._hear_listings

    def run(self) -> Outcome:
        """
        Let the world happen.

        Raises:
            Breach: If an invariant does not hold.
            QuarterdeckError: If a bot broke in a way that it never should.
        """
        self.loop.set_exception_handler(self._note_failure)
        try:
            self._run_until_over()
            return self._outcome()
        finally:
            for process in self._processes:
                process.finish()
            self.loop.bury()
            self.around.close()

    def explain(self, error: BaseException) -> Failure:
        """Say what broke, when, and what the journals held last."""
        last: list[str] = []
        for home in self.around.homes.values():
            facts = home.durable.last[-LAST_SHOWN:]
            last += [f"{home.name} row {seq}: {fact}"[:FACT_CHARS] for seq, fact in facts]
        return Failure(self.seed, f"{type(error).__name__}: {error}", self.loop.time(), tuple(last))

    def _run_until_over(self) -> None:
        work = self.loop.create_task(self._live())
        try:
            self.loop.run_until_complete(work)
        except RuntimeError:
            if self._failure is None:
                raise
        if self._failure is not None:
            raise self._failure

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        error = told.get("exception")
        self._fail(error if isinstance(error, BaseException) else AssertionError(told.get("message")))

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.loop.stop()

    def _outcome(self) -> Outcome:
        journals = [home.journals[-1] for home in self.around.homes.values()]
        return Outcome(
            seed=self.seed,
            head=" ".join(journal.head_hash.hex() for journal in journals),
            rows=sum(journal.head_seq for journal in journals),
            virtual_s=self.loop.time(),
            converged_s=self._converged_s,
            counts=dict(self.coverage.counts),
        )

    # --- the course of a world ----------------------------------------------------------------------------------------

    async def _live(self) -> None:
        scenario = self.around.scenario
        tasks = [self.loop.create_task(self._move_market())]
        tasks += [self.loop.create_task(keeper.keep_running()) for keeper in self.keepers]
        for chaos in self._chaos:
            chaos.unleash(scenario.safety_min * 60.0)
        if len(self.keepers) > 1:
            self.coverage.hit("several bots")
        await asyncio.sleep(scenario.safety_min * 60.0)
        await self._calm_down()
        await self._rest()
        await self._stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._check_rest()

    async def _calm_down(self) -> None:
        """The liveness phase: nothing goes wrong any more, and everything must come right within the bound."""
        for chaos in self._chaos:
            chaos.end()
        for side in self.around.sides.values():
            side.calm()
        for keeper in self.keepers:
            keeper.calm()
        self._converged_s = await self._converge()
        await asyncio.sleep(REST_S)

    async def _converge(self) -> float:
        """Wait until every bot agrees with every venue, and say how many seconds that took."""
        began_s = self.loop.time()
        found = ["nobody has looked"]
        looks = 0
        while found:
            require(self.loop.time() - began_s <= CONVERGE_S, "I29", f"not come right: {'; '.join(found[:3])}")
            if looks % RESUME_LOOKS == 0:
                self._look_after_bots()
            looks += 1
            await asyncio.sleep(LOOK_S)
            found = [one for keeper in self.keepers for one in self._differences(keeper)]
        return self.loop.time() - began_s

    def _look_after_bots(self) -> None:
        """Do what needs a person each time: what an account shows beyond the books, and orders that nobody finds."""
        for chaos in self._chaos:
            if self._is_resting:
                chaos.look_for_unknown()
            else:
                chaos.ask_to_resume()

    async def _rest(self) -> None:
        """Let nobody open anything and the market stand still, so that the last session ends with nothing under way."""
        self._is_resting = True
        watch = self.loop.create_task(self._keep_looking())
        for keeper, chaos in zip(self.keepers, self._chaos, strict=True):
            if self._rng.random() < LAST_KILL_SHARE:
                await last_kill(keeper.home, chaos.raise_kill)
            else:
                chaos.halt()
        await asyncio.sleep(LOOK_S)
        await self._converge()
        watch.cancel()
        self._is_still = True

    async def _keep_looking(self) -> None:
        """Look after the bots all along, as somebody does who has pulled a switch."""
        while True:
            await asyncio.sleep(RESUME_LOOKS * LOOK_S)
            self._look_after_bots()

    def _differences(self, keeper: Keeper) -> Iterator[str]:
        home, bot = keeper.home, keeper.current
        home.durable.refresh()
        if bot is None or not bot.is_ready:
            yield f"no session of {home.name} runs"
        else:
            young = self._young(home)
            yield from (one for one in differences(home, self.around.sides) if not any(id_ in one for id_ in young))
            if self._is_resting and home.durable.state.control is not Control.HALTED:
                yield f"{home.name} is not halted"

    def _young(self, home: Home) -> list[str]:
        """Name the orders that nobody needs to have asked after yet; at rest there are none."""
        since_ns = self.around.clock.now_ns() - int(ASKED_AFTER_S * 1e9)
        orders = [] if self._is_resting else home.durable.state.live_orders()
        return [order.client_id for order in orders if order.planned_at_ns > since_ns]

    async def _stop(self) -> None:
        """Stop in good order, and see that they do."""
        began_s = self.loop.time()
        for keeper in self.keepers:
            keeper.end()
        while any(keeper.current is not None for keeper in self.keepers):
            for keeper in self.keepers:
                keeper.stop_current("the world ends")
            require(self.loop.time() - began_s <= STOP_S, "I29", "a bot does not stop")
            await asyncio.sleep(LOOK_S)

    def _check_rest(self) -> None:
        around = self.around
        for home in around.homes.values():
            home.durable.refresh()
            require(home.durable.state.released, "I29", f"the last session did not give {home.name} up")
            found = differences(home, around.sides)
            require(not found, "I17", "; ".join(found[:3]))
        check_trades(around)
        check_money(around)
        check_reconciliation(around)
        check_answers(around)
        check_bounds(around)
        check_replay(around)
        if around.scenario.start_ns // DAY_NS != around.clock.now_ns() // DAY_NS:
            self.coverage.hit("across midnight")

    # --- what the bots hear of the world ------------------------------------------------------------------------------

    async def _move_market(self) -> None:
        step = 0
        while not self._is_still:
            for side in self.around.sides.values():
                for pair in PAIRS:
                    self._move(side.name, self.around.scenario.instruments[side.name][pair], step)
            step += 1
            await asyncio.sleep(STEP_S)

    def _move(self, venue: str, instrument: str, step: int) -> None:
        around = self.around
        side, price = around.sides[venue], around.prices.at_step(venue, instrument, step)
        quote = quote_from_price(venue, instrument, price, around.clock.now_ns(), around.scenario.shapes[venue])
        side.sweep(instrument, price)
        side.quote(quote)
        if side.box.books.lies(instrument, side.box.at_s):
            self._show(side.box.shown(quote))

    def _show(self, quote: Quote) -> None:
        """Let every bot see a book that is not what it should be."""
        for keeper in self.keepers:
            bot = keeper.current
            if bot is not None and bot.is_ready:
                bot.process.post(bot.see, quote)

    def _hear_listings(self, venue: str) -> None:
        """Let the bots look at once at what a venue lists, or only when they look by themselves."""
        for keeper in self.keepers:
            bot = keeper.current
            if bot is not None and bot.is_ready and self._rng.random() < 0.8:
                bot.process.post(bot.discover, venue)
