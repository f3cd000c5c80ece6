"""What the rows of a journal must hold beyond the auditor's rules: of limits, of exits, and of other people's money."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from quarterdeck.domain import (
    SECOND_NS,
    ZERO,
    BalanceDiffered,
    Control,
    Effect,
    Fact,
    FundsBooked,
    Input,
    Intent,
    IntentFormed,
    IntentRefused,
    OrderPlanned,
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
# What an exit may be refused for: the kill, a halt, what no venue would take, a price out of hand, a doubled order.
BIND_EXITS = frozenset({"G1", "G2", "G3", "G10", "E1", "E2", "E3", "E6", "E10"})
REFUSES = {rule.id: rule.refuses for rule in RULES}


class Promises:
    """Looks at each row after it was folded."""

    def __init__(self, coverage: Coverage) -> None:
        self.moves: Moves = lambda _venue, _asset: []
        self.flows: dict[Place, Decimal] = {}
        self._unlike: dict[Place, Decimal] = {}
        self._beside: dict[Place, Decimal] = {}
        self._intents: dict[str, Intent] = {}
        self._coverage = coverage

    def take(self, news: Input, facts: Sequence[Fact], state: State) -> None:
        """
        Look at one input and its facts; `state` is the one after them.

        Raises:
            Breach: If a promise is broken.
        """
        formed: dict[str, Intent] = {}
        for fact in facts:
            if isinstance(fact, IntentFormed):
                require(fact.intent.id not in self._intents, "I12", f"{fact.intent.id} was formed twice")
                formed[fact.intent.id] = self._intents[fact.intent.id] = fact.intent
            elif isinstance(fact, OrderPlanned):
                # An intent is judged at one instant: what is loosened afterwards reaches none that came before.
                require(fact.intent_id in formed, "I12", f"{fact.client_id} is planned for an intent of another row")
            elif isinstance(fact, IntentRefused):
                self._refused(fact, news, state)
            elif isinstance(fact, BalanceDiffered):
                self._differed(fact)
            elif isinstance(fact, FundsBooked):
                self._funded(fact)

    def unseen(self, venue: str, asset: str) -> Decimal:
        """Give what other people did with an asset of an account beyond what the bot has taken note of."""
        return subtract(sum(self.moves(venue, asset), ZERO), self._unlike.get((venue, asset), ZERO))

    def _refused(self, fact: IntentRefused, news: Input, state: State) -> None:
        for rule in fact.failed:
            self._coverage.hit(f"refused by {rule}")
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

    def _differed(self, fact: BalanceDiffered) -> None:
        place = (fact.venue, fact.asset)
        self._explain(place, subtract(fact.actual, fact.expected))
        self._beside[place] = fact.baseline
        if not fact.explained:
            self._coverage.hit("money of others seen")

    def _funded(self, fact: FundsBooked) -> None:
        place = (fact.venue, fact.asset)
        own = ZERO if fact.external else fact.amount
        self.flows[place] = add(self.flows.get(place, ZERO), own)
        self._explain(place, add(own, subtract(fact.baseline_after, self._beside.get(place, ZERO))))
        self._beside[place] = fact.baseline_after
        if fact.external:
            self._coverage.hit("money of others explained")
        else:
            self._coverage.hit("deposit booked" if own > 0 else "withdrawal booked")

    def _explain(self, place: Place, more: Decimal) -> None:
        """I18: an account differs from the books by what other people did there, and by nothing else."""
        self._unlike[place] = unlike = add(self._unlike.get(place, ZERO), more)
        possible = {ZERO}
        for amount in self.moves(*place):
            possible |= {add(known, amount) for known in possible}
        require(unlike in possible, "I18", f"{place} differs by {unlike}, and others did {self.moves(*place)}")


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
                    _check_verdict(fact.client_id, verdict)


def _check_verdict(client_id: str, verdict: Verdict) -> None:
    value, limit = verdict.value, verdict.limit
    require(verdict.passed and value is not None and limit is not None, "I10", f"{client_id}: {verdict}")
    assert value is not None
    assert limit is not None
    slack = SLACK * max(1.0, abs(limit))
    within = {
        Refuses.ABOVE: value <= limit + slack,
        Refuses.REACHED: value < limit,
        Refuses.BELOW: value >= limit - slack,
        Refuses.ANY: value == 0.0,
    }[REFUSES[verdict.id]]
    require(within, "I10", f"{client_id}: {verdict.id} saw {value} against {limit}")
