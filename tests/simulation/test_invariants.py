"""Every invariant has a checker, and every checker can fail."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    CancelState,
    CommandAnswered,
    CycleRan,
    Fact,
    FillBooked,
    OrderPlanned,
    Stopping,
    VenueSettings,
    Verdicts,
)
from quarterdeck.engine import State
from quarterdeck.guardrails import RULES
from quarterdeck.journal import LEASE_NS, Lease
from quarterdeck.orders import Order
from quarterdeck.ports import OrderRequest
from tests.engine.auditor import Auditor
from tests.engine.breach import Breach
from tests.engine.driving import Bot
from tests.simulation.cover import check_covered
from tests.simulation.coverage import Coverage
from tests.simulation.door import Door
from tests.simulation.durable import Durable
from tests.simulation.found import FOUND_BY
from tests.simulation.invariants import INVARIANTS, Invariant
from tests.simulation.ownership import Ownership
from tests.simulation.promises import LATE_NS_MAX, Promises, check_verdicts
from tests.simulation.thorough import BOUNDS, check_figures, check_lengths, check_orders
from tests.simulation.virtual_time import Process

ALL = [f"I{number}" for number in range(1, 35)]


def rules_in(file: Path) -> Iterator[str]:
    """Yield every rule that a file can name: a constant in a call of `require` or `Breach`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"require", "Breach", "_equal"}
        ):
            for given in ast.walk(node):
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


def named_in(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_the_list_is_complete() -> None:
    assert list(INVARIANTS) == ALL


@pytest.mark.parametrize(("number", "told"), INVARIANTS.items())
def test_every_rule_of_an_invariant_is_checked_where_the_list_says(
    repository: Path, number: str, told: Invariant
) -> None:
    named = {rule for name in told.files for rule in rules_in(repository / name)}
    judged = {rule.id for rule in RULES}  # the second judge names its rules by the table of them
    assert set(told.rules) <= named | judged, number
    for name in told.files:
        assert set(told.rules) & set(rules_in(repository / name)), f"{number} is not checked in {name}"


@pytest.mark.parametrize(("number", "told"), INVARIANTS.items())
def test_every_invariant_is_seen_to_fail_or_held_by_a_test(repository: Path, number: str, told: Invariant) -> None:
    for node in told.tests:
        name, _, test = node.partition("::")
        assert test in named_in(repository / name), node
    broken_by = [bug for bug, (_, rule) in FOUND_BY.items() if rule in told.rules]
    assert told.tests or broken_by, f"nothing shows that the checker of {number} can fail"


# --- planted breaches -------------------------------------------------------------------------------------------------


class Named:
    """All that a door looks at of a process."""

    def __init__(self, name: str) -> None:
        self.name = name


OURS, THEIRS = cast("Process", Named("ours")), cast("Process", Named("theirs"))


class Planted:
    """A bot with an order that is planned and not sent yet, and the door that this order would pass."""

    def __init__(self) -> None:
        self.bot = Bot()
        self.bot.buy()
        self.order: Order = self.bot.state.live_orders()[0]
        facts = [fact for _, facts in self.bot.taken for fact in facts]
        self.plan = next(fact for fact in facts if isinstance(fact, OrderPlanned))
        self.lease = Lease("drill", 1, 1, "sim", "boot", until_boot_ns=10**18)
        listing = self.bot.state.grids[self.plan.venue][self.plan.instrument].listing
        self.durable = SimpleNamespace(
            state=self.bot.state,
            seq=5,
            plans={self.plan.client_id: self.plan},
            intents={self.plan.intent_id},
            planned_on={self.plan.client_id: listing},
            planned_seq={self.plan.client_id: 5},
            killed_seq=0,
            halted_at_ns=None,
            refresh=lambda: None,
            lease=lambda: self.lease,
        )
        self.door = Door(
            cast("Durable", self.durable),
            Coverage(),
            lambda: 0,
            lambda: 0,
            dict.fromkeys(self.bot.state.venues, SECOND_NS),
        )
        self.door.epochs = {OURS: 1, THEIRS: 0}

    def request(self) -> OrderRequest:
        plan = self.plan
        return OrderRequest(
            client_id=plan.client_id,
            venue=plan.venue,
            instrument=plan.instrument,
            side=plan.side,
            order_kind=plan.order_kind,
            qty_lots=plan.qty_lots,
            qty=plan.lot * plan.qty_lots,
            limit=None,
            send_by_ns=plan.send_by_ns,
            kill_epoch=plan.kill_epoch,
        )

    def signs(self, process: Process = OURS) -> None:
        self.door.signs(process, self.request(), self.plan.at_ns)


def test_an_honest_order_may_be_signed() -> None:
    Planted().signs()


def test_i5_a_process_of_an_older_epoch_may_not_sign() -> None:
    with pytest.raises(Breach, match="I5"):
        Planted().signs(THEIRS)


def test_i7_an_order_that_was_taken_back_may_not_be_signed() -> None:
    planted = Planted()
    planted.order.cancel = CancelState.REQUESTED
    with pytest.raises(Breach, match="I7"):
        planted.signs()


def test_i9_another_quantity_than_the_judged_one_may_not_be_signed() -> None:
    planted = Planted()
    planted.plan = replace(planted.plan, qty_lots=planted.plan.qty_lots + 1)
    with pytest.raises(Breach, match="I9"):
        planted.signs()


def test_i28_a_process_whose_journal_failed_may_not_sign() -> None:
    planted = Planted()
    planted.door.journal_failed(OURS)
    with pytest.raises(Breach, match="I28"):
        planted.signs()


def test_i4_an_opening_decided_after_a_kill_may_not_reach_a_venue() -> None:
    planted = Planted()
    planted.signs()
    planted.bot.state.kill_raised, planted.durable.killed_seq = True, 4
    with pytest.raises(Breach, match="I4"):
        planted.door.accepted(OURS, planted.request(), is_behind=False)


def test_i15_a_request_beyond_the_counter_is_found() -> None:
    planted = Planted()
    planted.door.rate_refused(OURS, "a", "query", shared=True)
    with pytest.raises(Breach, match="I15"):
        planted.door.rate_refused(OURS, "a", "query", shared=False)


def promised(fact: Fact, state: State, promises: Promises | None = None) -> None:
    (promises or Promises(Coverage())).take(Stopping(fact.at_ns, "planted"), [fact], state)


def test_i7_an_order_may_not_fill_beyond_its_quantity() -> None:
    bot = Bot()
    bot.bought()
    fill = next(fact for _, facts in bot.taken for fact in facts if isinstance(fact, FillBooked))
    promised(fill, bot.state)
    with pytest.raises(Breach, match="I7"):
        promised(replace(fill, booked_lots_after=fill.booked_lots_after + 1), bot.state)


def test_i11_an_opening_without_a_number_is_found() -> None:
    plan = Planted().plan
    told = plan.verdicts
    check_verdicts([plan])
    nameless = Verdicts(told.evaluated & ~1, told.failed | 1, told.exempt, told.values[1:], told.limits[1:])
    with pytest.raises(Breach, match="I11"):
        check_verdicts([replace(plan, verdicts=nameless)])


def test_i31_a_second_answer_is_found() -> None:
    promises = Promises(Coverage())
    promised(CommandAnswered(1, "ask-1", "done"), State(), promises)
    with pytest.raises(Breach, match="I31"):
        promised(CommandAnswered(2, "ask-1", "refused"), State(), promises)


def test_i34_a_cycle_that_waited_is_found() -> None:
    in_time = CycleRan(MINUTE_NS + LATE_NS_MAX, 0, {})
    promised(in_time, State())
    with pytest.raises(Breach, match="I34"):
        promised(replace(in_time, at_ns=in_time.at_ns + 1), State())
    slept = Promises(Coverage())
    slept.woke(MINUTE_NS + LATE_NS_MAX)
    promised(replace(in_time, at_ns=in_time.at_ns + 1), State(), slept)


def owned(lease: Lease | None) -> Ownership:
    return Ownership(cast("Durable", SimpleNamespace(lease=lambda: lease)), Coverage(), lambda: 0)


def test_i32_a_free_bot_that_nobody_gets_is_found() -> None:
    free = owned(None)
    free.seeks(OURS)
    with pytest.raises(Breach, match="I32"):
        free.seeks(THEIRS)
    free = owned(None)
    free.seeks(OURS)
    free.took(OURS)
    free.seeks(THEIRS)


def test_i32_a_lease_that_lasts_too_long_is_found() -> None:
    held = Lease("drill", 1, 1, "sim", "boot", until_boot_ns=LEASE_NS)
    owned(held).seeks(OURS)
    with pytest.raises(Breach, match="I32"):
        owned(replace(held, until_boot_ns=LEASE_NS + 1)).seeks(OURS)


def test_i33_a_state_that_remembers_too_much_is_found() -> None:
    state = State()
    check_lengths(state)
    state.strays = {str(number): "" for number in range(BOUNDS["strays"] + 1)}
    with pytest.raises(Breach, match="I33"):
        check_lengths(state)


def test_i20_an_order_that_filled_twice_over_is_found() -> None:
    bot = Bot()
    order = bot.bought()
    check_orders(bot.state)
    order.booked_lots *= 2
    with pytest.raises(Breach, match="I20"):
        check_orders(bot.state)


def test_i21_goods_sold_twice_are_found() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).sell()
    check_orders(bot.state)
    bot.state.live_orders()[0].qty_lots *= 2
    with pytest.raises(Breach, match="I21"):
        check_orders(bot.state)


def test_what_came_back_from_its_end_may_be_sold_twice_but_no_more() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).sell()
    (order,) = bot.state.live_orders()
    twin = msgspec.structs.replace(order, client_id="twin")
    bot.state.orders[twin.client_id] = twin
    bot.state.live[twin.client_id] = twin.planned_at_ns
    with pytest.raises(Breach, match="I21"):
        check_orders(bot.state)
    twin.came_back = True
    check_orders(bot.state)
    order.qty_lots *= 3
    with pytest.raises(Breach, match="I21"):
        check_orders(bot.state)


def test_i13_a_figure_that_its_marks_do_not_give_is_found() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).wake()
    auditor = Auditor()
    for news, facts in bot.taken:
        auditor.take(news, facts)
    assert auditor.losses.marks
    check_figures(bot.state, auditor)
    bot.state.day_open *= 1.01
    with pytest.raises(Breach, match="I13"):
        check_figures(bot.state, auditor)


def test_i8_a_position_left_naked_is_found() -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).wake()
    settings = bot.state.settings
    assert settings is not None
    assert check_covered(bot.state) == 0
    venues: tuple[VenueSettings, ...] = tuple(replace(venue, stops=True) for venue in settings.venues)
    risk: Any = replace(settings.risk, stop_loss=0.05)
    bot.state.settings = replace(settings, venues=venues, risk=risk)
    with pytest.raises(Breach, match="I8"):
        check_covered(bot.state)


def test_every_planted_breach_stands_in_the_list() -> None:
    listed = {test for told in INVARIANTS.values() for test in told.tests}
    here = {name for name in named_in(Path(__file__)) if name.startswith("test_i")}
    assert {f"tests/simulation/test_invariants.py::{name}" for name in here} <= listed
