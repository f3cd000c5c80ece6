from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.journal import GENESIS, link, verify_rows
from quarterdeck.journal.chain import chain, seal
from quarterdeck.ports import Entry, Row

entries = st.builds(
    Entry,
    at_ns=st.integers(-(2**63), 2**63 - 1),
    kind=st.text(max_size=12),
    body=st.binary(max_size=40),
)


def rows_of(given_entries: list[Entry]) -> list[Row]:
    rows: list[Row] = []
    prev = GENESIS
    for seq, at_ns, kind, body, mark in chain(GENESIS, 0, given_entries):
        rows.append(Row(seq, at_ns, kind, body, prev, mark))
        prev = mark
    return rows


def test_the_hash_is_made_as_the_format_says() -> None:
    made = link(bytes(range(32)), 7, Entry(at_ns=-2, kind="Woké", body=b"body"))
    kind = "Woké".encode()
    wanted = bytes(range(32)) + (7).to_bytes(8) + (-2).to_bytes(8, signed=True) + len(kind).to_bytes(2) + kind + b"body"
    assert made == sha256(wanted).digest()


@given(st.lists(entries, max_size=8))
def test_a_chain_that_was_made_holds(some: list[Entry]) -> None:
    assert verify_rows(rows_of(some)) is None


@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_any_changed_field_breaks_the_chain_at_its_row(some: list[Entry], data: st.DataObject) -> None:
    rows = rows_of(some)
    index = data.draw(st.integers(0, len(rows) - 1))
    row = rows[index]
    changed = data.draw(
        st.sampled_from(
            [
                Row(row.seq, row.at_ns ^ 1, row.kind, row.body, row.prev, row.hash),
                Row(row.seq, row.at_ns, row.kind + "x", row.body, row.prev, row.hash),
                Row(row.seq, row.at_ns, row.kind, row.body + b"\0", row.prev, row.hash),
                Row(row.seq, row.at_ns, row.kind, row.body, bytes([row.prev[0] ^ 1]) + row.prev[1:], row.hash),
                Row(row.seq, row.at_ns, row.kind, row.body, row.prev, row.hash[:-1] + bytes([row.hash[-1] ^ 1])),
            ]
        )
    )
    broken = verify_rows([*rows[:index], changed, *rows[index + 1 :]])
    assert broken is not None
    assert broken.seq == row.seq


@given(st.lists(entries, min_size=2, max_size=6), st.data())
def test_a_missing_row_breaks_the_chain(some: list[Entry], data: st.DataObject) -> None:
    rows = rows_of(some)
    index = data.draw(st.integers(0, len(rows) - 2))
    broken = verify_rows(rows[:index] + rows[index + 1 :])
    assert broken is not None
    assert broken.seq == index + 1


def test_the_border_between_kind_and_body_is_part_of_the_hash() -> None:
    assert link(GENESIS, 1, Entry(0, "ab", b"c")) != link(GENESIS, 1, Entry(0, "a", b"bc"))


fields = st.lists(st.one_of(st.integers(), st.text(max_size=5), st.binary(max_size=5)), max_size=4)


@given(fields, fields)
def test_different_records_never_carry_the_same_seal(
    left: list[int | str | bytes], right: list[int | str | bytes]
) -> None:
    same = [(type(field), field) for field in left] == [(type(field), field) for field in right]
    assert (seal(*left) == seal(*right)) == same
