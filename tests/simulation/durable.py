"""What the journal really holds: read from the file by a connection of its own, folded and audited row by row."""

from pathlib import Path

from quarterdeck.domain import (
    AccountReported,
    BalanceDiffered,
    ClockHeld,
    Control,
    ControlChanged,
    Effect,
    Evidence,
    Fact,
    FillBooked,
    Input,
    IntentFormed,
    OrderMoved,
    OrderPlanned,
    OrderState,
    SessionClosed,
    Source,
    StrayFound,
)
from quarterdeck.engine import SendOrder, State, acts_of, apply, state_hash
from quarterdeck.journal import Lease, SqliteReader, decode_body
from quarterdeck.system import Recovered
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.simulation.breach import require
from tests.simulation.coverage import Coverage
from tests.simulation.running_books import RunningBooks

LAST_FACTS = 30


class Durable:
    """The journal as a stranger reads it. Nothing here knows what the bot has in memory."""

    def __init__(self, path: Path, coverage: Coverage) -> None:
        self.path = path
        self.state = State()
        self.seq = 0
        self.plans: dict[str, OrderPlanned] = {}
        self.intents: set[str] = set()
        self.halted_at_ns: int | None = None
        self.last: list[tuple[int, Fact]] = []
        self.facts = 0
        self._auditor = Auditor()
        self._auditor.books = RunningBooks()
        self._coverage = coverage
        self._reader: SqliteReader | None = None

    def refresh(self) -> None:
        """
        Read on to the last row that is durable by now.

        Raises:
            Breach: If a row breaks an invariant.
        """
        if self._reader is None:
            if not self.path.exists():
                return
            self._reader = SqliteReader(self.path)
        for row in self._reader.rows(self.seq):
            news, facts = decode_body(row.body)
            self._note(row.seq, news, facts)
            self._auditor.take(news, facts)
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
        elif isinstance(fact, SessionClosed) and fact.released:
            self._coverage.hit("stopped in good order")
        elif isinstance(fact, ClockHeld):
            self._coverage.hit("clock stepped")
        else:
            _forbid_surprises(fact)

    def _count_intent(self, fact: IntentFormed) -> None:
        self.intents.add(fact.intent.id)
        if fact.intent.source is Source.PROTECTION:
            self._coverage.hit("stop loss or target")

    def _count_plan(self, fact: OrderPlanned) -> None:
        self.plans[fact.client_id] = fact
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
        if fact.control is Control.HALTED:
            self.halted_at_ns = fact.at_ns
            self._coverage.hit("kill" if fact.kill_raised else "halted")
            return
        self.halted_at_ns = None
        if fact.window_emptied and fact.control is Control.RUNNING:
            self._coverage.hit("resumed")
        elif fact.control is Control.PAUSED:
            self._coverage.hit("paused by hand")


def _forbid_surprises(fact: Fact) -> None:
    """Nobody but the bot touches the accounts of a simulated world, so nothing may ever look as if somebody did."""
    if isinstance(fact, BalanceDiffered):
        what = f"{fact.venue} holds {fact.actual} {fact.asset}, the bot expected {fact.expected}"
        require(fact.explained, "I18", what)
    elif isinstance(fact, StrayFound):
        raise Breach("I2", f"{fact.venue} knows {fact.key}, the journal does not: {fact.detail}")
