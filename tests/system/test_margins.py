"""The leverage of perpetuals: set where it differs, read back always, complained of where a venue refuses."""

from __future__ import annotations

from quarterdeck.domain import MarginReading, Retryable
from quarterdeck.market import MarketView
from quarterdeck.system import Margined, Margins

PERP = "BTC-USD:USD"


class Scripted:
    """A venue that says what it is told to say."""

    def __init__(self, leverage: float, refuses: str = "", *, is_down: bool = False) -> None:
        self.leverage = leverage
        self.refuses = refuses
        self.is_down = is_down
        self.asked: list[int] = []

    async def read_margin(self, instrument: str) -> MarginReading:
        if self.is_down:
            raise Retryable("no connection; ask again later")
        return MarginReading("a", instrument, self.leverage, "isolated", 0.0, 0.01)

    async def set_leverage(self, instrument: str, leverage: int) -> str:
        self.asked.append(leverage)
        if not self.refuses:
            self.leverage = float(leverage)
        return self.refuses


async def looked_at(venue: Scripted) -> tuple[MarketView, list[str]]:
    view, complaints = MarketView(["a"]), list[str]()
    ground = Margined({"a": venue}, [("a", PERP)], 3, view, lambda event, text: complaints.append(f"{event}: {text}"))
    await Margins(ground).look_around()
    return view, complaints


async def test_another_leverage_is_set_and_read_back() -> None:
    venue = Scripted(1.0)
    view, complaints = await looked_at(venue)
    (reading,) = view.surroundings((PERP,)).margins
    assert (reading.leverage, reading.maintenance) == (3.0, 0.01)
    assert (venue.asked, complaints) == ([3], [])


async def test_the_same_leverage_is_left_alone() -> None:
    venue = Scripted(3.0)
    view, _ = await looked_at(venue)
    assert venue.asked == []
    assert view.surroundings((PERP,)).margins[0].leverage == 3.0


async def test_what_a_venue_refuses_is_told_and_what_it_keeps_is_read() -> None:
    view, complaints = await looked_at(Scripted(10.0, refuses="position_open: close it first"))
    assert view.surroundings((PERP,)).margins[0].leverage == 10.0
    assert complaints == [
        f"margin: a keeps {PERP} at a leverage of 10, not 3: position_open: close it first",
    ]


async def test_a_silent_venue_is_told_of_and_nothing_is_known_of_it() -> None:
    view, complaints = await looked_at(Scripted(1.0, is_down=True))
    assert view.surroundings((PERP,)).margins == ()
    assert complaints == [f"margin: a {PERP}: no connection; ask again later"]
