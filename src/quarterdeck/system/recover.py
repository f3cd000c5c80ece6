"""
From a journal to a state: the latest snapshot that this software understands, and every row after it.

A journal of an older release opens too: snapshots that are of another state than today's are passed over, and the
facts are folded again, from zero if need be, the archive's first. A first start has nothing to fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck import __version__
from quarterdeck.domain import Fact, Input, IntegrityError, SessionOpened, StateUpgraded
from quarterdeck.engine import State, apply, decode_state, encode_state, state_hash, step
from quarterdeck.journal import Snapshot, SqliteReader, decode_body, decode_facts
from quarterdeck.ports import Row

PROBLEMS_MAX: Final = 20
SOFTWARE: Final = f"quarterdeck {__version__}"
_OURS: Final = "quarterdeck "
_OPENING: Final = "Started"


class Recovered(Struct, frozen=True):
    """
    The state at the head of a journal. `skipped` names snapshots that were damaged and passed over.

    `recorded_hash` is that of the newest snapshot where other software made it, in hex: empty where that is of today's
    state, or there is none. `software` made the last session, as it said of itself; empty before the first.
    """

    state: State
    seq: int
    head_hash: bytes
    skipped: tuple[str, ...] = ()
    recorded_hash: str = ""
    software: str = ""


def recover(path: Path) -> Recovered:
    """
    Fold a journal into its state, from the latest snapshot on that is sound and of today's state.

    Raises:
        IntegrityError: If the file is missing or damaged, or a row cannot be read.
    """
    with SqliteReader(path) as reader:
        begun = _begin(reader)
        state, seq = begun.state, begun.seq
        head_seq, head_hash = reader.head()  # an owner may be adding to it while we read
        for row in reader.rows(seq, head_seq - seq):
            for fact in decode_facts(row.body):
                apply(state, fact)
            seq = row.seq
    if head_seq != seq:
        raise IntegrityError(f"{path}: its head is row {head_seq}, but row {seq} is the last to be read; verify it")
    return Recovered(state, seq, head_hash, begun.skipped, begun.recorded_hash, state.software)


def state_at(path: Path, seq: int) -> State:
    """
    Fold a journal up to a row.

    Raises:
        IntegrityError: As `recover`.
    """
    with SqliteReader(path) as reader:
        begun = _begin(reader, seq)
        for row in reader.rows(begun.seq, seq - begun.seq):
            for fact in decode_facts(row.body):
                apply(begun.state, fact)
    return begun.state


class _Begun(Struct):
    state: State
    seq: int = 0
    skipped: tuple[str, ...] = ()
    recorded_hash: str = ""


def _begin(reader: SqliteReader, seq_max: int | None = None) -> _Begun:
    """Choose where the fold begins: snapshots that are not of today's state are remembered, and passed over."""
    begun = _Begun(State())
    for place, snapshot in enumerate(_snapshots(reader, seq_max)):
        begun.skipped += snapshot.skipped
        state = state_of(snapshot)
        if state is not None:
            begun.state, begun.seq = state, snapshot.seq
            return begun
        if place == 0:
            begun.recorded_hash = snapshot.state_hash.hex()
    return begun


def state_of(snapshot: Snapshot) -> State | None:
    """
    Read the state that a snapshot holds; None where other software than today's made it.

    Raises:
        IntegrityError: If it does not hold the state that it names.
    """
    if sha256(snapshot.body).digest() != snapshot.state_hash:
        raise IntegrityError(f"the snapshot at row {snapshot.seq} does not hold the state it names; verify the journal")
    try:
        state = decode_state(snapshot.body)
    except IntegrityError:
        return None
    # Read with today's eyes, a state of other software may lose what it held, or gain what it never had.
    return state if encode_state(state) == snapshot.body else None


def _snapshots(reader: SqliteReader, seq_max: int | None = None) -> Iterator[Snapshot]:
    """Yield every sound snapshot at or before a row, the head if None, latest first."""
    if seq_max is None:
        seq_max, _ = reader.head()
    while (snapshot := reader.latest_snapshot(seq_max)) is not None:
        yield snapshot
        seq_max = snapshot.seq - 1


class ReplayReport(Struct, frozen=True):
    """
    What a replay of the journal found. `problems` is empty where everything agrees.

    The first `folded_rows` are of older software, and were folded only.
    """

    ok: bool
    rows: int
    facts: int
    snapshots: int
    state_hash: str
    problems: tuple[str, ...]
    folded_rows: int = 0


def verify_replay(path: Path) -> ReplayReport:
    """
    Replay a journal: fold its facts, and decide its inputs again; from zero, and against each snapshot.

    Two states walk side by side: one is folded from the written facts, the other is led by the inputs alone. At
    every row the decided facts must equal the written ones; at every snapshot and at the end, the hashes agree.
    What older software decided is only folded, be it before the last upgrade or all of it: a changed rule decides
    otherwise, and may.
    """
    walk = _Walk()
    with SqliteReader(path) as reader:
        upgraded_seq = _first_of_ours(reader)
        snapshots = {snapshot.seq: snapshot for snapshot in _snapshots(reader) if snapshot.seq >= upgraded_seq}
        for row in reader.rows():
            if row.seq < upgraded_seq:
                walk.fold(row)
                continue
            if row.seq == upgraded_seq:
                walk.decided = decode_state(encode_state(walk.folded))
            walk.take(row)
            snapshot = snapshots.get(row.seq)
            if snapshot is not None:
                walk.compare(row.seq, snapshot)
            if len(walk.problems) >= PROBLEMS_MAX:
                break
    if upgraded_seq > walk.rows:
        walk.decided = walk.folded
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
        folded_rows=min(max(upgraded_seq - 1, 0), walk.rows),
    )


def _first_of_ours(reader: SqliteReader) -> int:
    """Find the row in which this software took over: 0 where it made every row, the one after the last where none."""
    is_last = True
    for seq, body in reader.latest_of_kind(_OPENING):
        facts = decode_facts(body)
        made_by = [fact.software for fact in facts if isinstance(fact, SessionOpened)]
        if is_last and any(name.startswith(_OURS) and name != SOFTWARE for name in made_by):
            return reader.head()[0] + 1
        if any(isinstance(fact, StateUpgraded) for fact in facts):
            return seq
        is_last = False
    return 0


class _Walk:
    """Two states side by side, one led by facts and one by inputs, which goes on from every snapshot it meets."""

    def __init__(self) -> None:
        self.folded = State()
        self.decided = State()
        self.rows = 0
        self.facts = 0
        self.snapshots = 0
        self.problems: list[str] = []

    def fold(self, row: Row) -> None:
        self._fold(decode_facts(row.body))

    def take(self, row: Row) -> None:
        news, facts = decode_body(row.body)
        self._fold(facts)
        self._decide(row.seq, news, facts)

    def _fold(self, facts: list[Fact]) -> None:
        self.rows += 1
        self.facts += len(facts)
        for fact in facts:
            apply(self.folded, fact)

    def _decide(self, seq: int, news: Input, facts: list[Fact]) -> None:
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
        self.decided = state_of(snapshot) or self.decided


def _equal(left: list[Fact], right: list[Fact]) -> bool:
    """Compare facts as they are written: NaN equals NaN there, as it does not in Python."""
    return repr(left) == repr(right)
