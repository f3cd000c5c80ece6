"""What a backtest is made of and what comes out of it: instruments, orders, fills, refusals, payments."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tests.parity.reference.grid import ZERO

BUY, SELL = 1, -1
MARKET, LIMIT = 0, 1
TAKER, MAKER = 0, 1
OPENING, REDUCING = 0, 1
SIGNAL, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, FLIP, LIQUIDATION = range(6)
WORKING, FILLED, CANCELLED, REJECTED, EXPIRED = range(5)
PROTECTIVE: Final = frozenset({STOP_LOSS, TAKE_PROFIT, TRAILING_STOP})

RULES: Final = (*(f"G{number}" for number in range(1, 11)), *(f"E{number}" for number in range(1, 14)))
BIT: Final = {rule: 1 << place for place, rule in enumerate(RULES)}


def mask_of(rules: set[str]) -> int:
    """Pack names of rules as the records of a backtest do."""
    return sum(BIT[rule] for rule in rules)


def rules_in(mask: int) -> set[str]:
    """Unpack them again."""
    return {rule for rule in RULES if mask & BIT[rule]}


@dataclass(frozen=True)
class Traded:
    """An instrument and its grid; `place` is its index on the board."""

    place: int
    name: str
    tick: Decimal
    lot: Decimal

    @property
    def is_perpetual(self) -> bool:
        return ":" in self.name

    @property
    def base(self) -> str:
        return self.name.partition("-")[0]

    def qty(self, lots: int) -> Decimal:
        """Turn lots into base units."""
        return self.lot * lots

    def price(self, ticks: int) -> Decimal:
        """Turn ticks into quote per base."""
        return self.tick * ticks


@dataclass
class Order:
    """
    One order. `trade` names the intent: for G8 and G9 orders of one intent, and both legs of a flip, are one trade.

    `reserve` is what the bot keeps back for it, `held` what the exchange does, both in quote. `price` is the one that
    it was judged at. `cancelling` marks one whose cancel was decided and is carried out after this step.
    """

    number: int
    instrument: Traded
    side: int
    effect: int
    cause: int
    kind: int
    lots: int
    limit_ticks: int
    price: float
    planned_at_ns: int
    bar: int
    trade: str
    reserve: Decimal = ZERO
    held: Decimal = ZERO
    state: int = WORKING
    cancelling: bool = False

    @property
    def is_alive(self) -> bool:
        return self.state == WORKING

    @property
    def qty(self) -> Decimal:
        return self.instrument.qty(self.lots)


@dataclass(frozen=True)
class Fill:
    """One execution; the fee is what was paid, below zero for a rebate, `realised` profit without fees."""

    at_ns: int
    bar: int
    order: int
    instrument: int
    side: int
    liquidity: int
    lots: int
    price_ticks: int
    fee: Decimal
    realised: Decimal


@dataclass(frozen=True)
class Refused:
    """An intent that became no order: the rules that refused, none where it could not be sized or had nothing to do."""

    at_ns: int
    bar: int
    instrument: int
    side: int
    effect: int
    cause: int
    failed: frozenset[str]


@dataclass(frozen=True)
class Paid:
    """A funding payment, above zero to us."""

    at_ns: int
    bar: int
    instrument: int
    amount: Decimal


@dataclass
class Result:
    """Everything that came out, in the order of decision; equity after the close of each place of the timeline."""

    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    funding: list[Paid] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)

    @property
    def drawdown_max(self) -> float:
        """The deepest fall of equity from its highest, as a fraction."""
        deepest = highest = 0.0
        for equity in self.equity:
            highest = max(highest, equity)
            deepest = max(deepest, 1.0 - equity / highest)
        return deepest
