import threading

import numpy as np
import pytest

from quarterdeck.domain import Action, SignalGiven
from quarterdeck.market import Bar, Candles
from quarterdeck.strategies import Signals, Strategy
from quarterdeck.system import Opinions

MINUTE = 60_000_000_000
PAIR = "BTC-USD"


class Scripted(Strategy):
    """Does what a test tells it to."""

    window_bars = 2

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[int] = []

    def signals(self, candles: Candles) -> Signals:
        self.seen.append(len(candles))
        if callable(self.answer):
            return self.answer(candles)  # type: ignore[no-any-return]  # a test may return nonsense on purpose
        raise TypeError(str(self.answer))


def buys(candles: Candles) -> Signals:
    return Signals(np.ones(len(candles), dtype=np.int8))


def bar(price: float = 100.0) -> Bar:
    return Bar("a", PAIR, price, price, price, price, 1.0)


def opened(strategy: Strategy, complaints: list[str], *, inline: bool = True) -> Opinions:
    opinions = Opinions(strategy, {PAIR: 0.01}, MINUTE, complaints.append, inline=inline)
    for number in range(2):
        assert opinions.take(number * MINUTE, PAIR, bar())
    return opinions


@pytest.mark.parametrize("inline", [True, False])
async def test_a_strategy_sees_exactly_its_window(inline: bool) -> None:
    strategy, complaints = Scripted(buys), []  # type: ignore[var-annotated]  # a list of complaints
    opinions = opened(strategy, complaints, inline=inline)
    opinions.take(2 * MINUTE, PAIR, bar())
    assert await opinions.ask([PAIR]) == (SignalGiven(PAIR, Action.BUY, 1.0),)
    assert strategy.seen == [2]
    assert complaints == []


async def test_before_the_window_is_full_it_is_not_asked() -> None:
    strategy = Scripted(buys)
    opinions = Opinions(strategy, {PAIR: 0.01}, MINUTE, print, inline=True)
    opinions.take(0, PAIR, bar())
    assert await opinions.ask([PAIR]) == (SignalGiven(PAIR, Action.HOLD, 0.0),)
    assert strategy.seen == []


def wrong_length(candles: Candles) -> Signals:
    return Signals(np.ones(len(candles) + 1, dtype=np.int8))


def not_finite(candles: Candles) -> Signals:
    return Signals(np.ones(len(candles), dtype=np.int8), np.full(len(candles), np.nan))


def unheard_of(candles: Candles) -> Signals:
    return Signals(np.full(len(candles), 7, dtype=np.int8))


def fails(_: Candles) -> Signals:
    raise ZeroDivisionError("in somebody's strategy")


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("answer", [wrong_length, not_finite, unheard_of, fails, lambda _: None, "raises"])
async def test_a_strategy_that_raises_or_talks_nonsense_holds_and_somebody_is_told(
    answer: object, inline: bool
) -> None:
    complaints: list[str] = []
    opinions = opened(Scripted(answer), complaints, inline=inline)
    assert await opinions.ask([PAIR]) == (SignalGiven(PAIR, Action.HOLD, 0.0),)
    assert len(complaints) == 1
    assert "HOLD" in complaints[0]


async def test_a_late_strategy_holds_and_is_not_asked_again_before_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quarterdeck.system.opinions.DEADLINE_S", 0.02)
    complaints: list[str] = []
    done, begun = threading.Event(), threading.Event()

    def slow(candles: Candles) -> Signals:
        begun.set()
        done.wait(10.0)
        return buys(candles)

    strategy = Scripted(slow)
    opinions = opened(strategy, complaints, inline=False)
    hold = (SignalGiven(PAIR, Action.HOLD, 0.0),)
    assert await opinions.ask([PAIR]) == hold
    assert begun.is_set()
    assert await opinions.ask([PAIR]) == hold
    assert [text.split(" ")[2] for text in complaints] == ["took", "is"]
    assert len(strategy.seen) == 1
    done.set()


def test_a_bar_that_cannot_be_used_is_complained_of() -> None:
    complaints: list[str] = []
    opinions = opened(Scripted(buys), complaints)
    assert not opinions.take(MINUTE, PAIR, bar())
    assert not opinions.take(2 * MINUTE, PAIR, bar(float("nan")))
    assert opinions.take(3 * MINUTE, PAIR, bar())
    assert len(complaints) == 2
