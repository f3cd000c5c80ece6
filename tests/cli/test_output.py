"""What programs read on stdout."""

import json
from decimal import Decimal

import pytest
from msgspec import Struct

from quarterdeck.cli.output import write_json


class _Told(Struct):
    amounts: dict[str, tuple[Decimal, ...]]
    share: float
    none: Decimal | None = None


def test_exact_money_is_a_string_without_an_exponent_however_small(capsys: pytest.CaptureFixture[str]) -> None:
    write_json(_Told({"v0": (Decimal("0E-8"), Decimal("1E-8"), Decimal("1E+3"), Decimal("-12.50"))}, 1e-9))
    told = json.loads(capsys.readouterr().out)
    amounts = ["0.00000000", "0.00000001", "1000", "-12.50"]
    assert told == {"amounts": {"v0": amounts}, "share": 1e-9, "none": None}


def test_what_is_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"nan": float("nan"), 7: "seven"})
    assert capsys.readouterr().out == '{"nan":null,"7":"seven"}\n'
