"""What one run did, counted while it ran, and the summary it ends with."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from hashlib import sha256

from msgspec import Struct

from quarterdeck.domain import (
    ZERO,
    Control,
    CycleRan,
    FillBooked,
    IntentFormed,
    IntentRefused,
    OrderMoved,
    OrderPlanned,
    OrderState,
    add,
    quantize,
    subtract,
)
from quarterdeck.engine import State, state_hash
from quarterdeck.system.loop import Happening


class IntentCount(Struct, frozen=True):
    """Intents, in all and by who asked."""

    total: int
    by_source: dict[str, int]


class OrderCount(Struct, frozen=True):
    """Orders by how they ended; `unknown` are those whose outcome is not known at the end."""

    planned: int
    filled: int
    cancelled: int
    rejected: int
    expired: int
    not_placed: int
    withdrawn: int
    unknown: int


class HeldPosition(Struct, frozen=True):
    """One position."""

    venue: str
    instrument: str
    qty: Decimal
    cost: Decimal


class JournalHead(Struct, frozen=True):
    """The last row of the journal."""

    seq: int
    hash: str


class RunSummary(Struct, frozen=True):
    """What a run did. Equity and open profit are statistics of the last mark. `exit_code` is how the process ends."""

    bot: str
    session: str
    mode: str
    from_at: str | None
    to_at: str | None
    cycles: int
    signals: dict[str, int]
    intents: IntentCount
    refusals: dict[str, int]
    orders: OrderCount
    fills: int
    fees: dict[str, Decimal]
    realised: Decimal
    unrealised: Decimal
    cash: dict[str, dict[str, Decimal]]
    positions: list[HeldPosition]
    equity_open: Decimal
    equity: Decimal | None
    drawdown_max: float
    control: Control
    order_list_hash: str
    state_hash: str
    journal_head: JournalHead
    wall_s: float
    exit_code: int


class RunFacts(Struct, frozen=True):
    """What the run knows of itself besides the facts."""

    bot: str
    mode: str
    head: JournalHead
    wall_s: float
    exit_code: int
    from_at: str | None
    to_at: str | None


class Tally:
    """Counts the facts of one run as they become durable."""

    def __init__(self) -> None:
        self.cycles = 0
        self.fills = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._signals: Counter[str] = Counter({"BUY": 0, "SELL": 0, "HOLD": 0})
        self._sources: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._planned = 0
        self._states: dict[str, OrderState] = {}
        self._list = sha256()

    def take(self, happening: Happening) -> None:
        """Count what one input brought about."""
        self.first_ns = happening.news.at_ns if self.first_ns is None else self.first_ns
        self.last_ns = happening.news.at_ns
        for fact in happening.facts:
            match fact:
                case CycleRan(actions=actions):
                    self.cycles += 1
                    self._signals.update(action.value for action in actions.values())
                case IntentFormed(intent=intent):
                    self._sources[intent.source.value] += 1
                case IntentRefused(failed=failed, stage=stage):
                    self._refusals.update(failed or (stage,))
                case OrderPlanned():
                    self._plan(fact)
                case OrderMoved(client_id=client_id, state=state):
                    self._states[client_id] = state
                case FillBooked(client_id=client_id, state=state):
                    self.fills += 1
                    self._states[client_id] = state
                case _:
                    pass

    def _plan(self, fact: OrderPlanned) -> None:
        self._planned += 1
        line = (fact.client_id, fact.venue, fact.instrument, fact.side.value, fact.qty_lots, fact.limit_ticks)
        self._list.update(f"{fact.at_ns} {line}\n".encode())

    def summary(self, state: State, run: RunFacts) -> RunSummary:
        """Put the counts and the state at the end together."""
        realised = ZERO
        for held in state.positions.values():
            for position in held.values():
                realised = add(realised, position.realised)
        ends = Counter(self._states.values())
        return RunSummary(
            bot=run.bot,
            session=state.session,
            mode=run.mode,
            from_at=run.from_at,
            to_at=run.to_at,
            cycles=self.cycles,
            signals=dict(self._signals),
            intents=IntentCount(total=self._sources.total(), by_source=dict(self._sources)),
            refusals=dict(sorted(self._refusals.items())),
            orders=OrderCount(
                planned=self._planned,
                filled=ends[OrderState.FILLED],
                cancelled=ends[OrderState.CANCELLED],
                rejected=ends[OrderState.REJECTED],
                expired=ends[OrderState.EXPIRED],
                not_placed=ends[OrderState.NOT_PLACED],
                withdrawn=ends[OrderState.WITHDRAWN],
                unknown=len(state.unknown_orders()),
            ),
            fills=self.fills,
            fees=dict(state.fees),
            realised=realised,
            unrealised=unrealised_of(state, realised),
            cash=state.cash,
            positions=held_positions(state),
            equity_open=as_money(state.equity_open or 0.0),
            equity=None if state.equity is None else as_money(state.equity),
            drawdown_max=state.drawdown_max,
            control=state.control,
            order_list_hash=self._list.hexdigest(),
            state_hash=state_hash(state),
            journal_head=run.head,
            wall_s=round(run.wall_s, 3),
            exit_code=run.exit_code,
        )


def held_positions(state: State) -> list[HeldPosition]:
    """List everything held."""
    return [
        HeldPosition(venue, instrument, position.qty, position.cost)
        for venue, held in state.positions.items()
        for instrument, position in held.items()
        if position.qty
    ]


def as_money(value: float) -> Decimal:
    """Word a statistic that counts money as an amount, to eight places."""
    return quantize(Decimal(repr(value)), Decimal("1e-8"))


def unrealised_of(state: State, realised: Decimal) -> Decimal:
    """
    Work out the open profit from the last mark: what equity gained beyond what was realised and paid in fees.

    It is a statistic of the last mark, in base currency; 0 before the first one, and while a price is missing.
    """
    if state.equity is None or state.equity_open is None or state.settings is None:
        return ZERO
    at_par = {state.settings.base_currency, *state.settings.guardrails.stablecoins}
    gained = subtract(as_money(state.equity), as_money(state.equity_open))
    for asset, fee in state.fees.items():
        if asset in at_par:
            gained = add(gained, fee)
    return subtract(gained, realised)
