"""What can have happened to the bot's money other than by trades: capital, marks, days, flows and funding."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain.words import Side


class HoldingDeclared(Struct, frozen=True, array_like=True):
    """A position that the bot starts with: quantity in base units, what it cost in quote."""

    venue: str
    instrument: str
    qty: Decimal
    cost: Decimal


class CapitalDeclared(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """What the bot may call its own when it first starts: venue → asset → amount, and positions with their cost."""

    at_ns: int
    cash: dict[str, dict[str, Decimal]]
    equity: float
    holdings: tuple[HoldingDeclared, ...] = ()


class MarkTaken(Struct, frozen=True, array_like=True, gc=False):
    """The price at which one holding was valued, in quote per base."""

    venue: str
    instrument: str
    price: float


class RateTaken(Struct, frozen=True, array_like=True, gc=False):
    """What one unit of an asset is worth in base currency."""

    asset: str
    rate: float


class MarksTaken(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True, gc=False):
    """
    The bot was marked to market for one UTC minute.

    `equity` is in base currency; None where a holding had no fresh price, so that there is no mark. `index` is equity
    per unit, 1 at the start, untouched by deposits and withdrawals; `day_open` is the index at the beginning of the
    UTC day `day_ns`, `index_peak` the highest ever, `drawdown_max` the deepest fall from a peak, as a fraction. `rates`
    holds the assets that do not count one for one; `raised` the positions whose highest mark this is.
    """

    at_ns: int
    minute_ns: int
    equity: float | None
    index: float = 0.0
    day_ns: int = 0
    day_open: float = 0.0
    index_peak: float = 0.0
    drawdown_max: float = 0.0
    marks: tuple[MarkTaken, ...] = ()
    rates: tuple[RateTaken, ...] = ()
    raised: tuple[MarkTaken, ...] = ()


class WatermarkRaised(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A position that a trailing stop follows reached a new high between two marks, in quote per base."""

    at_ns: int
    venue: str
    instrument: str
    price: float


class DayClosed(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    The profit and loss of a UTC day, in base currency, exact.

    `equity - equity_open = realised + unrealised - fees + funding + flows + revaluation`, to the last digit.
    `unrealised` is the change of open profit; `fees` are those paid out of cash, as one taken in the coin bought shows
    in `unrealised`; `revaluation` is what stablecoins off their peg and other assets gained.
    """

    at_ns: int
    day_ns: int
    equity_open: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    flows: Decimal
    revaluation: Decimal
    fills: int


class FundsBooked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    Money became the bot's own, or is the bot's no more; neither profit nor loss.

    With `external` it never was the bot's: somebody else's money came to the account or left it.
    The `…_after` fields are results: cash of the bot and what the account holds beside it, units of the loss index,
    the sum of all flows and equity in base currency, and what stays unexplained or in doubt there.
    """

    at_ns: int
    key: str
    who: str
    venue: str
    asset: str
    amount: Decimal
    reason: str
    cash_after: Decimal
    baseline_after: Decimal
    unexplained_after: Decimal
    units_after: float
    flows_after: Decimal
    equity_after: float
    doubt_after: Decimal
    external: bool = False


class FundingBooked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A funding payment was booked, once by its id; amounts received are positive, `funding_after` is per asset.

    `margin_after` is what the position keeps locked, None where the payment did not touch it.
    """

    at_ns: int
    venue: str
    instrument: str
    funding_id: str
    asset: str
    amount: Decimal
    cash_after: Decimal
    funding_after: Decimal
    venue_at_ns: int
    margin_after: Decimal | None = None


class LiquidationBooked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A venue closed a position in a perpetual, or a part of it, by force; booked once by the id of its trade.

    `qty` is in base units, without sign; the fee is positive when paid. The `…_after` fields are results: the position
    and its margin, cash on that venue and all fees of the bot in the asset of this one.
    """

    at_ns: int
    venue: str
    instrument: str
    trade_id: str
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    qty_after: Decimal
    cost_after: Decimal
    realised_after: Decimal
    margin_after: Decimal
    opened_at_ns: int
    entries_after: int
    cash_after: dict[str, Decimal]
    fees_after: Decimal
    venue_at_ns: int
    cursor: int = 0
