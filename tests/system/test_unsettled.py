"""What `status` says of what is not settled: unknown orders, balances, protection, waiting exits, a kill."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    CancelState,
    Control,
    Effect,
    GuardrailSettings,
    Intent,
    OrderKind,
    OrderSeen,
    OrderState,
    RiskSettings,
    Side,
    Source,
    VenueSettings,
)
from quarterdeck.engine import Deferred, Naked, State
from quarterdeck.system.unsettled import (
    ONLY_RUNNING,
    differences_of,
    doing_of,
    kill_of,
    others_of,
    protections_of,
    unknown_of,
    unprotected_of,
    waiting_exits_of,
)
from tests.system.desk import BTC, START_NS, settings
from tests.system.states import order, state_with, stop_order

BOUND_NS = START_NS + 10 * SECOND_NS


def bounded(state: State, *, proves: bool = True) -> State:
    """Give venue `a` a validity of 7 and a lag of 3 seconds."""
    before = state.venues["a"]
    state.venues["a"] = VenueSettings("a", 7 * SECOND_NS, 3 * SECOND_NS, before.cash, proves_absence=proves)
    return state


def with_stop(**changes: object) -> State:
    state = state_with(orders={"s1": stop_order()}, live={"s1": START_NS}, **changes)
    venues = tuple(msgspec.structs.replace(venue, stops=True) for venue in settings().venues)
    state.settings = msgspec.structs.replace(settings(), risk=RiskSettings(stop_loss=0.05), venues=venues)
    state.venues = {venue.name: venue for venue in venues}
    return state


def test_an_unknown_order_says_what_is_done_and_what_it_holds_up() -> None:
    """S5."""
    told = unknown_of(bounded(state_with(at_ns=BOUND_NS + 1)), order())
    assert (told.qty, told.side) == (Decimal("0.05"), "buy")
    assert told.doing == "asking a by client id; 1 of 3 conclusive denials so far"
    assert told.blocks == "nothing is opened in BTC-USD on a until this is known"
    assert (told.denials, told.denials_needed) == (1, 3)


def test_an_unknown_order_says_from_when_on_denials_count_and_what_was_heard_last() -> None:
    told = unknown_of(bounded(state_with()), order(absences=0, reason="timed out"))
    clock = "".join((told.proof_after_at or "")[11:19])
    assert told.doing == (
        f"asking a by client id; denials count from {clock} UTC on; 0 of 3 conclusive denials so far; "
        "last heard: timed out"
    )
    assert told.last_answer == "timed out"


def test_where_denials_prove_nothing_an_unknown_order_says_who_can_end_it() -> None:
    told = unknown_of(bounded(state_with(at_ns=BOUND_NS + 2 * MINUTE_NS), proves=False), order())
    assert (told.denials_needed, told.proof_after_at) == (None, None)
    assert "its denials prove nothing: only the order itself, a trade or a person ends this" in told.doing
    assert told.doing.endswith("a person who sees at the venue that it does not work may resolve it")


def test_an_account_that_moved_and_a_cancel_in_flight_are_named() -> None:
    state = bounded(state_with(at_ns=BOUND_NS + 1, doubts={"a": {"BTC": Decimal("0.05")}}))
    told = doing_of(state, order(cancel=CancelState.UNKNOWN))
    assert "the account moved by +0.05 BTC, so denials do not end it" in told
    assert "its cancel is being sent too" in told


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": OrderState.PLANNED}, "no answer yet; it may have been sent until "),
        ({"state": OrderState.OPEN}, "it works at a; what is left is cancelled at "),
        ({"state": OrderState.OPEN, "order_kind": OrderKind.STOP}, "it rests at a to protect the position"),
        (
            {"state": OrderState.OPEN, "cancel": CancelState.REQUESTED, "cancel_reason": "not filled within 10 min"},
            "its cancel is being sent (not filled within 10 min)",
        ),
        ({"state": OrderState.FILLED, "reported_lots": 5}, "5 reported lots have no trade yet: trades are pulled"),
        ({"state": OrderState.FILLED}, ""),
    ],
)
def test_every_order_that_is_not_settled_says_what_is_done_about_it(changes: dict[str, object], says: str) -> None:
    told = doing_of(bounded(state_with()), order(**changes))
    assert told.startswith(says)
    assert bool(told) is bool(says)


def test_a_difference_says_what_was_expected_what_is_there_and_since_when() -> None:
    """A-68, R33."""
    state = state_with(
        unexplained={"a": {"USD": Decimal(-50), "BTC": Decimal(0)}}, baselines={"a": {"USD": Decimal(9)}}
    )
    (one,) = differences_of(state, {("a", "USD"): START_NS})
    assert (one.expected, one.actual, one.amount) == (Decimal(7_059), Decimal(7_009), Decimal(-50))
    assert (one.since_at or "").startswith("20")
    (unseen,) = differences_of(state)
    assert unseen.since_at is None


def test_orders_of_others_are_shown_with_quantities_where_the_grid_is_known() -> None:
    """S12, R34."""
    seen = OrderSeen("m1", "17", BTC, Side.BUY, 2_000_000, 0)
    strange = OrderSeen("", "18", "XYZ-USD", Side.SELL, 7, 0)
    known, unknown = others_of(state_with(others={"a": (seen, strange)}))
    assert (known.client_id, known.qty, known.side) == ("m1", Decimal("0.02"), "buy")
    assert (unknown.venue_order_id, unknown.qty) == ("18", None)


def test_what_no_stop_would_sell_is_told_with_the_reason() -> None:
    """S14."""
    state = state_with()
    stopped = msgspec.structs.replace(settings(), risk=RiskSettings(stop_loss=0.05))

    def reason(control: Control = Control.RUNNING, *, is_running: bool = True) -> str:
        found = unprotected_of(state, control, is_running=is_running)
        return found.reason if found else ""

    assert reason() == "no stop is set in risk"
    state.settings = stopped
    assert reason() == ""
    assert reason(is_running=False) == "the bot is not running"
    assert reason(Control.HALTED).startswith("the bot is halted")
    state.settings = msgspec.structs.replace(stopped, guardrails=GuardrailSettings(protect_when_halted=True))
    assert reason(Control.HALTED) == ""
    state.positions = {}
    assert reason(is_running=False) == ""


def test_a_stop_order_at_the_venue_protects_whether_the_bot_runs_or_not() -> None:
    """S14."""
    state = with_stop()
    assert unprotected_of(state, Control.RUNNING, is_running=False) is None
    (one,) = protections_of(state, Control.RUNNING, is_running=False)
    assert (one.by, one.client_id, one.trigger) == ("venue", "s1", Decimal(26_600))
    state.orders["s1"].state = OrderState.CANCELLED
    (gone,) = protections_of(state, Control.RUNNING, is_running=False)
    assert (gone.by, gone.reason) == ("nobody", "the bot is not running")
    (ours,) = protections_of(state, Control.RUNNING, is_running=True)
    assert (ours.by, ours.reason) == ("bot", ONLY_RUNNING)


def test_a_stop_order_that_is_not_known_to_rest_protects_nothing_yet() -> None:
    state = with_stop()
    state.orders["s1"].state = OrderState.UNKNOWN
    (one,) = protections_of(state, Control.RUNNING, is_running=True)
    assert one.by == "bot"
    assert one.reason.startswith(f"{ONLY_RUNNING}; stop order s1 is unknown: asking a by client id")


def test_a_naked_position_tells_since_when_and_how_often_a_stop_was_tried() -> None:
    """R56."""
    state = with_stop(naked={f"a {BTC}": Naked(START_NS - SECOND_NS, 3, START_NS + SECOND_NS)})
    state.orders.clear()
    state.live.clear()
    (one,) = protections_of(state, Control.RUNNING, is_running=True)
    assert (one.by, one.tries) == ("bot", 3)
    assert one.reason == ONLY_RUNNING
    assert one.naked_since_at is not None
    assert one.next_try_at is not None


def test_an_exit_that_waits_names_the_stop_order_it_waits_for() -> None:
    intent = Intent("x1", Source.STRATEGY, "strategy", Effect.REDUCE, Side.SELL, BTC, Decimal(0), "position")
    (one,) = waiting_exits_of(with_stop(deferred={"x1": Deferred(intent, None, START_NS)}))
    assert (one.instrument, one.cause, one.waits_for) == (BTC, "strategy", ("s1",))
    (elsewhere,) = waiting_exits_of(with_stop(deferred={"x1": Deferred(intent, "b", START_NS)}))
    assert elsewhere.waits_for == ()


def test_a_kill_tells_which_venues_are_proven_empty() -> None:
    assert kill_of(state_with()) is None
    told = kill_of(state_with(kill_raised=True, unswept={"b": True}))
    assert told is not None
    assert (told.verified, told.unverified) == (("a",), ("b",))
