"""S15: why the bot did or did not trade can be asked of the journal, intent by intent and bar by bar."""

from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck.domain import (
    MINUTE_NS,
    ConfigError,
    CycleRan,
    Fact,
    FillBooked,
    IntentFormed,
    IntentRefused,
    OrderMoved,
    OrderPlanned,
)
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.system import bot_of, explain, explain_bar, only_bot
from tests.drill.stage import BOT, Stage
from tests.system.replaying import facts_of, local, played


def rows_of(stage: Stage) -> dict[int, list[Fact]]:
    with SqliteReader(stage.folder.journal) as reader:
        return {row.seq: decode_facts(row.body) for row in reader.rows()}


def test_every_intent_is_explained_with_every_row_that_speaks_of_it(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        file = stage.workspace.bot_file(BOT)
        file.write_text(file.read_text().replace("cooldown_s: 30", "cooldown_s: 600"))
        played(stage)
        facts = facts_of(stage)
        refused = {fact.intent_id: fact for fact in facts if isinstance(fact, IntentRefused)}
        planned = {fact.intent_id: fact for fact in facts if isinstance(fact, OrderPlanned)}
        formed = [fact for fact in facts if isinstance(fact, IntentFormed)]
        assert refused
        assert planned
        for fact in formed:
            told = explain(stage.workspace, BOT, fact.intent.id)
            assert told.intent.id == fact.intent.id
            assert told.decision == ("ordered" if fact.intent.id in planned else "refused")
            assert told.failed == (refused[fact.intent.id].failed if fact.intent.id in refused else ())
            assert told.journal_seqs == seqs_about(stage, fact.intent.id)


def seqs_about(stage: Stage, intent_id: str) -> tuple[int, ...]:
    ids: set[str] = set()
    found = []
    for seq, facts in rows_of(stage).items():
        ids |= {fact.client_id for fact in facts if isinstance(fact, OrderPlanned) and fact.intent_id == intent_id}
        if any(speaks_of(fact, intent_id, ids) for fact in facts):
            found.append(seq)
    return tuple(found)


def speaks_of(fact: Fact, intent_id: str, client_ids: set[str]) -> bool:
    if isinstance(fact, IntentFormed):
        return fact.intent.id == intent_id
    return getattr(fact, "intent_id", "") == intent_id or getattr(fact, "client_id", "") in client_ids


def test_an_order_is_explained_from_its_plan_to_its_last_fill(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        facts = facts_of(stage)
        plan = next(fact for fact in facts if isinstance(fact, OrderPlanned))
        moved = [fact for fact in facts if isinstance(fact, OrderMoved) and fact.client_id == plan.client_id]
        booked = [fact for fact in facts if isinstance(fact, FillBooked) and fact.client_id == plan.client_id]
        told = explain(stage.workspace, BOT, plan.client_id)
        assert told.order is not None
        assert told.order.states[0].state == "planned"
        assert len(told.order.states) == 1 + len(moved) + len(booked)
        assert told.order.states[-1].state == told.order.state == "filled"
        assert told.size.qty == told.order.qty == plan.lot * plan.qty_lots
        assert told.route.chosen == plan.venue
        assert [quote.venue for quote in told.route.quotes] == [quote.venue for quote in plan.routes]
        assert sum((fill.qty for fill in told.fills), Decimal(0)) == told.order.filled
        assert all(verdict.passed for verdict in told.verdicts)
        assert told.signal is not None
        assert told.signal.action == told.intent.side.upper()


def test_the_last_intent_is_the_one_that_was_formed_last(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        last = [fact.intent.id for fact in facts_of(stage) if isinstance(fact, IntentFormed)][-1]
        assert explain(stage.workspace, BOT, None).intent.id == last


def test_every_opinion_on_a_bar_became_an_intent_or_says_why_not(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        cycles = [fact for fact in facts_of(stage) if isinstance(fact, CycleRan)]
        skipped = 0
        for cycle in cycles:
            told = explain_bar(stage.workspace, BOT, cycle.bar_ns + 30_000_000_000, MINUTE_NS)
            assert told.ran
            assert {pair.pair: pair.action for pair in told.pairs} == {p: a.value for p, a in cycle.actions.items()}
            for pair in told.pairs:
                assert (pair.explanation is not None) + bool(pair.skipped) == (pair.action != "HOLD")
                skipped += bool(pair.skipped)
        assert skipped


def test_a_bar_without_a_cycle_and_a_pair_without_an_opinion_are_told(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        assert explain_bar(stage.workspace, BOT, MINUTE_NS, MINUTE_NS).reason.startswith("no cycle ran on this bar")
        bar_ns = next(fact.bar_ns for fact in facts_of(stage) if isinstance(fact, CycleRan))
        told = explain_bar(stage.workspace, BOT, bar_ns, MINUTE_NS, "SOL-USD")
        assert (told.pairs, told.reason) == ((), "the strategy was not asked about SOL-USD on this bar")


def test_the_bot_is_found_by_what_is_asked_about(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        with pytest.raises(ConfigError, match="none that ever ran"):
            only_bot(stage.workspace)
        played(stage)
        plan = next(fact for fact in facts_of(stage) if isinstance(fact, OrderPlanned))
        assert bot_of(stage.workspace, plan.intent_id) == bot_of(stage.workspace, plan.client_id) == BOT
        assert only_bot(stage.workspace) == BOT
        with pytest.raises(ConfigError, match="knows an intent or order 'nope'; there are: drill"):
            bot_of(stage.workspace, "nope")
        with pytest.raises(ConfigError, match="knows no intent and no order 'nope'"):
            explain(stage.workspace, BOT, "nope")


def test_a_bot_that_wanted_nothing_yet_says_so(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=1)
        with pytest.raises(ConfigError, match="has not wanted to trade yet"):
            explain(stage.workspace, BOT, None)
