"""What the rows of a journal must hold beyond the auditor's rules: of limits, of exits, and of other people's money."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    ZERO,
    AlertRaised,
    BalanceDiffered,
    CapitalDeclared,
    CommandAnswered,
    Control,
    CycleRan,
    Effect,
    Fact,
    FillBooked,
    FundingBooked,
    FundsBooked,
    Input,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderPlanned,
    SessionOpened,
    add,
    subtract,
)
from quarterdeck.engine import State
from quarterdeck.guardrails import RULES, Refuses, Verdict, unpack
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage

Moves = Callable[[str, str], list[Decimal]]
Place = tuple[str, str]

SLACK = 1e-9
LATE_NS_MAX = 20 * SECOND_NS
# What an exit may be refused for: the kill, a halt, what no venue would take, a price out of hand, a doubled order.
BIND_EXITS = frozenset({"G1", "G2", "G3", "G10", "E1", "E2", "E3", "E6", "E10"})
REFUSES = {rule.id: rule.refuses for rule in RULES}


class Row(NamedTuple):
    """One input with its facts, the state after them, and the intents that were formed in it so far."""

    news: Input
    facts: Sequence[Fact]
    state: State
    formed: set[str]


class Promises:
    """Looks at each row after it was folded."""

    def __init__(self, coverage: Coverage) -> None:
        self.moves: Moves = lambda _venue, _asset: []
        self.began: dict[Place, Decimal] = {}
        self.flows: dict[Place, Decimal] = {}
        self.funding: dict[Place, Decimal] = {}
        self._unlike: dict[Place, Decimal] = {}
        self._beside: dict[Place, Decimal] = {}
        self._intents: dict[str, Intent] = {}
        self._answered: dict[str, str] = {}
        self.wakes_ns: list[int] = []
        self._coverage = coverage
        self._handlers: dict[type[Any], Callable[[Any, Row], None]] = {
            BalanceDiffered: self._differed,
            CapitalDeclared: self._declared,
            CommandAnswered: self._answered_now,
            CycleRan: self._ran,
            FillBooked: self._filled,
            FundingBooked: self._paid,
            FundsBooked: self._funded,
            IntentFormed: self._formed,
            IntentRefused: self._refused,
            OrderPlanned: self._planned,
            SessionOpened: self._opened,
        }

    def take(self, news: Input, facts: Sequence[Fact], state: State) -> None:
        """
        Look at one input and its facts; `state` is the one after them.

        Raises:
            Breach: If a promise is broken.
        """
        row = Row(news, facts, state, set())
        for fact in facts:
            handler = self._handlers.get(type(fact))
            if handler is not None:
                handler(fact, row)

    def _formed(self, fact: IntentFormed, row: Row) -> None:
        require(fact.intent.id not in self._intents, "I12", f"{fact.intent.id} was formed twice")
        self._intents[fact.intent.id] = fact.intent
        row.formed.add(fact.intent.id)

    def _planned(self, fact: OrderPlanned, row: Row) -> None:
        """I12: an opening is judged when it is wanted, so that what is loosened afterwards reaches none before."""
        waited = fact.effect is Effect.REDUCE and fact.intent_id in self._intents
        if waited and fact.intent_id not in row.formed:
            self._coverage.hit("exit that waited for its goods")
        require(
            waited or fact.intent_id in row.formed, "I12", f"{fact.client_id} is planned for an intent of another row"
        )

    def _opened(self, fact: SessionOpened, _row: Row) -> None:
        self.wakes_ns.append(fact.at_ns)

    def _paid(self, fact: FundingBooked, _row: Row) -> None:
        place = (fact.venue, fact.asset)
        self.funding[place] = add(self.funding.get(place, ZERO), fact.amount)

    def _answered_now(self, fact: CommandAnswered, _row: Row) -> None:
        self._answers(fact.key, fact.outcome)

    def woke(self, at_ns: int) -> None:
        """Take note that the process of this bot went on after a pause, at an instant of its clock."""
        self.wakes_ns.append(at_ns)

    def _ran(self, fact: CycleRan, _row: Row) -> None:
        """I34: a bar is worked through in time, whatever else fails, unless nobody was awake to do it."""
        closed_ns = fact.bar_ns + MINUTE_NS
        late_ns = fact.at_ns - closed_ns
        asleep = any(closed_ns <= at_ns + LATE_NS_MAX for at_ns in self.wakes_ns[-3:])
        late_s = late_ns / SECOND_NS
        require(asleep or late_ns <= LATE_NS_MAX, "I34", f"the bar that closed at {closed_ns} waited {late_s:.1f} s")

    def _filled(self, fact: FillBooked, row: Row) -> None:
        """I7: no order fills beyond its quantity, unless the venue overfilled it and a person is told."""
        order = row.state.orders[fact.client_id]
        told = any(isinstance(one, AlertRaised) and fact.client_id in one.text for one in row.facts)
        beyond = fact.booked_lots_after > order.qty_lots
        self._coverage.hit("overfilled", int(beyond))
        what = f"{fact.client_id} filled {fact.booked_lots_after} of {order.qty_lots} lots"
        require(told or not beyond, "I7", what)

    def _declared(self, fact: CapitalDeclared, row: Row) -> None:
        for venue, assets in fact.cash.items():
            for asset, amount in assets.items():
                self.began[venue, asset] = add(self.began.get((venue, asset), ZERO), amount)
        for held in fact.holdings:
            place = (held.venue, row.state.grids[held.venue][held.instrument].listing.base)
            self.began[place] = add(self.began.get(place, ZERO), held.qty)
            self._coverage.hit("began with holdings")

    def _answers(self, key: str, outcome: str) -> None:
        """I31: a request is answered once, and durably; whoever asks again hears the same."""
        before = self._answered.setdefault(key, outcome)
        require(before is outcome, "I31", f"{key} was answered {before!r}, and then {outcome!r}")

    def unseen(self, venue: str, asset: str) -> Decimal:
        """Give what other people did with an asset of an account beyond what the bot has taken note of."""
        return subtract(sum(self.moves(venue, asset), ZERO), self._unlike.get((venue, asset), ZERO))

    def _refused(self, fact: IntentRefused, row: Row) -> None:
        for rule in fact.failed:
            self._coverage.hit(f"refused by {rule}")
        news, state = row.news, row.state
        settings = state.settings
        if self._intents[fact.intent_id].effect is not Effect.REDUCE or settings is None:
            return
        self._coverage.hit(f"exit refused at {fact.stage}")
        if fact.stage == "route" and "no fresh price" in fact.reason:
            self._check_no_price(fact, news, state)
        if fact.stage != "guardrails" or settings.guardrails.strict_exits:
            return
        blocked = set(fact.failed) - BIND_EXITS
        require(not blocked, "I14", f"the exit {fact.intent_id} is refused by {blocked}: {fact.reason}")
        halted = state.control is Control.HALTED or "G2" not in fact.failed
        require(halted, "I14", f"the exit {fact.intent_id} is refused though the bot is only {state.control}")

    def _check_no_price(self, fact: IntentRefused, news: Input, state: State) -> None:
        """An exit waits for no price but that of a venue which shows none of the last minutes."""
        shown = getattr(news, "surroundings", None)
        settings = state.settings
        assert settings is not None
        assert shown is not None
        age_ns_max = max(settings.guardrails.data_age_exit_max_s * SECOND_NS, settings.price_age_ns_max)
        at_ns = max(news.at_ns, fact.at_ns)
        for quote in shown.quotes:
            usable = quote.venue not in shown.venues_down and at_ns - quote.at_ns <= age_ns_max
            if f"{quote.venue} has no fresh price" in fact.reason and usable:
                known = state.grids.get(quote.venue, {}).get(quote.instrument)
                same = known is not None and known.listing.pair_id == fact.instrument
                require(not same, "I14", f"{fact.intent_id}: {fact.reason}, yet {quote} is there")

    def _differed(self, fact: BalanceDiffered, _row: Row) -> None:
        place = (fact.venue, fact.asset)
        self._explain(place, subtract(fact.actual, fact.expected))
        self._beside[place] = fact.baseline
        if not fact.explained:
            self._coverage.hit("money of others seen")

    def _funded(self, fact: FundsBooked, _row: Row) -> None:
        self._answers(fact.key, "done")
        place = (fact.venue, fact.asset)
        own = ZERO if fact.external else fact.amount
        self.flows[place] = add(self.flows.get(place, ZERO), own)
        # What came before it, by unknown orders or by others, may be unseen yet: the next comparison tells.
        more = add(own, subtract(fact.baseline_after, self._beside.get(place, ZERO)))
        self._unlike[place] = add(self._unlike.get(place, ZERO), more)
        self._beside[place] = fact.baseline_after
        if fact.external:
            self._coverage.hit("money of others explained")
        else:
            self._coverage.hit("deposit booked" if own > 0 else "withdrawal booked")

    def _explain(self, place: Place, more: Decimal) -> None:
        """I18: an account differs from the books by what other people did there, in order, and by nothing else."""
        self._unlike[place] = unlike = add(self._unlike.get(place, ZERO), more)
        known = accumulate(self.moves(*place), add, initial=ZERO)
        what = f"{place} differs by {unlike}, others did {self.moves(*place)}"
        require(unlike in known, "I18", what)


def check_verdicts(facts: Sequence[Fact]) -> None:
    """
    Hold every number that a guardrail looked at against its limit, unless exits are exempt from that rule.

    Raises:
        Breach: If an order was planned beyond one.
    """
    for fact in facts:
        if isinstance(fact, OrderPlanned):
            for verdict in unpack(fact.verdicts):
                if not verdict.exempt:
                    _check_verdict(fact, verdict)


def _check_verdict(fact: OrderPlanned, verdict: Verdict) -> None:
    value, limit = verdict.value, verdict.limit
    told = value is not None and limit is not None and not math.isnan(value) and not math.isnan(limit)
    require(told or fact.effect is not Effect.OPEN, "I11", f"{fact.client_id} opens, and {verdict} could not be told")
    require(verdict.passed and told, "I10", f"{fact.client_id} was planned, and {verdict} refused")
    assert value is not None
    assert limit is not None
    slack = SLACK * max(1.0, abs(limit))
    within = {
        Refuses.ABOVE: value <= limit + slack,
        Refuses.REACHED: value < limit,
        Refuses.BELOW: value >= limit - slack,
        Refuses.ANY: value == 0.0,
    }[REFUSES[verdict.id]]
    require(within, "I10", f"{fact.client_id}: {verdict.id} saw {value} against {limit}")
