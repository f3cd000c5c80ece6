from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from quarterdeck.domain import Fact, FillBooked, IntegrityError, OrderPlanned, Woke
from quarterdeck.journal import decode_body, decode_facts, decode_plain, encode_body, export
from tests.journal.making import entry, filled, opened, planned, story


def test_every_row_becomes_one_line_of_json_and_the_lines_are_chained(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db")
    journal.append(story())
    out = io.BytesIO()
    assert export(journal.path, out) == 7
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [set(line) for line in lines] == [{"seq", "at_ns", "kind", "payload", "facts", "prev", "hash"}] * 7
    assert [line["seq"] for line in lines] == list(range(1, 8))
    assert lines[0]["prev"] == "00" * 32
    assert [line["prev"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert lines[-1]["hash"] == journal.head_hash.hex()
    assert lines[3]["payload"]["kind"] == "Woke"
    assert [fact["kind"] for fact in lines[3]["facts"]] == ["FillBooked", "FillBooked"]
    assert lines[3]["facts"][0]["price"] == "4000.5"


def test_a_body_comes_back_as_it_was() -> None:
    given = Woke(at_ns=5)
    facts: list[Fact] = [planned("aa"), filled("aa", 4, 4)]
    body = encode_body(given, facts)
    assert decode_body(body) == (given, facts)
    assert decode_facts(body) == facts
    assert decode_plain(body)[0] == {"kind": "Woke", "at_ns": 5}
    assert [type(fact) for fact in decode_facts(body)] == [OrderPlanned, FillBooked]


@pytest.mark.parametrize("decode", [decode_body, decode_facts, decode_plain])
def test_a_body_that_is_no_body_is_a_clear_error(decode: object) -> None:
    assert callable(decode)
    for body in (b"", b"\xc1", entry(1).body[:-1], b"\x93\x01\x02\x03"):
        with pytest.raises(IntegrityError, match="cannot be read as"):
            decode(body)
