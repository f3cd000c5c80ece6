"""What the journal really holds: read from the file by a connection of its own, folded and audited row by row."""

from pathlib import Path

from quarterdeck.domain import (
    AccountReported,
    AlertCleared,
    AlertRaised,
    CancelRequested,
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
    KillVerified,
    Listing,
    ListingsAdopted,
    MarksTaken,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderState,
    OthersSeen,
    QuarterdeckError,
    SessionClosed,
    SettingsAdopted,
    Side,
    Source,
    StateUpgraded,
    StrayFound,
)
from quarterdeck.engine import SendOrder, State, acts_of, apply, state_hash
from quarterdeck.journal import Lease, SqliteReader, decode_body
from quarterdeck.orders import ENDED, client_prefix
from quarterdeck.ports import Row
from quarterdeck.system import Recovered
from tests.engine.breach import Breach
from tests.simulation.breach import require
from tests.simulation.cover import living_stops
from tests.simulation.coverage import Coverage
from tests.simulation.lifecycle_rows import row_name
from tests.simulation.promises import Promises, check_verdicts
from tests.simulation.running_books import RunningBooks
from tests.simulation.scenario import DAY_NS
from tests.simulation.second_judge import JudgingAuditor
from tests.simulation.thorough import ROWS_BETWEEN, look_through
from tests.simulation.venues_drawn import COIN

LAST_FACTS = 30
PLAIN: dict[type[Fact], str] = {
    ClockHeld: "clock stepped",
    DayClosed: "day closed",
    StateUpgraded: "software changed",
    KillVerified: "venue found empty after a kill",
}
EVIDENCE = {
    Evidence.CANCEL_REFUSED: "cancel refused",
    Evidence.LOST: "living order lost from sight",
    Evidence.DECLARED_GONE: "declared gone by a person",
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
        self.killed_seq = 0
        self.planned_seq: dict[str, int] = {}
        self.last: list[tuple[int, Fact]] = []
        self.facts = 0
        self._auditor = JudgingAuditor()
        self._auditor.books = self._auditor.losses.books = RunningBooks()
        self.coverage = coverage
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
        reader = self._opened()
        if reader is None:
            return
        try:
            for row in reader.rows(self.seq):
                self._read(row)
        except (Breach, QuarterdeckError) as error:  # who asks next must not hear of what follows from this
            self._broken = error
            raise

    def _opened(self) -> SqliteReader | None:
        if self._reader is None and self.path.exists():
            self._reader = SqliteReader(self.path)
        return self._reader

    def _read(self, row: Row) -> None:
        news, facts = decode_body(row.body)
        self._note(row.seq, news, facts)
        self._auditor.take(news, facts)
        check_verdicts(facts)
        self.seq = row.seq
        if row.seq % ROWS_BETWEEN == 0:
            self.look_through()

    def look_through(self) -> None:
        """Hold the whole state against the auditor's books; costly, so that it is done now and then, and at the end."""
        look_through(self.state, self._auditor)

    def woke(self, at_ns: int) -> None:
        """Take note that the process of this bot went on after a pause, at an instant of the bot's clock."""
        self.promises.woke(at_ns)

    def lease(self) -> Lease | None:
        """Read who owns the bot, as the file says."""
        reader = self._opened()
        return None if reader is None else reader.lease()

    def check_recovered(self, found: Recovered) -> None:
        """Hold what a start folded, from a snapshot perhaps, against the fold of every row from the first."""
        self.refresh()
        require(found.seq == self.seq, "I23", f"recovered row {found.seq}, the journal ends at {self.seq}")
        same = state_hash(found.state) == state_hash(self.state)
        require(same, "I23", f"the state recovered at row {found.seq} is not the fold of the rows")
        if self._reader is not None and self._reader.latest_snapshot() is not None:
            self.coverage.hit("recovered from a snapshot")
        for order in self.state.live_orders():
            self.coverage.hit(f"recovered {order.state.value}")
            if order.cancel.value != "none":
                self.coverage.hit("recovered with a cancel under way")

    def reopen(self) -> None:
        """Let the file go; another one lies at its place now, which the next look opens."""
        self.close()
        self._reader = None

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
        elif isinstance(fact, CancelRequested):
            self.coverage.hit(row_name(self.state.orders[fact.client_id].state, Evidence.CANCEL_REQUESTED))
        elif isinstance(fact, StrayFound):
            self._count_stray(fact)
        else:
            self._count_others(fact)

    def _count_stray(self, fact: StrayFound) -> None:
        """I2: what carries our mark stands in the journal; what does not is somebody else's."""
        mark = client_prefix(self.state.settings.bot) if self.state.settings is not None else ""
        ours = mark in fact.key or mark in fact.detail
        require(not ours, "I2", f"{fact.venue} knows {fact.key}, the journal does not: {fact.detail}")

    def _count_others(self, fact: Fact) -> None:
        hit = self.coverage.hit
        if isinstance(fact, SessionClosed) and fact.released:
            hit("stopped in good order")
        elif isinstance(fact, SettingsAdopted) and (fact.who or self.state.changes):
            hit("settings changed" if fact.who else "started under changed settings")
        elif isinstance(fact, ListingsAdopted):
            for listing in fact.listings:
                hit("listing changed" if listing.tradable else "listing frozen")
        elif isinstance(fact, MarksTaken):
            self._count_mark(fact)
        elif isinstance(fact, OthersSeen) and fact.orders:
            hit("external order adopted")
        elif isinstance(fact, AlertRaised | AlertCleared) and fact.key:
            hit(f"alert {'raised' if isinstance(fact, AlertRaised) else 'cleared'}: {_kind_of(fact.key)}")
        elif type(fact) in PLAIN:
            hit(PLAIN[type(fact)])

    def _count_mark(self, fact: MarksTaken) -> None:
        if fact.equity is None:
            self.coverage.hit("minute without a mark")
            if self.state.day_ns >= 0 and fact.minute_ns // DAY_NS > self.state.day_ns // DAY_NS:
                self.coverage.hit("no price at midnight")
        if any(taken.asset == COIN for taken in fact.rates):
            self.coverage.hit("marked off the peg")
        if fact.raised:
            self.coverage.hit("watermark raised")
        if fact.minute_ns % DAY_NS == 0 and any(order.state not in ENDED for order in self.state.live_orders()):
            self.coverage.hit("day boundary inside a burst")

    def _count_intent(self, fact: IntentFormed) -> None:
        self.intents.add(fact.intent.id)
        if fact.intent.source is Source.PROTECTION:
            self.coverage.hit("stop loss or target")

    def _count_plan(self, fact: OrderPlanned) -> None:
        if fact.order_kind is OrderKind.STOP:
            self.coverage.hit("stop placed")
            living = living_stops(self.state, fact.venue, fact.instrument)
            require(not living, "I8", f"{fact.client_id} is a second stop beside {[one.client_id for one in living]}")
        self.plans[fact.client_id] = fact
        self.planned_seq[fact.client_id] = self.seq + 1
        self.planned_on[fact.client_id] = self.state.grids[fact.venue][fact.instrument].listing
        self.coverage.hit("orders planned")
        if fact.effect is Effect.REDUCE:
            self.coverage.hit("exits planned")

    def _count_move(self, fact: OrderMoved) -> None:
        before = self.state.orders[fact.client_id]
        if before.state is OrderState.UNKNOWN and fact.state is not before.state:
            to = "open" if fact.state is OrderState.PARTIALLY_FILLED else fact.state.value.replace("_", " ")
            self.coverage.hit(f"unknown → {to}")
        if fact.state is not before.state and fact.state.value in ("withdrawn", "rejected", "cancelled"):
            self.coverage.hit(fact.state.value)
        if fact.evidence in EVIDENCE:
            self.coverage.hit(EVIDENCE[fact.evidence])

    def _count_fill(self, fact: FillBooked) -> None:
        before = self.state.orders[fact.client_id]
        self.coverage.hit("inferred fill" if fact.inferred else "fills")
        if before.state is OrderState.PLANNED:
            self.coverage.hit("fill before ack")
        if before.state is OrderState.UNKNOWN:
            self.coverage.hit("unknown → filled" if fact.state is OrderState.FILLED else "unknown → open")
        if before.state is OrderState.CANCELLED:
            self.coverage.hit("fill after cancel")
        if before.state is OrderState.EXPIRED:
            self.coverage.hit("fill after a venue's own end")
        if fact.state is OrderState.PARTIALLY_FILLED:
            self.coverage.hit("partial fill")
        listing = self.state.grids[fact.venue][fact.instrument].listing
        if fact.side is Side.SELL and 0 < fact.qty_after < listing.lot * listing.lots_min:
            self.coverage.hit("dust exit")
        if fact.retired_lots:
            self.coverage.hit("inferred fill superseded")

    def _count_control(self, fact: ControlChanged) -> None:
        for hold in fact.holds:
            if hold.cause not in self.state.holds:
                self.coverage.hit(f"held by {hold.cause}")
        if fact.rebased:
            self.coverage.hit("rebased")
        if self.state.holds and not fact.holds and not fact.window_emptied:
            self.coverage.hit("a hold ran out")
        if fact.control is Control.HALTED:
            self.halted_at_ns = fact.at_ns
            self.killed_seq = self.seq + 1 if fact.kill_raised else self.killed_seq
            self.coverage.hit("kill" if fact.kill_raised else "halted")
            return
        self.halted_at_ns = None
        if fact.differences_accepted and fact.control is Control.RUNNING:
            self.coverage.hit("resumed")
        elif fact.control is Control.PAUSED and fact.who == "operator":
            self.coverage.hit("paused by hand")


def _kind_of(key: str) -> str:
    """The kind of a standing alert, without what it is about."""
    parts = key.split(":")
    return ":".join(parts[:2]) if parts[0] == "check" else parts[0]
