"""What the journal really holds: read from the file by a connection of its own, folded and audited row by row."""

from pathlib import Path

from quarterdeck.domain import (
    AccountReported,
    AlertCleared,
    AlertRaised,
    ClockHeld,
    Control,
    ControlChanged,
    DayClosed,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    Input,
    IntentFormed,
    Listing,
    ListingsAdopted,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrderState,
    QuarterdeckError,
    SessionClosed,
    SettingsAdopted,
    Source,
    StateUpgraded,
    StrayFound,
)
from quarterdeck.engine import SendOrder, State, acts_of, apply, state_hash
from quarterdeck.journal import Lease, SqliteReader, decode_body
from quarterdeck.ports import Row
from quarterdeck.system import Recovered
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage
from tests.simulation.promises import Promises, check_verdicts
from tests.simulation.running_books import RunningBooks
from tests.simulation.scenario import COIN, DAY_NS

LAST_FACTS = 30
PLAIN: dict[type[Fact], str] = {
    ClockHeld: "clock stepped",
    DayClosed: "day closed",
    StateUpgraded: "software changed",
}


class Durable:
    """The journal as a stranger reads it. Nothing here knows what the bot has in memory."""

    def __init__(self, path: Path, coverage: Coverage) -> None:
        self.path = path
        self.state = State()
        self.seq = 0
        self.plans: dict[str, OrderPlanned] = {}
        self.planned_on: dict[str, Listing] = {}
        self.intents: set[str] = set()
        self.promises = Promises(coverage)
        self.halted_at_ns: int | None = None
        self.last: list[tuple[int, Fact]] = []
        self.facts = 0
        self._auditor = Auditor()
        self._auditor.books = self._auditor.losses.books = RunningBooks()
        self._coverage = coverage
        self._reader: SqliteReader | None = None
        self._broken: Exception | None = None

    def refresh(self) -> None:
        """
        Read on to the last row that is durable by now.

        Raises:
            Breach: If a row breaks an invariant.
        """
        if self._broken is not None:
            raise self._broken
        if self._reader is None:
            if not self.path.exists():
                return
            self._reader = SqliteReader(self.path)
        try:
            for row in self._reader.rows(self.seq):
                self._read(row)
        except (Breach, QuarterdeckError) as error:  # who asks next must not hear of what follows from this
            self._broken = error
            raise

    def _read(self, row: Row) -> None:
        news, facts = decode_body(row.body)
        self._note(row.seq, news, facts)
        self._auditor.take(news, facts)
        check_verdicts(facts)
        self.seq = row.seq

    def lease(self) -> Lease | None:
        """Read who owns the bot, as the file says."""
        return None if self._reader is None else self._reader.lease()

    def check_recovered(self, found: Recovered) -> None:
        """Hold what a start folded, from a snapshot perhaps, against the fold of every row from the first."""
        self.refresh()
        require(found.seq == self.seq, "I23", f"recovered row {found.seq}, the journal ends at {self.seq}")
        same = state_hash(found.state) == state_hash(self.state)
        require(same, "I23", f"the state recovered at row {found.seq} is not the fold of the rows")
        if self._reader is not None and self._reader.latest_snapshot() is not None:
            self._coverage.hit("recovered from a snapshot")
        for order in self.state.live_orders():
            self._coverage.hit(f"recovered {order.state.value}")
            if order.cancel.value != "none":
                self._coverage.hit("recovered with a cancel under way")

    def close(self) -> None:
        """Let the file go."""
        if self._reader is not None:
            self._reader.close()

    def _note(self, seq: int, news: Input, facts: list[Fact]) -> None:
        for fact in facts:
            self._count(fact)
            apply(self.state, fact)
            self.last = [*self.last[-LAST_FACTS:], (seq, fact)]
            self.facts += 1
        self.promises.take(news, facts, self.state)
        if isinstance(news, AccountReported):
            sends = any(isinstance(act, SendOrder) for act in acts_of(facts, self.state))
            require(not sends, "I22", f"row {seq}: a reconciliation sends an order")

    def _count(self, fact: Fact) -> None:
        if isinstance(fact, IntentFormed):
            self._count_intent(fact)
        elif isinstance(fact, OrderPlanned):
            self._count_plan(fact)
        elif isinstance(fact, OrderMoved):
            self._count_move(fact)
        elif isinstance(fact, FillBooked):
            self._count_fill(fact)
        elif isinstance(fact, ControlChanged):
            self._count_control(fact)
        elif isinstance(fact, StrayFound):
            raise Breach("I2", f"{fact.venue} knows {fact.key}, the journal does not: {fact.detail}")
        else:
            self._count_others(fact)

    def _count_others(self, fact: Fact) -> None:
        hit = self._coverage.hit
        if isinstance(fact, SessionClosed) and fact.released:
            hit("stopped in good order")
        elif isinstance(fact, SettingsAdopted) and (fact.who or self.state.changes):
            hit("settings changed" if fact.who else "started under changed settings")
        elif isinstance(fact, ListingsAdopted):
            for listing in fact.listings:
                hit("listing changed" if listing.tradable else "listing frozen")
        elif isinstance(fact, MarksTaken):
            self._count_mark(fact)
        elif isinstance(fact, AlertRaised | AlertCleared) and fact.key:
            hit(f"alert {'raised' if isinstance(fact, AlertRaised) else 'cleared'}: {_kind_of(fact.key)}")
        elif type(fact) in PLAIN:
            hit(PLAIN[type(fact)])

    def _count_mark(self, fact: MarksTaken) -> None:
        if fact.equity is None:
            self._coverage.hit("minute without a mark")
            if self.state.day_ns >= 0 and fact.minute_ns // DAY_NS > self.state.day_ns // DAY_NS:
                self._coverage.hit("no price at midnight")
        if any(taken.asset == COIN for taken in fact.rates):
            self._coverage.hit("marked off the peg")
        if fact.raised:
            self._coverage.hit("watermark raised")

    def _count_intent(self, fact: IntentFormed) -> None:
        self.intents.add(fact.intent.id)
        if fact.intent.source is Source.PROTECTION:
            self._coverage.hit("stop loss or target")

    def _count_plan(self, fact: OrderPlanned) -> None:
        self.plans[fact.client_id] = fact
        self.planned_on[fact.client_id] = self.state.grids[fact.venue][fact.instrument].listing
        self._coverage.hit("orders planned")
        if fact.effect is Effect.REDUCE:
            self._coverage.hit("exits planned")

    def _count_move(self, fact: OrderMoved) -> None:
        before = self.state.orders[fact.client_id]
        self._coverage.hit(f"row {before.state.value} × {fact.evidence.value}")
        if before.state is OrderState.UNKNOWN and fact.state is not before.state:
            to = "open" if fact.state is OrderState.PARTIALLY_FILLED else fact.state.value.replace("_", " ")
            self._coverage.hit(f"unknown → {to}")
        if fact.state is not before.state and fact.state.value in ("withdrawn", "rejected", "cancelled"):
            self._coverage.hit(fact.state.value)
        if fact.evidence is Evidence.CANCEL_REFUSED:
            self._coverage.hit("cancel refused")

    def _count_fill(self, fact: FillBooked) -> None:
        before = self.state.orders[fact.client_id]
        self._coverage.hit(f"row {before.state.value} × fill")
        self._coverage.hit("inferred fill" if fact.inferred else "fills")
        if before.state is OrderState.PLANNED:
            self._coverage.hit("fill before ack")
        if before.state is OrderState.UNKNOWN:
            self._coverage.hit("unknown → filled" if fact.state is OrderState.FILLED else "unknown → open")
        if before.state is OrderState.CANCELLED:
            self._coverage.hit("fill after cancel")
        if before.state is OrderState.EXPIRED:
            self._coverage.hit("fill after a venue's own end")
        if fact.state is OrderState.PARTIALLY_FILLED:
            self._coverage.hit("partial fill")
        if fact.retired_lots:
            self._coverage.hit("inferred fill superseded")

    def _count_control(self, fact: ControlChanged) -> None:
        for hold in fact.holds:
            if hold.cause not in self.state.holds:
                self._coverage.hit(f"held by {hold.cause}")
        if fact.rebased:
            self._coverage.hit("rebased")
        if self.state.holds and not fact.holds and not fact.window_emptied:
            self._coverage.hit("a hold ran out")
        if fact.control is Control.HALTED:
            self.halted_at_ns = fact.at_ns
            self._coverage.hit("kill" if fact.kill_raised else "halted")
            return
        self.halted_at_ns = None
        if fact.differences_accepted and fact.control is Control.RUNNING:
            self._coverage.hit("resumed")
        elif fact.control is Control.PAUSED and fact.who == "operator":
            self._coverage.hit("paused by hand")


def _kind_of(key: str) -> str:
    """The kind of a standing alert, without what it is about."""
    parts = key.split(":")
    return ":".join(parts[:2]) if parts[0] == "check" else parts[0]
