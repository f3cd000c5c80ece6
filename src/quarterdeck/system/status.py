"""The state of a bot as people and scripts read it, running or not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.config import Workspace, checked_name
from quarterdeck.domain import SECOND_NS, Action, ConfigError, Control
from quarterdeck.engine import State, earned_in_a_day, price_age_ns_max
from quarterdeck.journal import SqliteReader, boot_id, events, steady_ns
from quarterdeck.market import MarketView
from quarterdeck.orders import ENDED
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.kill_file import read_epoch
from quarterdeck.system.order_rows import OrderRow, row_of
from quarterdeck.system.recover import recover
from quarterdeck.system.standing import (
    EVERYTHING,
    AlertTold,
    DayTold,
    Denial,
    HoldTold,
    LossTold,
    Opening,
    alerts_of,
    day_of,
    holds_of,
    loss_of,
    opening_of,
)
from quarterdeck.system.tally import HeldPosition, as_money, equity_of, held_positions, money_of
from quarterdeck.system.unsettled import (
    Difference,
    KillTold,
    OtherOrder,
    Protection,
    UnknownOrder,
    Unprotected,
    WaitingExit,
    differences_of,
    kill_of,
    others_of,
    protections_of,
    unknown_of,
    unprotected_of,
    waiting_exits_of,
)
from quarterdeck.system.usage import GuardrailUse, guardrail_uses

EVENTS_PAGE: Final = 10_000


class Owner(Struct, frozen=True):
    """The process that owns the bot."""

    pid: int
    epoch: int


class VenueStatus(Struct, frozen=True):
    """
    How a venue stands: whether it answers, and how old its latest price is.

    `banned_until_at` is set while it listens to nothing, as its rate limit was exceeded; `answers` is off while
    requests to it end without a reply. `clock_off_ms` is how far its clock is ahead of ours, None if not compared.
    """

    name: str
    healthy: bool
    data_age_s: float | None
    banned_until_at: str | None = None
    answers: bool = True
    clock_off_ms: float | None = None


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
    protection: list[Protection]
    waiting_exits: list[WaitingExit]
    others: list[OtherOrder]
    kill: KillTold | None


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
    opening = opening_of(state, _closed(state, venues) if owner is not None else {})
    if control is Control.HALTED and opening.allowed:
        opening = Opening(allowed=False, reasons=(reason,), denied=(Denial(EVERYTHING, reason), *opening.denied))
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
        differences=differences_of(state, _since(journal, state)),
        alerts=alerts_of(state),
        unprotected=unprotected_of(state, control, is_running=owner is not None),
        changes=dict(state.changes),
        protection=protections_of(state, control, is_running=owner is not None),
        waiting_exits=waiting_exits_of(state),
        others=others_of(state),
        kill=kill_of(state),
    )


def _closed(state: State, venues: list[VenueStatus]) -> dict[str, str]:
    """Say of each venue that a running bot opens nothing on, as the market stands, why."""
    off_max_ms = state.settings.guardrails.clock_skew_max_ms if state.settings is not None else 0.0
    told = {venue.name: why_closed(venue, off_max_ms) for venue in venues}
    return {name: f"{name}: {why}" for name, why in told.items() if why}


def why_closed(venue: VenueStatus, off_max_ms: float) -> str:
    """
    Say why a running bot opens nothing on a venue; empty where it may.

    Args: the venue as the bot saw it last; how far its clock may be off.
    """
    if venue.banned_until_at is not None:
        return f"it listens to no request before {venue.banned_until_at[11:19]} UTC"
    if not venue.answers:
        return "it does not answer"
    if not venue.healthy:
        age = "none yet" if venue.data_age_s is None else f"the last is {venue.data_age_s:,.0f} s old"
        return f"no fresh price, {age}"
    if venue.clock_off_ms is None:
        return "its clock was not compared with ours yet"
    if abs(venue.clock_off_ms) > off_max_ms:
        return f"its clock is {venue.clock_off_ms:+,.0f} ms off, {off_max_ms:,.0f} ms are the limit"
    return ""


def _since(journal: Path, state: State) -> dict[tuple[str, str], int]:
    """Find when each difference that stands was first seen; one that a person accepted later begins anew."""
    since: dict[tuple[str, str], int] = {}
    cursor: str | None = None
    while any(amount for assets in state.unexplained.values() for amount in assets.values()):
        page = events(journal, limit=EVENTS_PAGE, cursor=cursor)
        for item in page.items:
            note_since(since, item)
        cursor = page.next
        if cursor is None:
            break
    return since


def note_since(since: dict[tuple[str, str], int], event: Mapping[str, object]) -> None:
    """Take an event of the journal up: a difference was seen, or a person accepted all that there were."""
    told, at_ns = event["details"], event["at_ns"]
    if not isinstance(told, Mapping) or not isinstance(at_ns, int):
        return
    if event["type"] == "balance_sync" and told.get("explained") is False:
        since.setdefault((str(told["venue"]), str(told["asset"])), at_ns)
    elif event["actor"] == "user" and told.get("control") == Control.RUNNING.value:
        since.clear()


def _control(workspace: Workspace, state: State) -> tuple[Control, str]:
    """Give the control level and why; a kill that a stopped bot has not noticed yet halts it all the same."""
    if workspace.kill.exists() and not state.kill_raised and read_epoch(workspace.kill) > state.kill_epoch:
        return Control.HALTED, "the kill switch is raised"
    return state.control, state.control_reason if state.control is not Control.RUNNING else ""


def venue_status(state: State, view: MarketView, now_ns: int, banned: Mapping[str, int]) -> list[VenueStatus]:
    """
    Say how each venue stands, by the market as the bot sees it.

    Args: the state; the market; the bot's time; venue → until when it listens to nothing, in the bot's time.
    """
    age_max_s = price_age_ns_max(state.settings) / SECOND_NS if state.settings is not None else 0.0
    found = []
    seen = view.surroundings(())
    skews = {skew.venue: skew.ms for skew in seen.skews}
    for name in state.venues:
        quotes = [view.quote(name, instrument) for instrument in state.grids.get(name, {})]
        ages = [now_ns - quote.at_ns for quote in quotes if quote is not None]
        age_s = min(ages) / SECOND_NS if ages else None
        until_ns = banned.get(name, 0)
        is_banned = until_ns > now_ns
        is_fresh = age_s is not None and age_s <= age_max_s
        answers = name not in seen.venues_down
        is_healthy = is_fresh and answers and not is_banned
        until_at = iso(until_ns) if is_banned else None
        found.append(VenueStatus(name, is_healthy, age_s, until_at, answers, skews.get(name)))
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
