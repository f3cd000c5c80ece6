"""A run over two venues that list a pair under names of their own."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.config import load_bot
from quarterdeck.domain import (
    Action,
    CycleRan,
    Fact,
    FillBooked,
    MarksTaken,
    OrderPlanned,
    SettingsAdopted,
    Side,
)
from quarterdeck.system import ReplaySource, RunOptions, RunSummary, recover, run_bot, verify_replay
from tests.drill.stage import BEGIN_NS, MINUTE_NS, Stage
from tests.system.replaying import facts_of, local

BTC, ETH = "BTC-USD", "ETH-USD"
BARS = 120
PEG_LOST_AT = 60


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A bot on `alpha`, which deals in dollars, and `beta`, which deals in a stablecoin and charges no more."""
    with local(tmp_path, bars=BARS) as made:
        text = made.workspace.bot_file("drill").read_text()
        before, name, beta = text.partition("  - name: beta\n")
        beta = beta.replace('{USD: "50000"}', '{USDC: "50000"}').replace("BTC-USD: {tick", "BTC-USDC: {tick", 1)
        beta = beta.replace("ETH-USD: {tick", "ETH-USDC: {tick", 1)
        listed = "    pairs: [BTC-USDC, ETH-USDC]\n"
        more = "equivalent_quotes: [[USD, USDC]]\nwatch: [USDC-USD]\n"
        made.workspace.bot_file("drill").write_text(before + name + listed + beta + more)
        yield made


def coin_recording(stage: Stage, *closes: float, venue: str = "alpha") -> ReplaySource:
    """Record what the stablecoin was worth, minute by minute, where a venue shows it."""
    lines = [
        f"{(BEGIN_NS + number * MINUTE_NS) // 1_000_000},{close},{close},{close},{close},1"
        for number, close in enumerate(closes)
    ]
    path = stage.root / "USDC-USD.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    return ReplaySource(venue, "USDC-USD", path)


def played(stage: Stage, *more: ReplaySource) -> RunSummary:
    config = load_bot(stage.workspace.bot_file("drill"), stage.workspace)
    return run_bot(stage.workspace, config, RunOptions(replay=(*stage.tapes, *more), speed=None))


def planned(facts: list[Fact]) -> list[OrderPlanned]:
    return [fact for fact in facts if isinstance(fact, OrderPlanned)]


def test_a_pair_is_traded_under_each_venue_s_own_name(stage: Stage) -> None:
    summary = played(stage)
    facts = facts_of(stage)
    traded = {(order.venue, order.instrument) for order in planned(facts)}
    assert traded == {("alpha", BTC), ("alpha", ETH), ("beta", "BTC-USDC"), ("beta", "ETH-USDC")}
    assert {order.pair or order.instrument for order in planned(facts)} == {BTC, ETH}
    assert {word for fact in facts if isinstance(fact, CycleRan) for word in fact.actions} == {BTC, ETH}
    assert (set(summary.cash["alpha"]), set(summary.cash["beta"])) == ({"USD"}, {"USDC"})
    assert verify_replay(stage.folder.journal).ok


def test_the_strategy_sees_the_bars_of_the_first_venue(stage: Stage) -> None:
    """So that one bot gives the same signals whatever its other venues list."""
    played(stage)
    seen = [fact.actions for fact in facts_of(stage) if isinstance(fact, CycleRan)]
    assert len(seen) == BARS
    assert {action for actions in seen for action in actions.values()} == {Action.BUY, Action.SELL, Action.HOLD}


def test_cash_and_positions_in_two_quotes_add_up_to_equity(stage: Stage) -> None:
    summary = played(stage)
    state = recover(stage.folder.journal).state
    cash = sum((amount for held in summary.cash.values() for amount in held.values()), Decimal(0))
    cost = sum((held.cost for held in summary.positions), Decimal(0))
    fees = sum((fact.fee for fact in facts_of(stage) if isinstance(fact, FillBooked)), Decimal(0))
    assert cash + cost - summary.realised + fees == Decimal(100_000)
    assert state.rates == {}
    assert summary.equity is not None
    gained = summary.equity - summary.equity_open
    assert gained == pytest.approx(summary.realised + summary.unrealised - fees, abs=Decimal("1e-6"))


def test_a_coin_off_its_peg_counts_at_market_and_is_not_bought_with(stage: Stage) -> None:
    """S8: what `beta` deals in loses its peg; opening there ends, and everything is worth what the market says."""
    coin = coin_recording(stage, *[1.0] * PEG_LOST_AT, *[0.95] * (BARS - PEG_LOST_AT))
    summary = played(stage, coin)
    facts = facts_of(stage)
    lost_ns = BEGIN_NS + (PEG_LOST_AT + 1) * MINUTE_NS
    bought = [order.at_ns for order in planned(facts) if order.venue == "beta" and order.side is Side.BUY]
    assert bought
    assert max(bought) < lost_ns
    marks = [fact for fact in facts if isinstance(fact, MarksTaken)]
    assert {rate.asset: rate.rate for rate in marks[-1].rates} == {"USDC": 0.95}
    assert summary.equity is not None
    coins = summary.cash["beta"]["USDC"]
    assert summary.equity == pytest.approx(Decimal(100_000) - coins * Decimal("0.05"), abs=Decimal(300))


@pytest.mark.parametrize("venue", ["alpha", "beta"])
def test_what_is_watched_is_never_traded(stage: Stage, venue: str) -> None:
    """Whether a venue of the bot lists it, as `alpha` does, or only shows it."""
    played(stage, coin_recording(stage, *[1.0] * BARS, venue=venue))
    facts = facts_of(stage)
    adopted = [fact.settings for fact in facts if isinstance(fact, SettingsAdopted)]
    assert adopted[0].watched == ("USDC-USD",)
    assert "USDC-USD" not in {listing.instrument for listing in adopted[0].listings}
    assert "USDC-USD" not in {order.instrument for order in planned(facts)}


def test_a_run_in_two_halves_is_the_run_in_one_go(stage: Stage, tmp_path: Path) -> None:
    config = load_bot(stage.workspace.bot_file("drill"), stage.workspace)
    config = msgspec.structs.replace(config, cancel_on_shutdown=False)
    options = RunOptions(replay=stage.tapes, speed=None, cycles=61)
    run_bot(stage.workspace, config, options)
    run_bot(stage.workspace, config, options)
    halves = [(order.at_ns, order.client_id) for order in planned(facts_of(stage))]
    with local(tmp_path / "whole", bars=BARS) as whole:
        whole.workspace.bot_file("drill").write_text(stage.workspace.bot_file("drill").read_text())
        run_bot(
            whole.workspace,
            msgspec.structs.replace(config, path=whole.workspace.bot_file("drill")),
            RunOptions(replay=stage.tapes, speed=None),
        )
        assert [(order.at_ns, order.client_id) for order in planned(facts_of(whole))] == halves
