"""From a journal to a state: the latest sound snapshot, and every row after it. A first start has nothing to fold."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from quarterdeck.domain import Fact, Input, IntegrityError
from quarterdeck.engine import State, apply, decode_state, state_hash, step
from quarterdeck.journal import Snapshot, SqliteReader, decode_body, decode_facts

PROBLEMS_MAX = 20


class Recovered(Struct, frozen=True):
    """The state at the head of a journal. `skipped` names snapshots that were damaged and passed over."""

    state: State
    seq: int
    head_hash: bytes
    skipped: tuple[str, ...] = ()


def recover(path: Path) -> Recovered:
    """
    Fold a journal into its state, from its latest sound snapshot on.

    Raises:
        IntegrityError: If the file is missing or damaged, or a row cannot be read.
    """
    with SqliteReader(path) as reader:
        snapshot = reader.latest_snapshot()
        state, seq, skipped = _begin(snapshot)
        head_seq, head_hash = reader.head()  # an owner may be adding to it while we read
        for row in reader.rows(seq, head_seq - seq):
            for fact in decode_facts(row.body):
                apply(state, fact)
            seq = row.seq
    if head_seq != seq:
        raise IntegrityError(f"{path}: its head is row {head_seq}, but row {seq} is the last to be read; verify it")
    return Recovered(state, seq, head_hash, skipped)


def _begin(snapshot: Snapshot | None) -> tuple[State, int, tuple[str, ...]]:
    if snapshot is None:
        return State(), 0, ()
    state = decode_state(snapshot.body)
    if bytes.fromhex(state_hash(state)) != snapshot.state_hash:
        raise IntegrityError(f"the snapshot at row {snapshot.seq} does not hold the state it names; verify the journal")
    return state, snapshot.seq, snapshot.skipped


class ReplayReport(Struct, frozen=True):
    """What a replay of the journal found. `problems` is empty where everything agrees."""

    ok: bool
    rows: int
    facts: int
    snapshots: int
    state_hash: str
    problems: tuple[str, ...]


def verify_replay(path: Path) -> ReplayReport:
    """
    Replay a journal: fold its facts, and decide its inputs again; from zero, and against each snapshot.

    Two states walk side by side: one is folded from the written facts, the other is led by the inputs alone. At
    every row the decided facts must equal the written ones; at every snapshot and at the end, the hashes agree.
    """
    walk = _Walk()
    with SqliteReader(path) as reader:
        snapshots = _snapshots_of(reader)
        for row in reader.rows():
            news, facts = decode_body(row.body)
            walk.take(row.seq, news, facts)
            snapshot = snapshots.get(row.seq)
            if snapshot is not None:
                walk.compare(row.seq, snapshot)
            if len(walk.problems) >= PROBLEMS_MAX:
                break
    folded, decided = state_hash(walk.folded), state_hash(walk.decided)
    if folded != decided and not walk.problems:
        walk.problems.append(f"the fold of the facts gives {folded}, deciding the inputs again gives {decided}")
    return ReplayReport(
        ok=not walk.problems,
        rows=walk.rows,
        facts=walk.facts,
        snapshots=walk.snapshots,
        state_hash=folded,
        problems=tuple(walk.problems),
    )


def _snapshots_of(reader: SqliteReader) -> dict[int, Snapshot]:
    found: dict[int, Snapshot] = {}
    seq_max, _ = reader.head()
    while (snapshot := reader.latest_snapshot(seq_max)) is not None:
        found[snapshot.seq] = snapshot
        seq_max = snapshot.seq - 1
    return found


class _Walk:
    """Two states side by side, one led by facts and one by inputs, which goes on from every snapshot it meets."""

    def __init__(self) -> None:
        self.folded = State()
        self.decided = State()
        self.rows = 0
        self.facts = 0
        self.snapshots = 0
        self.problems: list[str] = []

    def take(self, seq: int, news: Input, facts: list[Fact]) -> None:
        self.rows += 1
        self.facts += len(facts)
        for fact in facts:
            apply(self.folded, fact)
        again = step(self.decided, news)
        if again != facts and not _equal(again, facts):
            self.problems.append(f"row {seq}: {type(news).__name__} was decided as {facts}, now as {again}")

    def compare(self, seq: int, snapshot: Snapshot) -> None:
        self.snapshots += 1
        if bytes.fromhex(state_hash(self.folded)) != snapshot.state_hash:
            self.problems.append(f"row {seq}: the facts up to here do not fold into the snapshot's state")
        elif state_hash(self.decided) != state_hash(self.folded):
            self.problems.append(f"row {seq}: deciding the inputs up to here gives another state than the snapshot's")
        # Equal so far; going on from the snapshot itself proves it as a start.
        self.decided = decode_state(snapshot.body)


def _equal(left: list[Fact], right: list[Fact]) -> bool:
    """Compare facts as they are written: NaN equals NaN there, as it does not in Python."""
    return repr(left) == repr(right)
