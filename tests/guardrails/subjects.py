"""A subject that passes every rule, ways to spoil it, and any subject at all."""

import math
from typing import Any

import msgspec
from hypothesis import strategies as st

from quarterdeck.domain import Control, GuardrailSettings, RiskSettings
from quarterdeck.guardrails import Subject, judge, refusing

LIMITS = GuardrailSettings()
RISK = RiskSettings()
ALL_RULES = [*(f"G{n}" for n in range(1, 11)), *(f"E{n}" for n in range(1, 14))]

FINE = Subject(
    kill_raised=False,
    control=Control.RUNNING,
    reducing=False,
    protective=False,
    approved=True,
    tradable=True,
    notional=50.0,
    equity=10_000.0,
    daily_loss=0.01,
    drawdown=0.02,
    drawdown_ever=0.03,
    asset_after=500.0,
    off_peg=False,
    since_last_trade_s=math.inf,
    trades=1,
    need=51.0,
    free=1_000.0,
    lots=10,
    lots_min=1,
    lots_max=100,
    notional_quote=50.0,
    notional_quote_min=1.0,
    notional_quote_max=math.inf,
    deviation=0.001,
    book_walk=0.0,
    data_age_s=1.0,
    data_age_max_s=10.0,
    book_sound=True,
    qty=0.1,
    qty_max=2.0,
    open_orders=1,
    open_orders_pair=1,
    unexecuted=50.0,
    duplicates=0,
    unresolved=0,
    skew_ms=20.0,
    clock_steady=True,
    rejects=0,
    executions=0,
    crossing=0,
    leverage=1.0,
    margin_as_configured=True,
    liquidation_multiple=math.inf,
    exposure_after=500.0,
    grant_max=2_000.0,
    grant_age_s=5.0,
)

# Everything that one rule alone refuses, by a number just beyond its limit or by its other ground.
SPOILT: list[tuple[str, dict[str, Any]]] = [
    ("G1", {"kill_raised": True}),
    ("G2", {"control": Control.PAUSED}),
    ("G2", {"control": Control.REDUCING}),
    ("G2", {"control": Control.HALTED}),
    ("G3", {"approved": False}),
    ("G3", {"tradable": False}),
    ("G4", {"notional": 200.001}),
    ("G5", {"daily_loss": 0.05}),
    ("G6", {"drawdown": 0.10}),
    ("G7", {"asset_after": 2_500.01}),
    ("G7", {"off_peg": True}),
    ("G8", {"since_last_trade_s": 59.999}),
    ("G9", {"trades": 6}),
    ("G10", {"need": 1_000.01}),
    ("G10", {"lots": 101}),
    ("G10", {"lots": 0}),
    ("G10", {"notional_quote": 0.99}),
    ("G10", {"notional_quote_max": 49.99}),
    ("E1", {"deviation": 0.0301}),
    ("E1", {"book_walk": 0.0101}),
    ("E2", {"data_age_s": 10.001}),
    ("E2", {"book_sound": False}),
    ("E3", {"qty": 2.00001}),
    ("E4", {"open_orders": 21}),
    ("E4", {"open_orders_pair": 6}),
    ("E5", {"unexecuted": 1_000.01}),
    ("E6", {"duplicates": 1}),
    ("E7", {"unresolved": 1}),
    ("E8", {"skew_ms": 500.1}),
    ("E8", {"clock_steady": False}),
    ("E9", {"rejects": 3}),
    ("E10", {"crossing": 1}),
    ("E11", {"leverage": 3.01}),
    ("E11", {"margin_as_configured": False}),
    ("E12", {"liquidation_multiple": 1.99}),
]

# What each unknown float makes impossible to tell.
SPEAKS_OF = {
    "notional": {"G4"},
    "equity": {"G4", "G7", "E5"},
    "daily_loss": {"G5"},
    "drawdown": {"G6"},
    "asset_after": {"G7"},
    "since_last_trade_s": {"G8"},
    "need": {"G10"},
    "free": {"G10"},
    "notional_quote": {"G10"},
    "notional_quote_min": {"G10"},
    "notional_quote_max": {"G10"},
    "deviation": {"E1"},
    "book_walk": {"E1"},
    "data_age_s": {"E2"},
    "data_age_max_s": {"E2"},
    "qty": {"E3"},
    "qty_max": {"E3"},
    "unexecuted": {"E5"},
    "skew_ms": {"E8"},
    "leverage": {"E11"},
    "liquidation_multiple": {"E12"},
    "exposure_after": {"E13"},
    "grant_max": {"E13"},
    "grant_age_s": {"E13"},
    "drawdown_ever": {"G6"},
}

_edges = [0.0, -1.0, 0.05, 0.1, 0.25, 3.0, 10.0, 60.0, 500.0, 1e-9, math.nan, math.inf, -math.inf]
any_float = st.one_of(st.sampled_from(_edges), st.floats())
_likely: dict[str, st.SearchStrategy[Any]] = {
    name: st.one_of(st.just(getattr(FINE, name)), any_float) for name in SPEAKS_OF
}
_counts = {
    name: st.integers(-1, 30) for name in ("trades", "lots", "open_orders", "open_orders_pair", "rejects", "executions")
} | {name: st.integers(0, 2) for name in ("duplicates", "unresolved", "crossing")}
_answers = {
    name: st.booleans()
    for name in (
        "kill_raised",
        "reducing",
        "protective",
        "approved",
        "tradable",
        "off_peg",
        "book_sound",
        "clock_steady",
        "margin_as_configured",
    )
}
subjects = st.builds(
    Subject,
    control=st.sampled_from(Control),
    lots_min=st.just(1),
    lots_max=st.just(20),
    **_likely,
    **_counts,
    **_answers,
)


@st.composite
def nearly_fine(draw: st.DrawFn) -> Subject:
    """Draw a subject of which only a few fields differ from the one that passes."""
    drawn = msgspec.structs.asdict(draw(subjects))
    names = draw(st.lists(st.sampled_from(sorted(drawn)), max_size=3))
    return but(**{name: drawn[name] for name in names})


any_limits = st.builds(
    GuardrailSettings,
    strict_exits=st.booleans(),
    protect_when_halted=st.booleans(),
    fleet_grant=st.booleans(),
    executions_max=st.none() | st.integers(0, 20),
)
any_risk = st.builds(
    RiskSettings,
    drawdown_max=st.none() | st.floats(0.01, 0.5),
    position_max=st.none() | st.floats(0.01, 0.5),
)


def but(**changes: object) -> Subject:
    """Change some fields of the subject that passes."""
    return msgspec.structs.replace(FINE, **changes)


def refused_by(subject: Subject, limits: GuardrailSettings = LIMITS, risk: RiskSettings = RISK) -> list[str]:
    """Name the rules that refuse a subject."""
    return [verdict.id for verdict in refusing(judge(subject, limits, risk))]
