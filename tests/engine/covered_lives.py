"""A random life on venues that take stop orders: they awake, end, get lost, and stand in the way of exits."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from quarterdeck.domain import (
    BotSettings,
    CancelState,
    Control,
    Evidence,
    ListingsReported,
    OrderState,
    RiskSettings,
    SettingsAsked,
)
from quarterdeck.engine import protected_by, protection_due, sellable_lots
from quarterdeck.engine.cover import stop_wished
from quarterdeck.orders import ENDED, Order
from tests.engine.driving import BTC, ETH
from tests.engine.lives import Life
from tests.engine.scenes import change

RISKS = (
    RiskSettings(stop_loss=0.02),
    RiskSettings(stop_loss=0.05, take_profit=0.03),
    RiskSettings(stop_loss=0.03, trailing_stop=0.02),
)


class CoveredLife(Life):
    """A life in which venues hold stop orders; nothing that is owned may ever be sold twice."""

    def settings(self) -> BotSettings:
        """As in every life, but with a fixed stop, and both venues or one that take stop orders."""
        plain = super().settings()
        takes = self.rng.choice(["ab", "ab", "a"])
        venues = tuple(msgspec.structs.replace(one, stops=one.name in takes) for one in plain.venues)
        return msgspec.structs.replace(plain, venues=venues, risk=self.rng.choice(RISKS))

    def daily(self) -> dict[Callable[[Any], None], float]:
        """Venues answer about stop orders and cancels, and the bot is woken more often than not."""
        return super().daily() | {
            CoveredLife.wake_now: 12,
            CoveredLife.take_stop: 6,
            CoveredLife.confirm_cancel: 5,
            CoveredLife.awake_stop: 1,
            CoveredLife.end_stop: 0.7,
            CoveredLife.change_risk: 0.3,
        }

    def check(self) -> None:
        """Besides what every life checks: no position has two stop orders that are to stay."""
        super().check()
        staying: Counter[tuple[str, str]] = Counter()
        for order in self.stops():
            if order.cancel is CancelState.NONE and not order.cancel_reason and not order.came_back:
                staying[order.venue, order.instrument] += 1
        assert all(count == 1 for count in staying.values()), f"I8: {staying}"

    def stops(self) -> list[Order]:
        """The stop orders that have not ended."""
        return [one for one in self.bot.state.live_orders() if one.is_protective and one.state not in ENDED]

    # --- what happens -------------------------------------------------------------------------------------------------

    def wake_now(self) -> None:
        """Wake the bot: what was due about protection is done in a step or two, and then nothing is due at once."""
        self.bot.wake()
        self.bot.wake()
        assert protection_due(self.bot.state) > self.bot.state.at_ns

    def take_stop(self) -> None:
        for order in self.stops():
            if order.state is OrderState.PLANNED:
                self.bot.report(order, Evidence.ACKNOWLEDGED)

    def confirm_cancel(self) -> None:
        for order in self.bot.state.live_orders():
            if order.cancel is not CancelState.NONE:
                self.bot.report(order, Evidence.CANCELLED)

    def awake_stop(self) -> None:
        stops = self.stops()
        if stops:
            order = self.rng.choice(stops)
            self._fill(order, max(int(order.unbooked_lots * self.rng.choice([0.1, 0.5, 1.0])), 1), "QUOTE")

    def end_stop(self) -> None:
        stops = self.stops()
        if stops:
            ending = self.rng.choice([Evidence.EXPIRED, Evidence.REJECTED, Evidence.CANCELLED, Evidence.AMBIGUOUS])
            self.bot.report(self.rng.choice(stops), ending)

    def change_risk(self) -> None:
        present = self.bot.state.settings
        assert present is not None
        wanted = msgspec.structs.replace(present, risk=self.rng.choice([*RISKS, RiskSettings()]))
        self.bot.take(SettingsAsked(self.bot.at_ns, f"risk-{self.rng.randrange(10**6)}", "tester", wanted, ()))
        self.bot.settings = wanted

    # --- the end of it ------------------------------------------------------------------------------------------------

    def heal(self, rounds: int = 60) -> None:
        """Let every fault be over, and every venue answer what it is asked, until nothing changes any more."""
        self.find_quotes()
        self.bot.peg = 1.0
        self._list_well()
        change(self.bot, strict_exits=False, collar_exit_max=0.08)  # the literal reading binds stop orders as well
        for _ in range(rounds):
            if self.bot.state.control is not Control.RUNNING:
                self.resume()
            self._answer_all()
            self.bot.later(self.rng.choice([0.5, 1.1, 5.0]))
            self.bot.wake()
            self.follow()
            self.check()

    def enter_once_more(self) -> None:
        """Buy again where it is allowed, so that there is something to cover."""
        self.bot.later(400)
        self.bot.wake()
        for pair in (BTC, ETH):
            self.bot.buy(pair)
            self.bot.later(61)
        self.heal(30)

    def _list_well(self) -> None:
        for venue, known in self.bot.state.grids.items():
            listed = tuple(msgspec.structs.replace(grid.listing, tradable=True) for grid in known.values())
            self.bot.take(ListingsReported(self.bot.at_ns, venue, listed))

    def _answer_all(self) -> None:
        for venue in "ab":
            if venue in self.bot.state.reconciling:
                self.bot.account(venue, **self.bot.explained(venue))
        for order in self.bot.state.live_orders():
            if order.state in ENDED:
                continue  # reported lots that were never booked are inferred in time
            if order.cancel is not CancelState.NONE or order.cancel_reason or order.reported_lots > order.booked_lots:
                self.bot.report(order, Evidence.CANCELLED)
            elif order.is_protective:
                self.bot.report(order, Evidence.ACKNOWLEDGED)
            else:
                self._fill(order, order.unbooked_lots, "QUOTE")

    def look_at_cover(self) -> None:
        """Every position that should have a stop order has one, over all of it, and nothing waits."""
        state = self.bot.state
        if state.equity is not None and state.equity <= 0.0:
            return  # overfilled into ruin: E3 lets it sell one lot at a time, which its venue does not take
        assert state.naked == {}
        assert state.deferred == {}
        for venue, held in state.positions.items():
            for instrument in held:
                grid = state.grids[venue][instrument]
                stop = stop_wished(state, grid)
                if stop is not None and stop.is_placeable:
                    self.seen["covered at the end"] += 1
                    assert protected_by(state, venue, instrument) == "venue", (venue, instrument)
                    (order,) = [one for one in self.stops() if (one.venue, one.instrument) == (venue, instrument)]
                    assert order.reported_lots or order.qty_lots == sellable_lots(state, grid)
