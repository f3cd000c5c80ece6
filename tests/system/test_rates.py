"""A whole bot on venues that hear only so much: it keeps within what they hear, and nothing stands still."""

from collections import Counter
from pathlib import Path

import pytest

from quarterdeck.domain import Evidence, OrderMoved, OrderState
from quarterdeck.system import RunOptions, run_bot
from tests.drill.stage import CHURN
from tests.system.replaying import facts_of, local


@pytest.mark.parametrize("requests", [3, 6, 40])
def test_a_bot_never_asks_more_than_its_venues_hear_and_goes_on_trading(tmp_path: Path, requests: int) -> None:
    """I15: in the time of the market, with the exchange's own limiter as the judge."""
    with local(tmp_path, bars=150, strategy=CHURN, levels=("0.003", "0.006")) as stage:
        stage.let_protect("alpha")
        file = stage.workspace.bot_file("drill")
        limits = f"    limits: {{requests: {requests}, orders: 2, per_s: 90}}\n"
        file.write_text(file.read_text().replace("    depth_quote:", f"{limits}    depth_quote:"))
        summary = run_bot(stage.workspace, stage.config, RunOptions(replay=stage.tapes, speed=None))
        moved = [fact for fact in facts_of(stage) if isinstance(fact, OrderMoved)]
        refused = Counter(fact.reason for fact in moved if fact.evidence is Evidence.REJECTED)
        assert not [reason for reason in refused if "too many" in reason or "banned" in reason], refused
        assert summary.cycles == 150
        assert summary.orders.filled > 20
        assert summary.orders.unknown == 0
        assert OrderState.PLANNED not in {fact.state for fact in moved[-3:]}
        assert "hears no more" not in stage.folder.log.read_text()
