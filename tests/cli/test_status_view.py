"""What `status` shows a person when much is not as it should be, on 80 columns."""

import io
from decimal import Decimal

import pytest
from msgspec import structs
from rich.console import Console

from quarterdeck.cli.main import run_command
from quarterdeck.cli.status_view import print_status
from quarterdeck.config import create_workspace
from quarterdeck.system import BotStatus, Difference, KillTold, Protection, WaitingExit, read_status
from quarterdeck.system.standing import Denial, Opening
from quarterdeck.system.status import VenueStatus
from quarterdeck.system.unsettled import OtherOrder

AT = "2026-01-05T10:20:30.000000Z"


@pytest.fixture(scope="module")
def status(tmp_path_factory: pytest.TempPathFactory) -> BotStatus:
    workspace = create_workspace(tmp_path_factory.mktemp("view") / "w")
    arguments = ["--speed", "max", "--from", "2026-01-05", "--cycles", "3", "--json"]
    assert run_command(["--workspace", str(workspace.root), "run", "demo", *arguments]) == 0
    return read_status(workspace, "demo")


def shown(status: BotStatus) -> str:
    out = io.StringIO()
    print_status(Console(file=out, width=80, highlight=False), status)
    text = out.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 80
    return text


def words(text: str) -> str:
    return " ".join(text.split())


def test_one_cause_stands_in_its_row_and_several_in_a_table(status: BotStatus) -> None:
    one = Opening(False, ("paused: lost 2 %",), (Denial("everything", "paused: lost 2 %"),))
    text = shown(structs.replace(status, opening=one))
    assert "denied: paused: lost 2 %" in text
    assert "why nothing is opened" not in text
    more = Denial("BTC-USD on kraken", "BTC-USD on kraken: what became of order x1 is not known")
    text = shown(structs.replace(status, opening=structs.replace(one, denied=(*one.denied, more))))
    assert "denied, as said below" in text
    assert "BTC-USD on kraken  what became of order x1 is not known" in text
    part = Opening(True, (), (more,))
    assert "allowed, but not everywhere, as said below" in words(shown(structs.replace(status, opening=part)))


def test_a_difference_shows_what_was_expected_what_is_there_and_since_when(status: BotStatus) -> None:
    found = Difference("kraken", "BTC", Decimal("-0.50000000"), Decimal("1.2"), Decimal("0.7"), AT)
    text = shown(structs.replace(status, differences=[found]))
    assert "1.2     0.7  -0.50000000  2026-01-05 10:20:30" in text
    assert "'quarterdeck resume demo' accepts it" in words(text)


def test_protection_exits_that_wait_orders_of_others_and_a_kill_are_shown(status: BotStatus) -> None:
    stop = Protection("kraken", "BTC-USD", Decimal(1), "venue", "stop order s1 rests at kraken", "s1", Decimal(57_000))
    naked = Protection("coinbase", "ETH-USD", Decimal(2), "bot", "only while", naked_since_at=AT, tries=3)
    changed = structs.replace(
        status,
        protection=[stop, naked],
        waiting_exits=[WaitingExit("x1", "BTC-USD", None, "target", AT, ("s1",))],
        others=[OtherOrder("kraken", "", "o-17", "BTC-USD", "sell", Decimal(3), Decimal(0))],
        kill=KillTold(("coinbase",), ("kraken",)),
        venues=[
            VenueStatus("kraken", healthy=False, data_age_s=1.0, banned_until_at=AT),
            VenueStatus("coinbase", healthy=False, data_age_s=1.0, answers=False),
        ],
    )
    text = words(shown(changed))
    assert "venue, at 57,000.00" in text
    assert "naked since 2026-01-05 10:20:30, 3 attempts" in text
    assert "target; waits for s1" in text
    assert "kraken o-17 sell 3 BTC-USD" in text
    assert "raised; no order of ours at coinbase; not yet proven empty: kraken" in text
    assert "listens to nothing before 2026-01-05 10:20:30" in text
    assert "does not answer" in text


def test_a_bot_that_is_well_shows_nothing_of_all_this(status: BotStatus) -> None:
    text = shown(status)
    for title in ("why nothing", "no trade explains", "wait for a stop", "of others", "raised;"):
        assert title not in text
