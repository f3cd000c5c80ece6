"""Every piece of evidence is told in words."""

from quarterdeck.domain import Evidence
from quarterdeck.system.evidence import MEANINGS


def test_every_piece_of_evidence_has_a_meaning() -> None:
    assert set(MEANINGS) == {evidence.value for evidence in Evidence} | {"guardrails"}
    assert all(means for means, _ in MEANINGS.values())
