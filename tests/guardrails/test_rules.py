"""The table of rules: complete, unchangeable in its bits, and true to the design and to the settings."""

import inspect
import math
import random
import re

import msgspec

from quarterdeck import guardrails
from quarterdeck.domain import PURE_FUNCTIONS, GuardrailSettings, RiskSettings
from quarterdeck.guardrails import BITS, PASSED, REFUSED, RULES, UNKNOWN, Exits, Refuses
from tests.guardrails.subjects import ALL_RULES

LIMITS_OF_RULES = {
    "asset_share_max",
    "liquidation_price",
    "order_value_max",
    "quantity_max",
    "share_of",
    "stop_distances",
}
PURE = {name.rsplit(".", 1)[1]: check for name, check in PURE_FUNCTIONS.items() if ".guardrails." in name}
HELPING = {
    "crosses_resting",
    "exceeds",
    "fall_from",
    "higher",
    "is_above",
    "is_at_par",
    "is_clear",
    "is_same",
    "is_sure",
    "is_too_small",
    "lots_within_caps",
    "may_be_deeper",
    "needs_no_stop",
    "trips",
    "trips_loss_rate",
    "within_caps",
    "worst_ticks",
}
"""What sizes, marks and levels go by; they give no verdict."""
OURS = {name: check for name, check in PURE.items() if name not in HELPING}


def test_bits_are_given_once_and_for_ever() -> None:
    assert {f"G{n}": n - 1 for n in range(1, 11)} | {f"E{n}": n + 9 for n in range(1, 14)} == BITS
    assert sorted(BITS.values()) == list(range(23))
    assert [rule.id for rule in RULES] == ALL_RULES
    assert all(rule.bit == BITS[rule.id] for rule in RULES)


def test_what_a_rule_means_for_exits_is_what_the_design_says() -> None:
    others = {
        "G1": Exits.BOUND,
        "G2": Exits.PASS_UNLESS_HALTED,
        "G3": Exits.PASS_WHEN_TRADABLE,
        "G10": Exits.BOUND,
        "E1": Exits.WIDER,
        "E2": Exits.WIDER,
        "E3": Exits.BOUND,
        "E6": Exits.BOUND,
        "E10": Exits.BOUND,
    }
    assert {rule.id: rule.exits for rule in RULES} == {rule.id: others.get(rule.id, Exits.PASS) for rule in RULES}


def test_how_each_rule_stands_to_its_limit_is_what_the_design_says() -> None:
    reached, below = {"G5", "G6", "E9"}, {"G8", "E12"}
    anything = {"G1", "G2", "G3", "E6", "E7", "E10"}
    for rule in RULES:
        assert (rule.refuses is Refuses.REACHED) == (rule.id in reached)
        assert (rule.refuses is Refuses.BELOW) == (rule.id in below)
        assert (rule.refuses is Refuses.ANY) == (rule.id in anything)


def test_every_setting_belongs_to_a_rule_and_every_key_is_a_setting() -> None:
    named = {key for rule in RULES for key in rule.keys}
    assert named == set(GuardrailSettings.__struct_fields__) - {"strict_exits", "protect_when_halted"}
    elsewhere = {path for rule in RULES for path in rule.elsewhere}
    assert elsewhere == {"pairs", "risk.drawdown_max", "risk.position_max"}
    assert {path.removeprefix("risk.") for path in elsewhere - {"pairs"}} <= set(RiskSettings.__struct_fields__)


def test_the_defaults_are_those_of_the_specification() -> None:
    """A-17 to A-27, and the E rules of the design."""
    assert msgspec.structs.asdict(GuardrailSettings()) == {
        "order_value_max_quote": 500.0,
        "order_value_max_share": 0.02,
        "daily_loss_max": 0.05,
        "drawdown_max": 0.10,
        "drawdown_window_days": 7,
        "loss_rate_max": 0.02,
        "loss_rate_window_min": 30,
        "loss_rate_pause_min": 15,
        "concentration_max": 0.25,
        "cooldown_s": 60.0,
        "trades_max": 5,
        "trades_window_min": 5,
        "headroom_share": 0.01,
        "stablecoins": ("USDT", "USDC", "DAI", "BUSD"),
        "stablecoin_band": 0.01,
        "collar_max": 0.03,
        "collar_exit_max": 0.08,
        "book_walk_max": 0.01,
        "data_age_max_s": 10.0,
        "data_age_exit_max_s": 300.0,
        "qty_max": {},
        "qty_value_multiple": 10.0,
        "open_orders_max": 20,
        "open_orders_pair_max": 5,
        "unexecuted_max": 0.10,
        "duplicate_window_s": 5.0,
        "clock_skew_max_ms": 500.0,
        "rejects_max": 3,
        "executions_max": None,
        "leverage_max": 3.0,
        "margin_mode": "isolated",
        "liquidation_multiple_min": 2.0,
        "fleet_grant": False,
        "grant_valid_s": 60.0,
        "strict_exits": False,
        "protect_when_halted": False,
    }


def test_reasons_read_as_sentences_that_say_what_to_do() -> None:
    """Each joins a ground and an act with a semicolon, and fits into a table."""
    for rule in RULES:
        for reason in (rule.reason, *([rule.otherwise] if rule.otherwise else [])):
            assert "; " in reason, f"{rule.id} does not say what to do"
            assert not reason.endswith(".")
            assert "|" not in reason
            assert not re.match(r"[A-Z]", reason)


def test_every_pure_function_of_the_room_is_at_its_front_door() -> None:
    assert set(PURE) <= set(guardrails.__all__)
    assert set(PURE) >= HELPING
    assert len(OURS) == 31


def test_pure_functions_take_and_give_plain_numbers_only() -> None:
    """So the kernel can compile them: scalars in, a scalar out, no other name than codes, math and each other."""
    for name, check in OURS.items():
        signature = inspect.signature(check)
        assert {one.annotation for one in signature.parameters.values()} <= {"float", "int"}
        assert signature.return_annotation == ("float" if name in LIMITS_OF_RULES else "int")
        globals_read = set(check.__code__.co_names)
        allowed = {"math", "isfinite", "isnan", "nan", "abs", "min", "INF", "PASSED", "REFUSED", "UNKNOWN", "SLACK"}
        assert globals_read <= allowed, name
        assert check.__closure__ is None


def test_what_helps_the_rules_answers_every_number_and_never_raises() -> None:
    draw = random.Random(20_261_120)
    floats = [0.0, -0.0, 1e-9, 0.05, 60.0, 5e2, -1.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]
    for name in sorted(HELPING):
        kinds = [one.annotation for one in inspect.signature(PURE[name]).parameters.values()]
        assert set(kinds) <= {"float", "int"}
        for _ in range(300):
            PURE[name](*[draw.choice(floats) if kind == "float" else draw.choice([-1, 1]) for kind in kinds])


def test_pure_functions_answer_every_number_and_never_raise() -> None:
    draw = random.Random(20_260_101)
    floats = [0.0, -0.0, 1e-9, 0.05, 60.0, 5e2, -1.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]
    for name, check in OURS.items():
        kinds = [one.annotation for one in inspect.signature(check).parameters.values()]
        for _ in range(300):
            numbers = [draw.choice(floats) if kind == "float" else draw.randint(-2, 30) for kind in kinds]
            answer = check(*numbers)
            if name in LIMITS_OF_RULES:
                assert type(answer) is float
            else:
                assert answer in {PASSED, REFUSED, UNKNOWN}
                assert not (answer == PASSED and any(math.isnan(number) for number in numbers)) or name == "drawdown"
