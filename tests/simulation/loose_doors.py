"""Bugs of the limits, put in on purpose: guardrails that are not asked, and figures that they go by gone wrong."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Self
from unittest.mock import patch

from msgspec.structs import replace

from quarterdeck.domain import (
    Effect,
    Fact,
    FillBooked,
    FundsAsked,
    FundsBooked,
    GuardrailSettings,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderMoved,
    OrderState,
    RiskSettings,
    SettingsAdopted,
    SettingsAsked,
    Verdicts,
)
from quarterdeck.engine import Moment, State
from quarterdeck.engine.apply import _FOLD
from quarterdeck.engine.changes import book_funds, change_settings
from quarterdeck.engine.decide import _PLAIN, _WITH_MARKET
from quarterdeck.engine.intents import pursue
from quarterdeck.engine.openings import Caps
from quarterdeck.guardrails import RULES, Subject, judge
from quarterdeck.orders import ENDED, Order

Patch = AbstractContextManager[object]
BITS = {rule.id: 1 << rule.bit for rule in RULES}
NO_LIMIT = 1e18


def _without(rule: str) -> Patch:
    """Let the judge say of every order that this rule passed it, whatever it found."""

    def lenient(subject: Subject, limits: GuardrailSettings, risk: RiskSettings) -> Verdicts:
        found = judge(subject, limits, risk)
        return replace(found, failed=found.failed & ~BITS[rule])

    return patch("quarterdeck.engine.intents.judge", lenient)


def _never_clipped(rule: str) -> Patch:
    """Let sizing forget a limit too, which else keeps orders away from it before they are judged."""
    lots = Caps.lots

    def unclipped(self: Caps, worth: float, lot: float) -> tuple[int, str]:
        wide = replace(self, value_max=NO_LIMIT) if rule == "G4" else replace(self, asset_max=NO_LIMIT)
        return lots(wide, worth, lot)

    return patch.object(Caps, "lots", unclipped)


def forget_the_order_value() -> Patch:
    """G4 is gone, from sizing and from the judge."""
    return both(_without("G4"), _never_clipped("G4"))


def forget_the_daily_loss() -> Patch:
    """G5 is not asked: a limit tightened below what is lost already binds at the next mark only."""
    return _without("G5")


def forget_the_concentration() -> Patch:
    """G7 is gone, from sizing and from the judge."""
    return both(_without("G7"), _never_clipped("G7"))


def forget_the_trade_rate() -> Patch:
    """G9 is not asked."""
    return _without("G9")


def forget_the_quantity() -> Patch:
    """E3 is not asked."""
    return _without("E3")


def open_while_unresolved() -> Patch:
    """E7 is not asked."""
    return _without("E7")


def cross_ourselves() -> Patch:
    """E10 is not asked."""
    return _without("E10")


def hold_exits_up() -> Patch:
    """No rule lets exits pass: losses, cooldowns and counts refuse them too."""

    def strict(subject: Subject, limits: GuardrailSettings, risk: RiskSettings) -> Verdicts:
        found = judge(subject, limits, risk)
        return replace(found, failed=found.failed | found.exempt, exempt=0)

    return patch("quarterdeck.engine.intents.judge", strict)


def loosen_for_earlier_intents() -> Patch:
    """A change of settings gives the last refused opening another try."""
    last: dict[str, tuple[Intent, Moment]] = {}

    def remember(state: State, now: Moment, intent: Intent, venue: str | None = None) -> Iterator[Fact]:
        for fact in pursue(state, now, intent, venue):
            if isinstance(fact, IntentRefused) and intent.effect is Effect.OPEN:
                last["intent"] = (intent, now)
            yield fact

    def try_again(state: State, asked: SettingsAsked, at_ns: int) -> Iterator[Fact]:
        adopted = False
        for fact in change_settings(state, asked, at_ns):
            adopted = adopted or isinstance(fact, SettingsAdopted)
            yield fact
        found = last.pop("intent", None)
        if adopted and found is not None:
            intent, now = found
            again = pursue(state, Moment(at_ns, now.surroundings), intent)
            yield from (fact for fact in again if not isinstance(fact, IntentFormed | IntentRefused))

    return both(patch("quarterdeck.engine.cycle.pursue", remember), patch.dict(_PLAIN, {SettingsAsked: try_again}))


def count_deposits_as_profit() -> Patch:
    """Money that flows in leaves the units as they are, so that the index rises."""

    def book(state: State, asked: FundsAsked, now: Moment) -> Iterator[Fact]:
        for fact in book_funds(state, asked, now):
            yield replace(fact, units_after=state.units) if isinstance(fact, FundsBooked) else fact

    return patch.dict(_WITH_MARKET, {FundsAsked: book})


def keep_the_watermark() -> Patch:
    """The highest mark of a position outlives it, and stands above the next one."""
    fold = _FOLD[FillBooked]

    def keep(state: State, fact: FillBooked) -> None:
        high = state.watermarks.get(fact.venue, {}).get(fact.instrument)
        fold(state, fact)
        if high is not None:
            state.watermarks[fact.venue][fact.instrument] = high

    return patch.dict(_FOLD, {FillBooked: keep})


def give_a_trade_back_though_it_traded() -> Patch:
    """Every order that ends gives its trade back, whatever filled of it."""

    def returns(_state: State, order: Order, after: OrderState, _reported_lots: int) -> bool:
        return after in ENDED and order.state not in ENDED

    return patch("quarterdeck.engine.reports._returns_trade", returns)


def give_a_trade_back_twice() -> Patch:
    """A trade that is given back takes the one before it along."""
    fold = _FOLD[OrderMoved]

    def twice(state: State, fact: OrderMoved) -> None:
        fold(state, fact)
        if fact.returns_trade and state.trades:
            state.trades.popitem()

    return patch.dict(_FOLD, {OrderMoved: twice})


class Both(ExitStack):
    """Two patches as one."""

    def __init__(self, *patches: Patch) -> None:
        super().__init__()
        self._patches = patches

    def __enter__(self) -> Self:
        for one in self._patches:
            self.enter_context(one)
        return self


def both(first: Patch, second: Patch) -> Patch:
    """Make one patch of two."""
    return Both(first, second)


LOOSE_DOORS: dict[str, Callable[[], Patch]] = {
    made.__name__: made
    for made in (
        forget_the_order_value,
        forget_the_daily_loss,
        forget_the_concentration,
        forget_the_trade_rate,
        forget_the_quantity,
        open_while_unresolved,
        cross_ourselves,
        hold_exits_up,
        loosen_for_earlier_intents,
        count_deposits_as_profit,
        keep_the_watermark,
        give_a_trade_back_though_it_traded,
        give_a_trade_back_twice,
    )
}
