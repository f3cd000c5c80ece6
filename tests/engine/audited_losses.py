"""The auditor's own loss index: what the bot is worth, what it lost in each window, and what a mark must trip."""

import math
from collections.abc import Mapping
from fractions import Fraction

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    CapitalDeclared,
    Control,
    DayClosed,
    FillBooked,
    FundingBooked,
    FundsBooked,
    Hold,
    LiquidationBooked,
    Listing,
    MarksTaken,
    WatermarkRaised,
)
from tests.engine.audited_books import AuditedBooks
from tests.engine.audited_holds import AuditedHolds
from tests.engine.audited_market import PAR, Market
from tests.engine.breach import require

SLACK = 1e-9
Listings = Mapping[tuple[str, str], Listing]


class AuditedLosses:
    """Values the bot at each mark from the fills alone, and keeps every mark in plain lists."""

    def __init__(self, books: AuditedBooks, holds: AuditedHolds) -> None:
        self.books, self.holds = books, holds
        self.units = self.index = self.day_open = self.peak = self.deepest = 0.0
        self.day_ns, self.minute_ns = -1, 0
        self.equity: float | None = None
        self.marks: list[tuple[int, float]] = []
        self.window: list[tuple[int, float]] = []
        self.highs: dict[tuple[str, str], float] = {}
        self.prices: dict[tuple[str, str], float] = {}
        self.opened: dict[tuple[str, str], int] = {}
        self.off_peg: dict[str, float] = {}
        self.flows = Fraction(0)
        self.fills = 0
        self.day: tuple[Fraction, Fraction, int] = (Fraction(0), Fraction(0), 0)
        self.fees_open: dict[str, Fraction] = {}

    # --- what the facts say -------------------------------------------------------------------------------------------

    def declare(self, fact: CapitalDeclared) -> None:
        """Begin: so much was declared, and one unit of it is worth 1."""
        for venue, cash in fact.cash.items():
            for asset, amount in cash.items():
                self.books.start[venue, asset] = Fraction(amount)
        for one in fact.holdings:
            self.books.held[one.venue, one.instrument] = (Fraction(one.qty), Fraction(one.cost))
            self.opened[one.venue, one.instrument] = fact.at_ns
        self.equity = self.units = fact.equity
        self.index = self.peak = 1.0
        self.day = (Fraction(str(fact.equity)), Fraction(0), 0)

    def mark(self, fact: MarksTaken, market: Market, listings: Listings) -> None:
        """Look at one mark: the minute, every price, the worth, the index and its high points."""
        require("marks", fact.minute_ns % MINUTE_NS == 0, "a mark off the minute")
        require("marks", fact.minute_ns > self.minute_ns, "two marks in one minute")
        require("marks", 0 <= fact.at_ns - fact.minute_ns < MINUTE_NS, "a mark for another minute than its own")
        self.minute_ns = fact.minute_ns
        worth = self.worth(market, listings)
        require("marks", (worth is None) == (fact.equity is None), f"worth {worth}, marked as {fact.equity}")
        self.equity = fact.equity
        self._check_prices(fact, market)
        self._remember_pegs(market, listings)
        if worth is None or fact.equity is None:
            return
        require("marks", close(worth, fact.equity), f"worth {worth}, marked as {fact.equity}")
        self._take_index(fact)
        self._take_highs(fact, market)
        self._expect_trips(fact, market)

    def worth(self, market: Market, listings: Listings) -> float | None:
        """What the bot is worth in a market; None where something it holds has no price."""
        total = 0.0
        for (_, asset), amount in self.books.money().items():
            rate = market.rate(asset) if amount else PAR
            if rate is None:
                return None
            total += float(amount) * rate
        for place, amount in self.books.holdings().items():
            price, rate = market.valued_by(*place), market.rate(listings[place].quote)
            if price is None or rate is None:
                return None
            gained = float(self.books.margined.cost(place)) if ":" in place[1] else 0.0
            total += (float(amount) * price - gained) * rate
        return total if self.units > 0 else None

    def _check_prices(self, fact: MarksTaken, market: Market) -> None:
        held = self.books.holdings()
        for taken in fact.marks:
            price = market.valued_by(taken.venue, taken.instrument)
            require("marks", (taken.venue, taken.instrument) in held, f"{taken.instrument} marked, though none is held")
            self.prices[taken.venue, taken.instrument] = taken.price
            require("marks", price == taken.price, f"{taken.instrument} marked at {taken.price}, it stands at {price}")
        for told in fact.rates:
            own = market.rate(told.asset)
            if own is None and fact.equity is None:  # what was known last is kept until somebody shows the coin again
                own = market.remembered.get(told.asset)
            require("rates", own is not None and close(own, told.rate), f"{told.asset} at {told.rate}, not {own}")

    def _remember_pegs(self, market: Market, listings: Listings) -> None:
        dealt = {asset for (_, asset), amount in self.books.money().items() if amount}
        dealt |= {listings[place].quote for place in self.books.holdings()}
        for coin in dealt & set(market.rules.guardrails.stablecoins):
            rate = market.rate(coin)
            if rate is not None:
                self.off_peg.pop(coin, None)
                self.off_peg |= {} if rate == PAR else {coin: rate}

    def _take_index(self, fact: MarksTaken) -> None:
        index = (fact.equity or 0.0) / self.units
        require("index", close(fact.index, index), f"{fact.index} of {self.units} units worth {fact.equity}")
        day_ns = fact.minute_ns - fact.minute_ns % DAY_NS
        if day_ns != self.day_ns:
            at_midnight = fact.minute_ns == day_ns
            self.day_open = index if at_midnight or self.day_ns < 0 else self.index
            self.day_ns = day_ns
        self.index, self.peak = index, max(self.peak, index)
        self.deepest = max(self.deepest, 1.0 - index / self.peak if self.peak > 0 else 1.0)
        told = (fact.day_ns, fact.day_open, fact.index_peak, fact.drawdown_max)
        mine = (self.day_ns, self.day_open, self.peak, self.deepest)
        require("index", all(close(a, b) for a, b in zip(told, mine, strict=True)), f"told {told}, found {mine}")
        self.marks.append((fact.minute_ns, index))
        self.window.append((fact.minute_ns, index))

    def _take_highs(self, fact: MarksTaken, market: Market) -> None:
        followed = market.rules.risk.trailing_stop is not None
        raised = {(taken.venue, taken.instrument): taken.price for taken in fact.raised}
        for taken in fact.marks if followed else ():
            place = (taken.venue, taken.instrument)
            is_short = self.books.quantity(*place) < 0
            higher = place not in self.highs or (
                taken.price < self.highs[place] if is_short else taken.price > self.highs[place]
            )
            require("watermarks", (place in raised) == higher, f"{place} at {taken.price} of {self.highs.get(place)}")
        self.highs |= raised

    def follow(self, fact: FillBooked) -> None:
        """A height dies with its position: at zero, and where the position turned over."""
        place = (fact.venue, fact.instrument)
        self.fills += 1
        if not fact.qty_after or fact.opened_at_ns != self.opened.get(place, 0):
            self.highs.pop(place, None)
        self.opened[place] = fact.opened_at_ns

    def follow_force(self, fact: LiquidationBooked) -> None:
        """What a venue closed by force is a trade as well."""
        place = (fact.venue, fact.instrument)
        self.fills += 1
        if not fact.qty_after:
            self.highs.pop(place, None)
        self.opened[place] = fact.opened_at_ns

    def raise_mark(self, fact: WatermarkRaised) -> None:
        """A new high between two marks: above the one before."""
        place = (fact.venue, fact.instrument)
        known = self.highs.get(place)
        is_short = self.books.quantity(*place) < 0
        better = known is None or (fact.price < known if is_short else fact.price > known)
        require("watermarks", better and 0 < fact.price < float("inf"), f"{place} raised to {fact.price}")
        self.highs[place] = fact.price

    # --- what was lost ------------------------------------------------------------------------------------------------

    def daily_loss(self) -> float:
        """The share lost since the open of the day; not a number where there was nothing to lose."""
        return 1.0 - self.index / self.day_open if self.day_open > 0 else math.nan

    def fall(self, days: int) -> tuple[float, int]:
        """The fall from the highest mark of so many days, and when that was the mark for the last time."""
        within = [mark for mark in self.marks if mark[0] > self.minute_ns - days * DAY_NS]
        if not within:
            return math.nan, 0
        high = max(index for _, index in within)
        last_ns = max(minute for minute, index in within if index == high)
        return (1.0 - self.index / high if high > 0 else math.nan), last_ns

    def fall_ever(self) -> float:
        """The fall from the highest mark of all."""
        return 1.0 - self.index / self.peak if self.peak > 0 else math.nan

    def window_loss(self, minutes: int) -> float:
        """The loss against the highest mark of the window, or the last one before it."""
        since_ns = self.minute_ns - minutes * MINUTE_NS
        before = [index for minute, index in self.window if minute <= since_ns]
        within = [index for minute, index in self.window if minute > since_ns]
        high = max([*before[-1:], *within])
        return 1.0 - self.index / high if high > 0 else 1.0

    def _expect_trips(self, fact: MarksTaken, market: Market) -> None:
        limits, risk = market.rules.guardrails, market.rules.risk
        may_pause = self.holds.control in (Control.RUNNING, Control.PAUSED)
        if may_pause and self.window_loss(limits.loss_rate_window_min) >= limits.loss_rate_max - SLACK:
            until_ns = fact.at_ns + limits.loss_rate_pause_min * MINUTE_NS
            self.holds.expect(Hold("G2", Control.PAUSED, "", until_ns))
        if self.daily_loss() >= limits.daily_loss_max - SLACK:
            self.holds.expect(Hold("G5", Control.REDUCING, "", self.day_ns + DAY_NS))
        fallen, peak_ns = self.fall(limits.drawdown_window_days)
        if fallen >= limits.drawdown_max - SLACK:
            until_ns = peak_ns + limits.drawdown_window_days * DAY_NS
            self.holds.expect(Hold("G6", Control.REDUCING, "", until_ns))
        if risk.drawdown_max is not None and self.fall_ever() >= risk.drawdown_max - SLACK:
            self.holds.expect(Hold("drawdown_max", Control.REDUCING, ""))

    def forget_window(self) -> None:
        """The loss-rate window begins anew."""
        self.window.clear()

    def rebase(self) -> None:
        """A person looked: the present index is the open of the day and the highest of all."""
        self.day_open = self.peak = self.index
        self.marks = [(self.minute_ns, self.index)]

    # --- money that came or went, and days ----------------------------------------------------------------------------

    def fund(self, fact: FundsBooked, market: Market, listings: Listings) -> None:
        """Money became the bot's own, or no more: units change, the index does not."""
        if fact.external:
            same = fact.units_after == self.units and Fraction(fact.flows_after) == self.flows
            own = self.books.cash(fact.venue, fact.asset)
            require("funds", same and Fraction(fact.cash_after) == own, "somebody else's money changed the bot's own")
            return
        rate = market.rate(fact.asset)
        worth = (rate or PAR) * float(fact.amount)
        equity = self.worth(market, listings)
        require("funds", rate is not None and equity is not None, "funds were booked though something has no price")
        if equity is not None:
            index = (equity + worth) / fact.units_after
            require("funds", close(index, equity / self.units), f"the index went from {equity / self.units} to {index}")
            require("funds", close(fact.equity_after, equity + worth), f"worth {fact.equity_after} afterwards")
            self.equity = None if self.equity is None else equity + worth
        require("funds", close(float(fact.flows_after), float(self.flows) + worth), f"flows {fact.flows_after}")
        self.books.move(fact.venue, fact.asset, Fraction(fact.amount))
        own = self.books.cash(fact.venue, fact.asset)
        covered = own >= 0 or fact.amount > 0
        require(
            "funds", Fraction(fact.cash_after) == own and covered, f"cash {fact.cash_after}, the books say {float(own)}"
        )
        self.units, self.flows = fact.units_after, Fraction(fact.flows_after)

    def pay_funding(self, fact: FundingBooked) -> None:
        """A funding payment changed cash, by just what it is."""
        self.books.margined.fund(fact)
        self.books.move(fact.venue, fact.asset, Fraction(fact.amount))
        own = self.books.cash(fact.venue, fact.asset)
        require("funding", Fraction(fact.cash_after) == own, f"cash {fact.cash_after}, the books say {float(own)}")

    def close_day(self, fact: DayClosed, assets_at_par: bool) -> None:
        """A day adds up to the last digit, and begins where the one before ended."""
        equity_open, flows, fills = self.day
        parts = fact.realised + fact.unrealised - fact.fees + fact.funding + fact.flows + fact.revaluation
        require("day", fact.equity - fact.equity_open == parts, f"{fact.equity} - {fact.equity_open} is not {parts}")
        require("day", Fraction(fact.equity_open) == equity_open, f"opened at {fact.equity_open}, not {equity_open}")
        require("day", Fraction(fact.flows) == self.flows - flows, f"flows {fact.flows}")
        require("day", fact.fills == self.fills - fills, f"{fact.fills} fills of {self.fills - fills}")
        require("day", fact.day_ns % DAY_NS == 0 and fact.at_ns >= fact.day_ns + DAY_NS, "closed before it was over")
        require("day", not assets_at_par or fact.revaluation == 0, f"{fact.revaluation} came from nowhere")
        if assets_at_par:
            paid = self.books.cash_fees("USD") - self.fees_open.get("USD", Fraction(0))
            require("day", Fraction(fact.fees) == paid, f"fees {fact.fees}, the fills say {float(paid)}")
        self.fees_open["USD"] = self.books.cash_fees("USD")
        self.day = (Fraction(fact.equity), self.flows, self.fills)


def close(one: float, other: float) -> bool:
    """Whether two figures are the same but for the noise of floats."""
    return abs(one - other) <= SLACK * max(abs(one), abs(other), 1e-3)
