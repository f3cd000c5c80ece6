"""The reference pages say what the code does, and the words on the wire are those of the domain."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from quarterdeck.domain import Fact, Input
from quarterdeck.guardrails import RULES, render_rules
from tools.render_docs import (
    PAGES,
    REFERENCE,
    main,
    render_inputs_and_facts,
    stale_pages,
    write_pages,
)

KINDS = [*get_args(Input), *get_args(Fact)]


def test_docs_of_the_reference_agree_with_the_code(repository: Path) -> None:
    assert stale_pages(repository) == [], "run python tools/render_docs.py"


@pytest.mark.parametrize("name", PAGES)
def test_docs_that_differ_or_are_missing_are_found(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pages(tmp_path)
    assert stale_pages(tmp_path) == []
    page = tmp_path / REFERENCE / name
    page.write_text(page.read_text() + "more\n")
    monkeypatch.setattr("sys.argv", ["render_docs", "--check", str(tmp_path)])
    assert stale_pages(tmp_path) == [name]
    assert main() == 1
    page.unlink()
    assert stale_pages(tmp_path) == [name]
    monkeypatch.setattr("sys.argv", ["render_docs", str(tmp_path)])
    assert main() == 0
    assert stale_pages(tmp_path) == []


def test_docs_name_every_guardrail_with_its_reason() -> None:
    page = render_rules()
    assert all(f"| {rule.id} | {rule.bit} | {rule.name} |" in page and rule.reason in page for rule in RULES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_docs_have_every_field_of_every_kind(kind: type[msgspec.Struct]) -> None:
    section = render_inputs_and_facts().split(f"\n### {kind.__name__}\n")[1].split("\n### ")[0].split("\n## ")[0]
    assert (kind.__doc__ or "").strip().splitlines()[0].strip() in section
    for name in kind.__struct_fields__:
        assert f"\n| `{name}` | " in section
    assert section.count("\n| `") == len(kind.__struct_fields__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_tagged_by_its_own_name_frozen_and_timed(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.tag == kind.__name__
    assert kind.__struct_config__.tag_field == "kind"
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.omit_defaults
    assert kind.__struct_fields__[0] == "at_ns"
    assert kind.__doc__


def test_no_kind_is_both_an_input_and_a_fact() -> None:
    assert not set(get_args(Input)) & set(get_args(Fact))
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS)


def test_inputs_and_facts_can_be_told_apart_on_the_wire() -> None:
    """Msgspec refuses a union whose members cannot be told apart; decoding one proves that it does not."""
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'Nothing'"):
        msgspec.json.decode(b'{"kind": "Nothing"}', type=Input | Fact)
