"""Running a strategy: the window of closed bars of each pair, and the strategy's last word on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Final

from quarterdeck.domain import Action, InputError, SignalGiven
from quarterdeck.market import Bar, BarAnswer, BarWindow, Candles
from quarterdeck.strategies import Strategy, checked, last_signal

DEADLINE_S: Final = 5.0

Complain = Callable[[str], None]


class Opinions:
    """
    One strategy on the pairs of one bot.

    It sees exactly `window_bars` closed bars. A strategy that raises, answers nonsense or is late has no opinion on
    that bar: HOLD, and somebody is told. Off the loop it runs on a thread of its own with a deadline, one at a time,
    and one that hangs does not keep the process from ending; inline, for replays at full speed, it has all the time
    it needs.
    """

    def __init__(
        self, strategy: Strategy, steps: dict[str, float], timeframe_ns: int, complain: Complain, *, inline: bool
    ) -> None:
        """Prepare a window for each pair; `steps` gives the price step of each, in quote."""
        self._strategy = strategy
        self._complain = complain
        self._windows = {
            pair: BarWindow(pair, timeframe_ns, step, strategy.window_bars) for pair, step in steps.items()
        }
        self._inline = inline
        self._late: Future[list[SignalGiven]] | None = None

    def take(self, open_ns: int, pair: str, bar: Bar) -> bool:
        """Add a closed bar to the window of a pair; False, and a complaint, for one that cannot be used."""
        answer = self._windows[pair].append(open_ns, bar)
        if answer is BarAnswer.TAKEN:
            return True
        self._complain(f"{pair}: a bar opened at {open_ns} is not used: {answer.value}")
        return False

    async def ask(self, pairs: Sequence[str]) -> tuple[SignalGiven, ...]:
        """Ask for an opinion on each pair that just closed a bar; pairs whose window is not full yet are on HOLD."""
        asked = [(pair, self._candles(pair)) for pair in pairs]
        if self._inline:
            return tuple(self._judge(asked))
        if self._late is not None and not self._late.done():
            self._complain("the strategy is still busy with an earlier bar; HOLD")
            return tuple(_held(pairs))
        self._late = Future()
        Thread(target=self._think, args=(self._late, asked), name="strategy", daemon=True).start()
        answer = asyncio.wrap_future(self._late)
        try:
            async with asyncio.timeout(DEADLINE_S):
                return tuple(await asyncio.shield(answer))
        except TimeoutError:
            self._complain(f"the strategy took more than {DEADLINE_S} s; HOLD")
            return tuple(_held(pairs))

    def _think(self, answer: Future[list[SignalGiven]], asked: Sequence[tuple[str, Candles | None]]) -> None:
        signals = _held([pair for pair, _ in asked])
        try:
            signals = self._judge(asked)
        finally:  # a strategy may even have asked for the end of its thread
            answer.set_result(signals)

    def _candles(self, pair: str) -> Candles | None:
        window = self._windows[pair]
        return window.candles() if len(window) == self._strategy.window_bars else None

    def _judge(self, asked: Sequence[tuple[str, Candles | None]]) -> list[SignalGiven]:
        return [
            SignalGiven(pair, Action.HOLD, 0.0) if candles is None else self._ask(pair, candles)
            for pair, candles in asked
        ]

    def _ask(self, pair: str, candles: Candles) -> SignalGiven:
        try:
            action, confidence = last_signal(checked(self._strategy.signals(candles), len(candles)))
        except InputError as error:
            self._complain(f"{pair}: the strategy's answer cannot be used: {error}; HOLD")
            return SignalGiven(pair, Action.HOLD, 0.0)
        except Exception as error:  # noqa: BLE001 - a user's strategy may raise anything; it must not stop the bot
            self._complain(f"{pair}: the strategy raised {type(error).__name__}: {error}; HOLD")
            return SignalGiven(pair, Action.HOLD, 0.0)
        return SignalGiven(pair, action, confidence)


def _held(pairs: Sequence[str]) -> list[SignalGiven]:
    return [SignalGiven(pair, Action.HOLD, 0.0) for pair in pairs]
