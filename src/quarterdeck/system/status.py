"""The state of a bot as people and scripts read it, running or not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from quarterdeck.config import Workspace, checked_name
from quarterdeck.domain import SECOND_NS, Action, ConfigError, Control
from quarterdeck.engine import State, earned_in_a_day, price_age_ns_max
from quarterdeck.journal import SqliteReader, boot_id, steady_ns
from quarterdeck.market import MarketView
from quarterdeck.orders import ENDED
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.kill_file import read_epoch
from quarterdeck.system.order_rows import OrderRow, row_of
from quarterdeck.system.recover import recover
from quarterdeck.system.standing import (
    AlertTold,
    DayTold,
    Difference,
    HoldTold,
    LossTold,
    Opening,
    UnknownOrder,
    Unprotected,
    alerts_of,
    day_of,
    differences_of,
    holds_of,
    loss_of,
    opening_of,
    unknown_of,
    unprotected_of,
)
from quarterdeck.system.tally import HeldPosition, as_money, equity_of, held_positions, money_of
from quarterdeck.system.usage import GuardrailUse, guardrail_uses


class Owner(Struct, frozen=True):
    """The process that owns the bot."""

    pid: int
    epoch: int


class VenueStatus(Struct, frozen=True):
    """How a venue stands: whether it answers, and how old its latest price is."""

    name: str
    healthy: bool
    data_age_s: float | None


class BotStatus(Struct, frozen=True):
    """
    Everything `status` shows. Times are ISO 8601, money is exact.

    `changes` are the settings that were changed at run time, by path, as the bot file would spell them.
    """

    bot: str
    mode: str
    control: Control
    halt_reason: str
    paused_until_at: str | None
    owner: Owner | None
    last_cycle_at: str | None
    equity: Decimal | None
    cash: dict[str, dict[str, Decimal]]
    positions: list[HeldPosition]
    open_orders: list[OrderRow]
    unknown_orders: list[UnknownOrder]
    guardrails: list[GuardrailUse]
    venues: list[VenueStatus]
    at: str | None
    opening: Opening
    holds: list[HoldTold]
    loss: LossTold | None
    today: DayTold | None
    reconciling: list[str]
    differences: list[Difference]
    alerts: list[AlertTold]
    unprotected: Unprotected | None
    changes: dict[str, str]


class StateExport(Struct, frozen=True):
    """
    What `state.json` holds.

    `last_signal` is what the strategy said last of each pair, `pnl_24h` what the last 24 hours brought, flows apart.
    """

    bot: str
    control: Control
    halt_reason: str
    at: str | None
    equity: Decimal | None
    cash: dict[str, dict[str, Decimal]]
    positions: list[HeldPosition]
    venues: list[VenueStatus]
    last_signal: dict[str, Action] = {}
    pnl_24h: Decimal | None = None


def list_bots(workspace: Workspace) -> list[str]:
    """Name the bots of a workspace that are configured; a file whose name is no bot's, like a copy, is none."""
    return sorted(path.stem for path in workspace.bots.glob("*.yaml") if _names_a_bot(path))


def misnamed_files(workspace: Workspace) -> list[Path]:
    """List the files among the bots' that no bot can be started from, as their names are none of a bot."""
    return sorted(path for path in workspace.bots.glob("*.yaml") if not _names_a_bot(path))


def _names_a_bot(path: Path) -> bool:
    try:
        checked_name(path.stem)
    except ConfigError:
        return False
    return True


def read_status(workspace: Workspace, bot: str) -> BotStatus:
    """
    Read how a bot stands from its journal, whether it runs or not.

    Raises:
        ConfigError: If the bot never ran.
        IntegrityError: If its journal cannot be trusted.
    """
    journal = journal_of(workspace, bot)
    state = recover(journal).state
    control, reason = _control(workspace, state)
    owner = _owner(journal)
    venues = _venues(workspace.bot_folder(bot).state)
    ages = [venue.data_age_s for venue in venues]
    oldest_s = None if not ages or None in ages else max(age for age in ages if age is not None)
    opening = opening_of(state)
    if control is Control.HALTED and opening.allowed:
        opening = Opening(allowed=False, reasons=(reason,))
    return BotStatus(
        bot=bot,
        mode="paper",
        control=control,
        halt_reason=reason,
        paused_until_at=iso(state.paused_until_ns) if state.control is Control.PAUSED else None,
        owner=owner,
        last_cycle_at=iso(state.last_bar_ns),
        equity=money_of(equity_of(state)),
        cash=state.cash,
        positions=held_positions(state),
        open_orders=[row_of(order) for order in state.live_orders() if order.state not in ENDED],
        unknown_orders=[unknown_of(state, order) for order in state.unknown_orders()],
        guardrails=guardrail_uses(state, oldest_s),
        venues=venues,
        at=iso(state.at_ns),
        opening=opening,
        holds=holds_of(state),
        loss=loss_of(state),
        today=day_of(state),
        reconciling=list(state.reconciling),
        differences=differences_of(state),
        alerts=alerts_of(state),
        unprotected=unprotected_of(state, control, is_running=owner is not None),
        changes=dict(state.changes),
    )


def _control(workspace: Workspace, state: State) -> tuple[Control, str]:
    """Give the control level and why; a kill that a stopped bot has not noticed yet halts it all the same."""
    if workspace.kill.exists() and not state.kill_raised and read_epoch(workspace.kill) > state.kill_epoch:
        return Control.HALTED, "the kill switch is raised"
    return state.control, state.control_reason if state.control is not Control.RUNNING else ""


def venue_status(state: State, view: MarketView, now_ns: int) -> list[VenueStatus]:
    """Say how each venue stands, by the market as the bot sees it."""
    age_max_s = price_age_ns_max(state.settings) / SECOND_NS if state.settings is not None else 0.0
    found = []
    for name in state.venues:
        quotes = [view.quote(name, instrument) for instrument in state.grids.get(name, {})]
        ages = [now_ns - quote.at_ns for quote in quotes if quote is not None]
        age_s = min(ages) / SECOND_NS if ages else None
        found.append(VenueStatus(name, healthy=age_s is not None and age_s <= age_max_s, data_age_s=age_s))
    return found


def export_state(state: State, venues: list[VenueStatus], last_signal: dict[str, Action]) -> StateExport:
    """Pick what outside readers get."""
    return StateExport(
        bot=state.settings.bot if state.settings is not None else "",
        control=state.control,
        halt_reason=state.control_reason if state.control is not Control.RUNNING else "",
        at=iso(state.at_ns),
        equity=money_of(equity_of(state)),
        cash=state.cash,
        positions=held_positions(state),
        venues=venues,
        last_signal=dict(last_signal),
        pnl_24h=None if (earned := earned_in_a_day(state)) is None else as_money(earned),
    )


def _owner(journal: Path) -> Owner | None:
    with SqliteReader(journal) as reader:
        lease = reader.lease()
    if lease is None or lease.is_free(boot_id(), steady_ns()):
        return None
    return Owner(lease.pid, lease.epoch)


def _venues(path: Path) -> list[VenueStatus]:
    """Read the venues from the running bot's copy; a bot that never wrote one says nothing about them."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=StateExport).venues
    except (OSError, msgspec.MsgspecError):
        return []
