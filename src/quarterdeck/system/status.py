"""The state of a bot as people and scripts read it, running or not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import SECOND_NS, ConfigError, Control, multiply
from quarterdeck.engine import State
from quarterdeck.journal import SqliteReader, boot_id, steady_ns
from quarterdeck.market import MarketView
from quarterdeck.orders import ENDED, Order
from quarterdeck.system.kill_file import read_epoch
from quarterdeck.system.recover import recover
from quarterdeck.system.tally import HeldPosition, as_money, held_positions


class Owner(Struct, frozen=True):
    """The process that owns the bot."""

    pid: int
    epoch: int


class OpenOrder(Struct, frozen=True):
    """An order that may still fill."""

    client_id: str
    intent_id: str
    venue: str
    instrument: str
    side: str
    kind: str
    state: str
    qty: Decimal
    filled: Decimal
    cancel: str
    planned_at: str


class UnknownOrder(Struct, frozen=True):
    """An order whose outcome is not known, and what is being done about it."""

    client_id: str
    since_at: str
    doing: str


class GuardrailUse(Struct, frozen=True):
    """How much of a guardrail's limit is in use."""

    id: str
    used: float | None
    limit: float | None
    unit: str


class VenueStatus(Struct, frozen=True):
    """How a venue stands: whether it answers, and how old its latest price is."""

    name: str
    healthy: bool
    data_age_s: float | None


class BotStatus(Struct, frozen=True):
    """Everything `status` shows. Times are ISO 8601, money is exact."""

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
    open_orders: list[OpenOrder]
    unknown_orders: list[UnknownOrder]
    guardrails: list[GuardrailUse]
    venues: list[VenueStatus]
    at: str | None


class StateExport(Struct, frozen=True):
    """What `state.json` holds."""

    bot: str
    control: Control
    halt_reason: str
    at: str | None
    equity: Decimal | None
    cash: dict[str, dict[str, Decimal]]
    positions: list[HeldPosition]
    venues: list[VenueStatus]


def iso(at_ns: int) -> str | None:
    """Write an instant as ISO 8601 with Z; None for 0 and below."""
    if at_ns <= 0:
        return None
    seconds, rest = divmod(at_ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1_000_000:03d}Z"


def list_bots(workspace: Workspace) -> list[str]:
    """Name the bots of a workspace that are configured."""
    return sorted(path.stem for path in workspace.bots.glob("*.yaml"))


def journal_of(workspace: Workspace, bot: str) -> Path:
    """
    Give the journal of a bot.

    Raises:
        ConfigError: If the bot never ran.
    """
    path = workspace.bot_folder(bot).journal
    if not path.exists():
        raise ConfigError(f"bot {bot!r} has never run; start it with 'quarterdeck run {bot}'")
    return path


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
    return BotStatus(
        bot=bot,
        mode="paper",
        control=control,
        halt_reason=reason,
        paused_until_at=iso(state.paused_until_ns) if state.control is Control.PAUSED else None,
        owner=_owner(journal),
        last_cycle_at=iso(state.last_bar_ns),
        equity=None if state.equity is None else as_money(state.equity),
        cash=state.cash,
        positions=held_positions(state),
        open_orders=[_open_order(order) for order in state.live_orders() if order.state not in ENDED],
        unknown_orders=[_unknown(state, order) for order in state.unknown_orders()],
        guardrails=_guardrails(state),
        venues=_venues(workspace.bot_folder(bot).state),
        at=iso(state.at_ns),
    )


def _control(workspace: Workspace, state: State) -> tuple[Control, str]:
    """Give the control level and why; a kill that a stopped bot has not noticed yet halts it all the same."""
    if workspace.kill.exists() and not state.kill_raised and read_epoch(workspace.kill) > state.kill_epoch:
        return Control.HALTED, "the kill switch is raised"
    return state.control, state.control_reason if state.control is not Control.RUNNING else ""


def venue_status(state: State, view: MarketView, now_ns: int) -> list[VenueStatus]:
    """Say how each venue stands, by the market as the bot sees it."""
    pairs = state.settings.pairs if state.settings is not None else ()
    age_max_s = state.settings.price_age_ns_max / SECOND_NS if state.settings is not None else 0.0
    found = []
    for name in state.venues:
        ages = [now_ns - quote.at_ns for pair in pairs if (quote := view.quote(name, pair)) is not None]
        age_s = min(ages) / SECOND_NS if ages else None
        found.append(VenueStatus(name, healthy=age_s is not None and age_s <= age_max_s, data_age_s=age_s))
    return found


def export_state(state: State, venues: list[VenueStatus]) -> StateExport:
    """Pick what outside readers get."""
    return StateExport(
        bot=state.settings.bot if state.settings is not None else "",
        control=state.control,
        halt_reason=state.control_reason if state.control is not Control.RUNNING else "",
        at=iso(state.at_ns),
        equity=None if state.equity is None else as_money(state.equity),
        cash=state.cash,
        positions=held_positions(state),
        venues=venues,
    )


def _owner(journal: Path) -> Owner | None:
    with SqliteReader(journal) as reader:
        lease = reader.lease()
    if lease is None or lease.is_free(boot_id(), steady_ns()):
        return None
    return Owner(lease.pid, lease.epoch)


def _open_order(order: Order) -> OpenOrder:
    return OpenOrder(
        client_id=order.client_id,
        intent_id=order.intent_id,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.value,
        kind=order.order_kind.value,
        state=order.state.value,
        qty=multiply(order.lot, Decimal(order.qty_lots)),
        filled=multiply(order.lot, Decimal(order.booked_lots)),
        cancel=order.cancel.value,
        planned_at=iso(order.planned_at_ns) or "",
    )


def _unknown(state: State, order: Order) -> UnknownOrder:
    needed = state.settings.absences_min if state.settings is not None else 0
    return UnknownOrder(
        client_id=order.client_id,
        since_at=iso(order.unknown_since_ns) or "",
        doing=f"asking {order.venue} by client id; {order.absences} of {needed} conclusive denials so far",
    )


def _guardrails(state: State) -> list[GuardrailUse]:
    if state.settings is None:
        return []
    limits = state.settings.guardrails
    last_ns = max(state.last_trade_ns.values(), default=0)
    value_max = min(limits.order_value_max_quote, limits.order_value_max_share * (state.equity or 0.0))
    high = max((mark.equity for mark in state.recent), default=0.0)
    lost = 1.0 - (state.equity or 0.0) / high if high > 0.0 else 0.0
    since_s = (state.at_ns - last_ns) / SECOND_NS if last_ns else None
    return [
        GuardrailUse("G1", float(state.kill_raised), 0.0, "raised"),
        GuardrailUse("G2", max(lost, 0.0), limits.loss_rate_max, f"share lost in {limits.loss_rate_window_min} min"),
        GuardrailUse("G4", None, value_max, "base currency per order"),
        GuardrailUse("G8", since_s, limits.cooldown_s, "s since the last trade"),
        GuardrailUse("G10", None, limits.headroom_share, "headroom on the free balance"),
    ]


def _venues(path: Path) -> list[VenueStatus]:
    """Read the venues from the running bot's copy; a bot that never wrote one says nothing about them."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=StateExport).venues
    except (OSError, msgspec.MsgspecError):
        return []
