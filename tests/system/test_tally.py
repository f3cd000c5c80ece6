from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import CycleRan, FillBooked, IntentFormed, IntentRefused, OrderMoved, OrderPlanned, Started
from quarterdeck.engine import State, step
from quarterdeck.portfolio import FLAT
from quarterdeck.system import recover
from quarterdeck.system.tally import equity_of, realised_of, unrealised_of
from tests.drill.stage import BOT
from tests.engine.driving import listing_of
from tests.system.desk import settings
from tests.system.replaying import ALWAYS_LONG, facts_of, local, played


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


def holding(quote: str, qty: str, cost: str, realised: str) -> State:
    """A state that holds BTC on `a`, bought with `quote`."""
    listing = msgspec.structs.replace(
        listing_of("a", "BTC-USD"), instrument=f"BTC-{quote}", quote=quote, pair="BTC-USD"
    )
    adopted = msgspec.structs.replace(settings(), listings=(listing,), pairs=("BTC-USD",))
    state = State()
    step(state, Started(1, "b-1", 1, "test", adopted, 0))
    position = msgspec.structs.replace(FLAT, qty=Decimal(qty), cost=Decimal(cost), realised=Decimal(realised))
    state.positions = {"a": {listing.instrument: position}}
    return state


def test_profit_in_another_quote_is_told_in_base_currency() -> None:
    state = holding("USDC", "2", "200", "10")
    state.marks = {"a": {"BTC-USDC": 110.0}}
    assert (realised_of(state), unrealised_of(state)) == (Decimal(10), Decimal(20))
    state.rates = {"USDC": 0.95}
    assert (realised_of(state), unrealised_of(state)) == (Decimal("9.5"), Decimal(19))


def test_what_has_no_mark_counts_at_its_cost() -> None:
    state = holding("USD", "2", "200", "0")
    assert unrealised_of(state) == 0


def test_cash_and_positions_add_up_to_the_equity_also_after_a_fill_that_no_mark_has_seen() -> None:
    state = holding("USDC", "2", "200", "0")
    state.cash = {"a": {"USD": Decimal("1000.25"), "USDC": Decimal("799.5")}}
    state.equity = 2_000.0  # of the mark before the fill
    assert equity_of(state) == Decimal("1999.75")
    state.marks, state.rates = {"a": {"BTC-USDC": 110.0}}, {"USDC": 0.95}
    assert equity_of(state) == Decimal("1000.25") + Decimal("0.95") * (Decimal("799.5") + 220)
    state.cash["a"]["BNB"] = Decimal(1)
    assert equity_of(state) is None


def test_open_profit_is_that_of_the_last_mark(tmp_path: Path) -> None:
    with local(tmp_path, strategy=ALWAYS_LONG) as stage:
        summary = played(stage)
        state = recover(stage.folder.journal).state
    assert summary.positions
    held = sum(
        (one.qty * Decimal(repr(state.marks[one.venue][one.instrument])) - one.cost for one in summary.positions),
        Decimal(0),
    )
    assert summary.unrealised == pytest.approx(held, abs=Decimal("1e-7"))
    assert summary.unrealised != 0
    fees = sum(summary.fees.values(), Decimal(0))
    assert summary.equity is not None
    gained = summary.equity - summary.equity_open
    assert gained == pytest.approx(summary.realised + summary.unrealised - fees, abs=Decimal("1e-6"))


def test_the_keys_of_a_summary_are_those_that_outsiders_rely_on(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        told = msgspec.to_builtins(played(stage, cycles=30))
    keys = (
        "bot session mode from_at to_at cycles signals intents refusals orders fills fees realised unrealised cash "
        "positions equity_open equity drawdown_max control order_list_hash state_hash journal_head wall_s"
    )
    assert set(keys.split()) <= told.keys()
    assert set(told["signals"]) == {"BUY", "SELL", "HOLD"}
    assert set(told["intents"]) == {"total", "by_source"}
    assert {"planned", "filled", "cancelled", "rejected", "expired", "unknown"} <= told["orders"].keys()
    assert set(told["journal_head"]) == {"seq", "hash"}
    money = [told["realised"], told["unrealised"], told["equity"], told["equity_open"], *told["fees"].values()]
    assert all(isinstance(amount, str) for amount in money)
