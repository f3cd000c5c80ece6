"""
An asyncio loop whose time skips to the next timer, and processes in it that can be paused and killed.

A process is a context: every callback that was scheduled from inside it asks the process first. A dead one runs
nothing any more, not even its `finally` blocks, as after SIGKILL; a paused one runs everything when it wakes.
"""

import asyncio
import selectors
import warnings
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

PROCESS: ContextVar["Process | None"] = ContextVar("process", default=None)
JITTER_S = 0.002
T = TypeVar("T")


class Deadlock(AssertionError):
    """Nothing is ready and nothing is scheduled, so nothing will ever happen again."""


class Step:
    """One callback of a process, and the handle by which it may be cancelled even while the process is paused."""

    __slots__ = ("args", "callback", "context", "handle")

    def __init__(self, context: Context | None, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.context = context or copy_context()
        self.callback = callback
        self.args = args
        self.handle: asyncio.Handle | None = None


class _Skipping(selectors.SelectSelector):
    """Waits for nobody: it moves the clock on by the time that the loop wanted to wait."""

    now_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            self.now_ns += max(1, round(timeout * 1e9))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop of one simulated world; `jitter_share` of all callbacks of processes come up to 2 ms late."""

    def __init__(self, rng: Random, jitter_share: float) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        self._rng = rng
        self._jitter_share = jitter_share
        self._world = Context()
        self._graveyard: set[asyncio.Task[Any]] = set()

    def steady_ns(self) -> int:
        """Read the time since the world began, in nanoseconds."""
        return self._skipping.now_ns

    def time(self) -> float:
        """Read the same in seconds, as asyncio wants it."""
        return self._skipping.now_ns / 1e9

    def keep_the_dead(self) -> None:
        """Hold on to every task, so that none that was cut off is swept up and finishes its `finally` after all."""
        self._graveyard |= asyncio.all_tasks(self)

    def bury(self) -> None:
        """End the world and let go of all tasks; none is to complain that it never ended."""
        self.keep_the_dead()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that never even began
            for task in self._graveyard:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
                work = task.get_coro()
                if work is not None:
                    with suppress(RuntimeError):  # of a `finally` that wants to go on: the dead do not
                        work.close()
                del work
            self._graveyard.clear()
        self.close()

    def later(self, delay_s: float, callback: Callable[[], object]) -> None:
        """Let something happen in the world, whoever caused it and whether or not they live to see it."""
        super().call_at(self.time() + delay_s, callback, context=self._world)

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback; one of a process goes by way of the process."""
        process = _process_of(context)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        step = Step(context, callback, args)
        if self._jitter_share and self._rng.random() < self._jitter_share:
            when = self.time() + self._rng.random() * JITTER_S
            step.handle = super().call_at(when, process.run, step, context=step.context)
        else:
            step.handle = super().call_soon(process.run, step, context=step.context)
        return step.handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Schedule a callback for a time; one of a process goes by way of the process."""
        process = _process_of(context)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        step = Step(context, callback, args)
        handle = super().call_at(when, process.run, step, context=step.context)
        step.handle = handle
        return handle

    def run_again(self, process: "Process", step: Step) -> None:
        """Schedule a step that a paused process put off."""
        super().call_soon(process.run, step, context=step.context)


class Process:
    """One simulated operating-system process."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.was_paused = False
        self.on_death: Callable[[str], None] = lambda _where: None
        self._loop = loop
        self._backlog: list[Step] = []
        self._fuse: int | None = None
        self._trap: tuple[str, int, int] | None = None
        self._freeze: tuple[str, Callable[[], None]] | None = None
        self._context = copy_context()
        self._context.run(PROCESS.set, self)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task in this process."""
        return self._loop.create_task(work, context=self._context)

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Hand something to this process from outside, as the network does."""
        if self.alive:
            self._loop.call_soon(callback, *args, context=self._context)

    def run(self, step: Step) -> None:
        """Run one step, unless dead, paused or at the end of the fuse."""
        if not self.alive or (step.handle is not None and step.handle.cancelled()):
            return
        if self.paused:
            self._backlog.append(step)
            return
        if self._fuse is not None:
            if self._fuse == 0:
                self.die("a step")
                return
            self._fuse -= 1
        step.callback(*step.args)

    def crash_after(self, steps: int) -> None:
        """Light a fuse: so many steps are left."""
        self._fuse = steps

    def crash_at(self, point: str, visits: int, steps: int) -> None:
        """Set a trap: at the n-th visit of a named point, a fuse of so many steps is lit; 0 dies right there."""
        self._trap = (point, visits, steps)

    def freeze_at(self, point: str, freeze: Callable[[], None]) -> None:
        """Call something at the next visit of a named point; "a step" is now."""
        if point == "a step":
            freeze()
        else:
            self._freeze = (point, freeze)

    def disarm(self) -> None:
        """Take every fuse and trap away."""
        self._fuse = self._trap = self._freeze = None

    async def pass_by(self, point: str) -> None:
        """Pass a named point of the program, where a crash or a pause may have been prepared."""
        if self._freeze is not None and self._freeze[0] == point:
            freeze, self._freeze = self._freeze[1], None
            freeze()
            await asyncio.sleep(0)
        if self._trap is not None and self._trap[0] == point:
            _, visits, steps = self._trap
            self._trap = (point, visits - 1, steps) if visits > 1 else None
            if self._trap is None and steps:
                self._fuse = steps
            elif self._trap is None:
                await self.end_at(point)

    def springs(self, point: str) -> bool:
        """Tell whether a trap at a named point is to spring now; its keeper sees to the rest."""
        if self._trap is None or self._trap[0] != point:
            return False
        _, visits, steps = self._trap
        self._trap = (point, visits - 1, steps) if visits > 1 else None
        return self._trap is None

    async def end_at(self, point: str) -> None:
        """Die at a named point, and never come back from there."""
        self.die(point)
        await self._loop.create_future()

    def die(self, where: str) -> None:
        """End as after SIGKILL."""
        if self.alive:
            self.finish()
            self.on_death(where)

    def pause(self) -> None:
        """Stop as after SIGSTOP."""
        self.paused = self.was_paused = True

    def wake(self) -> None:
        """Go on as after SIGCONT: everything that came in meanwhile runs now, in order."""
        self.paused = False
        backlog, self._backlog = self._backlog, []
        for step in backlog:
            self._loop.run_again(self, step)

    def finish(self) -> None:
        """End: nothing runs any more."""
        self.alive = False
        self._loop.keep_the_dead()
        self._backlog.clear()


def _process_of(context: Context | None) -> Process | None:
    held: Mapping[ContextVar[Any], Any] | None = context
    return PROCESS.get() if held is None else held.get(PROCESS)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("the coroutine waited for something")
