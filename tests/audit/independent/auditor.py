"""The auditor: takes exported lines in order, keeps its own picture of the bot, and says where the two disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tests.audit.independent import records as r
from tests.audit.independent.books import Holding
from tests.audit.independent.days import check_day, check_sums, closed
from tests.audit.independent.lines import Chain, read_lines
from tests.audit.independent.market import NOTHING, Market, number
from tests.audit.independent.problem import Problem
from tests.audit.independent.shape import check_shape
from tests.audit.independent.verdicts import check_verdicts, failed_names
from tests.audit.independent.world import World, cases_of

PROBLEMS_MAX: Final = 1_000


class Report(Struct):
    """
    What an audit came to.

    `planned` counts orders by venue, `refused` refusals by rule, `judged` the orders whose verdicts were asked anew.
    """

    rows: int
    marks: int
    days: int
    judged: int
    planned: dict[str, int]
    refused: dict[str, int]
    problems: list[str]


class Auditor:
    """Follows one bot's journal; `problems` is empty where nothing is wrong."""

    def __init__(self, *, chained: bool = True) -> None:
        self.world = World()
        self.problems: list[Problem] = []
        self.rows = 0
        self.planned: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.judged = 0
        self.marks = 0
        self.days = 0
        self._chain = Chain() if chained else None
        self._seq = 0
        self._payload: r.Plain = {}
        self._was_at_par = True
        self._handlers: dict[str, Callable[[r.Plain], None]] = {
            "SessionOpened": self._session_opened,
            "SessionClosed": self._session_closed,
            "SettingsAdopted": self._settings_adopted,
            "ListingsAdopted": self._listings_adopted,
            "CapitalDeclared": self._capital_declared,
            "AccountReconciled": self._account_reconciled,
            "ClockHeld": self._clock_held,
            "CommandAnswered": self._answered,
            "MarksTaken": self._marks_taken,
            "DayClosed": self._day_closed,
            "FundsBooked": self._funds_booked,
            "FundingBooked": self._funding_booked,
            "IntentFormed": self._intent_formed,
            "IntentRefused": self._intent_refused,
            "OrderPlanned": self._order_planned,
            "OrderMoved": self._order_moved,
            "FillBooked": self._fill_booked,
            "OrdersRetired": self._orders_retired,
            "BalanceDiffered": self._balance_differed,
            "LiquidationBooked": self._liquidation_booked,
            "ControlChanged": self._control_changed,
        }

    def take(self, line: r.Line) -> None:
        """Take the next row: its chain, then each of its facts in turn."""
        if self._chain is not None:
            self._note(self._chain.take(line))
        self._seq, self._payload = line.seq, line.payload
        self.rows += 1
        self._hear(line)
        for fact in line.facts:
            self._take_fact(fact)
        if line.facts and self.world.settings is not None:
            self._note(self.world.levels.after_row(line.seq, int(line.facts[-1]["at_ns"])))

    def take_all(self, lines: Iterable[bytes]) -> Auditor:
        """Take every exported line."""
        for line in read_lines(lines):
            self.take(line)
        return self

    def report(self) -> Report:
        """Sum up."""
        return Report(
            rows=self.rows,
            marks=self.marks,
            days=self.days,
            judged=self.judged,
            planned=dict(self.planned),
            refused=dict(self.refused),
            problems=[str(problem) for problem in self.problems],
        )

    def _hear(self, line: r.Line) -> None:
        """Note what the input itself says, before the facts say what it led to."""
        self.world.market = None
        if line.kind == "Started":
            self.world.levels.start(int(line.payload["kill_epoch"]))
        elif line.kind == "ControlAsked":
            was_answered = line.payload["key"] in self.world.answered
            self.world.levels.command(line.payload, was_answered=was_answered)

    def _take_fact(self, fact: r.Plain) -> None:
        if self.world.market is None and self.world.settings is not None:
            shown = self._payload.get("surroundings")
            surroundings = NOTHING if shown is None else r.read(shown, r.Surroundings)
            self.world.market = Market(surroundings, int(fact["at_ns"]), self.world.settings, self.world.fallen)
        handler = self._handlers.get(str(fact["kind"]))
        if handler is not None:
            handler(fact)

    def _note(self, problems: Iterable[Problem]) -> None:
        self.problems += problems
        if len(self.problems) > PROBLEMS_MAX:
            raise LookupError(f"more than {PROBLEMS_MAX} problems; the first is {self.problems[0]}")

    # --- sessions and settings ----------------------------------------------------------------------------------------

    def _session_opened(self, _fact: r.Plain) -> None:
        self.world.reconciling = {venue.name for venue in self.world.bot.venues}
        self.world.stopped = False

    def _session_closed(self, _fact: r.Plain) -> None:
        self.world.stopped = True

    def _settings_adopted(self, fact: r.Plain) -> None:
        settings = r.read(fact, r.SettingsAdopted).settings
        self.world.settings = settings
        self.world.market = None
        self._list(settings.listings)

    def _listings_adopted(self, fact: r.Plain) -> None:
        self._list(r.read(fact, r.ListingsAdopted).listings)

    def _list(self, listings: Iterable[r.Listing]) -> None:
        self.world.books.listings |= {(one.venue, one.instrument): one for one in listings}

    def _capital_declared(self, plain: r.Plain) -> None:
        fact = r.read(plain, r.CapitalDeclared)
        self.world.figures.declare(fact)
        for venue, cash in fact.cash.items():
            for asset, amount in cash.items():
                self.world.books.cash[venue, asset] = amount
        for one in fact.holdings:
            self.world.books.held[one.venue, one.instrument] = Holding(qty=one.qty, cost=one.cost)

    def _account_reconciled(self, fact: r.Plain) -> None:
        self.world.reconciling.discard(str(fact["venue"]))

    def _clock_held(self, fact: r.Plain) -> None:
        self.world.steady_at_ns = int(fact["steady_at_ns"])

    def _answered(self, fact: r.Plain) -> None:
        self.world.answered.add(str(fact["key"]))

    # --- money --------------------------------------------------------------------------------------------------------

    def _marks_taken(self, plain: r.Plain) -> None:
        fact, world = r.read(plain, r.MarksTaken), self.world
        self.marks += 1
        equity = world.equity_at_market()
        self._note(world.figures.mark(self._seq, fact, equity, world.limits))
        self._note(world.check_rates(self._seq, fact))
        world.fallen = world.coins_off_peg()
        world.mark_rates = {rate.asset: number(rate.rate) for rate in fact.rates}
        if equity is not None:
            world.levels.mark(fact, world.figures, world.bot)

    def _day_closed(self, plain: r.Plain) -> None:
        self.days += 1
        fact, world = r.read(plain, r.DayClosed), self.world
        self._note(check_day(self._seq, fact, world.day, world.books, world.equity_at_market()))
        if world.is_at_par and self._was_at_par:
            self._note(check_sums(self._seq, fact, world.day, world.books))
        self._was_at_par = world.is_at_par
        world.day = closed(fact, world.books)

    def _funds_booked(self, plain: r.Plain) -> None:
        fact, world = r.read(plain, r.FundsBooked), self.world
        equity = world.equity_at_market()
        rate = world.view.rate(fact.asset)
        self._note(world.figures.flow(self._seq, fact, float(fact.amount) * (rate or 1.0), equity))
        self._note(world.books.flow(self._seq, fact))
        self._note_lacking(fact.venue, fact.asset, plain["baseline_after"])

    def _funding_booked(self, plain: r.Plain) -> None:
        self._note(self.world.books.flow(self._seq, r.read(plain, r.FundingBooked)))

    # --- orders -------------------------------------------------------------------------------------------------------

    def _intent_formed(self, plain: r.Plain) -> None:
        intent = r.read(plain, r.IntentFormed).intent
        self.world.intents[intent.id] = intent

    def _intent_refused(self, plain: r.Plain) -> None:
        fact = r.read(plain, r.IntentRefused)
        self.refused.update(fact.failed)
        cases = cases_of(self._seq, fact, self.world)
        if cases and fact.verdicts is not None:
            self.judged += 1
            found = {case.listing.instrument: list(check_verdicts(case, self.world)) for case in cases}
            self._note(found[min(found, key=lambda name: len(found[name]))])
            named = failed_names(fact.verdicts)
            if named != fact.failed or not named:
                theirs, ours = ", ".join(fact.failed), ", ".join(named)
                self._note([Problem(self._seq, "verdict", "the names of the failed rules", theirs, ours)])
        elif fact.stage == "guardrails":
            self._note([Problem(self._seq, "verdict", "refused by guardrails, and no verdicts say why")])

    def _order_planned(self, plain: r.Plain) -> None:
        fact, world = r.read(plain, r.OrderPlanned), self.world
        if fact.intent_id not in world.intents:
            self._note([Problem(self._seq, "intent", f"order {fact.client_id} has no intent before it")])
            world.intents[fact.intent_id] = r.Intent(
                fact.intent_id, fact.source, fact.effect, fact.side, fact.instrument, fact.order_kind
            )
        (case,) = cases_of(self._seq, fact, world)
        self.judged += 1
        self.planned[fact.venue] += 1
        self._note(check_verdicts(case, world))
        self._note(check_shape(case, fact, world))
        world.take_plan(fact)

    def _order_moved(self, plain: r.Plain) -> None:
        fact = r.read(plain, r.OrderMoved)
        if self._knows(fact.client_id):
            self._note(self.world.books.move(self._seq, fact))
            self.world.take_answer(fact)

    def _fill_booked(self, plain: r.Plain) -> None:
        fact = r.read(plain, r.FillBooked)
        if self._payload.get("kind") == "FillReported" and not fact.inferred:
            same = (fact.trade_id, fact.lots, str(fact.price), str(fact.fee))
            told = tuple(self._payload[name] for name in ("trade_id", "lots", "price", "fee"))
            if same != told:
                self._note([Problem(self._seq, "books", "the fill is not the trade that was reported")])
        if self._knows(fact.client_id):
            self.world.take_fill(fact)
            self._note(self.world.books.fill(self._seq, fact))

    def _liquidation_booked(self, plain: r.Plain) -> None:
        self._note(self.world.books.force(self._seq, r.read(plain, r.LiquidationBooked)))

    def _knows(self, client_id: str) -> bool:
        known = client_id in self.world.books.orders
        if not known:
            self._note([Problem(self._seq, "books", f"order {client_id} was never planned")])
        return known

    def _orders_retired(self, plain: r.Plain) -> None:
        self.world.books.retire(r.read(plain, r.OrdersRetired).client_ids)

    def _balance_differed(self, plain: r.Plain) -> None:
        self._note_lacking(str(plain["venue"]), str(plain["asset"]), plain["baseline"])

    def _note_lacking(self, venue: str, asset: str, baseline: object) -> None:
        """Note where an account held less than the bot calls its own: what is not there needs no cover."""
        if Decimal(str(baseline)) < 0:
            self.world.books.lacked.add((venue, asset))

    # --- control ------------------------------------------------------------------------------------------------------

    def _control_changed(self, plain: r.Plain) -> None:
        fact, world = r.read(plain, r.ControlChanged), self.world
        self._note(world.levels.change(self._seq, fact, world.figures, self._payload))
        if self._payload.get("kind") == "ControlAsked" and self._payload.get("command") == "resume":
            world.look()
