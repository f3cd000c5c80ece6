"""Whatever stands at any key either loads or is a problem of that line, never a traceback."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from quarterdeck.config import load_bot, problems_of, setting_values
from quarterdeck.config.catalogue import ALL_KEYS, SECTIONS
from quarterdeck.config.keys import Key
from quarterdeck.config.values import text_of
from quarterdeck.domain import GuardrailSettings, RiskSettings, RoutingSettings, SizingSettings
from tests.config.small_bot import load

# Keys whose value other lines are checked against, so that the complaint may stand there.
READ_ELSEWHERE = {
    "base_currency",
    "pairs",
    "equivalent_quotes",
    "watch",
    "capital",
    "exchanges[].name",
    "exchanges[].pairs",
    "exchanges[].balances.ASSET",
    "exchanges[].fees.asset",
    "exchanges[].grid.PAIR.lots_min",
    "exchanges[].grid.PAIR.lot",
    "exchanges[].grid.PAIR.notional_min",
    "guardrails.stablecoins",
    "strategy.name",
    "sizing.kind",
}
CHOSEN = {"PAIR": "BTC-USD", "ASSET": "USD", "NAME": "fast_bars"}
# What else a key needs around it, to be read at all.
WITH: dict[str, dict[str, object]] = {
    "routing.venue": {"routing": {"policy": "fixed"}},
    "routing.default": {"routing": {"policy": "symbol_map"}},
    "routing.symbols.PAIR": {"routing": {"policy": "symbol_map", "default": "coinbase"}},
    "exchanges[].fees.conversion.ASSET": {"watch": "[BNB-USD]"},
}
SCALARS = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["", "~", "null", "true", "no", "0", "-0.0", "1e400", "0x10", "1_000", "2020-01-01", "!!int x", "!a b", "'5'"]
    ),
    st.sampled_from(["<<", "=", ".inf", "[]", "{}", "[1, [2]]", "{a: b}", "[[USD, USDC]]", "BTC/USD", '"\\UFFFFFFFF"']),
)


def lines_of(tree: object, indent: str = "") -> Iterator[str]:
    """Write a tree as block YAML, one key in a line, its scalars as they are."""
    assert isinstance(tree, dict)
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from lines_of(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{key}:"
            for item in value:
                first, *rest = lines_of(item, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {value}"


def put(path: str, text: str) -> tuple[str, int]:
    """Write a small bot with a value at a key; answer the file and the line of that key."""
    exchange: dict[str, object] = {"name": "coinbase", "balances": {"USD": 9000}}
    tree: dict[str, object] = {
        "exchanges": [exchange],
        "strategy": {"name": "sma_crossover"},
        "pairs": "[BTC-USD]",
    }
    tree |= copy.deepcopy(WITH.get(path, {}))
    if "conversion" in path:
        exchange["fees"] = {"asset": "BNB"}
    *above, name = [CHOSEN.get(word, word) for word in path.split(".")]
    section = tree
    for word in above:
        if word == "exchanges[]":
            section = exchange
            continue
        below = section.setdefault(word, {})
        assert isinstance(below, dict)
        section = below
    section[name] = "@HERE@"
    lines = list(lines_of(tree))
    line = next(number for number, written in enumerate(lines, start=1) if written.endswith("@HERE@"))
    return "\n".join(lines).replace("@HERE@", text) + "\n", line


@given(st.sampled_from(ALL_KEYS), SCALARS)
def test_any_scalar_at_any_key_loads_or_is_a_problem_of_its_line(
    tmp_path_factory: pytest.TempPathFactory, key: Key, text: str
) -> None:
    if len(text.splitlines()) > 1 or text != text.strip():
        text = yaml.safe_dump(text, default_style='"', width=10**9).strip()
    body, line = put(key.path, text)
    path = tmp_path_factory.mktemp("any") / "any-bot.yaml"
    path.write_bytes(body.encode(errors="replace"))
    problems = problems_of(path)
    assert all(problem.text.startswith(f"{path}:{problem.line}: ") for problem in problems)
    if not problems:
        load_bot(path).engine_settings(1)
    elif key.path not in READ_ELSEWHERE and all(problem.path for problem in problems):
        # One without a path speaks of the whole file: an open bracket or quote makes it no YAML.
        assert line in {problem.line for problem in problems}


@pytest.mark.parametrize("key", [key for key in ALL_KEYS if key.default is not None and key.default != ""], ids=str)
def test_every_default_is_what_counts_where_nothing_is_written(tmp_path: Path, key: Key) -> None:
    body, line = put(key.path, text_of(key.default))
    without = [text for number, text in enumerate(body.splitlines(), start=1) if number != line]
    if without[line - 2].endswith(":"):
        without[line - 2] += " {}"
    written, unwritten = load(tmp_path, body), load(tmp_path, "\n".join(without))
    assert written.engine_settings(1) == unwritten.engine_settings(1)
    values = {one.path: one.value for one in setting_values(written)}
    assert values.items() >= {one.path: one.value for one in setting_values(unwritten)}.items()


@pytest.mark.parametrize(
    "key", [key for key in ALL_KEYS if key.bounds and key.form in {"number", "whole"}], ids=lambda key: key.path
)
def test_the_bounds_in_the_catalogue_are_those_that_hold(tmp_path: Path, key: Key) -> None:
    assert key.bounds is not None
    whole = key.form == "whole"
    step = 1 if whole else max(1e-9, abs(key.bounds.low) * 1e-6)
    below = key.bounds.low - step if key.bounds.low_allowed else key.bounds.low
    body, line = put(key.path, str(int(below) if whole else below))
    path = tmp_path / "bot.yaml"
    path.write_text(body)
    assert any(problem.line == line and "out of bounds" in problem.problem for problem in problems_of(path))
    if key.bounds.high < 1e12:
        over = key.bounds.high + (1 if whole else key.bounds.high * 1e-6)
        path.write_text(put(key.path, str(int(over) if whole else over))[0])
        assert any(problem.line == line and "out of bounds" in problem.problem for problem in problems_of(path))


@pytest.mark.parametrize(
    ("section", "settings", "more"),
    [
        ("guardrails", GuardrailSettings(), set()),
        ("risk", RiskSettings(), set()),
        ("sizing", SizingSettings(), set()),
        ("routing", RoutingSettings(), {"default"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_setting_of_the_engine_has_its_key(section: str, settings: object, more: set[str]) -> None:
    assert isinstance(settings, GuardrailSettings | RiskSettings | SizingSettings | RoutingSettings)
    fields = set(structs.asdict(settings)) | more
    assert {key.path.split(".")[1] for key in SECTIONS[section]} == fields


def test_guardrails_so_loose_that_they_admit_everything_load(tmp_path: Path) -> None:
    loose = """guardrails: {order_value_max_quote: 1e12, order_value_max_share: 1, daily_loss_max: 1, drawdown_max: 1,
  loss_rate_max: 1, concentration_max: 10, cooldown_s: 0, trades_max: 1000000000, headroom_share: 0, stablecoin_band: 1,
  collar_max: 1e9, collar_exit_max: 1e9, book_walk_max: 1e9, data_age_max_s: 1e9, data_age_exit_max_s: 1e9,
  qty_value_multiple: 1e9, open_orders_max: 1000000, open_orders_pair_max: 1000000, unexecuted_max: 10,
  duplicate_window_s: 0, clock_skew_max_ms: 1e9, rejects_max: 1000000000, executions_max: null, leverage_max: 125,
  margin_mode: cross, liquidation_multiple_min: 0, fleet_grant: false, strict_exits: false}
"""
    body, _ = put("name", "loose")
    assert load(tmp_path, body + loose).guardrails.trades_max == 10**9
