"""What one run did, counted while it ran, and the summary it ends with."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

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
    multiply,
    quantize,
    subtract,
)
from quarterdeck.engine import State, state_hash
from quarterdeck.orders import OrderLine, OrderList
from quarterdeck.system.loop import Happening

MONEY_STEP: Final = Decimal("1e-8")
WORTH_STEP: Final = Decimal("1e-12")


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
    """
    What a run did.

    `realised`, `unrealised`, `equity_open` and `equity` are in base currency, by the prices of the last mark; these and
    `fees` are of all runs so far. `drawdown_max` is that of the loss index, which deposits and withdrawals leave alone.
    `exit_code` is how the process ends.
    """

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
        self._list = OrderList()

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
        side, lots = fact.side.value, fact.qty_lots
        line = OrderLine(fact.at_ns, fact.client_id, fact.venue, fact.instrument, side, lots, fact.limit_ticks)
        self._list.add(line)

    def summary(self, state: State, run: RunFacts) -> RunSummary:
        """Put the counts and the state at the end together."""
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
            realised=realised_of(state),
            unrealised=unrealised_of(state),
            cash=state.cash,
            positions=held_positions(state),
            equity_open=as_money(state.equity_open or 0.0),
            equity=money_of(equity_of(state)),
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
    return quantize(Decimal(repr(value)), MONEY_STEP)


def money_of(amount: Decimal | None) -> Decimal | None:
    """Cut an exact amount of base currency to eight places; None stays."""
    return None if amount is None else quantize(amount, MONEY_STEP)


def realised_of(state: State) -> Decimal:
    """Sum the profit of everything that was sold, before fees, in base currency at the rates of the last mark."""
    realised = ZERO
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            realised = add(realised, _in_base_currency(state, venue, instrument, position.realised))
    return realised


def unrealised_of(state: State) -> Decimal:
    """
    Sum the open profit: what everything held was worth at the last mark, less its cost, in base currency.

    What has no mark yet, or none any more as its price is too old, counts at its cost.
    """
    unrealised = ZERO
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            price = state.marks.get(venue, {}).get(instrument)
            if position.qty and price is not None:
                gained = subtract(multiply(position.qty, Decimal(repr(price))), position.cost)
                unrealised = add(unrealised, _in_base_currency(state, venue, instrument, gained))
    return quantize(unrealised, MONEY_STEP)


def equity_of(state: State) -> Decimal | None:
    """
    Sum what the books hold now, at prices and rates of the last mark, so that cash and positions add up to it.

    A fill since that mark counts, with its fee; what has no mark yet counts at its cost. None while something held has
    no price or its money no rate.
    """
    if state.equity is None:
        return None
    parts = [(asset, amount) for cash in state.cash.values() for asset, amount in cash.items()]
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            price = state.marks.get(venue, {}).get(instrument)
            worth = position.cost if price is None else multiply(position.qty, Decimal(repr(price)))
            if ":" in instrument:  # nothing was paid for it: a perpetual adds what it gained or lost
                worth = subtract(worth, position.cost)
            parts.append((state.grids[venue][instrument].listing.quote, worth))
    total = ZERO
    for asset, amount in parts:
        rate = rate_of_last_mark(state, asset)
        if amount and rate is None:
            return None
        exact = amount if rate == 1.0 else quantize(multiply(amount, Decimal(repr(rate or 0.0))), WORTH_STEP)
        total = add(total, exact)
    return total


def rate_of_last_mark(state: State, asset: str) -> float | None:
    """Give what a unit of an asset was worth at the last mark; money at par is not among the rates that are kept."""
    if state.settings is None:
        return None
    at_par = asset == state.settings.base_currency or asset in state.settings.guardrails.stablecoins
    return state.rates.get(asset, 1.0 if at_par else None)


def _in_base_currency(state: State, venue: str, instrument: str, amount: Decimal) -> Decimal:
    """Turn an amount of quote into base currency; a rate of one changes nothing, another rounds to eight places."""
    rate = state.last_rate(state.grids[venue][instrument].listing.quote)
    return amount if rate == 1.0 else quantize(multiply(amount, Decimal(repr(rate))), MONEY_STEP)
