"""A person ends what cannot be proven: an order whose venue does not answer any more."""

from pathlib import Path

import pytest

from quarterdeck.config import Workspace
from quarterdeck.domain import NotAllowed
from quarterdeck.system import (
    explain,
    read_events,
    read_status,
    resolve_asked,
    resolve_order,
    unresolved_order,
)
from tests.drill.stage import BOT
from tests.system.acting import SPEED, VALIDITY_NS, at_sea, planned
from tests.system.replaying import local, played

WAIT_S = 10.0


def test_only_an_order_whose_outcome_is_not_known_can_be_resolved(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        done = min(planned(stage))
        with pytest.raises(NotAllowed, match="there is no order 'nope'"):
            unresolved_order(stage.workspace, BOT, "nope")
        with pytest.raises(NotAllowed, match=f"order {done} is filled, not unknown: there is nothing to resolve"):
            unresolved_order(stage.workspace, BOT, done)
        later = resolve_order(stage.workspace, resolve_asked(done, "looked", "ann"), BOT, 0.0)
        assert later == "not running; it will take the word for it when it next starts"
        played(stage, cycles=5)
        told = read_events(stage.workspace, BOT, since_ns=0, limit=1_000)
        assert "order_resolved" not in {item["type"] for item in told.items}


def test_the_word_of_a_person_ends_an_order_that_its_venue_says_nothing_of(tmp_path: Path) -> None:
    """R8, R16: never without a person where nothing can be proven, and at once with one."""
    with at_sea(tmp_path) as stage:
        bot = stage.run(stage.plan(speed=SPEED, validity_ns=VALIDITY_NS))
        bot.until(lambda: bool(planned(stage)), "trading")
        for venue in stage.venues.values():
            venue.freeze()
        bot.until(lambda: bool(_unknown(stage.workspace)), "an order that nobody knows of")
        client_id = _unknown(stage.workspace)[0]
        told = unresolved_order(stage.workspace, BOT, client_id)
        assert told.doing.startswith(f"asking {told.venue} by client id; ")
        denied = [denial.scope for denial in read_status(stage.workspace, BOT).opening.denied]
        assert f"{told.instrument} on {told.venue}" in denied
        asked = resolve_asked(client_id, "not in any list", "ann")
        assert resolve_order(stage.workspace, asked, BOT, WAIT_S) == f"done: order {client_id} counts as not_placed"
        assert client_id not in _unknown(stage.workspace)
        order = explain(stage.workspace, BOT, client_id).order
        assert order is not None
        last = order.states[-1]
        assert (last.state, last.evidence) == ("not_placed", "declared_gone")
        assert last.reason == "ann says that it lives no more: not in any list"
        with pytest.raises(NotAllowed, match=f"refused: order {client_id} is not_placed"):
            resolve_order(stage.workspace, resolve_asked(client_id, "again", "ann"), BOT, WAIT_S)
        events = read_events(stage.workspace, BOT, since_ns=0, limit=1_000).items
        assert [item["actor"] for item in events if item["type"] == "order_resolved"] == ["user"]
        for venue in stage.venues.values():
            venue.kill()


def _unknown(workspace: Workspace) -> list[str]:
    return [order.client_id for order in read_status(workspace, BOT).unknown_orders]
