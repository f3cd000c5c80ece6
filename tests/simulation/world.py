"""One world: exchanges that live on, a bot that is killed and started again, and a seed that decides all of it."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from quarterdeck.domain import NotOwner, OrderState
from quarterdeck.market import quote_from_price
from tests.simulation.bot import Bot, Surrounds
from tests.simulation.breach import require
from tests.simulation.chaos import Chaos
from tests.simulation.coverage import Coverage
from tests.simulation.prices import STEP_S
from tests.simulation.scenario import DAY_NS, PAIRS, VENUES, draw_scenario, instrument_of
from tests.simulation.settling import check_money, check_reconciliation, check_replay, check_trades, differences
from tests.simulation.virtual_time import Process, VirtualLoop

CONVERGE_S = 120
STOP_S = 120
RETRY_S = 0.5
LOOK_S = 1.0
RESUME_LOOKS = 10
LAST_SHOWN = 12
FACT_CHARS = 400


@dataclass(frozen=True)
class Outcome:
    """What one seed gave; `head` is the hash of the last journal row."""

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
        self.loop = VirtualLoop(rng, scenario.jitter_share)
        self.coverage = Coverage()
        self.around = Surrounds(folder / "journal.db", self.loop, rng, scenario, self.coverage)
        self.next_trap: tuple[str, int, int] | None = None
        self._rng = rng
        self._chaos = Chaos(self, rng)
        self._bots: list[Bot] = []
        self._processes: list[Process] = []
        self._failure: BaseException | None = None
        self._changed: asyncio.Event | None = None
        self._starts_at_s = 0.0
        self._is_over = False
        self._converged_s = 0.0

    @property
    def current(self) -> Bot | None:
        """The session that runs, if one does; the latest where an earlier one is paused."""
        return self._bots[-1] if self._bots else None

    def run(self) -> Outcome:
        """
        Let the world happen.

        Raises:
            Breach: If an invariant does not hold.
            QuarterdeckError: If the bot broke in a way that it never should.
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
        """Say what broke, when, and what the journal held last."""
        last = tuple(f"row {seq}: {fact}"[:FACT_CHARS] for seq, fact in self.around.durable.last[-LAST_SHOWN:])
        return Failure(self.seed, f"{type(error).__name__}: {error}", self.loop.time(), last)

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
        journal = self.around.journals[-1]
        return Outcome(
            seed=self.seed,
            head=journal.head_hash.hex(),
            rows=journal.head_seq,
            virtual_s=self.loop.time(),
            converged_s=self._converged_s,
            counts=dict(self.coverage.counts),
        )

    # --- the course of a world ----------------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._changed = asyncio.Event()
        scenario = self.around.scenario
        market = self.loop.create_task(self._move_market())
        keeper = self.loop.create_task(self._keep_running())
        self._chaos.unleash(scenario.safety_min * 60.0)
        await asyncio.sleep(scenario.safety_min * 60.0)
        await self._calm_down()
        await self._stop()
        for task in (market, keeper):
            task.cancel()
        await asyncio.gather(market, keeper, return_exceptions=True)
        self._check_rest()

    async def _calm_down(self) -> None:
        """The liveness phase: nothing goes wrong any more, and everything must come right within the bound."""
        self._chaos.end()
        self.next_trap = None
        for side in self.around.sides.values():
            side.calm()
        for process in self._processes:
            process.disarm()
            if process.paused:
                process.wake()
        began_s = self.loop.time()
        found = ["no session runs"]
        looks = 0
        while found:
            require(self.loop.time() - began_s <= CONVERGE_S, "I29", f"not come right: {'; '.join(found[:3])}")
            if looks % RESUME_LOOKS == 0:  # what an account shows beyond the books needs a person each time
                self._chaos.ask_to_resume()
            looks += 1
            await asyncio.sleep(LOOK_S)
            self.around.durable.refresh()
            bot = self.current
            is_up = bot is not None and bot.is_ready
            found = differences(self.around.durable.state, self.around.sides) if is_up else ["no session runs"]
        self._converged_s = self.loop.time() - began_s
        await asyncio.sleep(90.0)

    async def _stop(self) -> None:
        """Stop in good order, and see that it does."""
        self._is_over = True
        began_s = self.loop.time()
        while (bot := self.current) is not None:
            if bot.errands is not None:
                bot.process.post(bot.errands.stop, "the world ends")
            require(self.loop.time() - began_s <= STOP_S, "I29", "the bot does not stop")
            await asyncio.sleep(LOOK_S)

    def _check_rest(self) -> None:
        around = self.around
        around.durable.refresh()
        require(around.durable.state.released, "I29", "the last session did not give the bot up")
        found = differences(around.durable.state, around.sides)
        require(not found, "I17", "; ".join(found[:3]))
        check_trades(around)
        check_money(around)
        check_reconciliation(around)
        check_replay(around)
        if around.scenario.start_ns // DAY_NS != around.clock.now_ns() // DAY_NS:
            self.coverage.hit("across midnight")

    async def _move_market(self) -> None:
        around, step = self.around, 0
        while True:
            for venue in VENUES:
                for pair in PAIRS:
                    instrument = instrument_of(pair, around.scenario.quotes[venue])
                    price = around.prices.at_step(venue, instrument, step)
                    now_ns = around.clock.now_ns()
                    side = around.sides[venue]
                    side.sweep(instrument, price)
                    side.quote(quote_from_price(venue, instrument, price, now_ns, around.scenario.shapes[venue]))
            step += 1
            await asyncio.sleep(STEP_S)

    # --- processes ----------------------------------------------------------------------------------------------------

    async def _keep_running(self) -> None:
        """Start the bot again whenever nobody runs it; also beside a paused one that is not expected to wake."""
        assert self._changed is not None
        while True:
            if self.current is None and not self._is_over:
                if self.loop.time() >= self._starts_at_s:
                    self._start()
                else:
                    await asyncio.sleep(self._starts_at_s - self.loop.time())
                    continue
            self._changed.clear()
            await self._changed.wait()

    def expect_successor(self, after_s: float) -> None:
        """Start another process although the current one lives; it must wait for the lease."""
        self.loop.later(after_s, self._start_beside)

    def _start_beside(self) -> None:
        bot = self.current
        if bot is not None and bot.process.paused and not self._is_over:
            self._start()

    def _start(self) -> None:
        process = Process(self.loop, str(len(self._processes) + 1))
        bot = Bot(self.around, process)
        gone_epoch = None if self._bots else self.around.journals[-1].lease.epoch if self.around.journals else 0
        process.on_death = partial(self._died, bot)
        if self.next_trap is not None:
            process.crash_at(*self.next_trap)
            self.next_trap = None
        self._processes.append(process)
        self._bots.append(bot)
        self.coverage.hit("sessions started")
        task = process.spawn(self._run_bot(bot, gone_epoch))
        task.add_done_callback(partial(self._ended, bot))

    async def _run_bot(self, bot: Bot, gone_epoch: int | None) -> None:
        await bot.run(gone_epoch=gone_epoch, on_taken=partial(self._taken, bot))

    def _taken(self, bot: Bot) -> None:
        """Take note that a session owns the bot from now on; whoever had it before is superseded."""
        for other in self._bots[: self._bots.index(bot)]:
            if other.process not in self.around.door.superseded:
                self.around.door.superseded.add(other.process)
                self.coverage.hit("lease lost while paused")
                if self.around.door.waits_for_answer(other.process):
                    self.coverage.hit("lease lost between send and ack")

    def _died(self, bot: Bot, where: str) -> None:
        around = self.around
        around.durable.refresh()
        self.coverage.hit("crash")
        self.coverage.hit(f"crash {where}")
        if not bot.is_ready:
            self.coverage.hit("crash during recovery")
        for order in around.durable.state.live_orders():
            if order.state is OrderState.PLANNED:
                between = "send and answer" if order.client_id in around.door.signed else "commit and send"
                self.coverage.hit(f"crash between {between}")
        self._forget(bot, self._rng.choice((0.0, 0.3, 5.0, 40.0)))

    def _ended(self, bot: Bot, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._forget(bot, self._rng.choice((0.0, 2.0)))
        elif isinstance(error, NotOwner):
            if bot.process in self.around.door.superseded:
                self.coverage.hit("paused owner could not append")
            elif bot.loop is None:
                self.coverage.hit("successor waited for the lease")
            self._forget(bot, RETRY_S)
            self._retry_beside(bot)
        else:
            self._fail(error)

    def _retry_beside(self, bot: Bot) -> None:
        if bot.loop is None:
            self.loop.later(RETRY_S, self._start_beside)

    def _forget(self, bot: Bot, wait_s: float) -> None:
        bot.process.finish()
        if bot in self._bots:
            self._bots.remove(bot)
        self._starts_at_s = self.loop.time() + wait_s
        if self._changed is not None:
            self._changed.set()
