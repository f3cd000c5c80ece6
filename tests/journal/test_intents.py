from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.domain import DAY_NS, CancelRequested, OrderState
from quarterdeck.journal import (
    Projector,
    archive_rows,
    cycle_row,
    decode_facts,
    intent_of_order,
    intent_rows,
    last_intent,
    verify,
)
from tests.journal.aging import QUARTER_NS, aged, formed, journal_path, projected, quarter, refused, wish
from tests.journal.making import entry, moved, opened, planned


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path)


def seqs(path: Path, intent_id: str) -> list[int]:
    return [row.seq for row in intent_rows(path, intent_id)]


def test_every_row_of_an_intent_is_found_wherever_the_projection_stands(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    journal.append(quarter(1))
    journal.append([entry(9, [CancelRequested(at_ns=9, client_id="o0001", venue="paper", reason="late")])])
    journal.append(quarter(2))
    projector = Projector(path)
    for _ in range(13):
        assert seqs(path, "intent-o0001") == [2, 3, 4, 5, 7]
        assert seqs(path, "wish-1") == [6]
        assert seqs(path, "nobody") == []
        assert intent_of_order(path, "o0002") == "intent-o0002"
        assert intent_of_order(path, "o0003") is None
        assert last_intent(path) == "wish-2"
        found = cycle_row(path, QUARTER_NS - 60_000_000_000)
        assert found is not None
        assert found.seq == 2
        assert cycle_row(path, 5) is None
        projector.step(1)
    assert projector.step() == 0


def test_rows_carry_their_facts_and_their_place_in_the_chain(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1, [formed("a", 1), refused("a", 1)]), entry(2), entry(3)])
    (row,) = intent_rows(path, "a")
    assert (row.seq, row.prev) == (1, bytes(32))
    assert [type(fact).__name__ for fact in decode_facts(row.body)] == ["IntentFormed", "IntentRefused"]


def test_a_wish_is_found_by_its_key_before_anything_came_of_it(path: Path) -> None:
    opened(path).append([wish("please", 5)])
    assert seqs(path, "please") == [1]


def test_a_journal_without_intents_knows_none(path: Path) -> None:
    opened(path).append([entry(1)])
    projected(path)
    assert last_intent(path) is None


def test_intents_are_found_in_the_archive(path: Path) -> None:
    journal = aged(path, 45)
    before = {name: seqs(path, name) for name in ("intent-o0003", "wish-7", "intent-o0160")}
    last = last_intent(path)
    archive_rows(journal, 38 * DAY_NS)
    assert {name: seqs(path, name) for name in before} == before
    assert intent_of_order(path, "o0003") == "intent-o0003"
    found = cycle_row(path, 3 * QUARTER_NS - 60_000_000_000)
    assert found is not None
    assert found.seq == before["intent-o0003"][0]
    assert last_intent(path) == last


def test_an_intent_that_lies_on_both_sides_of_the_seam_is_found_whole(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1, [formed("i", 1), planned("aa", at_ns=1)]), entry(2)])
    journal.save_snapshot(2, b"h" * 32, b"state")
    journal.append([entry(5 * DAY_NS, [moved("aa", OrderState.OPEN, at_ns=5 * DAY_NS)])])
    projected(path)
    archive_rows(journal, DAY_NS)
    assert seqs(path, "intent-aa") == [1, 3]
    assert verify(path).ok
