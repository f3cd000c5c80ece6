from collections import Counter
from decimal import Decimal
from pathlib import Path

from quarterdeck.domain import CycleRan, FillBooked, IntentFormed, IntentRefused, OrderMoved, OrderPlanned
from quarterdeck.system import recover
from tests.drill.stage import BOT
from tests.system.replaying import facts_of, local, played


def test_a_summary_counts_the_facts_of_its_run(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        facts = facts_of(stage)
    actions = Counter(action.value for fact in facts if isinstance(fact, CycleRan) for action in fact.actions.values())
    assert summary.cycles == sum(isinstance(fact, CycleRan) for fact in facts)
    assert summary.signals == {word: actions[word] for word in ("BUY", "SELL", "HOLD")}
    assert summary.intents.total == sum(isinstance(fact, IntentFormed) for fact in facts)
    assert summary.intents.by_source == {"strategy": summary.intents.total}
    refused = Counter(
        word for fact in facts if isinstance(fact, IntentRefused) for word in (fact.failed or (fact.stage,))
    )
    assert summary.refusals == dict(sorted(refused.items()))
    assert summary.orders.planned == sum(isinstance(fact, OrderPlanned) for fact in facts)
    assert summary.fills == sum(isinstance(fact, FillBooked) for fact in facts)
    ends: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, OrderMoved | FillBooked):
            ends[fact.client_id] = fact.state.value
    counted = Counter(ends.values())
    assert (summary.orders.filled, summary.orders.cancelled) == (counted["filled"], counted["cancelled"])


def test_a_summary_counts_its_own_run_only_and_holds_the_state_at_its_end(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        first = played(stage, cycles=50)
        second = played(stage, cycles=30)
        state = recover(stage.folder.journal).state
    assert (first.cycles, second.cycles) == (50, 30)
    assert second.session == f"{BOT}-2"
    assert second.cash == state.cash
    assert second.order_list_hash != first.order_list_hash
    assert second.control is state.control


def test_cash_plus_cost_less_profit_is_the_capital(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        fills = [fact for fact in facts_of(stage) if isinstance(fact, FillBooked)]
    cash = sum((amount for held in summary.cash.values() for amount in held.values()), Decimal(0))
    cost = sum((held.cost for held in summary.positions), Decimal(0))
    fees = sum((fill.fee for fill in fills), Decimal(0))
    assert cash + cost - summary.realised + fees == Decimal(100_000)
